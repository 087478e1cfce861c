//! A Terraform state: the file itself (version 4) or what `terraform show -json` prints of it.
//!
//! Attributes are those of the resources of Terraform's AWS provider, as its documentation lists
//! them; each becomes the field of the API that the provider reads it from.

mod gateways;
mod machines;
mod networks;
mod plan;
mod rules;
mod stores;

use std::collections::BTreeMap;

use serde_json::Value;
use watertight_source::Tree;

pub use plan::{
    Loosened, LoosenedPart, Loosening, PlannedAction, PlannedChange, Proposal, TerraformPlan,
};

use super::{Bodies, ExportError, Exported, Place, UNTOLD, of_arn, text, value_of};

/// What a Terraform state is called in messages.
const WHAT: &str = "Terraform state";

/// The one version of the state file whose format is read.
const STATE_VERSION: i64 = 4;

/// One resource of a state.
#[derive(Debug, Clone, PartialEq)]
struct Resource {
    kind: String,
    values: Value,
}

/// The resources of a state, by type, with where each is.
struct State {
    by_kind: BTreeMap<String, Vec<Resource>>,
    /// Where most resources are: for those that do not tell.
    home: Place,
}

/// Turns a state into bodies.
///
/// # Errors
/// When it is no state, or one of a version that is not read.
pub fn terraform_state(tree: &Tree) -> Result<Exported, ExportError> {
    let state = State::new(resources(&value_of(tree.root()))?);
    let mut bodies = Bodies::default();
    let readers = [networks::read, rules::read, gateways::read, machines::read, stores::read];
    let taken = readers.map(|read| read(&state, &mut bodies));
    let mut passed_over = BTreeMap::new();
    for (kind, resources) in &state.by_kind {
        let is_aws = kind.starts_with("aws_");
        if is_aws && !taken.iter().any(|taken| taken.contains(&kind.as_str())) {
            passed_over.insert(kind.clone(), resources.len());
        }
    }
    Ok(Exported { bodies: bodies.finish(false), passed_over })
}

/// Every managed resource. Data sources are left out: the resource that they look up is another's.
fn resources(root: &Value) -> Result<Vec<Resource>, ExportError> {
    let not_one = |why: String| ExportError::NotOne { what: WHAT, why };
    let mut found = Vec::new();
    if let Some(values) = root.get("values") {
        if let Some(module) = values.get("root_module") {
            of_module(module, &mut found);
        }
    } else if let Some(version) = root.get("version") {
        if version.as_i64() != Some(STATE_VERSION) {
            let why = format!("its version is {version}, and only {STATE_VERSION} is read");
            return Err(not_one(why));
        }
        for resource in super::items(root, "resources").filter(|one| is_managed(one)) {
            let Some(kind) = text(resource, "type") else { continue };
            for instance in super::items(resource, "instances") {
                let values = instance.get("attributes").cloned().unwrap_or_default();
                found.push(Resource { kind: kind.to_owned(), values });
            }
        }
    } else if root.get("planned_values").is_some() {
        let why = "it is a plan, which `gate` reads: what is planned is not there yet".to_owned();
        return Err(not_one(why));
    } else if root.get("format_version").is_none() {
        return Err(not_one("it has neither `version` nor `values`".to_owned()));
    }
    Ok(found)
}

fn of_module(module: &Value, found: &mut Vec<Resource>) {
    for resource in super::items(module, "resources").filter(|one| is_managed(one)) {
        let Some(kind) = text(resource, "type") else { continue };
        let values = resource.get("values").cloned().unwrap_or_default();
        found.push(Resource { kind: kind.to_owned(), values });
    }
    for child in super::items(module, "child_modules") {
        of_module(child, found);
    }
}

fn is_managed(resource: &Value) -> bool {
    text(resource, "mode").is_none_or(|mode| mode == "managed")
}

impl State {
    fn new(resources: Vec<Resource>) -> Self {
        let mut homes: BTreeMap<Place, usize> = BTreeMap::new();
        for resource in &resources {
            let (account, region) = place_told(&resource.values);
            if let (Some(account), Some(region)) = (account, region) {
                *homes.entry(Place { account, region }).or_default() += 1;
            }
        }
        let most = homes.into_iter().max_by_key(|(_, resources)| *resources);
        let untold = || Place { account: UNTOLD.to_owned(), region: UNTOLD.to_owned() };
        let home = most.map_or_else(untold, |(place, _)| place);
        let mut by_kind: BTreeMap<String, Vec<Resource>> = BTreeMap::new();
        for resource in resources {
            by_kind.entry(resource.kind.clone()).or_default().push(resource);
        }
        Self { by_kind, home }
    }

    /// The attributes of every resource of some types.
    fn all<'s>(&'s self, kinds: &'s [&'static str]) -> impl Iterator<Item = &'s Value> {
        let of = |kind: &&str| self.by_kind.get(*kind).into_iter().flatten();
        kinds.iter().flat_map(of).map(|resource| &resource.values)
    }

    /// The attributes of the resource of some types whose `id` is this.
    fn find(&self, kinds: &'static [&'static str], id: &str) -> Option<&Value> {
        self.all(kinds).find(|values| text(values, "id") == Some(id))
    }

    /// Where a resource is.
    fn place(&self, values: &Value) -> Place {
        let (account, region) = place_told(values);
        Place {
            account: account.unwrap_or_else(|| self.home.account.clone()),
            region: region.unwrap_or_else(|| self.home.region.clone()),
        }
    }
}

/// The account and the region that attributes tell.
fn place_told(values: &Value) -> (Option<String>, Option<String>) {
    let (account, region) = text(values, "arn").map_or((None, None), of_arn);
    let account = account.or_else(|| text(values, "owner_id")).map(str::to_owned);
    let zone = text(values, "availability_zone");
    let of_zone = zone.map(|zone| zone.trim_end_matches(|letter: char| letter.is_alphabetic()));
    let region = region.or_else(|| text(values, "region")).or(of_zone).map(str::to_owned);
    (account, region)
}
