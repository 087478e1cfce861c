//! Inputs that lack interfaces or subnets: what could be there is unknown, what is there is not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_aws::{Converted, Options};
use watertight_model::Estate;
use watertight_model::network::EndpointRole;
use watertight_net::{Flow, FlowSet, Protocol};
use watertight_reach::{Reach, Start};

use crate::support::{converted_with, endpoint, subnet};

const VPCS: &str = r#"{"Vpcs": [
    {"VpcId": "vpc-a", "OwnerId": "111111111111", "CidrBlock": "10.0.0.0/16"},
    {"VpcId": "vpc-bare", "OwnerId": "111111111111", "CidrBlock": "10.1.0.0/16"}]}"#;
const SUBNETS: &str = r#"{"Subnets": [
    {"SubnetId": "subnet-1", "VpcId": "vpc-a", "OwnerId": "111111111111",
     "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "eu-west-1a"},
    {"SubnetId": "subnet-2", "VpcId": "vpc-a", "OwnerId": "111111111111",
     "CidrBlock": "10.0.2.0/24", "AvailabilityZone": "eu-west-1b"}]}"#;
const TABLES: &str = r#"{"RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-a",
    "Associations": [{"Main": true}],
    "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}]}]}"#;
const ACLS: &str = r#"{"NetworkAcls": [{"NetworkAclId": "acl-1", "VpcId": "vpc-a",
    "Associations": [{"SubnetId": "subnet-1"}, {"SubnetId": "subnet-2"}],
    "Entries": [
      {"RuleNumber": 100, "Egress": true, "Protocol": "-1", "RuleAction": "allow",
       "CidrBlock": "0.0.0.0/0"},
      {"RuleNumber": 100, "Egress": false, "Protocol": "-1", "RuleAction": "allow",
       "CidrBlock": "0.0.0.0/0"}]}]}"#;
const GROUPS: &str = r#"{"SecurityGroups": [
    {"GroupId": "sg-web", "GroupName": "web", "VpcId": "vpc-a", "IpPermissions": [],
     "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
    {"GroupId": "sg-db", "GroupName": "db", "VpcId": "vpc-a", "IpPermissions": [
      {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
       "UserIdGroupPairs": [{"GroupId": "sg-web"}]}], "IpPermissionsEgress": []}]}"#;
pub(crate) const INTERFACES: &str = r#"{"NetworkInterfaces": [
    {"NetworkInterfaceId": "eni-web", "SubnetId": "subnet-1", "VpcId": "vpc-a",
     "PrivateIpAddress": "10.0.1.10", "Groups": [{"GroupId": "sg-web"}], "Status": "in-use",
     "Attachment": {"InstanceId": "i-web", "DeviceIndex": 0}},
    {"NetworkInterfaceId": "eni-db", "SubnetId": "subnet-2", "VpcId": "vpc-a",
     "PrivateIpAddress": "10.0.2.10", "Groups": [{"GroupId": "sg-db"}], "Status": "in-use",
     "Attachment": {"InstanceId": "i-db", "DeviceIndex": 0}}]}"#;
const INSTANCES: &str = r#"{"Reservations": [{"OwnerId": "111111111111", "Instances": [
    {"InstanceId": "i-web", "SubnetId": "subnet-1", "VpcId": "vpc-a",
     "State": {"Name": "running"}, "PrivateIpAddress": "10.0.1.10", "NetworkInterfaces": [
      {"NetworkInterfaceId": "eni-web", "SubnetId": "subnet-1", "VpcId": "vpc-a",
       "PrivateIpAddress": "10.0.1.10", "Groups": [{"GroupId": "sg-web"}]}]},
    {"InstanceId": "i-db", "SubnetId": "subnet-2", "VpcId": "vpc-a",
     "State": {"Name": "running"}, "PrivateIpAddress": "10.0.2.10", "NetworkInterfaces": [
      {"NetworkInterfaceId": "eni-db", "SubnetId": "subnet-2", "VpcId": "vpc-a",
       "PrivateIpAddress": "10.0.2.10", "Groups": [{"GroupId": "sg-db"}]}]}]}]}"#;

const HOME: &str = "111111111111/eu-west-1";

/// The bodies of a whole input by path, to change some.
pub(crate) struct Bodies(BTreeMap<String, String>);

impl Bodies {
    pub(crate) fn whole() -> Self {
        let bodies = [
            ("describe-vpcs", VPCS),
            ("describe-subnets", SUBNETS),
            ("describe-route-tables", TABLES),
            ("describe-network-acls", ACLS),
            ("describe-security-groups", GROUPS),
            ("describe-network-interfaces", INTERFACES),
            ("describe-instances", INSTANCES),
        ];
        let bodies = bodies.map(|(call, body)| (path(HOME, call), body.to_owned()));
        Self(bodies.into())
    }

