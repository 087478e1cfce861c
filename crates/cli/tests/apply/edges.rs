//! What guardrails deny and no group can hold: network ACLs at the edges of subnets.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Lost, Recording, Server, Strictness, Troubles};

use crate::support::{
    ACCOUNT, Lab, copied, estate, killed_while_applying, killed_while_taking_back, policy,
};

/// The subnet of the databases, and what is at its edge before.
const SUBNET: &str = "subnet-0000000000000c003";
const BASE: &str = "acl-0000000000000c001";

const GUARDRAIL: &str = "---\napiVersion: watertight.io/v1alpha1\nkind: Policy\nmetadata: {name: never, \
    owner: shop}\nspec:\n  tier: guardrail\n  order: 1\n  mode: enforce\n  rules:\n  - name: pages never read \
    data\n    action: deny\n    from: [{segment: web}]\n    to: [{segment: db}]\n";

/// The three tiers, where services own the interfaces of a page and of a database, and the network ACL has so
/// many more entries about what comes in. Pages are never to reach databases.
fn written(folder: &Path, entries: i64) -> (PathBuf, PathBuf) {
    let to = copied(&estate(), folder, |_, body| {
        let interfaces = body.get_mut("NetworkInterfaces").and_then(Value::as_array_mut);
        for interface in interfaces.into_iter().flatten() {
            let id = interface["NetworkInterfaceId"].as_str().unwrap();
            if id.ends_with("c003") || id.ends_with("c006") {
                interface["RequesterManaged"] = json!(true);
            }
        }
        if let Some(acls) = body.get_mut("NetworkAcls") {
            let all = acls[0]["Entries"].as_array_mut().unwrap();
            all.extend((0..entries).map(|number| {
                json!({"CidrBlock": format!("192.0.2.{number}/32"), "Egress": false, "Protocol": "6",
                    "PortRange": {"From": 22, "To": 22}, "RuleAction": "deny", "RuleNumber": number + 1})
            }));
        }
    });
    let rules = folder.join("policy.yaml");
    let text = fs::read_to_string(policy()).unwrap();
    fs::write(&rules, format!("{text}{GUARDRAIL}")).unwrap();
    (to, rules)
}

/// A server that holds the estate, with its plan, and the policy.
fn lab(strictness: Strictness) -> (Lab, PathBuf) {
    let folder = TempDir::new().unwrap();
    let (estate, rules) = written(folder.path(), 1);
    let recording = Recording::read(&estate).unwrap();
    let server = Server::start_strict(recording, Troubles::default(), strictness).unwrap();
    let lab = Lab { server, folder };
    planned(&lab, &rules, &estate);
    (lab, rules)
}

/// Makes the plan; what was told of it.
fn planned(lab: &Lab, rules: &Path, estate: &Path) -> String {
    let out = lab.path("change.plan");
    let arguments = ["plan", rules.to_str().unwrap(), "--estate", estate.to_str().unwrap(), "-o"];
    let (code, told, error) =
        lab.watertight(&[arguments.as_slice(), &[out.to_str().unwrap()]].concat());
    assert!(code == 0 || code == 2, "{told}{error}");
    told
}

fn collected(lab: &Lab) -> PathBuf {
    let estate = lab.path("after");
    let arguments = ["collect", "aws", "--region", "eu-central-1", "-o", estate.to_str().unwrap()];
    let (code, _, error) = lab.watertight(&arguments);
    assert!(code == 0 || code == 2, "{error}");
    estate
}

/// The network ACL of the databases, as the server holds it.
fn at_edge(held: &Value) -> (String, Value) {
    let acls = held[format!("{ACCOUNT}/eu-central-1")]["acls"].as_object().unwrap();
    let own = |acl: &Value| acl["subnets"].as_array().unwrap().contains(&json!(SUBNET));
    let (name, acl) = acls.iter().find(|(_, acl)| own(acl)).unwrap();
    (name.clone(), acl.clone())
}

/// What guardrails deny and passes, between known ends.
fn gaps(plan: &Value) -> Vec<&Value> {
    forbidden(plan).filter(|gap| !is_vacant(gap)).collect()
}

fn forbidden(plan: &Value) -> impl Iterator<Item = &Value> {
    let gaps = plan["gaps"].as_array().unwrap().iter();
    gaps.filter(|gap| gap["forbidden"] == "guardrail")
}

/// Whether nobody is at one end of a gap: no entry is made for that.
fn is_vacant(gap: &Value) -> bool {
    let is_nobody = |name: &Value| name.as_str().unwrap().starts_with("subnet-");
    ["from", "to"].iter().any(|end| gap[end].as_array().unwrap().iter().all(is_nobody))
}

