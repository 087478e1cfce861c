use std::collections::BTreeMap;

use serde_json::json;

use super::Strictness;
use super::state::Held;
use super::write::action;

const MOST: Strictness =
    Strictness { rules_max: 2, groups_max: 2, unseen: 0, busy: 0, fails: false };

fn held() -> Held {
    let group = |id: &str, name: &str| json!({"GroupId": id, "GroupName": name, "VpcId": "vpc-1"});
    let groups = [group("sg-a", "default"), group("sg-b", "b"), group("sg-c", "c")];
    let interface = |id: &str, managed: bool| {
        json!({"NetworkInterfaceId": id, "VpcId": "vpc-1", "RequesterManaged": managed,
            "Groups": [{"GroupId": "sg-b"}]})
    };
    Held::new(
        "1",
        json!({ "SecurityGroups": groups }),
        json!({"NetworkInterfaces": [interface("eni-1", false), interface("eni-2", true)]}),
    )
}

/// The code with which an action ends; nothing where it is done.
fn ask(held: &mut Held, name: &str, form: &[(&str, &str)]) -> Option<&'static str> {
    let form: BTreeMap<String, String> =
        form.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let mut next = held.clone();
    match action(name).expect("it is known")(&mut next, &form, &MOST) {
        Ok(_) => {
            *held = next;
            None
        }
        Err(fault) => Some(fault.code),
    }
}

fn rule<'f>(group: &'f str, peer: &'f str) -> Vec<(&'f str, &'f str)> {
    let key = match (peer.starts_with("sg-"), peer.contains(':')) {
        (true, _) => "IpPermissions.1.Groups.1.GroupId",
        (_, true) => "IpPermissions.1.Ipv6Ranges.1.CidrIpv6",
        (_, false) => "IpPermissions.1.IpRanges.1.CidrIp",
    };
    vec![
        ("GroupId", group),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "443"),
        ("IpPermissions.1.ToPort", "443"),
        (key, peer),
    ]
}

fn create(name: &str) -> Vec<(&str, &str)> {
    vec![("GroupName", name), ("GroupDescription", "d"), ("VpcId", "vpc-1")]
}

#[test]
fn a_name_is_had_once_in_a_vpc_and_a_new_group_lets_everything_out() {
    let mut held = held();
    assert_eq!(ask(&mut held, "CreateSecurityGroup", &create("b")), Some("InvalidGroup.Duplicate"));
    assert_eq!(
        ask(&mut held, "CreateSecurityGroup", &create("sg-x")),
        Some("InvalidParameterValue")
    );
    assert_eq!(ask(&mut held, "CreateSecurityGroup", &create("new")), None);
    let made = held.groups.values().find(|group| group.name == "new").expect("it was made");
    assert_eq!((made.ingress.len(), made.egress.len()), (0, 1));
}

#[test]
fn a_rule_is_had_once_and_taken_away_only_where_it_is() {
    let mut held = held();
    let (add, take) = ("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress");
    assert_eq!(
        ask(&mut held, take, &rule("sg-b", "10.0.0.0/8")),
        Some("InvalidPermission.NotFound")
    );
    assert_eq!(ask(&mut held, add, &rule("sg-b", "10.0.0.0/8")), None);
    // What stands behind a prefix's length says nothing.
    assert_eq!(
        ask(&mut held, add, &rule("sg-b", "10.1.2.3/8")),
        Some("InvalidPermission.Duplicate")
    );
    assert_eq!(ask(&mut held, add, &rule("sg-b", "sg-none")), Some("InvalidGroup.NotFound"));
    assert_eq!(ask(&mut held, add, &rule("sg-none", "10.0.0.0/8")), Some("InvalidGroup.NotFound"));
    assert_eq!(ask(&mut held, take, &rule("sg-b", "10.0.0.0/8")), None);
}

