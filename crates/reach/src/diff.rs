//! What two estates differ in: pairs added, removed and changed.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Bounds, Estate, Name, Workload};
use watertight_net::{FlowSet, Prefix};

use crate::answer::Reach;
use crate::classes::{Class, named_prefixes};
use crate::matrix::Matrix;

/// A pair of ends whose connections differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Who sends: a workload's name with its id, or outside addresses.
    pub from: Name,
    /// Who receives.
    pub to: Name,
    /// What could be established before.
    pub before: Bounds<FlowSet>,
    /// What can be established after.
    pub after: Bounds<FlowSet>,
}

impl Change {
    /// `added`, `removed` or `changed`.
    pub fn word(&self) -> &'static str {
        if self.before.possible.is_empty() {
            "added"
        } else if self.after.possible.is_empty() {
            "removed"
        } else {
            "changed"
        }
    }
}

/// What can be established between two ends, by their names.
pub(crate) type Pairs = BTreeMap<(Name, Name), Bounds<FlowSet>>;

/// What workloads are called where estates are compared: replicas after their owner, so that a replica
/// that is replaced is no difference, and others by their id.
#[derive(Clone, Debug, Default)]
pub struct Called {
    /// Names of owners in several accounts or regions, where they are several owners.
    several: BTreeSet<Name>,
}

impl Called {
    /// For the workloads of some estates.
    pub fn new<'e>(estates: impl IntoIterator<Item = &'e Estate>) -> Self {
        /// An account and a region, where they are told.
        type Place<'e> = (Option<&'e Name>, Option<&'e Name>);
        let mut places: BTreeMap<&Name, BTreeSet<Place<'_>>> = BTreeMap::new();
        for workload in estates.into_iter().flat_map(|estate| estate.workloads.values()) {
            if let Some(owner) = &workload.owner {
                let place = (workload.account.as_ref(), workload.region.as_ref());
                places.entry(owner).or_default().insert(place);
            }
        }
        let several = places.into_iter().filter(|(_, places)| places.len() > 1);
        Self { several: several.map(|(owner, _)| owner.clone()).collect() }
    }

    /// What a workload is called.
    pub fn of(&self, workload: &Workload) -> Name {
        let Some(owner) = &workload.owner else { return workload.id.clone() };
        if !self.several.contains(owner) {
            return owner.clone();
        }
        // Which of both is not told makes another place.
        let place = [&workload.account, &workload.region];
        let place = place.map(|name| name.as_ref().map_or("-", |name| &**name));
        Name::from(format!("{owner} ({})", place.join(", ")))
    }
}

/// Compares what connections can be established in two estates.
///
/// Workloads are compared by id (replicas by the owner's id, so that a replaced replica is no
/// difference), outside addresses by the parts that either estate tells apart. A service that leads
/// clients outside to somebody is an end that they send to.
pub fn diff(before: &Estate, after: &Estate) -> Vec<Change> {
    let mut boundaries: BTreeSet<Prefix> = named_prefixes(&before.network);
    boundaries.extend(named_prefixes(&after.network));
    for estate in [before, after] {
        for endpoint in estate.network.endpoints.values() {
            boundaries.extend(endpoint.public.iter().map(|(_, public)| Prefix::host(*public)));
            boundaries.extend(endpoint.addresses.iter().map(|address| Prefix::host(*address)));
        }
    }
    let called = Called::new([before, after]);
    let old = pairs(before, &boundaries, &called);
    let new = pairs(after, &boundaries, &called);
    let keys: BTreeSet<&(Name, Name)> = old.keys().chain(new.keys()).collect();
    let none = Bounds::exact(FlowSet::none());
    keys.into_iter()
        .filter_map(|key| {
            let was = old.get(key).unwrap_or(&none);
            let is = new.get(key).unwrap_or(&none);
            (was != is).then(|| Change {
                from: key.0.clone(),
                to: key.1.clone(),
                before: was.clone(),
                after: is.clone(),
            })
        })
        .collect()
}