#[test]
fn what_no_group_holds_is_refused_at_the_edge_and_comes_back_without_a_trace() {
    let (lab, rules) = lab(Strictness::default());
    let plan = lab.plan();
    assert_eq!(gaps(&plan), [] as [&Value; 0]);
    assert!(forbidden(&plan).any(is_vacant), "who comes next is told of");
    let edges = plan["edges"].as_array().unwrap();
    assert_eq!(edges.len(), 1, "{edges:#?}");
    assert_eq!(edges[0]["subnets"], json!([SUBNET]));
    assert_eq!(edges[0]["ingress"], json!([{"peer": "10.40.1.13/32", "over": "all"}]));
    assert_eq!(edges[0]["egress"], json!([]));
    let before = lab.server.held();
    lab.take(Way::Apply).unwrap();
    let (name, acl) = at_edge(&lab.server.held());
    assert_eq!(Some(name.as_str()), edges[0]["name"].as_str());
    // What others wrote stands behind: all of it, in its order.
    let entries = acl["entries"].to_string();
    assert!(entries.contains("192.0.2.0/32") && entries.contains("10.40.1.13/32"), "{entries}");
    assert_eq!(acl["entries"].as_array().unwrap().len(), 6, "{entries}");
    // A second plan has nothing to do, and nothing drifts.
    let estate = collected(&lab);
    let (rules, estate) = (rules.to_str().unwrap(), estate.to_str().unwrap());
    let (_, told, error) = lab.watertight(&["plan", rules, "--estate", estate]);
    assert!(told.starts_with("Nothing to do"), "{told}{error}");
    let question = ["--from", "10.40.1.13", "--to", "10.40.3.11", "--over", "tcp/5432"];
    let (code, told, error) = lab.watertight(&[["can", estate].as_slice(), &question].concat());
    assert!(code == 2 && told.contains(edges[0]["name"].as_str().unwrap()), "{code} {told}{error}");
    let (code, told, error) = lab.watertight(&["drift", rules, "--estate", estate]);
    assert!(code == 0 && told.starts_with("No drift"), "{told}{error}");
    lab.take(Way::Rollback).unwrap();
    assert_eq!(lab.server.held(), before);
}

/// The steps about edges come first, behind what is looked at before them.
#[test]
fn killed_anywhere_it_goes_on_and_is_taken_back_without_a_trace() {
    killed_while_applying(&|strictness| lab(strictness).0, |count| 0..count.min(30));
}

/// They are the last to be taken back.
#[test]
fn taking_back_that_is_killed_anywhere_ends_where_it_began() {
    killed_while_taking_back(&|strictness| lab(strictness).0, |count| {
        count.saturating_sub(24)..count
    });
}

#[test]
fn an_edge_that_somebody_gave_another_list_is_refused_and_left_alone() {
    let (lab, _) = lab(Strictness::default());
    lab.by_hand("Action=CreateNetworkAcl&VpcId=vpc-0000000000000c001");
    lab.by_hand(
        "Action=ReplaceNetworkAclAssociation&AssociationId=aclassoc-0000000000000c003\
         &NetworkAclId=acl-0fee1000000000001",
    );
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains(&format!("access list {BASE}: of; gone {SUBNET}")), "{error}");
    assert_eq!(lab.server.written().len(), 2, "only what was done by hand");
}

#[test]
fn an_edge_that_somebody_opened_is_drift_and_a_plan_closes_it() {
    let (lab, rules) = lab(Strictness::default());
    lab.take(Way::Apply).unwrap();
    let intended = lab.server.held();
    let file = format!("raw/aws/{ACCOUNT}/eu-central-1/ec2-describe-network-acls.json");
    let body = fs::read_to_string(collected(&lab).join(file)).unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    let acls = body["NetworkAcls"].as_array().unwrap().iter();
    let mut all = acls.flat_map(|acl| acl["Associations"].as_array().unwrap());
    let own = all.find(|one| one["SubnetId"] == SUBNET).unwrap();
    let association = own["NetworkAclAssociationId"].as_str().unwrap();
    lab.by_hand(&format!(
        "Action=ReplaceNetworkAclAssociation&AssociationId={association}&NetworkAclId={BASE}"
    ));
    fs::remove_dir_all(lab.path("after")).unwrap();
    let estate = collected(&lab);
    let (rules, estate) = (rules.to_str().unwrap(), estate.to_str().unwrap());
    let plan = lab.path("change.plan");
    fs::remove_file(lab.path("change.plan.journal")).unwrap();
    let arguments = ["drift", rules, "--estate", estate, "--revert", plan.to_str().unwrap()];
    let (code, told, error) = lab.watertight(&arguments);
    assert_eq!(code, 2, "{told}{error}");
    assert!(told.contains(&format!("{SUBNET}: widening")), "{told}");
    assert!(told.contains(&format!("at its edge and has {BASE}")), "{told}");
    lab.take(Way::Apply).unwrap();
    assert_eq!(lab.server.held(), intended);
}

