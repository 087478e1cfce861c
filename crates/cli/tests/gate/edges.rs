//! `watertight gate` on plans that touch network ACLs of Watertight, and prefix lists that its rules name.

use serde_json::{Value, json};

use crate::enforced::{GROUP, Lab, NAME, SEGMENTS, change, planned, updated};

const EDGE: &str = "acl-0000000000000ffff";
const EDGE_NAME: &str = "watertight/vpc-0000000000000c001/edge/00112233aabbccdd";
const OTHER: &str = "acl-0000000000000c001";
const SUBNET: &str = "subnet-0000000000000c002";
const FREE: &str = "subnet-0000000000000c003";
const LIST: &str = "pl-0000000000000ffff";
const OPEN: &str = "what will be there instead is known after apply";

/// The tiers with a network ACL of ours at a subnet, and a rule of ours that names a prefix list.
fn lab() -> Lab {
    let lab = Lab::new();
    let folder = lab.folder.path();
    change(folder, "ec2-describe-network-acls", "NetworkAcls", |acls| {
        for acl in acls.iter_mut() {
            acl["Associations"].as_array_mut().unwrap().retain(|one| one["SubnetId"] != SUBNET);
        }
        acls.push(json!({
            "NetworkAclId": EDGE, "VpcId": "vpc-0000000000000c001", "OwnerId": "123456789012", "IsDefault": false,
            "Tags": [{"Key": "Name", "Value": EDGE_NAME}, {"Key": "watertight.io/managed", "Value": "true"}],
            "Associations": [{"NetworkAclId": EDGE, "SubnetId": SUBNET}], "Entries": [],
        }));
    });
    change(folder, "ec2-describe-security-groups", "SecurityGroups", |groups| {
        let own = groups.iter_mut().find(|one| one["GroupId"] == GROUP).unwrap();
        own["IpPermissions"] = json!([{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
            "PrefixListIds": [{"PrefixListId": LIST}]}]);
    });
    lab
}

fn tags(name: &str) -> Value {
    json!({"Name": name, "watertight.io/managed": "true"})
}

/// A network ACL as Terraform knows it.
fn acl(id: &str, subnets: &[&str], more: &[(&str, Value)]) -> Value {
    let mut acl = json!({"id": id, "vpc_id": "vpc-0000000000000c001", "subnet_ids": subnets, "ingress": [], "egress": []});
    if id == EDGE {
        acl["tags"] = tags(EDGE_NAME);
    }
    for (key, value) in more {
        acl[*key] = value.clone();
    }
    acl
}

fn at(text: &str) -> [String; 1] {
    [format!("{text} the network ACL `{EDGE_NAME}`, which is at the edge of {SUBNET}")]
}

fn off(address: &str, word: &str) -> [String; 1] {
    [format!("`{address}` ({word}) takes the network ACL `{EDGE_NAME}` off {SUBNET}")]
}

#[test]
fn a_network_acl_that_is_deleted_changed_or_loses_its_tag_is_found() {
    let lab = lab();
    let address = "aws_network_acl.a";
    let own = || acl(EDGE, &[SUBNET], &[]);
    let found = |actions: &[&str], after: Value, unknown: Value| {
        lab.found(&json!([planned(address, actions, [own(), after, unknown])]))
    };
    let gone = found(&["delete"], Value::Null, json!({}));
    assert_eq!(gone, at(&format!("`{address}` (delete) deletes")));
    let anew = found(&["delete", "create"], own(), json!({"id": true}));
    assert_eq!(anew, at(&format!("`{address}` (replace) deletes")));
    let entry =
        json!([{"rule_no": 1, "action": "allow", "protocol": "-1", "cidr_block": "0.0.0.0/0"}]);
    let changed = found(&["update"], acl(EDGE, &[SUBNET], &[("ingress", entry)]), json!({}));
    assert_eq!(changed, at(&format!("`{address}` (update) changes the entries of")));
    let bare = found(&["update"], acl(EDGE, &[SUBNET], &[("tags", json!({}))]), json!({}));
    assert_eq!(
        bare,
        at(&format!("`{address}` (update) takes the tag `watertight.io/managed` off"))
    );
    let left = found(&["update"], acl(EDGE, &[], &[]), json!({}));
    assert_eq!(left, off(address, "update"));
    let same = found(&["update"], acl(EDGE, &[SUBNET], &[("owner_id", json!("x"))]), json!({}));
    assert_eq!(same, [""; 0]);
    let mut unknown = own();
    unknown.as_object_mut().unwrap().remove("egress");
    let open = found(&["update"], unknown, json!({"egress": true}));
    let text = at(&format!("`{address}` (update) changes the entries of"));
    assert_eq!(open, [format!("{} | {OPEN}", text[0])]);
}

