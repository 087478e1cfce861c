//! Selectors and address blocks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::read::{items, text};

/// Whether a label selector selects something with these labels; an empty one selects all.
pub(super) fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.get("matchLabels").and_then(Value::as_object);
    let all_equal = equal
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str());
    all_equal
        && items(selector, "/matchExpressions").iter().all(|expression| {
            let value = labels.get(text(expression, "/key"));
            let listed = value.is_some_and(|value| {
                items(expression, "/values").iter().any(|one| one.as_str() == Some(value))
            });
            match text(expression, "/operator") {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

/// Whether an `ipBlock` holds an address.
pub(super) fn block_holds(block: &Value, address: IpAddr) -> bool {
    prefix_holds(text(block, "/cidr"), address)
        && !items(block, "/except")
            .iter()
            .any(|one| prefix_holds(one.as_str().unwrap_or(""), address))
}

/// Whether a prefix holds an address: their first bits are the same.
pub(super) fn prefix_holds(prefix: &str, address: IpAddr) -> bool {
    let Some((base, length)) = prefix.split_once('/') else { return false };
    let (Ok(base), Ok(length)) = (base.parse::<IpAddr>(), length.parse::<usize>()) else {
        return false;
    };
    let (base, address) = match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            (base.octets().to_vec(), address.octets().to_vec())
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            (base.octets().to_vec(), address.octets().to_vec())
        }
        _ => return false,
    };
    (0..length).all(|bit| {
        let of = |bytes: &[u8]| bytes.get(bit / 8).map(|byte| (byte >> (7 - bit % 8)) & 1);
        of(&base) == of(&address)
    })
}
