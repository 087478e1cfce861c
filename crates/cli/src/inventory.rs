//! `watertight inventory`: what there is, what is missing, and what nothing governs.

mod access;
mod external;
mod governance;
mod print;

use watertight_model::network::RealmId;
use watertight_model::{
    ArenaId, Coverage, CoverageState, Estate, Name, Workload, WorkloadId, WorkloadKind,
};

use crate::args::{InventoryArguments, ListFormat};
use crate::estate_folder;
use crate::exit::{Failure, Outcome};
use crate::output;
use access::AccessPoint;
use external::Dependency;
use governance::Ungoverned;

/// Takes the inventory and prints it.
pub(crate) fn run(arguments: &InventoryArguments) -> Result<Outcome, Failure> {
    let loaded = estate_folder::load(&arguments.estate)?;
    let inventory = Inventory::of(&loaded.estate, &arguments.require);
    let data = match arguments.format {
        ListFormat::Table => print::text(&inventory),
        ListFormat::Json => output::json(&print::json(&inventory)),
        ListFormat::Csv => print::workloads(&inventory.workloads, true).csv(),
    };
    output::write(arguments.out.as_deref(), &data)?;
    Ok(Outcome::Fine)
}

/// What an estate holds, as lists.
#[derive(Debug)]
pub(crate) struct Inventory<'e> {
    estate: &'e Estate,
    required: Vec<&'e str>,
    workloads: Vec<Line<'e>>,
    access_points: Vec<AccessPoint>,
    dependencies: Vec<Dependency>,
    ungoverned: Vec<Ungoverned>,
    denied: Vec<&'e Coverage>,
    absent: Vec<&'e Coverage>,
}

/// One workload.
#[derive(Debug)]
struct Line<'e> {
    workload: &'e Workload,
    /// The realms that it is attached to, ordered.
    realms: Vec<&'e Name>,
    /// Its addresses: private, then public.
    addresses: Vec<String>,
    /// Which of the required labels it lacks.
    missing: Vec<&'e str>,
}

impl<'e> Inventory<'e> {
    fn of(estate: &'e Estate, required: &'e [String]) -> Self {
        let required: Vec<&str> =
            required.iter().map(|label| label.trim()).filter(|label| !label.is_empty()).collect();
        let mut workloads: Vec<Line<'e>> =
            estate.workloads.iter().map(|(id, _)| line(estate, id, &required)).collect();
        workloads.sort_by_key(|line| {
            let one = line.workload;
            (&one.account, one.kind, line.realms.first().copied(), &one.name, &one.id)
        });
        let with = |wanted: fn(&CoverageState) -> bool| -> Vec<&'e Coverage> {
            estate.coverage.iter().filter(|line| wanted(&line.state)).collect()
        };
        Self {
            estate,
            required,
            workloads,
            access_points: access::points(estate),
            dependencies: external::dependencies(&estate.network),
            ungoverned: governance::ungoverned(estate),
            denied: with(|state| matches!(state, CoverageState::Denied)),
            absent: with(|state| matches!(state, CoverageState::Absent)),
        }
    }

    /// How many workloads there are of each kind.
    fn kinds(&self) -> Vec<(WorkloadKind, u64)> {
        let mut kinds: std::collections::BTreeMap<WorkloadKind, u64> =
            std::collections::BTreeMap::new();
        for line in &self.workloads {
            let count = kinds.entry(line.workload.kind).or_default();
            *count = count.saturating_add(1);
        }
        kinds.into_iter().collect()
    }
}

fn line<'e>(estate: &'e Estate, id: WorkloadId, required: &[&'e str]) -> Line<'e> {
    let workload = &estate.workloads[id];
    let network = &estate.network;
    let endpoints = || workload.endpoints.iter().map(|id| &network.endpoints[*id]);
    let mut realms: Vec<RealmId> =
        endpoints().filter_map(|endpoint| Some(network.subnets[endpoint.subnet?].realm)).collect();
    realms.sort_by_key(|realm| realm.index());
    realms.dedup();
    let private = endpoints().flat_map(|endpoint| endpoint.addresses.iter().copied());
    let public = endpoints().flat_map(|one| one.public.iter().map(|(_, outer)| *outer));
    Line {
        workload,
        realms: realms.into_iter().map(|realm| &network.realms[realm].name).collect(),
        addresses: private.chain(public).map(|address| address.to_string()).collect(),
        missing: required
            .iter()
            .copied()
            .filter(|label| !workload.labels.contains_key(*label))
            .collect(),
    }
}
