//! Load balancers of the first generation and warehouses, whose bodies tell names and no ARNs, and search domains,
//! which get other nodes with other groups.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use watertight_compile::{Action, Attachment, Plane as _, steps};

use crate::lab::{Lab, Made};
use crate::services::{files_of, lab_of};

fn files() -> Vec<(String, Value)> {
    files_of("carriers")
}

fn lab(files: &[(String, Value)]) -> Lab {
    lab_of("carriers", files, "")
}

fn of<'m>(made: &'m Made, workload: &str) -> Vec<&'m Attachment> {
    let all = made.compiled.artifacts.attachments.iter();
    all.filter(|one| &*one.workload == workload).collect()
}

fn why(made: &Made, workload: &str) -> BTreeSet<String> {
    let all = made.compiled.unheld.iter();
    all.filter(|one| one.workload == workload).map(|one| one.why.clone()).collect()
}

/// The body of a call, by what its path holds.
fn body<'f>(files: &'f mut [(String, Value)], call: &str) -> &'f mut Value {
    let found = files.iter_mut().find(|(path, _)| path.contains(call));
    &mut found.expect("it is there").1
}

/// Its own body tells what its interfaces tell, before and after, and it has two steps for all of them.
#[test]
fn a_carrier_is_held_through_the_resource_that_permissions_name() {
    let lab = lab(&files());
    let made = lab.make().expect("it compiles");
    assert!(made.proof.holds(), "{:#?}\n{:#?}", made.proof.unexplained, made.proof.frame);
    let artifacts = &made.compiled.artifacts;
    let steps = lab.with(|_, plane| steps(artifacts, &plane.held(), &plane.limits()));
    for (name, interfaces, arn) in [
        ("entry", 2, "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/entry"),
        ("reports", 3, "arn:aws:redshift:eu-central-1:123456789012:cluster:reports"),
    ] {
        let held = of(&made, name);
        assert_eq!(held.len(), interfaces, "{:#?}", made.compiled.unheld);
        let through = held.iter().filter_map(|one| one.through.as_ref());
        assert_eq!(through.filter(|through| through.id == arn).count(), interfaces);
        let own = steps.iter().filter(
            |step| matches!(&step.action, Action::SetGroupsThrough { through, .. } if through.id == arn),
        );
        assert_eq!(own.count(), 2);
    }
}

/// Its nodes' addresses are told by its own body.
#[test]
fn a_warehouse_without_interfaces_in_the_input_is_held_through_its_own_body() {
    let mut files = files();
    let list = body(&mut files, "describe-network-interfaces");
    let all = list["NetworkInterfaces"].as_array_mut().expect("a list");
    all.retain(|one| one["Description"] != "RedshiftNetworkInterface");
    let made = lab(&files).make().expect("it compiles");
    assert!(made.proof.holds(), "{:#?}\n{:#?}", made.proof.unexplained, made.proof.frame);
    let [held] = of(&made, "reports")[..] else { panic!("{:#?}", made.compiled.unheld) };
    assert_eq!(held.through.as_ref().expect("its cluster").kind, "redshift-cluster");
}

/// Where it may be then is told apart: it is not held, and which addresses that is for is said.
#[test]
fn a_domain_is_held_by_its_group_alone() {
    let made = lab(&files()).make().expect("it compiles");
    assert!(made.proof.holds(), "{:#?}\n{:#?}", made.proof.unexplained, made.proof.frame);
    assert_eq!(of(&made, "logs").len(), 2, "{:#?}", made.compiled.unheld);
    let more = "---\napiVersion: watertight.io/v1alpha1\nkind: Policy\n\
                metadata: {name: half, owner: shop}\nspec:\n  mode: enforce\n  rules:\n  \
                - name: half\n    action: allow\n    from: [{segment: web}]\n    \
                to: [{addresses: [10.70.1.0/25]}]\n    over: [{tcp: 9}]\n";
    let made = lab_of("carriers", &files(), more).make().expect("it compiles");
    assert!(of(&made, "logs").is_empty());
    assert!(
        why(&made, "logs").iter().all(|why| why.contains("the policy tells 10.70.1.0/")),
        "{:#?}",
        why(&made, "logs")
    );
}

