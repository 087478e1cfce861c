//! Accounts, sources and coverage: who was asked, and what was answered.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Account, Coverage, CoverageState, SourceRecord};

use crate::context::Context;
use crate::shapes::{Kind, SHAPES};

/// Kinds without which answers about forwarding are in doubt: their absence is recorded.
const EXPECTED: [Kind; 7] = [
    Kind::Vpcs,
    Kind::Subnets,
    Kind::RouteTables,
    Kind::SecurityGroups,
    Kind::NetworkAcls,
    Kind::NetworkInterfaces,
    Kind::Instances,
];

/// Lists accounts, sources and coverage.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let mut owners: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for (_, account, _) in index.marks() {
        owners.extend(account.map(|account| (account, None)));
    }
    for item in index.of(Kind::Vpcs).iter().chain(index.of(Kind::Instances)) {
        owners.extend(context.account_of(item).map(|account| (account, None)));
    }
    for item in index.of(Kind::OrganizationAccounts) {
        let name = context.fields.text(item.node, "Name");
        owners.insert(item.id, name);
    }
    for (id, name) in owners {
        let account = Account {
            id: context.name(id),
            name: name.filter(|name| !name.is_empty()).map(|name| context.name(name)),
        };
        context.estate.accounts.push(account);
    }
    add_sources(context);
    add_coverage(context);
}

/// One source for each account that was asked, with the regions.
fn add_sources(context: &mut Context<'_>) {
    let mut regions: BTreeMap<Option<&str>, BTreeSet<&str>> = BTreeMap::new();
    for (_, account, region) in context.index.marks() {
        regions.entry(account).or_default().extend(region);
    }
    for (account, regions) in regions {
        let record = SourceRecord {
            provider: context.name("aws"),
            account: account.map(|account| context.name(account)),
            regions: regions.into_iter().map(|region| context.name(region)).collect(),
            collected: None,
        };
        context.estate.sources.push(record);
    }
}

fn add_coverage(context: &mut Context<'_>) {
    let index = context.index;
    let mut counts: BTreeMap<(Option<&str>, Option<&str>, Kind), u32> = BTreeMap::new();
    for (kind, account, region) in index.marks() {
        counts.insert((account, region, kind), 0);
    }
    for shape in SHAPES {
        // A kind with several shapes is counted once, by its first.
        let first = SHAPES.iter().find(|other| other.kind == shape.kind).map(|other| other.key);
        if first != Some(shape.key) {
            continue;
        }
        for item in index.of(shape.kind) {
            let scope = (item.scope.account.as_deref(), item.scope.region.as_deref(), shape.kind);
            let count = counts.entry(scope).or_default();
            *count = count.saturating_add(1);
        }
    }
    for ((account, region, kind), count) in counts {
        let line = Coverage {
            account: account.map(|account| context.name(account)),
            region: region.map(|region| context.name(region)),
            what: context.name(kind.call()),
            state: CoverageState::Read(count),
        };
        context.estate.coverage.push(line);
    }
    for kind in EXPECTED.into_iter().filter(|kind| !index.has(*kind)) {
        let what = context.name(kind.call());
        let line = Coverage { account: None, region: None, what, state: CoverageState::Absent };
        context.estate.coverage.push(line);
    }
}
