//! Compares a list with what we answer, as sets of flows.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{EndpointId, RealmId};
use watertight_model::{Bounds, Disposition};
use watertight_net::{Family, FlowSet};
use watertight_reach::{Class, Matrix, Reach, Start};

use super::dump::{Dump, Probe};
use super::flows::{tcp, universe};
use super::listing::{Line, Listing, Name};

/// In what our answers differ from a list.
pub(super) fn differences(listing: &Listing, dump: &Dump) -> Result<Vec<String>, String> {
    let reach = Reach::new(&dump.estate.network);
    let boundaries: BTreeSet<_> = listing.boundaries().collect();
    let matrix = reach.matrix(&boundaries);
    let ends = dump.ends();
    let mut lines: BTreeMap<RealmId, &[Line]> = BTreeMap::new();
    for section in &listing.sections {
        let realm = dump.realm(&section.realm)?;
        if lines.insert(realm, &section.lines).is_some() {
            return Err(format!("`{}` has two sections", section.realm));
        }
        for name in section.lines.iter().flat_map(|line| [&line.from, &line.to]) {
            if let Name::Inside(name) = name
                && !ends.contains_key(&(realm, name.clone()))
            {
                return Err(format!("`{name}` is nothing in `{}`", section.realm));
            }
        }
    }
    let comparison = Comparison { reach, matrix, ends, lines, dump };
    let mut found = comparison.inside();
    found.extend(comparison.internet());
    Ok(found)
}

struct Comparison<'d> {
    reach: Reach<'d>,
    matrix: Matrix,
    ends: BTreeMap<(RealmId, String), EndpointId>,
    lines: BTreeMap<RealmId, &'d [Line]>,
    dump: &'d Dump,
}

/// What may be sent, and what of it can be established.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Allowed {
    forward: FlowSet,
    established: FlowSet,
}

impl Comparison<'_> {
    /// Every pair of ends of the dump, those of different VPCs too: what is not listed is nothing.
    fn inside(&self) -> Vec<String> {
        let mut found = Vec::new();
        for ((from_realm, from_name), from) in &self.ends {
            for ((to_realm, to_name), to) in &self.ends {
                if from == to {
                    continue;
                }
                let is_this = |line: &&Line| {
                    let names = |name: &Name, wanted: &str| matches!(name, Name::Inside(one) if one == wanted);
                    from_realm == to_realm
                        && names(&line.from, from_name)
                        && names(&line.to, to_name)
                };
                let theirs = self.theirs(*from_realm, is_this);
                let what = format!("{from_name} => {to_name}");
                match self.between(*from, *to) {
                    Ok(ours) => found.extend(difference(&what, &ours, &theirs)),
                    Err(error) => found.push(format!("{what}: {error}")),
                }
            }
        }
        found
    }

    /// Every end and every part of the internet that rules or lists tell apart.
    fn internet(&self) -> Vec<String> {
        let mut found = Vec::new();
        for ((realm, name), end) in &self.ends {
            for (index, class) in self.matrix.classes.iter().enumerate() {
                let Class::Internet(atom) = class else { continue };
                let address = atom.representative;
                if Family::of(address) != Family::V4 {
                    continue;
                }
                let own = self.matrix.class_of(*end);
                let is_inside = |one: &Name| matches!(one, Name::Inside(one) if one == name);
                let out = self.theirs(*realm, |line| {
                    is_inside(&line.from) && line.to.is_internet_with(address)
                });
                let ours = self.cell(own, Some(index));
                let what = format!("{name} => internet {address}");
                found.extend(compared(&what, ours, &out));
                if self.dump.probe == Probe::EverySubnet {
                    // Lists of subnets tell what leaves only.
                    continue;
                }
                let back = self.theirs(*realm, |line| {
                    line.from.is_internet_with(address) && is_inside(&line.to)
                });
                let ours = self.cell(Some(index), own);
                let what = format!("internet {address} => {name}");
                found.extend(compared(&what, ours, &back));
            }
        }
        found
    }

    fn theirs(&self, realm: RealmId, wanted: impl Fn(&&Line) -> bool) -> Allowed {
        let lines = self.lines.get(&realm).copied().unwrap_or_default();
        let lines: Vec<&Line> = lines.iter().filter(wanted).collect();
        let union = |lines: &mut dyn Iterator<Item = &&Line>| -> FlowSet {
            lines.map(|line| line.flows.clone()).collect()
        };
        Allowed {
            forward: union(&mut lines.iter()),
            established: union(&mut lines.iter().filter(|line| line.replies)).intersection(&tcp()),
        }
    }

    /// From one private address to the other.
    fn between(&self, from: EndpointId, to: EndpointId) -> Result<Allowed, String> {
        let network = self.reach.network();
        let address = |end| network.endpoints[end].address(Family::V4);
        let (Some(source), Some(destination)) = (address(from), address(to)) else {
            return Err("an end has no IPv4 address".to_owned());
        };
        let start = Start::Endpoint { endpoint: from, address: source };
        let mut allowed = Allowed { forward: FlowSet::none(), established: FlowSet::none() };
        for part in self.reach.answer(&start, destination, &universe()) {
            if part.disposition == Disposition::Unknown {
                return Err(format!("ours is unknown: {}", part.why));
            }
            if part.disposition == Disposition::Accepted {
                allowed.forward = allowed.forward.union(&part.flows);
                allowed.established = allowed.established.union(&part.established.sure);
            }
        }
        allowed.established = allowed.established.intersection(&tcp());
        Ok(allowed)
    }

    fn cell(&self, from: Option<usize>, to: Option<usize>) -> Result<Allowed, String> {
        let (Some(from), Some(to)) = (from, to) else {
            return Err("an end is in no class".to_owned());
        };
        let Some(cell) = self.matrix.cell(from, to) else {
            return Ok(Allowed { forward: FlowSet::none(), established: FlowSet::none() });
        };
        let exact = |bounds: &Bounds<FlowSet>, within: &FlowSet| {
            let set = |set: &FlowSet| set.intersection(within);
            let is_exact = set(&bounds.sure) == set(&bounds.possible);
            is_exact.then(|| set(&bounds.sure)).ok_or_else(|| "ours is not sure".to_owned())
        };
        Ok(Allowed {
            forward: exact(&cell.forward, &universe())?,
            established: exact(&cell.established, &tcp())?,
        })
    }
}

fn compared(what: &str, ours: Result<Allowed, String>, theirs: &Allowed) -> Vec<String> {
    match ours {
        Ok(ours) => difference(what, &ours, theirs),
        Err(error) => vec![format!("{what}: {error}")],
    }
}

fn difference(what: &str, ours: &Allowed, theirs: &Allowed) -> Vec<String> {
    let sides = [
        ("sent", &ours.forward, &theirs.forward),
        ("established", &ours.established, &theirs.established),
    ];
    let mut found = Vec::new();
    for (word, ours, theirs) in sides {
        if ours != theirs {
            found.push(format!("{what}: {word}: ours is `{ours}`, theirs is `{theirs}`"));
        }
    }
    found
}
