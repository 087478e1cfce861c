//! What a service said that is no answer: why, and whether asking again helps.

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::xml;

/// The longest code of an error that is believed to be one.
const CODE_LENGTH_MAX: usize = 100;

/// How a refused call is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The permission is missing.
    Denied,
    /// The credentials are no longer good: with new ones the call may pass.
    Expired,
    /// Too many calls.
    Throttled,
    /// A fault of the service or on the way.
    Transient,
    /// The region is not switched on for the account.
    Disabled,
    /// Anything else: asking again gives the same.
    Refused,
}

/// A refusal: the provider's code, never its text, which may repeat what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) class: Class,
}

impl Refusal {
    /// A refusal of ours.
    pub(crate) fn new(code: &str, class: Class) -> Self {
        Self { code: code.to_owned(), class }
    }
}

/// Reads a refusal out of an answer's status, header and body.
pub(crate) fn refusal(status: u16, header: Option<&str>, body: &[u8]) -> Refusal {
    let text = String::from_utf8_lossy(body);
    let code = header.map(ToOwned::to_owned).or_else(|| code_of(&text));
    let code = code.map(|code| plain(&code)).filter(|code| !code.is_empty());
    let code = code.unwrap_or_else(|| format!("HTTP{status}"));
    let class = class_of(status, &code);
    Refusal { code, class }
}

fn code_of(text: &str) -> Option<String> {
    let text = text.trim_start();
    if text.starts_with('{') {
        let body: Value = serde_json::from_str(text).ok()?;
        let code = ["__type", "code", "Code"].iter().find_map(|key| body.get(*key)?.as_str());
        return code.map(ToOwned::to_owned);
    }
    let root = xml::parse(text).ok()?;
    root.text_of("Code").map(ToOwned::to_owned)
}

/// The code without name space and address: `com.amazon#Denied:http://...` is `Denied`.
fn plain(code: &str) -> String {
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    let code = code.split(':').next().unwrap_or_default().trim();
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if code.len() > CODE_LENGTH_MAX || !code.chars().all(is_part) {
        return String::new();
    }
    code.to_owned()
}

fn class_of(status: u16, code: &str) -> Class {
    let code = code.strip_suffix("Exception").unwrap_or(code);
    match code {
        "AccessDenied"
        | "UnauthorizedOperation"
        | "AuthorizationError"
        | "Unauthorized"
        | "NotAuthorized"
        | "AllAccessDisabled"
        | "UnauthorizedAccess"
        | "Forbidden" => Class::Denied,
        "ExpiredToken" | "RequestExpired" | "TokenRefreshRequired" | "ExpiredTokenError" => {
            Class::Expired
        }
        "Throttling"
        | "ThrottlingError"
        | "Throttled"
        | "ThrottledRequest"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "SlowDown"
        | "LimitExceeded"
        | "BandwidthLimitExceeded"
        | "ProvisionedThroughputExceeded"
        | "PriorRequestNotComplete"
        | "EC2ThrottledException" => Class::Throttled,
        "OptInRequired" | "RegionDisabled" => Class::Disabled,
        "RequestTimeout"
        | "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "Unavailable"
        | "InternalService" => Class::Transient,
        "InvalidClientTokenId"
        | "UnrecognizedClient"
        | "SignatureDoesNotMatch"
        | "AuthFailure"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken" => Class::Denied,
        _ => match status {
            429 => Class::Throttled,
            408 | 500..=599 => Class::Transient,
            401 | 403 => Class::Denied,
            _ => Class::Refused,
        },
    }
}
