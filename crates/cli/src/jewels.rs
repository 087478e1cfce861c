//! What a user calls a crown jewel beside what is tagged so.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use watertight_assess::DeriveOptions;
use watertight_model::{Estate, Name, WorkloadKind};
use watertight_reach::ends::{End, resolve};

use crate::exit::Failure;

/// Every kind that can be a crown jewel's, in the order of the model.
const KINDS: [WorkloadKind; 15] = [
    WorkloadKind::Machine,
    WorkloadKind::Function,
    WorkloadKind::Task,
    WorkloadKind::Pod,
    WorkloadKind::Cluster,
    WorkloadKind::Database,
    WorkloadKind::Cache,
    WorkloadKind::Queue,
    WorkloadKind::FileSystem,
    WorkloadKind::ObjectStore,
    WorkloadKind::Table,
    WorkloadKind::LoadBalancer,
    WorkloadKind::Gateway,
    WorkloadKind::PrivateService,
    WorkloadKind::Unknown,
];

/// The arguments that name crown jewels.
#[derive(Debug, Args)]
pub(crate) struct JewelArguments {
    /// A workload that is a crown jewel; may be given several times
    #[arg(long, value_name = "END")]
    pub(crate) jewel: Vec<String>,
    /// A kind of workload whose members are crown jewels, as `inventory` prints it; may be given
    /// several times
    #[arg(long, value_name = "KIND")]
    pub(crate) jewel_kind: Vec<String>,
    /// A file that names a crown jewel in each line; lines that begin with `#` are comments
    #[arg(long, value_name = "PATH")]
    pub(crate) jewels: Option<PathBuf>,
}

impl JewelArguments {
    /// Steps of breaches with these jewels, and with what is tagged so.
    ///
    /// # Errors
    /// When a name or a kind is none, or the file cannot be read.
    pub(crate) fn options(&self, estate: &Estate) -> Result<DeriveOptions, Failure> {
        let (jewel_kinds, jewel_names) = (kinds(&self.jewel_kind)?, jewels(estate, self)?);
        Ok(DeriveOptions { jewel_kinds, jewel_names, ..DeriveOptions::default() })
    }
}

fn kinds(words: &[String]) -> Result<BTreeSet<WorkloadKind>, Failure> {
    let of = |word: &String| {
        let kind = KINDS.into_iter().find(|kind| kind.word() == word.as_str());
        kind.ok_or_else(|| {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.word()).collect();
            let problem =
                format!("`{word}` is no kind of workload: write one of {}", known.join(", "));
            Failure::Argument { flag: "jewel-kind", problem }
        })
    };
    words.iter().map(of).collect()
}

/// The ids of the workloads that arguments and the file name; a name that is none of a workload is
/// an error, since a jewel that is left out would look safe.
fn jewels(estate: &Estate, arguments: &JewelArguments) -> Result<BTreeSet<Name>, Failure> {
    let mut ids = BTreeSet::new();
    for name in &arguments.jewel {
        ids.insert(jewel(estate, "jewel", name)?);
    }
    let Some(path) = &arguments.jewels else { return Ok(ids) };
    let text = fs::read_to_string(path).map_err(|source| Failure::File {
        path: path.clone(),
        action: "read",
        source,
    })?;
    for line in text.lines().map(str::trim) {
        if !line.is_empty() && !line.starts_with('#') {
            ids.insert(jewel(estate, "jewels", line)?);
        }
    }
    Ok(ids)
}

fn jewel(estate: &Estate, flag: &'static str, name: &str) -> Result<Name, Failure> {
    match resolve(estate, name).map_err(|source| Failure::End { flag, source })? {
        End::Endpoints { workload, .. } => Ok(estate.workloads[workload].id.clone()),
        End::Address(_)
        | End::Subnet { .. }
        | End::Realm(_)
        | End::Internet { .. }
        | End::Outside { .. } => {
            let problem = format!("`{name}` is no workload: only a workload can be a jewel");
            Err(Failure::Argument { flag, problem })
        }
    }
}
