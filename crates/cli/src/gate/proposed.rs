//! The estate as a Terraform plan would make it.

use std::collections::BTreeSet;
use std::path::Path;

use watertight_aws::{Proposal, TerraformPlan, convert_proposal};
use watertight_model::Estate;
use watertight_source::{Diagnostics, Limits, Severity, Sources};

use crate::diagnostics;
use crate::estate_folder::{Raw, read_file};
use crate::exit::Failure;

/// A plan and what it is applied to.
pub(super) struct Change<'a> {
    pub(super) plan: &'a TerraformPlan,
    pub(super) raw: &'a Raw,
    pub(super) before: &'a Estate,
}

/// Reads a plan; its places are told by `sources`.
///
/// # Errors
/// When the file cannot be read, or is no plan.
pub(super) fn read(path: &Path, sources: &mut Sources) -> Result<TerraformPlan, Failure> {
    // Plans of large configurations hold every resource several times.
    let limits = Limits { file_bytes_max: 512 << 20, nodes_max: 40_000_000, ..Limits::default() };
    let mut problems = Diagnostics::new(&limits);
    let shown = path.display().to_string();
    let trees = read_file(path, &shown, sources, &limits, &mut problems)?;
    let errors = problems.errors();
    if errors > 0 {
        diagnostics::errors(&problems.into_sorted(), sources, false);
        return Err(Failure::Reported { errors });
    }
    let wrong = |problem| Failure::Argument { flag: "terraform-plan", problem };
    let tree = trees.first().ok_or_else(|| wrong(format!("`{shown}` is empty")))?;
    TerraformPlan::read(tree).map_err(|error| wrong(format!("`{shown}`: {error}")))
}

impl Change<'_> {
    /// The places of all changes.
    pub(super) fn all(&self) -> BTreeSet<usize> {
        (0..self.plan.changes.len()).collect()
    }

    /// The estate with some of the changes, and what is not told of it.
    pub(super) fn applied(&self, which: &BTreeSet<usize>) -> (Estate, Proposal) {
        let mut proposal = self.plan.propose(&self.raw.bodies, which);
        let converted = convert_proposal(&self.raw.bodies, &proposal, &self.raw.options);
        // The estate has none: what is wrong comes with the plan, and is left out of what is made of it.
        let said = converted.diagnostics.into_sorted().into_iter();
        for one in said.filter(|one| one.severity == Severity::Error) {
            let subject = one.resource.unwrap_or_else(|| "the plan".to_owned());
            proposal.untold.insert((subject, one.message));
        }
        let mut estate = self.raw.complete(converted.estate);
        estate.id = self.before.id.clone();
        (estate, proposal)
    }
}
