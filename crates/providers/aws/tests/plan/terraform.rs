//! A plan as a configuration of Terraform: what is read of it is what the plan means.

mod resolved;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_aws::{TerraformFile, TerraformPlan, convert_proposal, terraform_file};
use watertight_compile::{Action, InTurn, Occasion, Plan, Plane as _};
use watertight_model::{Bounds, Estate};
use watertight_net::{FlowSet, Prefix};
use watertight_reach::{Class, Reach, named_prefixes};
use watertight_source::{FileId, Limits, Tree};

use crate::drawn::{self, Since};
use crate::lab::{Lab, Made};
use crate::{note, sample, services};
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
    lab.with(|_, plane| Plan::new(occasion, plane, (&made.compiled, &made.proof), &InTurn))
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
    for seed in sample(67) {
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
        for seed in sample(40) {
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

/// Network ACLs at edges too.
#[test]
fn a_configuration_with_edges_means_what_the_plan_means() {
    let (mut compared, mut edges) = (Compared::default(), 0);
    for seed in sample(80) {
        let (lab, _) = drawn::barred(seed);
        let labs = [Some(lab), drawn::barred_later(seed, false)];
        for (at, lab) in labs.into_iter().enumerate() {
            let Some(lab) = lab else { continue };
            let made = lab.make();
            let own = made.map_or(0, |made| made.compiled.artifacts.edges.iter().flatten().count());
            if own > 0 {
                edges += own;
                compare(&format!("barred, seed {seed}, {at}"), &lab, &mut compared);
            }
        }
    }
    let Compared { plans, pairs, imports, .. } = compared;
    note(&format!(
        "plan: terraform: {plans} configurations with {edges} network ACLs and {imports} imports mean what \
         their plans mean in {pairs} pairs"
    ));
    assert!(plans > 4 && imports > 4, "{plans}, {imports}");
}

/// What is compared would show a rule that is missing, and a group that is not given.
#[test]
fn a_configuration_without_a_rule_or_a_member_means_something_else() {
    let lab = services::lab_of("tiers", &services::files_of("tiers"), "");
    let made = lab.make().expect("it compiles");
    let plan = plan_of(&lab, &made);
    let (_, file) = written(&plan);
    let boundaries = named_prefixes(&made.after.network);
    let predicted = passing(&made.after, &boundaries);
    let means = |file: &Value| {
        let planned = shown(file, &plan, &lab.bodies, Known::BeforeApply);
        passing(&read(&lab, &planned), &boundaries)
    };
    assert_eq!(means(&file), predicted);
    let mut mutants = 0;
    for kind in ["aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"] {
        for name in file["resource"][kind].as_object().expect("rules").keys() {
            let mut mutant = file.clone();
            mutant["resource"][kind].as_object_mut().expect("rules").remove(name);
            assert_ne!(means(&mutant), predicted, "without {name}");
            mutants += 1;
        }
    }
    let interfaces = file["output"]["watertight_interfaces"]["value"].as_object();
    for name in interfaces.expect("interfaces").keys() {
        let mut mutant = file.clone();
        let own = &mut mutant["output"]["watertight_interfaces"]["value"][name];
        own["security_groups"] = own["take_off"].clone();
        own["take_off"] = json!([]);
        let attached = mutant["resource"]["aws_network_interface_sg_attachment"].as_object_mut();
        attached.expect("attachments").retain(|label, _| !label.starts_with(name));
        assert_ne!(means(&mutant), predicted, "{name} as it is");
        mutants += 1;
    }
    assert!(mutants > 10, "{mutants}");
}

/// A rule of the list of rules for each of a group's, as the provider lists them.
fn listed(groups: &[Value]) -> Vec<Value> {
    let mut rules = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        for (key, is_egress) in [("IpPermissions", false), ("IpPermissionsEgress", true)] {
            for rule in group[key].as_array().into_iter().flatten() {
                let peers = [
                    ("IpRanges", "CidrIp", "CidrIpv4"),
                    ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
                    ("PrefixListIds", "PrefixListId", "PrefixListId"),
                ];
                let mut one = json!({"GroupId": group["GroupId"], "IsEgress": is_egress});
                for field in ["IpProtocol", "FromPort", "ToPort"] {
                    one[field] = rule.get(field).cloned().unwrap_or(json!(-1));
                }
                let mut add = |field: &str, peer: Value| {
                    one["SecurityGroupRuleId"] = json!(format!("sgr-{at}-{}", rules.len()));
                    let mut one = one.clone();
                    one[field] = peer;
                    rules.push(one);
                };
                for (list, field, own) in peers {
                    let all = rule[list].as_array().into_iter().flatten();
                    all.for_each(|peer| add(own, peer[field].clone()));
                }
                let all = rule["UserIdGroupPairs"].as_array().into_iter().flatten();
                all.for_each(|peer| {
                    add("ReferencedGroupInfo", json!({"GroupId": peer["GroupId"]}));
                });
            }
        }
    }
    rules
}

/// The policy of the tiers, planned, put in place, and planned again.
#[test]
fn what_is_in_place_is_imported_as_a_whole() {
    let files = services::files_of("tiers");
    let first = services::lab_of("tiers", &files, "");
    let made = first.make().expect("it compiles");
    let rendered = first.with(|_, plane| plane.render(&made.compiled.artifacts));
    let mut bodies: Vec<(String, Value)> = rendered
        .into_iter()
        .map(|body| (body.path, serde_json::from_str(&body.text).expect("it is JSON")))
        .collect();
    let groups: Vec<Value> = bodies
        .iter()
        .flat_map(|(_, body)| body["SecurityGroups"].as_array().cloned().unwrap_or_default())
        .collect();
    let listed = json!({"SecurityGroupRules": listed(&groups)});
    let path = "raw/aws/123456789012/eu-central-1/ec2-describe-security-group-rules/ours.json";
    let overlaid = |more: &[(String, Value)]| {
        let lab = services::lab_of("tiers", &drawn::overlaid(&files, more), "");
        let made = lab.make().expect("it compiles");
        terraform_file(&plan_of(&lab, &made)).expect("it has a configuration")
    };
    let nameless = |file: &TerraformFile| file.notes.iter().any(|one| one.contains("their ids"));
    assert!(nameless(&overlaid(&bodies)));
    bodies.push((path.to_owned(), listed));
    let file = overlaid(&bodies);
    assert!(!nameless(&file), "{:#?}", file.notes);
    let value: Value = serde_json::from_str(&file.text).expect("it is JSON");
    shape::check(&value);
    let imported: BTreeSet<&str> = value["import"]
        .as_array()
        .expect("imports")
        .iter()
        .filter_map(|one| one["to"].as_str())
        .collect();
    let resources = value["resource"].as_object().expect("resources");
    let all: BTreeSet<String> = resources
        .iter()
        .flat_map(|(kind, all)| {
            all.as_object().expect("by name").keys().map(move |name| format!("{kind}.{name}"))
        })
        .collect();
    let all: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(imported, all, "nothing is made anew, and nothing is taken off");
}

#[test]
fn what_services_set_is_told_by_resource_with_the_argument_that_sets_it() {
    let lab = services::lab(&services::files(), "");
    let mut compared = Compared::default();
    compare("services", &lab, &mut compared);
    assert_eq!(compared.plans, 1);
    let plan = plan_of(&lab, &lab.make().expect("it compiles"));
    let (file, value) = written(&plan);
    let services = value["output"]["watertight_services"]["value"].as_object().expect("by id");
    let arguments: BTreeSet<&str> =
        services.values().filter_map(|one| one["argument"].as_str()).collect();
    assert_eq!(
        arguments,
        BTreeSet::from([
            "aws_db_instance.vpc_security_group_ids",
            "aws_efs_mount_target.security_groups",
            "aws_elasticache_replication_group.security_group_ids",
            "aws_lb.security_groups",
            "aws_rds_cluster.vpc_security_group_ids",
            "aws_vpc_endpoint.security_group_ids",
        ])
    );
    // Nothing attaches a group to an interface that a service owns: the provider would refuse it.
    let attached = value["resource"]["aws_network_interface_sg_attachment"].to_string();
    for one in services.values().flat_map(|one| one["interfaces"].as_array().expect("a list")) {
        assert!(!attached.contains(one.as_str().expect("an id")), "{one}");
    }
    let told = |text: &str| file.notes.iter().any(|one| one.contains(text));
    assert!(told("watertight_services") && told("watertight_interfaces"), "{:#?}", file.notes);
}

#[test]
fn what_other_services_own_is_told_with_the_arguments_of_their_resources() {
    let lab = services::lab_of("carriers", &services::files_of("carriers"), "");
    let plan = plan_of(&lab, &lab.make().expect("it compiles"));
    let (_, value) = written(&plan);
    let services = value["output"]["watertight_services"]["value"].as_object().expect("by id");
    let arguments: BTreeSet<&str> =
        services.values().filter_map(|one| one["argument"].as_str()).collect();
    assert_eq!(
        arguments,
        BTreeSet::from([
            "aws_elb.security_groups",
            "aws_redshift_cluster.vpc_security_group_ids",
            "aws_opensearch_domain.vpc_options.security_group_ids"
        ])
    );
}

#[test]
fn a_plan_that_takes_a_group_away_has_no_configuration() {
    let lab = drawn::lab(1).0;
    let mut plan = plan_of(&lab, &lab.make().expect("it compiles"));
    let group = plan.groups[0].name.clone();
    plan.steps[0].action = Action::DeleteGroup { group: group.clone() };
    let error = terraform_file(&plan).expect_err("it takes one away").to_string();
    assert!(error.contains(&group) && error.contains("take it away with `apply`"), "{error}");
}

#[test]
fn a_group_that_a_plan_does_not_hold_is_an_error_that_names_it() {
    let lab = drawn::lab(1).0;
    let mut plan = plan_of(&lab, &lab.make().expect("it compiles"));
    plan.attachments[0].groups.push(String::from("watertight/gone"));
    let error = terraform_file(&plan).expect_err("it is not there").to_string();
    assert!(error.contains("`watertight/gone`") && error.contains("plan anew"), "{error}");
}

#[test]
fn the_same_plan_gives_the_same_configuration() {
    let text = || {
        let lab = Lab::promoted_shop();
        written(&plan_of(&lab, &lab.make().expect("it compiles"))).0.text
    };
    assert_eq!(text(), text());
}