/// A plan that was made before our network ACL was there puts the subnet back.
#[test]
fn a_subnet_that_gets_another_network_acl_is_found() {
    let lab = lab();
    for (address, id) in [("aws_network_acl.a", OTHER), ("aws_default_network_acl.a", OTHER)] {
        let back = updated(address, acl(id, &[FREE], &[]), acl(id, &[FREE, SUBNET], &[]));
        assert_eq!(lab.found(&json!([back])), off(address, "update"));
        let other = updated(address, acl(id, &[], &[]), acl(id, &[FREE], &[]));
        assert_eq!(lab.found(&json!([other])), [""; 0]);
        // What Terraform believes to be so it does not write.
        let believed = updated(
            address,
            acl(id, &[SUBNET], &[]),
            acl(id, &[SUBNET], &[("tags", json!({"team": "shop"}))]),
        );
        assert_eq!(lab.found(&json!([believed])), [""; 0]);
    }
    let address = "aws_network_acl.new";
    let mut new = acl(OTHER, &[SUBNET], &[]);
    new.as_object_mut().unwrap().remove("id");
    let made = planned(address, &["create"], [Value::Null, new, json!({"id": true})]);
    assert_eq!(lab.found(&json!([made])), off(address, "create"));
}

#[test]
fn an_association_that_goes_or_moves_is_found() {
    let lab = lab();
    let address = "aws_network_acl_association.a";
    let of = |acl: &str, subnet: &str| json!({"network_acl_id": acl, "subnet_id": subnet});
    let found = |actions: &[&str], before: Value, after: Value| {
        lab.found(&json!([planned(address, actions, [before, after, json!({})])]))
    };
    assert_eq!(found(&["delete"], of(EDGE, SUBNET), Value::Null), off(address, "delete"));
    let moved = found(&["delete", "create"], of(EDGE, SUBNET), of(OTHER, SUBNET));
    assert_eq!(moved, off(address, "replace"));
    assert_eq!(found(&["create"], Value::Null, of(OTHER, SUBNET)), off(address, "create"));
    assert_eq!(found(&["create"], Value::Null, of(EDGE, SUBNET)), [""; 0]);
    assert_eq!(found(&["create"], Value::Null, of(OTHER, FREE)), [""; 0]);
    assert_eq!(found(&["delete"], of(OTHER, FREE), Value::Null), [""; 0]);
}

#[test]
fn entries_of_a_network_acl_of_ours_are_found() {
    let lab = lab();
    let address = "aws_network_acl_rule.a";
    let entry = |acl: &str, action: &str| {
        json!({"id": "nacl-1", "network_acl_id": acl, "rule_number": 1, "egress": false,
            "protocol": "-1", "rule_action": action, "cidr_block": "10.0.0.0/8"})
    };
    let changes = |word: &str| at(&format!("`{address}` ({word}) changes the entries of"));
    let found = |actions: &[&str], before: Value, after: Value| {
        lab.found(&json!([planned(address, actions, [before, after, json!({"id": true})])]))
    };
    assert_eq!(found(&["create"], Value::Null, entry(EDGE, "allow")), changes("create"));
    assert_eq!(found(&["delete"], entry(EDGE, "deny"), Value::Null), changes("delete"));
    let replaced = found(&["delete", "create"], entry(EDGE, "deny"), entry(EDGE, "allow"));
    assert_eq!(replaced, changes("replace"));
    assert_eq!(found(&["create"], Value::Null, entry(OTHER, "allow")), [""; 0]);
}

/// Where the configuration leads to nothing that is known, it may be ours; where it leads to what is made, it is
/// not.
#[test]
fn a_network_acl_that_is_not_known_may_be_one_of_ours() {
    let lab = lab();
    let address = "aws_network_acl_rule.a";
    let entry = json!({"rule_number": 1, "egress": false, "protocol": "-1", "rule_action": "allow",
        "cidr_block": "10.0.0.0/8"});
    let unknown = json!({"id": true, "network_acl_id": true});
    let new = json!({"vpc_id": "vpc-0000000000000c001", "ingress": [], "egress": []});
    let changes = json!([
        planned(address, &["create"], [Value::Null, entry, unknown]),
        planned("aws_network_acl.new", &["create"], [Value::Null, new, json!({"id": true})]),
    ]);
    let configuration = |reference: &[&str]| {
        json!({"root_module": {"resources": [{
            "address": address, "mode": "managed", "type": "aws_network_acl_rule", "name": "a",
            "expressions": {"network_acl_id": {"references": reference}},
        }]}})
    };
    let clear = configuration(&["aws_network_acl.new.id", "aws_network_acl.new"]);
    assert_eq!(lab.found_in(&changes, &clear), [""; 0]);
    let expected = format!(
        "`{address}` (create) changes the entries of a network ACL that is known after apply, which may be one of \
         Watertight's | {OPEN}"
    );
    assert_eq!(lab.found_in(&changes, &configuration(&["local.acl"])), [expected]);
}

