//! A plan as a configuration of Terraform: what is read of it is what the plan means.

mod resolved;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_aws::{TerraformFile, TerraformPlan, convert_proposal, terraform_file};
use watertight_compile::{Occasion, Plan, Plane as _};
use watertight_model::{Bounds, Estate};
use watertight_net::{FlowSet, Prefix};
use watertight_reach::{Class, Reach, named_prefixes};
use watertight_source::{FileId, Limits, Tree};

use crate::drawn::{self, Since};
use crate::lab::{Lab, Made};
use crate::{note, seeds};
use resolved::{Known, shown};

/// What passes between endpoints and outside parts, by name.
type Passing = BTreeMap<(String, String), Bounds<FlowSet>>;

fn passing(estate: &Estate, boundaries: &BTreeSet<Prefix>) -> Passing {
    let matrix = Reach::new(&estate.network).matrix(boundaries);
    let names = |class: usize| -> Vec<String> {
        match &matrix.classes[class] {
            Class::Endpoints(members) => {
                members.iter().map(|id| estate.network.endpoints[*id].name.to_string()).collect()
            }
            other => vec![format!("{other:?}")],
        }
    };
    let mut found = Passing::new();
    for ((from, to), cell) in matrix.cells() {
        for one in names(from) {
            for other in names(to).into_iter().filter(|other| *other != one) {
                found.insert((one.clone(), other), cell.forward.clone());
            }
        }
    }
    found
}

pub(crate) fn plan_of(lab: &Lab, made: &Made) -> Plan {
    let text = String::new;
    let occasion = Occasion { estate: text(), under: text(), made: text(), valid_until: None };
    lab.with(|_, plane| Plan::new(occasion, plane, &made.compiled, &made.proof))
}

/// The configuration as a value.
pub(crate) fn written(plan: &Plan) -> (TerraformFile, Value) {
    let file = terraform_file(plan).expect("it has a configuration");
    let value = serde_json::from_str(&file.text).expect("it is JSON");
    (file, value)
}

/// The estate that the reader of Terraform's plans makes of a configuration over an estate.
fn read(lab: &Lab, planned: &Value) -> Estate {
    let limits = Limits::default();
    let tree = Tree::parse_json(FileId(9_999), planned.to_string().as_str(), &limits);
    let plan = TerraformPlan::read(&tree.expect("it is JSON")).expect("it is a plan");
    let all = (0..plan.changes.len()).collect();
    let proposal = plan.propose(&lab.bodies, &all);
    assert_eq!(proposal.untold, BTreeSet::new());
    convert_proposal(&lab.bodies, &proposal, &lab.options).estate
}

#[derive(Default)]
struct Compared {
    plans: u64,
    pairs: usize,
    groups: usize,
    imports: usize,
    exclusive: usize,
    /// Plans about endpoints that no interface in the input stands for: a service's body alone tells them.
    inferred: u64,
}

/// Compares what the plan predicts with what is read of its configuration, applied and planned.
fn compare(case: &str, lab: &Lab, compared: &mut Compared) {
    let Ok(made) = lab.make() else { return };
    let plan = plan_of(lab, &made);
    let (_, file) = written(&plan);
    shape::check(&file);
    if plan.attachments.iter().any(|one| !one.endpoint.starts_with("eni-")) {
        compared.inferred += 1;
        return;
    }
    let mut boundaries = named_prefixes(&made.after.network);
    boundaries.extend(named_prefixes(&lab.estate.network));
    let predicted = passing(&made.after, &boundaries);
    for known in [Known::Everything, Known::BeforeApply] {
        let planned = shown(&file, &plan, &lab.bodies, known);
        let read = passing(&read(lab, &planned), &boundaries);
        for pair in predicted.keys().chain(read.keys()).collect::<BTreeSet<_>>() {
            assert_eq!(read.get(pair), predicted.get(pair), "{case}, {known:?}: {pair:?}");
        }
    }
    compared.plans += 1;
    compared.pairs += predicted.len();
    compared.groups += plan.groups.len();
    compared.imports += file["import"].as_array().map_or(0, Vec::len);
    let exclusive = &file["resource"]["aws_vpc_security_group_rules_exclusive"];
    compared.exclusive += exclusive.as_object().map_or(0, serde_json::Map::len);
}

#[test]
fn a_configuration_means_what_the_plan_means_on_the_shop() {
    let mut compared = Compared::default();
    compare("shop", &Lab::promoted_shop(), &mut compared);
    assert_eq!(compared.plans + compared.inferred, 1);
    assert!(compared.pairs > 1_000, "{}", compared.pairs);
}

#[test]
fn a_configuration_means_what_the_plan_means_on_generated_estates() {
    let mut compared = Compared::default();
    for seed in seeds(3) {
        compare(&format!("seed {seed}"), &drawn::lab(seed).0, &mut compared);
    }
    let Compared { plans, pairs, groups, inferred, .. } = compared;
    note(&format!(
        "plan: terraform: {plans} configurations with {groups} groups mean what their plans mean, before \
         and after they are applied, in {pairs} pairs; {inferred} left out"
    ));
    assert!(plans >= 50 && pairs > 1_000, "{plans} plans, {pairs} pairs");
}

/// Groups that are there are imported, and what they hold beside the plan's rules is taken off.
#[test]
fn a_configuration_over_groups_that_are_there_means_what_the_plan_means() {
    let mut compared = Compared::default();
    for since in [Since::Drifted, Since::Rewritten, Since::Moved] {
        for seed in seeds(5) {
            let Some(lab) = drawn::later(seed, since) else { continue };
            compare(&format!("{since:?}, seed {seed}"), &lab, &mut compared);
        }
    }
    let Compared { plans, pairs, imports, exclusive, .. } = compared;
    note(&format!(
        "plan: terraform: {plans} configurations over groups that are there, with {imports} imports and \
         {exclusive} groups from which rules are taken, mean what their plans mean in {pairs} pairs"
    ));
    assert!(plans > 20 && imports > 20 && exclusive > 5, "{plans}, {imports}, {exclusive}");
}
