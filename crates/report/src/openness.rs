//! How much of what could be sent is let through, in five steps.

use watertight_net::{FlowPart, FlowSet};

/// Nothing, a few ports, tens, hundreds, nearly everything.
///
/// Counted are destination ports of TCP and UDP: what a listener could be behind. The steps are those
/// that a person tells apart: one service, a group of services, a range (ephemeral ports, say), no
/// filter at all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Openness {
    Nothing,
    Few,
    Some,
    Many,
    Everything,
}

impl Openness {
    pub(crate) const ALL: [Self; 5] =
        [Self::Nothing, Self::Few, Self::Some, Self::Many, Self::Everything];

    /// The step of a set of flows.
    pub(crate) fn of(flows: &FlowSet) -> Self {
        if flows.is_empty() {
            return Self::Nothing;
        }
        match ports(flows) {
            0..=4 => Self::Few,
            5..=100 => Self::Some,
            101..=60_000 => Self::Many,
            _ => Self::Everything,
        }
    }

    /// Whether it is more than listeners need: a range, or no filter at all.
    pub(crate) const fn is_wide(self) -> bool {
        matches!(self, Self::Many | Self::Everything)
    }

    /// The number of the step, 0 to 4.
    pub(crate) const fn step(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Few => 1,
            Self::Some => 2,
            Self::Many => 3,
            Self::Everything => 4,
        }
    }

    /// The step in words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Few => "a few ports",
            Self::Some => "up to 100 ports",
            Self::Many => "many ports",
            Self::Everything => "nearly everything",
        }
    }
}

/// How many destination ports of TCP and UDP a set has; a range of both counts twice.
fn ports(flows: &FlowSet) -> u64 {
    flows
        .parts()
        .map(|part| match part {
            FlowPart::Ports { destination, .. } => u64::from(destination.count()),
            FlowPart::Icmp { .. } | FlowPart::Other { .. } => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::Openness;
    use watertight_net::FlowSet;

    fn of(text: &str) -> Openness {
        Openness::of(&text.parse::<FlowSet>().unwrap())
    }

    #[test]
    fn steps_follow_the_number_of_ports() {
        assert_eq!(of("none"), Openness::Nothing);
        assert_eq!(of("icmp/8"), Openness::Few);
        assert_eq!(of("tcp/80,443"), Openness::Few);
        assert_eq!(of("tcp/8000-8050"), Openness::Some);
        assert_eq!(of("tcp/1024-65535"), Openness::Everything);
        assert_eq!(of("tcp/30000-32767"), Openness::Many);
        assert_eq!(of("all"), Openness::Everything);
    }
}
