//! AWS bodies into the model.
//!
//! [`convert`] takes the answers of describe calls, in whatever layout they lie on disk, and lowers
//! them into an [`Estate`]. It is pure: it reads no file, knows no clock, and never fails as a whole.
//! What is wrong or not understood becomes a diagnostic, and an unknown where it could change an
//! answer. `docs/reference/providers/aws.md` says what is read and by which rule.

mod accounts;
mod acls;
mod bodies;
mod codes;
mod completeness;
mod context;
mod convert;
mod denials;
mod elastic;
mod endpoints;
mod exports;
mod fields;
mod firewalls;
mod flows;
mod fronts;
mod gateways;
mod iam;
mod index;
mod instances;
mod interfaces;
mod internet;
mod lists;
mod nat;
mod owners;
mod plane;
mod platform;
mod prefix_lists;
mod public_access;
mod routes;
mod scope;
mod security_groups;
mod services;
mod shapes;
mod subnet;
mod transit;
mod vpc;

use watertight_model::Estate;
use watertight_source::{Diagnostics, FileId, Limits, Tree};

pub use codes::{CODES, explain};
pub use exports::{
    ExportError, Exported, ExportedBody, Loosened, LoosenedPart, Loosening, PlannedAction,
    PlannedChange, Proposal, TerraformPlan, config_snapshot, terraform_state,
};
pub use plane::{
    ASPECTS, Asked, Aspect, BASE, Facts, Found, MANAGED, RuleUnit, SCALING_GROUP, SecurityGroups,
    Service, TerraformError, TerraformFile, UnitError, UnitPeer, description_of, entry_of,
    group_facts, interface_facts, is_last, is_managed, network_facts, service_facts,
    service_groups, service_settings, service_subnets, service_trouble, template_groups,
    template_of, terraform_file, value_of, version_of,
};

/// One parsed body with the path that it was read from.
#[derive(Debug)]
pub struct Body {
    /// The path, relative to the estate's folder: folders tell account and region, the file's name
    /// tells the call where the keys do not.
    pub path: String,
    /// The content.
    pub tree: Tree,
}

/// Bounds of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Entries of one prefix list, rules of one group or list, routes of one table. Default 100 000:
    /// far above every quota of the provider.
    pub parts_max: u32,
    /// The limits of reading; `diagnostics_max` bounds what [`Converted::diagnostics`] keeps.
    pub limits: Limits,
    /// Calls that were denied or failed when the bodies were collected, in any order. What they
    /// would have told is unknown: a list that was denied is no empty list. Default none.
    pub denied: Vec<DeniedCall>,
}

/// A call that was denied or failed, such as `estate.json` lists under `denied` and `failed`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeniedCall {
    /// The account that was asked, where known.
    pub account: Option<String>,
    /// The region, where known; `global` for a call that has none.
    pub region: Option<String>,
    /// The call in the words of the AWS CLI, led by its service or not: `ec2-describe-vpcs`.
    pub call: String,
    /// What was asked about, for a call that is asked for one resource at a time.
    pub argument: Option<String>,
    /// The provider's error, where known: `AccessDenied`.
    pub error: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { parts_max: 100_000, limits: Limits::default(), denied: Vec::new() }
    }
}

/// What [`convert`] returns.
#[derive(Debug)]
pub struct Converted {
    /// The estate. Its id is empty: whoever read the bodies sets it.
    pub estate: Estate,
    /// What was wrong, doubtful or not read.
    pub diagnostics: Diagnostics,
}

/// The calls whose answers are read, in the words of the AWS CLI without the service
/// (`describe-vpcs`), each once and in order.
pub fn calls() -> Vec<&'static str> {
    let mut calls: Vec<&str> = shapes::SHAPES.iter().map(|shape| shape.call).collect();
    calls.sort_unstable();
    calls.dedup();
    calls
}

/// Lowers AWS bodies into an estate.
///
/// The result depends on the contents and paths of the bodies only, not on their order.
pub fn convert(bodies: &[Body], options: &Options) -> Converted {
    convert::convert(bodies.iter().collect(), options)
}

/// Lowers an estate's bodies with what a plan makes of them.
pub fn convert_proposal(bodies: &[Body], proposal: &Proposal, options: &Options) -> Converted {
    let kept = bodies.iter().enumerate();
    let kept = kept.filter(|(place, _)| !proposal.replaced.contains(place)).map(|(_, body)| body);
    let (mut new, mut wrong) = (Vec::new(), Diagnostics::new(&options.limits));
    for (path, text) in &proposal.bodies {
        // Positions in what nobody wrote down are of no use to anybody.
        match Tree::parse_json(FileId(u32::MAX), text.as_str(), &options.limits) {
            Ok(tree) => new.push(Body { path: path.clone(), tree }),
            Err(error) => wrong.push(error),
        }
    }
    let mut converted = convert::convert(kept.chain(&new).collect(), options);
    converted.diagnostics.merge(wrong);
    converted
}