/// One that is in no network has no groups, and is nobody's to hold.
#[test]
fn a_domain_outside_of_networks_is_not_held() {
    let mut files = files();
    let list = body(&mut files, "opensearch-describe-domains");
    list["DomainStatusList"][0].as_object_mut().expect("an object").remove("VPCOptions");
    let list = body(&mut files, "describe-network-interfaces");
    let all = list["NetworkInterfaces"].as_array_mut().expect("a list");
    all.retain(|one| one["Description"] != "ES logs");
    let made = lab(&files).make().expect("it compiles");
    assert_eq!(why(&made, "logs"), BTreeSet::from([String::from("it is in no VPC")]));
}

#[test]
fn a_paused_warehouse_is_not_held() {
    let mut files = files();
    body(&mut files, "redshift-describe-clusters")["Clusters"][0]["ClusterStatus"] =
        json!("paused");
    let made = lab(&files).make().expect("it compiles");
    let told = "a paused cluster cannot be changed: it is to be resumed first";
    assert_eq!(why(&made, "reports"), BTreeSet::from([String::from(told)]));
}

/// Interfaces of warehouses do not tell whose they are.
#[test]
fn two_warehouses_with_the_same_groups_are_told_apart_by_the_addresses_of_their_nodes() {
    let mut files = files();
    let list = body(&mut files, "redshift-describe-clusters");
    let clusters = list["Clusters"].as_array_mut().expect("a list");
    let mut second = clusters[0].clone();
    second["ClusterIdentifier"] = json!("archive");
    second["ClusterNamespaceArn"] = json!("arn:aws:redshift:eu-central-1:123456789012:namespace:2");
    let nodes = clusters[0]["ClusterNodes"].as_array_mut().expect("a list");
    second["ClusterNodes"] = json!([nodes.remove(0)]);
    // It comes first by its name, and would take the first interface.
    clusters.push(second);
    let made = lab(&files).make().expect("it compiles");
    let ends = |name: &str| -> BTreeSet<String> {
        of(&made, name).iter().map(|one| one.endpoint.to_string()).collect()
    };
    assert_eq!(ends("archive"), BTreeSet::from([String::from("eni-0000000000000f004")]));
    assert_eq!(ends("reports").len(), 2);
}

/// Names are unique in one account and region alone.
#[test]
fn a_carrier_of_another_region_with_the_same_name_is_another_one() {
    let mut files = files();
    let mut other = body(&mut files, "elb-describe-load-balancers").clone();
    let list = &mut other["LoadBalancerDescriptions"][0];
    list["SecurityGroups"] = json!(["sg-0000000000000f099"]);
    list["VPCId"] = json!("vpc-0000000000000f099");
    list["Subnets"] = json!([]);
    let path = "raw/aws/123456789012/eu-west-1/elb-describe-load-balancers.json";
    files.insert(0, (path.to_owned(), other));
    let made = lab(&files).make().expect("it compiles");
    assert!(made.proof.holds(), "{:#?}\n{:#?}", made.proof.unexplained, made.proof.frame);
    assert_eq!(of(&made, "entry").len(), 2, "{:#?}", made.compiled.unheld);
}

#[test]
fn a_carrier_whose_interfaces_carry_other_groups_than_it_tells_is_not_held() {
    let mut files = files();
    let list = body(&mut files, "elb-describe-load-balancers");
    list["LoadBalancerDescriptions"][0]["SecurityGroups"] = json!(["sg-0000000000000f001"]);
    let made = lab(&files).make().expect("it compiles");
    let told = "its interface carries other groups than its service's resource tells";
    assert_eq!(why(&made, "entry"), BTreeSet::from([String::from(told)]));
}

/// Its addresses change, and nothing but its interfaces tells them.
#[test]
fn a_carrier_without_interfaces_in_the_input_is_not_held() {
    let mut files = files();
    let list = body(&mut files, "describe-network-interfaces");
    let all = list["NetworkInterfaces"].as_array_mut().expect("a list");
    all.retain(|one| one["Description"] != "ELB entry");
    let made = lab(&files).make().expect("it compiles");
    let told = "the input does not tell its addresses";
    assert_eq!(why(&made, "entry"), BTreeSet::from([String::from(told)]));
}
