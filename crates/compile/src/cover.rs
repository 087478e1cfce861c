//! The fewest prefixes for a set of addresses.

use std::net::IpAddr;

use watertight_net::{AddressSet, Family, Prefix};

/// The fewest prefixes that hold all of `must` and nothing outside of `may`, which holds `must`.
pub(crate) fn fewest(must: &AddressSet, may: &AddressSet) -> Vec<Prefix> {
    let mut found = Vec::new();
    for whole in [whole(Family::V4), whole(Family::V6)] {
        descend(whole, must, may, &mut found);
    }
    found
}

fn descend(prefix: Prefix, must: &AddressSet, may: &AddressSet, found: &mut Vec<Prefix>) {
    let Some(span) = must.span_in(prefix) else { return };
    // A prefix as long as what must be in it says the same and shows more.
    let tightest = supernet(Prefix::host(span.first()), Prefix::host(span.last()));
    let Some(tightest) = tightest else { return };
    if may.contains_prefix(tightest) {
        found.push(tightest);
        return;
    }
    for half in halves(tightest).into_iter().flatten() {
        descend(half, must, may, found);
    }
}

/// The two halves of a prefix that is longer than a host.
fn halves(prefix: Prefix) -> [Option<Prefix>; 2] {
    let bits = prefix.family().bits();
    let length = prefix.len();
    if length >= bits {
        return [None, None];
    }
    let first = Prefix::new(prefix.first(), length.saturating_add(1)).ok();
    let second = Prefix::masked(prefix.last(), length.saturating_add(1)).ok();
    [first, second]
}

/// The longest prefix that holds two of one family.
pub(crate) fn supernet(one: Prefix, other: Prefix) -> Option<Prefix> {
    let common = match (one.first(), other.first()) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    };
    let length = u8::try_from(common).ok()?.min(one.len()).min(other.len());
    Prefix::masked(one.first(), length).ok()
}

fn whole(family: Family) -> Prefix {
    let zero = match family {
        Family::V4 => IpAddr::from([0; 4]),
        Family::V6 => IpAddr::from([0; 16]),
    };
    Prefix::masked(zero, 0).unwrap_or(Prefix::host(zero))
}

#[cfg(test)]
mod tests {
    use watertight_net::{AddressSet, Prefix};

    use super::fewest;

    fn set(texts: &[&str]) -> AddressSet {
        AddressSet::from_prefixes(texts.iter().filter_map(|text| text.parse::<Prefix>().ok()))
    }

    fn texts(must: &[&str], may: &[&str]) -> Vec<String> {
        let (must, may) = (set(must), set(may));
        fewest(&must, &may.union(&must)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_may_be_in_is_used_where_it_saves_a_prefix() {
        let two = ["10.0.0.0/32", "10.0.0.2/32"];
        assert_eq!(texts(&two, &[]), ["10.0.0.0/32", "10.0.0.2/32"]);
        assert_eq!(texts(&two, &["10.0.0.1/32", "10.0.0.3/32"]), ["10.0.0.0/30"]);
        assert_eq!(
            texts(&two, &["10.0.0.1/32"]),
            ["10.0.0.0/31", "10.0.0.2/32"].map(|text| {
                // The half that holds one host alone is that host.
                if text == "10.0.0.0/31" { "10.0.0.0/32" } else { text }
            })
        );
        assert_eq!(texts(&["10.0.0.0/31", "fd00::1/128"], &[]), ["10.0.0.0/31", "fd00::1/128"]);
        assert_eq!(texts(&[], &["0.0.0.0/0"]), Vec::<String>::new());
    }
}