    pub(crate) fn without(mut self, call: &str) -> Self {
        assert!(self.0.remove(&path(HOME, call)).is_some());
        self
    }

    pub(crate) fn with(self, call: &str, body: &str) -> Self {
        self.with_in(HOME, call, body)
    }

    pub(crate) fn with_in(mut self, folder: &str, call: &str, body: &str) -> Self {
        self.0.insert(path(folder, call), body.to_owned());
        self
    }

    pub(crate) fn changed(mut self, call: &str, from: &str, to: &str) -> Self {
        let body = self.0.get_mut(&path(HOME, call)).unwrap();
        assert!(body.contains(from), "no `{from}` in {call}");
        *body = body.replace(from, to);
        self
    }

    pub(crate) fn estate(&self) -> Estate {
        self.converted(&Options::default()).estate
    }

    pub(crate) fn converted(&self, options: &Options) -> Converted {
        let files: Vec<(&str, &str)> =
            self.0.iter().map(|(path, body)| (path.as_str(), body.as_str())).collect();
        converted_with(&files, options)
    }

    /// What becomes of a connection from the web server.
    pub(crate) fn web_to(&self, destination: &str, port: u16) -> String {
        web_to(&self.estate(), destination, port)
    }
}

/// What becomes of a connection from the web server.
pub(crate) fn web_to(estate: &Estate, destination: &str, port: u16) -> String {
    let from = estate.network.endpoints.iter().find(|(_, one)| one.name == "eni-web").unwrap();
    let start = Start::Endpoint { endpoint: from.0, address: address("10.0.1.10") };
    dispositions(estate, &start, destination, port)
}

