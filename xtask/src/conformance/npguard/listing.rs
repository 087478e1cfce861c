//! Lists of connectivity: `A => B : flows`, one section for each VPC.

use std::net::IpAddr;

use watertight_net::{AddressRange, AddressSet, FlowSet, Prefix};

use super::flows;

#[cfg(test)]
mod tests;

/// What a file lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) sections: Vec<Section>,
}

/// The connectivity of one VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// The VPC's name, or its id.
    pub(super) realm: String,
    pub(super) lines: Vec<Line>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) from: Name,
    pub(super) to: Name,
    pub(super) flows: FlowSet,
    /// Whether the reply of TCP is permitted.
    pub(super) replies: bool,
}

/// An end, as files write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// Addresses of the internet; all of it where there are none.
    Internet(Option<AddressSet>),
    /// `name[address]`, or a subnet's name.
    Inside(String),
}

const HEADINGS: [&str; 2] = ["Endpoint connectivity for VPC ", "Subnet connectivity for VPC "];

const REMARKS: [&str; 2] = [
    "<nothing to report>",
    "TCP connections for which response is not permitted are marked with *",
];

impl Listing {
    /// Reads a file; a line that is not understood is an error.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut sections: Vec<Section> = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || REMARKS.contains(&line) {
                continue;
            }
            if let Some(realm) = HEADINGS.iter().find_map(|heading| line.strip_prefix(heading)) {
                sections.push(Section { realm: realm.to_owned(), lines: Vec::new() });
                continue;
            }
            let section = sections.last_mut().ok_or_else(|| format!("`{line}` has no heading"))?;
            section.lines.push(Line::parse(line)?);
        }
        Ok(Self { sections })
    }

    /// The prefixes that tell parts of the internet apart.
    pub(super) fn boundaries(&self) -> impl Iterator<Item = Prefix> + '_ {
        let lines = self.sections.iter().flat_map(|section| &section.lines);
        lines.flat_map(|line| [&line.from, &line.to]).flat_map(Name::prefixes)
    }
}

impl Line {
    fn parse(line: &str) -> Result<Self, String> {
        let parts = line.split_once(" => ").and_then(|(from, rest)| {
            let (to, text) = rest.split_once(" : ")?;
            Some((from, to, text.trim()))
        });
        let (from, to, text) = parts.ok_or_else(|| format!("`{line}` is no line of a list"))?;
        let (text, replies) = match text.strip_suffix('*') {
            Some(text) => (text, false),
            None => (text, true),
        };
        let (from, to) = (Name::parse(from)?, Name::parse(to)?);
        Ok(Self { from, to, flows: flows::parse(text)?, replies })
    }
}

impl Name {
    /// Reads an end.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let Some(addresses) = text.strip_prefix("Public Internet") else {
            return Ok(Self::Inside(text.to_owned()));
        };
        match addresses.trim() {
            "(all ranges)" => Ok(Self::Internet(None)),
            list => Ok(Self::Internet(Some(addresses_of(list)?))),
        }
    }

    /// Whether the end holds an address of the internet.
    pub(super) fn is_internet_with(&self, address: IpAddr) -> bool {
        match self {
            Self::Internet(None) => true,
            Self::Internet(Some(addresses)) => addresses.contains(address),
            Self::Inside(_) => false,
        }
    }

    fn prefixes(&self) -> Vec<Prefix> {
        match self {
            Self::Internet(Some(addresses)) => addresses.prefixes(),
            Self::Internet(None) | Self::Inside(_) => Vec::new(),
        }
    }
}

/// Prefixes, ranges and addresses between commas.
pub(super) fn addresses_of(list: &str) -> Result<AddressSet, String> {
    let mut addresses = AddressSet::empty();
    for text in list.split(',').map(str::trim) {
        let one = if let Ok(address) = text.parse::<IpAddr>() {
            AddressSet::from(address)
        } else if let Ok(prefix) = text.parse::<Prefix>() {
            AddressSet::from(prefix)
        } else {
            let range = text.split_once('-').and_then(|(first, last)| {
                AddressRange::new(first.trim().parse().ok()?, last.trim().parse().ok()?).ok()
            });
            let range = range.ok_or_else(|| format!("`{text}` is no prefix and no range"))?;
            AddressSet::from_ranges([range])
        };
        addresses = addresses.union(&one);
    }
    Ok(addresses)
}