/// Each family counts for itself, and a reference counts in both: one below, at and above the limit.
#[test]
fn rules_are_counted_for_each_family() {
    let mut held = held();
    let add = "AuthorizeSecurityGroupEgress";
    assert_eq!(ask(&mut held, add, &rule("sg-b", "10.0.0.0/8")), None);
    assert_eq!(ask(&mut held, add, &rule("sg-b", "2001:db8::/32")), None);
    assert_eq!(ask(&mut held, add, &rule("sg-b", "sg-c")), None);
    let full = Some("RulesPerSecurityGroupLimitExceeded");
    assert_eq!(ask(&mut held, add, &rule("sg-b", "11.0.0.0/8")), full);
    assert_eq!(ask(&mut held, add, &rule("sg-b", "2001:db9::/32")), full);
    assert_eq!(ask(&mut held, add, &rule("sg-b", "sg-b")), full);
}

#[test]
fn a_group_in_use_is_not_deleted() {
    let mut held = held();
    let delete = |held: &mut Held, id: &str| ask(held, "DeleteSecurityGroup", &[("GroupId", id)]);
    assert_eq!(delete(&mut held, "sg-a"), Some("CannotDelete"));
    assert_eq!(delete(&mut held, "sg-b"), Some("DependencyViolation"));
    assert_eq!(ask(&mut held, "AuthorizeSecurityGroupIngress", &rule("sg-b", "sg-c")), None);
    assert_eq!(delete(&mut held, "sg-c"), Some("DependencyViolation"));
    assert_eq!(ask(&mut held, "RevokeSecurityGroupIngress", &rule("sg-b", "sg-c")), None);
    assert_eq!(ask(&mut held, "AuthorizeSecurityGroupIngress", &rule("sg-c", "sg-c")), None);
    assert_eq!(delete(&mut held, "sg-c"), None);
    assert_eq!(delete(&mut held, "sg-c"), Some("InvalidGroup.NotFound"));
}

#[test]
fn an_interface_carries_some_groups_of_its_vpc_and_a_services_is_the_services() {
    let mut held = held();
    let mut set = |interface: &str, groups: &[&str]| {
        let keys = ["SecurityGroupId.1", "SecurityGroupId.2", "SecurityGroupId.3"];
        let mut form = vec![("NetworkInterfaceId", interface)];
        form.extend(keys.into_iter().zip(groups.iter().copied()));
        ask(&mut held, "ModifyNetworkInterfaceAttribute", &form)
    };
    assert_eq!(set("eni-1", &["sg-b", "sg-c"]), None);
    let full = Some("SecurityGroupsPerInterfaceLimitExceeded");
    assert_eq!(set("eni-1", &["sg-a", "sg-b", "sg-c"]), full);
    assert_eq!(set("eni-1", &[]), Some("InvalidParameterCombination"));
    assert_eq!(set("eni-1", &["sg-x"]), Some("InvalidGroup.NotFound"));
    assert_eq!(set("eni-9", &["sg-b"]), Some("InvalidNetworkInterfaceID.NotFound"));
    assert_eq!(set("eni-2", &["sg-c"]), Some("AuthFailure"));
}

#[test]
fn malformed_rules_are_refused() {
    let mut held = held();
    let add = "AuthorizeSecurityGroupIngress";
    let none = [("GroupId", "sg-b"), ("IpPermissions.1.IpProtocol", "-1")];
    assert_eq!(ask(&mut held, add, &none), Some("InvalidPermission.Malformed"));
    assert_eq!(ask(&mut held, add, &[("GroupId", "sg-b")]), Some("MissingParameter"));
    assert_eq!(ask(&mut held, add, &rule("sg-b", "10.0.0.0/33")), Some("InvalidParameterValue"));
    let mut ports = rule("sg-b", "10.0.0.0/8");
    ports[2].1 = "444";
    assert_eq!(ask(&mut held, add, &ports), Some("InvalidParameterValue"));
}

#[test]
fn tags_come_and_go() {
    let mut held = held();
    let form = [("ResourceId.1", "sg-b"), ("Tag.1.Key", "k"), ("Tag.1.Value", "v")];
    assert_eq!(ask(&mut held, "CreateTags", &form), None);
    assert_eq!(held.groups["sg-b"].tags["k"], "v");
    assert_eq!(ask(&mut held, "DeleteTags", &form), None);
    assert!(held.groups["sg-b"].tags.is_empty());
}