fn path(folder: &str, call: &str) -> String {
    format!("{folder}/{call}.json")
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn dispositions(estate: &Estate, start: &Start, destination: &str, port: u16) -> String {
    let flow = Flow::Ports { protocol: Protocol::TCP, source_port: 40000, destination_port: port };
    let reach = Reach::new(&estate.network);
    let parts = reach.answer(start, address(destination), &FlowSet::from(flow));
    let words: BTreeSet<&str> = parts.iter().map(|part| part.disposition.word()).collect();
    words.into_iter().collect::<Vec<_>>().join(" ")
}

/// What becomes of packets to an address that nobody has, in the first and in the second subnet.
fn free(bodies: &Bodies) -> [String; 2] {
    ["10.0.1.99", "10.0.2.99"].map(|to| bodies.web_to(to, 80))
}

const NOBODY: &str = "neighbor_unreachable";
const UNKNOWN: &str = "unknown";

#[test]
fn whole_lists_tell_that_nobody_has_an_address() {
    let whole = Bodies::whole();
    assert_eq!(free(&whole), [NOBODY, NOBODY]);
    assert_eq!(whole.web_to("10.0.9.9", 80), "null_routed");
    assert_eq!(whole.web_to("10.0.2.10", 5432), "accepted");
    assert_eq!(whole.web_to("10.0.2.10", 80), "denied_in");
}

#[test]
fn without_a_list_of_interfaces_only_those_of_instances_are_known() {
    let partial = Bodies::whole().without("describe-network-interfaces");
    assert_eq!(free(&partial), [UNKNOWN, UNKNOWN]);
    assert_eq!(partial.web_to("10.0.2.10", 5432), "accepted");
    assert_eq!(partial.web_to("10.0.2.10", 80), "denied_in");
    assert_eq!(partial.web_to("10.0.9.9", 80), "null_routed");
}

#[test]
fn a_list_counts_for_the_account_and_region_that_it_was_read_from() {
    let partial = || Bodies::whole().without("describe-network-interfaces");
    for folder in ["111111111111/us-east-1", "222222222222/eu-west-1"] {
        let list = INTERFACES.replace("eni-", "eni-other-").replace("\"i-", "\"i-other-");
        let other = partial().with_in(folder, "describe-network-interfaces", &list);
        assert_eq!(free(&other), [UNKNOWN, UNKNOWN], "{folder}");
    }
    let flat = partial().with_in("all", "describe-network-interfaces", INTERFACES);
    assert_eq!(free(&flat), [NOBODY, NOBODY]);
}

#[test]
fn in_a_shared_vpc_the_owners_list_counts() {
    let owner =
        |body: &str| body.replace("\"OwnerId\": \"111111111111\"", "\"OwnerId\": \"222222222222\"");
    let shared = || {
        Bodies::whole()
            .with("describe-vpcs", &owner(VPCS))
            .with("describe-subnets", &owner(SUBNETS))
    };
    assert_eq!(free(&shared()), [UNKNOWN, UNKNOWN]);
    assert_eq!(shared().web_to("10.0.9.9", 80), UNKNOWN);
    let theirs = shared()
        .with_in("222222222222/eu-west-1", "describe-network-interfaces", INTERFACES)
        .with_in("222222222222/eu-west-1", "describe-subnets", &owner(SUBNETS));
    assert_eq!(free(&theirs), [NOBODY, NOBODY]);
    assert_eq!(theirs.web_to("10.0.9.9", 80), "null_routed");
}

#[test]
fn a_folder_with_a_name_of_its_own_stands_for_its_account() {
    let whole = Bodies::whole();
    let moved = whole.0.into_iter().map(|(path, body)| (path.replace(HOME, "accounts/prod"), body));
    assert_eq!(free(&Bodies(moved.collect())), [NOBODY, NOBODY]);
}

#[test]
fn a_page_that_says_that_more_follow_is_no_whole_list() {
    let call = "describe-network-interfaces";
    let key = "{\"NetworkInterfaces\"";
    let token = "{\"NextToken\": \"more\", \"NetworkInterfaces\"";
    let first = Bodies::whole().changed(call, key, token);
    assert_eq!(free(&first), [UNKNOWN, UNKNOWN]);
    let last = "{\"NetworkInterfaces\": []}";
    let both = first.with("describe-network-interfaces-2", last);
    assert_eq!(free(&both), [NOBODY, NOBODY]);
}

#[test]
fn what_names_a_missing_interface_tells_that_the_list_is_not_whole() {
    let gateway = r#"{"NatGateways": [{"NatGatewayId": "nat-1", "State": "available",
        "VpcId": "vpc-a", "SubnetId": "subnet-1",
        "NatGatewayAddresses": [{"NetworkInterfaceId": "eni-nat", "PrivateIp": "10.0.1.5"}]}]}"#;
    let with = |call: &str, body: &str| free(&Bodies::whole().with(call, body));
    let nat = |body: &str| with("describe-nat-gateways", body);
    assert_eq!(nat(gateway), [UNKNOWN, NOBODY]);
    assert_eq!(nat(&gateway.replace("available", "deleted")), [NOBODY, NOBODY]);
    let endpoint = r#"{"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "State": "available",
        "VpcEndpointType": "Interface", "VpcId": "vpc-a", "SubnetIds": ["subnet-2"],
        "NetworkInterfaceIds": ["eni-endpoint"], "Groups": []}]}"#;
    assert_eq!(with("describe-vpc-endpoints", endpoint), [NOBODY, UNKNOWN]);
    let target = r#"{"MountTargets": [{"MountTargetId": "fsmt-1", "FileSystemId": "fs-1",
        "SubnetId": "subnet-2", "LifeCycleState": "available",
        "NetworkInterfaceId": "eni-target"}]}"#;
    assert_eq!(with("describe-mount-targets", target), [NOBODY, UNKNOWN]);
    let elastic = r#"{"Addresses": [{"AllocationId": "eipalloc-1", "PublicIp": "198.51.100.7",
        "NetworkInterfaceId": "eni-elastic", "PrivateIpAddress": "10.0.2.77"}]}"#;
    assert_eq!(with("describe-addresses", elastic), [NOBODY, UNKNOWN]);
    let route = |state: &str| {
        let route = format!(
            r#""local"}}, {{"DestinationCidrBlock": "10.9.0.0/16", "State": "{state}",
            "NetworkInterfaceId": "eni-appliance"}}"#
        );
        free(&Bodies::whole().changed("describe-route-tables", "\"local\"}", &route))
    };
    assert_eq!(route("active"), [UNKNOWN, UNKNOWN]);
    assert_eq!(route("blackhole"), [NOBODY, NOBODY]);
}

#[test]
fn instances_that_the_list_does_not_hold_are_evidence_until_they_end() {
    let empty = "{\"NetworkInterfaces\": []}";
    let partial = || Bodies::whole().with("describe-network-interfaces", empty);
    assert_eq!(free(&partial()), [UNKNOWN, UNKNOWN]);
    let bare = r#"{"Reservations": [{"Instances": [{"InstanceId": "i-bare",
        "SubnetId": "subnet-2", "VpcId": "vpc-a", "PrivateIpAddress": "10.0.2.50",
        "SecurityGroups": [{"GroupId": "sg-db"}]}]}]}"#;
    let with = |body: &str| free(&Bodies::whole().with("describe-instances-2", body));
    assert_eq!(with(bare), [NOBODY, UNKNOWN]);
    let ended = bare.replace("\"VpcId\"", "\"State\": {\"Name\": \"terminated\"}, \"VpcId\"");
    assert_eq!(with(&ended), [NOBODY, NOBODY]);
}

