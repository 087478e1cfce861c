//! Where an estate comes from: a folder, or a provider that is asked first.

use std::path::PathBuf;

use clap::Args;
use tempfile::TempDir;
use watertight_live_aws::Unanswered;

use crate::collect::{self, AskingArguments};
use crate::exit::{Failure, say};

/// Where an estate comes from.
#[derive(Debug, Args)]
pub(crate) struct SourceArguments {
    /// The estate's folder, as it was collected last; with `--live`, it is collected anew first
    #[arg(long, value_name = "ESTATE")]
    estate: Option<PathBuf>,
    /// Collect first, as `collect aws` does: into the folder that `--estate` names, or else into one
    /// that is gone afterwards
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    pub(crate) asking: AskingArguments,
}

/// What is read where neither `--estate` nor `--live` is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nothing: one of them must be named.
    Named,
    /// The provider is asked. Credentials are needed for more than that.
    Provider,
}

/// An estate that can be read.
#[derive(Debug)]
pub(crate) struct Collected {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Calls that were not answered just now.
    pub(crate) unanswered: Vec<Unanswered>,
    /// Takes the folder away when nobody needs it any more.
    _temporary: Option<TempDir>,
}

impl SourceArguments {
    /// Collects where that is asked for.
    ///
    /// # Errors
    /// When it is not said what to read, and when nothing can be collected.
    pub(crate) fn read(&self, origin: Origin, verbose: bool) -> Result<Collected, Failure> {
        let is_live = self.live || (origin == Origin::Provider && self.estate.is_none());
        if !is_live {
            return self.named(origin);
        }
        let (folder, temporary) = if let Some(folder) = &self.estate {
            (folder.clone(), None)
        } else {
            if self.asking.keeps() {
                let problem = "keeps what a folder has: name one with `--estate`".to_owned();
                return Err(Failure::Argument { flag: "since", problem });
            }
            let folder = tempfile::Builder::new().prefix("watertight-").tempdir();
            let folder = folder.map_err(|source| Failure::File {
                path: std::env::temp_dir(),
                action: "written",
                source,
            })?;
            (folder.path().to_owned(), Some(folder))
        };
        let report = collect::collect(&self.asking, &folder, verbose)?;
        say(&format!("collected {}", collect::summary(&report)));
        Ok(Collected { folder, unanswered: report.unanswered, _temporary: temporary })
    }

    /// The folder that is named, where nobody is asked.
    fn named(&self, origin: Origin) -> Result<Collected, Failure> {
        let whose = if origin == Origin::Named { self.asking.with_whose() } else { None };
        if let Some(flag) = self.asking.whom().or(whose) {
            let problem =
                "says whom to ask, and nobody is asked: add `--live`, or leave it out".to_owned();
            return Err(Failure::Argument { flag, problem });
        }
        let Some(folder) = self.estate.clone() else {
            let problem = "name the folder of a collected estate, or collect it now with `--live`";
            return Err(Failure::Argument { flag: "estate", problem: problem.to_owned() });
        };
        Ok(Collected { folder, unanswered: Vec::new(), _temporary: None })
    }
}