fn pairs(estate: &Estate, boundaries: &BTreeSet<Prefix>, called: &Called) -> Pairs {
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(boundaries);
    let mut names: Vec<BTreeSet<Name>> = Vec::new();
    for class in &matrix.classes {
        names.push(ends_of(estate, class, called));
    }
    let mut found = Pairs::new();
    for ((from, to), cell) in matrix.cells() {
        let (Some(sources), Some(destinations)) = (names.get(from), names.get(to)) else {
            continue;
        };
        for source in sources {
            for destination in destinations {
                add(&mut found, (source.clone(), destination.clone()), &cell.established);
            }
        }
    }
    add_led((estate, called), &reach, &matrix, &mut found);
    found.retain(|_, flows| !flows.possible.is_empty());
    found
}

/// Adds what services lead clients outside to.
pub(crate) fn add_led(
    (estate, called): (&Estate, &Called),
    reach: &Reach<'_>,
    matrix: &Matrix,
    found: &mut Pairs,
) {
    for led in reach.led(matrix) {
        let by = Matrix::outside_name(&estate.network, led.by);
        for to in ends_of(estate, &Class::Endpoints(vec![led.at]), called) {
            for prefix in led.addresses.prefixes() {
                let from = Name::from(format!("outside:{by}@{prefix}"));
                add(found, (from, to.clone()), &led.established);
            }
        }
    }
}

/// Adds what can be established between two ends.
fn add(found: &mut Pairs, ends: (Name, Name), more: &Bounds<FlowSet>) {
    let entry = found.entry(ends).or_insert_with(|| Bounds::exact(FlowSet::none()));
    entry.sure = entry.sure.union(&more.sure);
    entry.possible = entry.possible.union(&more.possible);
}

/// The stable names of a class's members.
pub(crate) fn ends_of(estate: &Estate, class: &Class, called: &Called) -> BTreeSet<Name> {
    match class {
        Class::Endpoints(members) => members
            .iter()
            .map(|member| called.of(&estate.workloads[estate.network.endpoints[*member].workload]))
            .collect(),
        Class::Internet(atom) => {
            atom.prefixes.iter().map(|prefix| Name::from(format!("internet@{prefix}"))).collect()
        }
        Class::Outside(by, atom) => {
            let name = Matrix::outside_name(&estate.network, *by);
            atom.prefixes
                .iter()
                .map(|prefix| Name::from(format!("outside:{name}@{prefix}")))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use watertight_model::{Labels, WorkloadKind};

    use super::*;

    fn replica(id: &str, owner: Option<&str>, account: &str) -> Workload {
        Workload {
            id: Name::from(id),
            name: Name::from("web"),
            kind: WorkloadKind::Machine,
            account: Some(Name::from(account)),
            region: Some(Name::from("eu-west-1")),
            labels: Labels::default(),
            endpoints: Vec::new(),
            owner: owner.map(Name::from),
            credential: None,
            metadata: None,
            stores_data: false,
            origin: None,
        }
    }

    fn estate(workloads: impl IntoIterator<Item = Workload>) -> Estate {
        let mut estate = Estate::default();
        for one in workloads {
            estate.workloads.push(one);
        }
        estate
    }

    #[test]
    fn owners_of_one_name_in_two_accounts_are_two() {
        let (dev, prod) = (replica("i-1", Some("web"), "dev"), replica("i-2", Some("web"), "prod"));
        let one = estate([dev.clone(), replica("i-3", Some("web"), "dev")]);
        let called = Called::new([&one]);
        assert_eq!(&*called.of(&dev), "web");
        assert_eq!(&*called.of(&replica("i-4", None, "dev")), "i-4");
        // Also where each of the two estates has one of them.
        let other = estate([prod.clone()]);
        for called in [Called::new([&one, &other]), Called::new([&other, &one])] {
            assert_eq!(&*called.of(&dev), "web (dev, eu-west-1)");
            assert_eq!(&*called.of(&prod), "web (prod, eu-west-1)");
        }
    }
}