#[test]
fn without_the_guardrail_the_edge_has_again_what_others_wrote() {
    let (lab, rules) = lab(Strictness::default());
    lab.take(Way::Apply).unwrap();
    let text = fs::read_to_string(&rules).unwrap();
    fs::write(&rules, text.replace(GUARDRAIL, "")).unwrap();
    fs::remove_file(lab.path("change.plan.journal")).unwrap();
    planned(&lab, &rules, &collected(&lab));
    let plan = lab.plan();
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 1, "{steps:#?}");
    let action = &steps[0]["action"];
    assert_eq!(
        (&action["do"], &action["subnet"], &action["to"]),
        (&json!("set-edge"), &json!(SUBNET), &json!(BASE))
    );
    let between = lab.server.held();
    lab.take(Way::Apply).unwrap();
    assert_eq!(at_edge(&lab.server.held()).0, BASE);
    lab.take(Way::Rollback).unwrap();
    assert_eq!(lab.server.held(), between);
    // What no subnet has any more goes with `gc`, and comes back as it was.
    lab.take(Way::Apply).unwrap();
    let unused = lab.server.held();
    fs::remove_file(lab.path("change.plan.journal")).unwrap();
    fs::remove_dir_all(lab.path("after")).unwrap();
    let (estate, out) = (collected(&lab), lab.path("change.plan"));
    let arguments = [rules.to_str().unwrap(), "--estate", estate.to_str().unwrap()];
    let (code, told, error) =
        lab.watertight(&[["gc"].as_slice(), &arguments, &["-o", out.to_str().unwrap()]].concat());
    assert!(code == 0 || code == 2, "{told}{error}");
    let words = lab.plan()["steps"].to_string();
    assert!(words.contains("delete-edge"), "{words}");
    lab.take(Way::Apply).unwrap();
    let acls = lab.server.held()[format!("{ACCOUNT}/eu-central-1")]["acls"].clone();
    assert_eq!(acls.as_object().unwrap().len(), 1, "{acls:#}");
    lab.take(Way::Rollback).unwrap();
    assert_eq!(lab.server.held(), unused);
}

/// A list that was given back is used again, whoever made it.
#[test]
fn a_list_that_was_given_back_is_used_again() {
    let (lab, rules) = lab(Strictness::default());
    lab.take(Way::Apply).unwrap();
    let intended = lab.server.held();
    let text = fs::read_to_string(&rules).unwrap();
    for (written, hash) in [(text.replace(GUARDRAIL, ""), "second"), (text, "third")] {
        fs::write(&rules, written).unwrap();
        fs::remove_file(lab.path("change.plan.journal")).unwrap();
        let _earlier = fs::remove_dir_all(lab.path("after"));
        planned(&lab, &rules, &collected(&lab));
        let steps = lab.plan()["steps"].clone();
        assert_eq!(steps.as_array().unwrap().len(), 1, "{steps:#}");
        lab.take_as(Way::Apply, 2, hash).unwrap();
    }
    assert_eq!(lab.server.held(), intended);
    lab.take_as(Way::Rollback, 2, "third").unwrap();
    assert_eq!(at_edge(&lab.server.held()).0, BASE);
}