/// A subnet that goes with its network ACL has no edge any more.
#[test]
fn a_network_acl_that_goes_with_its_subnet_is_no_finding() {
    const EMPTY: &str = "subnet-0000000000000c009";
    let lab = lab();
    let folder = lab.folder.path();
    change(folder, "ec2-describe-subnets", "Subnets", |subnets| {
        let mut empty = subnets[0].clone();
        empty["SubnetId"] = json!(EMPTY);
        empty["CidrBlock"] = json!("10.40.9.0/24");
        subnets.push(empty);
    });
    change(folder, "ec2-describe-network-acls", "NetworkAcls", |acls| {
        let own = acls.iter_mut().find(|one| one["NetworkAclId"] == EDGE).unwrap();
        own["Associations"] = json!([{"NetworkAclId": EDGE, "SubnetId": EMPTY}]);
    });
    let gone = |address: &str, before: Value| {
        planned(address, &["delete"], [before, Value::Null, json!({})])
    };
    let edge = || gone("aws_network_acl.a", acl(EDGE, &[EMPTY], &[]));
    let subnet = gone(
        "aws_subnet.a",
        json!({"id": EMPTY, "vpc_id": "vpc-0000000000000c001", "cidr_block": "10.40.9.0/24",
            "arn": "arn:aws:ec2:eu-central-1:123456789012:subnet/x"}),
    );
    assert_eq!(lab.found(&json!([edge()])).len(), 1);
    assert_eq!(lab.found(&json!([edge(), subnet])), [""; 0]);
}

#[test]
fn a_prefix_list_that_rules_of_ours_name_is_followed() {
    let lab = lab();
    let list = |id: &str, cidrs: &[&str], description: &str| {
        let entries: Vec<Value> =
            cidrs.iter().map(|cidr| json!({"cidr": cidr, "description": description})).collect();
        json!({"id": id, "name": "offices", "address_family": "IPv4", "max_entries": 5, "entry": entries})
    };
    let address = "aws_ec2_managed_prefix_list.a";
    let segments = SEGMENTS.strip_prefix("which enforces ").unwrap();
    let enforces = format!("`{LIST}`, by which `{NAME}` enforces {segments}");
    let own = || list(LIST, &["198.51.100.0/24"], "a");
    let changes = |word: &str| {
        [format!("`{address}` ({word}) changes the entries of the prefix list {enforces}")]
    };
    let wide = list(LIST, &["198.51.100.0/24", "0.0.0.0/0"], "a");
    assert_eq!(lab.found(&json!([updated(address, own(), wide)])), changes("update"));
    let gone = planned(address, &["delete"], [own(), Value::Null, json!({})]);
    let expected = [format!("`{address}` (delete) deletes the prefix list {enforces}")];
    assert_eq!(lab.found(&json!([gone])), expected);
    let other = list(LIST, &["198.51.100.0/24"], "another description");
    assert_eq!(lab.found(&json!([updated(address, own(), other)])), [""; 0]);
    let elsewhere = updated(address, list("pl-1", &["10.0.0.0/8"], "a"), list("pl-1", &[], "a"));
    assert_eq!(lab.found(&json!([elsewhere])), [""; 0]);
    let address = "aws_ec2_managed_prefix_list_entry.a";
    let entry = |id: &str, cidr: &str| json!({"id": "x", "prefix_list_id": id, "cidr": cidr});
    let changes = |word: &str| {
        [format!("`{address}` ({word}) changes the entries of the prefix list {enforces}")]
    };
    let made =
        planned(address, &["create"], [Value::Null, entry(LIST, "0.0.0.0/0"), json!({"id": true})]);
    assert_eq!(lab.found(&json!([made])), changes("create"));
    let gone = planned(address, &["delete"], [entry(LIST, "10.0.0.0/8"), Value::Null, json!({})]);
    assert_eq!(lab.found(&json!([gone])), changes("delete"));
    let elsewhere =
        planned(address, &["create"], [Value::Null, entry("pl-1", "0.0.0.0/0"), json!({})]);
    assert_eq!(lab.found(&json!([elsewhere])), [""; 0]);
}
