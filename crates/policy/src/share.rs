//! Which workloads the share of a segment holds: the same everywhere, at any time, in every version.

use sha2::{Digest, Sha256};
use watertight_model::{Label, Name, Selector, Truth};

use crate::checked::ShareOf;

/// The number of a workload in a segment, from 0 to 99: `{percent: N}` holds it if the number is below N.
///
/// The first eight hexadecimal digits of the SHA-256 of the segment's name, a slash and the workload's id,
/// as a number, modulo 100. No segment's name holds a slash.
pub fn share_number(segment: &str, workload: &str) -> u8 {
    let mut hash = Sha256::new();
    for part in [segment, "/", workload] {
        hash.update(part.as_bytes());
    }
    let head =
        hash.finalize().iter().take(4).fold(0_u32, |head, byte| head << 8 | u32::from(*byte));
    u8::try_from(head % 100).unwrap_or(0)
}

impl ShareOf {
    /// Whether it holds a workload of this id with these labels.
    pub(crate) fn holds<'l>(
        &self,
        (segment, workload): (&str, &str),
        label: &impl Fn(&Name) -> Label<'l>,
    ) -> Truth {
        match self {
            Self::Percent(percent) => Truth::from(share_number(segment, workload) < *percent),
            Self::Select(selector) => selector.evaluate(label),
        }
    }

    /// Whether it holds somebody of whom nothing is known: nobody is in a share of none.
    pub(crate) const fn holds_unknown(&self) -> Truth {
        match self {
            Self::Percent(0) => Truth::No,
            Self::Percent(_) | Self::Select(_) => Truth::Maybe,
        }
    }
}

/// The share for people, as in `10 percent`.
impl std::fmt::Display for ShareOf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Percent(percent) => write!(formatter, "{percent} percent"),
            Self::Select(selector) => formatter.write_str(&select_words(selector)),
        }
    }
}

/// A selector of a share in short: its labels, where it asks for these alone.
pub(crate) fn select_words(selector: &Selector) -> String {
    let parts = match selector {
        Selector::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let labels = parts.iter().map(|part| match part {
        Selector::In(key, values) if values.len() == 1 => {
            values.first().map(|value| format!("{key}={value}"))
        }
        _ => None,
    });
    let labels: Option<Vec<String>> = labels.collect();
    labels.map_or_else(|| String::from("what its `select` names"), |labels| labels.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the first digits of `printf 'ledger/i-0a1b2c3d4e5f60718' | sha256sum` say: fd037ccd, 4244864205.
    #[test]
    fn numbers_are_those_of_the_reference() {
        assert_eq!(share_number("ledger", "i-0a1b2c3d4e5f60718"), 5);
        assert_eq!(share_number("ledger", "i-0123456789abcdef0"), 64);
        assert_eq!(share_number("ledger", "i-3"), 80);
        assert_ne!(share_number("orders", "i-0a1b2c3d4e5f60718"), 5, "of another segment");
    }

    /// A share of so many of a hundred holds about as many, and none of them leaves a greater one.
    #[test]
    fn shares_grow_and_are_as_great_as_they_say() {
        let numbers: Vec<u8> =
            (0..10_000).map(|number| share_number("web", &format!("i-{number:017x}"))).collect();
        for percent in [0_u8, 1, 10, 50, 100] {
            let held = numbers.iter().filter(|number| **number < percent).count();
            let wanted = usize::from(percent) * 100;
            assert!(held.abs_diff(wanted) < 200, "{held} of 10,000 for {percent} percent");
        }
        assert!(numbers.iter().all(|number| *number < 100));
    }
}