/// Denials that somebody took out of a list of ours are not taken to be there: another list takes its place.
#[test]
fn a_list_of_ours_that_somebody_changed_is_replaced() {
    let (lab, rules) = lab(Strictness::default());
    lab.take(Way::Apply).unwrap();
    let (_, acl) = at_edge(&lab.server.held());
    let acls = collected(&lab)
        .join(format!("raw/aws/{ACCOUNT}/eu-central-1/ec2-describe-network-acls.json"));
    let body = fs::read_to_string(&acls).unwrap();
    let mut body: Value = serde_json::from_str(&body).unwrap();
    for one in body["NetworkAcls"].as_array_mut().unwrap() {
        let entries = one["Entries"].as_array_mut().unwrap();
        entries.retain(|entry| entry["CidrBlock"] != "10.40.1.13/32");
    }
    fs::write(&acls, body.to_string()).unwrap();
    fs::remove_file(lab.path("change.plan.journal")).unwrap();
    let (rules, estate) = (rules.to_str().unwrap(), lab.path("after"));
    let estate = estate.to_str().unwrap();
    let (code, told, error) = lab.watertight(&["drift", rules, "--estate", estate]);
    assert!(code == 2 && told.contains(&format!("{SUBNET}: widening")), "{told}{error}");
    let (_, plan, error) = lab.watertight(&["plan", rules, "--estate", estate, "-f", "json"]);
    let plan: Value = serde_json::from_str(&plan).unwrap_or_else(|_| panic!("{error}"));
    let steps = plan["steps"].as_array().unwrap();
    let done: Vec<&Value> = steps.iter().map(|step| &step["action"]["do"]).collect();
    assert_eq!(done, ["create-edge", "set-edge"], "{acl:#}");
}

/// What others wrote must be as it was read until the copy of it is there.
#[test]
fn an_original_that_changes_while_a_plan_is_half_done_is_noticed() {
    let (lab, _) = lab(Strictness::default());
    let asked = lab.server.requests();
    let mut begun = false;
    for stop in 1.. {
        lab.server.stop_after(Some((stop, Lost::Request)));
        assert!(lab.take(Way::Apply).is_err(), "{stop}: {asked}");
        lab.server.stop_after(None);
        begun = lab.server.written().iter().any(|one| one.action == "CreateNetworkAclEntry");
        if begun {
            break;
        }
    }
    assert!(begun);
    lab.by_hand(&format!(
        "Action=CreateNetworkAclEntry&NetworkAclId={BASE}&Egress=false&RuleNumber=50&RuleAction=deny\
         &Protocol=-1&CidrBlock=192.0.2.0%2F24"
    ));
    let Err(error) = lab.take(Way::Apply) else { panic!("it goes on") };
    assert!(error.to_string().contains("has changed"), "{error}");
}

/// A list that somebody changed since is nobody's copy any more: what is to be there without it is not known.
#[test]
fn a_list_whose_original_changed_counts_as_one_that_others_wrote() {
    let (lab, rules) = lab(Strictness::default());
    lab.take(Way::Apply).unwrap();
    lab.by_hand(&format!(
        "Action=CreateNetworkAclEntry&NetworkAclId={BASE}&Egress=false&RuleNumber=50&RuleAction=deny\
         &Protocol=-1&CidrBlock=192.0.2.0%2F24"
    ));
    fs::remove_file(lab.path("change.plan.journal")).unwrap();
    let told = planned(&lab, &rules, &collected(&lab));
    assert!(told.starts_with("Nothing to do"), "{told}");
}

/// One below, at and above what a network ACL holds: 20 entries about what comes in, the last among them.
#[test]
fn a_list_that_is_full_is_left_alone_and_the_gap_is_told() {
    for (entries, fits) in [(16, true), (17, true), (18, false)] {
        let folder = TempDir::new().unwrap();
        let (estate, rules) = written(folder.path(), entries);
        let (rules, estate) = (rules.to_str().unwrap(), estate.to_str().unwrap());
        let (code, plan, error) =
            Lab::plain().watertight(&["plan", rules, "--estate", estate, "-f", "json"]);
        assert_eq!(code, 2, "{error}");
        let plan: Value = serde_json::from_str(&plan).unwrap();
        assert_eq!(plan["edges"].is_array(), fits, "{entries}: {plan:#}");
        assert_eq!(gaps(&plan).is_empty(), fits, "{entries}: {plan:#}");
        let notes = plan["notes"].to_string();
        assert_eq!(notes.contains("has room for 0 more entries"), !fits, "{entries}: {notes}");
    }
}

#[test]
fn only_what_the_printed_policy_permits_is_asked_for() {
    let (lab, _) = lab(Strictness::default());
    let (_, told, error) = lab.run("apply", &["--print-iam-policy"]);
    let policy: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}{error}"));
    let statements = policy["Statement"].as_array().unwrap();
    let permitted = statements.iter().flat_map(|one| match &one["Action"] {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    });
    let permitted: Vec<Value> = permitted.collect();
    lab.take(Way::Apply).unwrap();
    lab.take(Way::Rollback).unwrap();
    for written in lab.server.written() {
        let action = json!(format!("ec2:{}", written.action));
        assert!(permitted.contains(&action), "{action} is not in {permitted:?}");
    }
}
