//! Where a call goes and what its signature is for.

#[cfg(test)]
mod tests;

use crate::table::{Call, Service, Table};

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Scheme, host and port, without a slash at the end.
    pub(crate) url: String,
    /// The region of the signature.
    pub(crate) region: String,
    /// The service of the signature.
    pub(crate) service: String,
}

/// The partition that a region lies in, by how its name begins.
pub(crate) fn partition(region: &str) -> &'static str {
    const BEGINNINGS: [(&str, &str); 8] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
        ("", "aws"),
    ];
    let mut found = BEGINNINGS.iter().filter(|(begin, _)| region.starts_with(begin));
    found.next().map_or("aws", |(_, partition)| partition)
}

/// The endpoint of a call in a region. `address` stands for all endpoints where it is given.
pub(crate) fn of_call(
    table: &Table,
    call: &Call,
    region: &str,
    account: &str,
    address: Option<&str>,
) -> Option<Endpoint> {
    let service: &Service = table.service(call)?;
    let usual = partition(region) == "aws";
    let region = call.line.region.as_deref().filter(|_| usual).unwrap_or(region);
    let endpoints = service.endpoints.get(partition(region))?;
    let (url, signed) = endpoints.other.get(region).unwrap_or(&endpoints.usual);
    let fill = |text: &str| text.replace("{region}", region).replace("{account}", account);
    let url = address.map_or_else(|| fill(url), |address| address.trim_end_matches('/').to_owned());
    Some(Endpoint { url, region: fill(signed), service: service.signing.clone() })
}