#[test]
fn an_address_that_no_subnet_holds_may_be_in_one_that_is_missing() {
    let without = Bodies::whole().without("describe-subnets");
    assert_eq!(without.web_to("10.0.9.9", 80), UNKNOWN);
    let named = |body: Bodies| body.web_to("10.0.9.9", 80);
    let table = "\"Associations\": [{\"Main\": true}";
    let further = format!("{table}, {{\"SubnetId\": \"subnet-gone\"}}");
    assert_eq!(named(Bodies::whole().changed("describe-route-tables", table, &further)), UNKNOWN);
    let old = format!(
        "{table}, {{\"SubnetId\": \"subnet-gone\", \
         \"AssociationState\": {{\"State\": \"disassociated\"}}}}"
    );
    assert_eq!(named(Bodies::whole().changed("describe-route-tables", table, &old)), "null_routed");
    let elsewhere = INTERFACES.replace("subnet-2", "subnet-gone");
    assert_eq!(named(Bodies::whole().with("describe-network-interfaces", &elsewhere)), UNKNOWN);
}

#[test]
fn a_vpc_without_subnets_has_none_where_its_owners_were_listed() {
    let from = |bodies: &Bodies, destination| {
        let estate = bodies.estate();
        let realm = estate.network.realms.iter().find(|(_, one)| one.name == "vpc-bare").unwrap();
        dispositions(&estate, &Start::Realm(realm.0), destination, 80)
    };
    assert_eq!(from(&Bodies::whole(), "10.1.0.9"), "null_routed");
    let partial = Bodies::whole().without("describe-subnets");
    assert_eq!(from(&partial, "10.1.0.9"), UNKNOWN);
    assert_eq!(from(&partial, "10.2.0.9"), "null_routed", "another VPC's address is not in it");
}

#[test]
fn an_interface_of_unknown_groups_may_be_a_member_of_any() {
    let call = "describe-network-interfaces";
    let groups = "\"Groups\": [{\"GroupId\": \"sg-web\"}], ";
    let untold = Bodies::whole().changed(call, groups, "");
    assert_eq!(untold.web_to("10.0.2.10", 5432), UNKNOWN);
    assert_eq!(untold.web_to("10.0.2.10", 80), "denied_in", "no rule is for this port");
    let other = Bodies::whole().changed(call, "\"sg-web\"", "\"sg-missing\"");
    assert_eq!(other.web_to("10.0.2.10", 5432), "denied_in", "its one group is not `sg-web`");
}

#[test]
fn replies_find_their_sender_where_interfaces_are_missing() {
    let open = "\"IpPermissions\": [\n      {\"IpProtocol\"";
    let any = "\"IpPermissions\": [{\"IpProtocol\": \"-1\", \
               \"IpRanges\": [{\"CidrIp\": \"10.0.0.0/16\"}]}, {\"IpProtocol\"";
    let partial = Bodies::whole().without("describe-network-interfaces").changed(
        "describe-security-groups",
        open,
        any,
    );
    let estate = partial.estate();
    let from = estate.network.subnets.iter().find(|(_, one)| one.name == "subnet-1").unwrap();
    let start = Start::Subnet { subnet: from.0, address: address("10.0.1.77") };
    let flows = FlowSet::protocol(Protocol::TCP);
    let parts = Reach::new(&estate.network).answer(&start, address("10.0.2.10"), &flows);
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].established.sure, flows);
}

#[test]
fn an_interface_that_is_attached_to_nothing_accepts_nothing() {
    let spare = r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-spare",
        "SubnetId": "subnet-2", "VpcId": "vpc-a", "PrivateIpAddress": "10.0.2.20",
        "Groups": [{"GroupId": "sg-db"}], "Status": "available"}]}"#;
    let call = "describe-network-interfaces-2";
    let with = Bodies::whole().with(call, spare);
    assert_eq!(with.web_to("10.0.2.20", 5432), "denied_in");
    let estate = with.estate();
    assert_eq!(endpoint(&estate.network, "eni-spare").role, EndpointRole::InitiatesOnly);
    assert!(subnet(&estate.network, "subnet-2").endpoints_read);
    let in_use = Bodies::whole().with(call, &spare.replace("available", "in-use"));
    assert_eq!(in_use.web_to("10.0.2.20", 5432), "accepted");
}
