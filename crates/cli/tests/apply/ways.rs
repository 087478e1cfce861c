//! Plans that rest on the ways between VPCs: peerings, transit gateways with their tables, and prefix lists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use watertight_testkit::aws_server::{Recording, Server, Strictness, Troubles};

use crate::support::{ACCOUNT, Lab, copied, estate, policy, told, watertight};

const REGION: &str = "eu-central-1";
/// The account of the transit gateway.
const HUB: &str = "999999999999";
const VPC: &str = "vpc-0000000000000c001";
const FAR: &str = "vpc-0000000000000d001";
const TABLE: &str = "tgw-rtb-0000000000000c001";
const LIST: &str = "pl-0000000000000c009";

/// A body with where it lies: account, call, and what it is about.
struct Written {
    account: &'static str,
    call: &'static str,
    about: Option<&'static str>,
    body: Value,
}

/// The bodies of the ways, as they are collected.
fn ways() -> Vec<Written> {
    own_ways().into_iter().chain(hub_ways()).chain(hub_tables()).collect()
}

/// Those of the account of the VPC.
fn own_ways() -> Vec<Written> {
    let own = |call, body| Written { account: ACCOUNT, call, about: None, body };
    let side = |vpc: &str, block: &str| {
        json!({"VpcId": vpc, "OwnerId": ACCOUNT, "Region": REGION,
        "CidrBlock": block, "CidrBlockSet": [{"CidrBlock": block}], "Ipv6CidrBlockSet": [],
        "PeeringOptions": {"AllowDnsResolutionFromRemoteVpc": false}})
    };
    vec![
        own(
            "ec2-describe-vpc-peering-connections",
            json!({"VpcPeeringConnections": [{
            "VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active", "Message": "Active"},
            "RequesterVpcInfo": side(VPC, "10.40.0.0/16"), "AccepterVpcInfo": side(FAR, "10.50.0.0/16"),
            "Tags": []}]}),
        ),
        own(
            "ec2-describe-managed-prefix-lists",
            json!({"PrefixLists": [{
            "PrefixListId": LIST, "PrefixListName": "offices", "AddressFamily": "IPv4", "MaxEntries": 10,
            "Version": 3, "State": "create-complete", "OwnerId": ACCOUNT, "Tags": []}]}),
        ),
        Written {
            account: ACCOUNT,
            call: "ec2-get-managed-prefix-list-entries",
            about: Some(LIST),
            body: json!({"Entries": [{"Cidr": "198.51.100.0/24", "Description": "office"}]}),
        },
    ]
}

/// Those of the transit gateway's account: what is attached.
fn hub_ways() -> Vec<Written> {
    let hub = |call, body| Written { account: HUB, call, about: None, body };
    let attachment = |id: &str, vpc: &str| {
        json!({"TransitGatewayAttachmentId": id, "TransitGatewayId": "tgw-1",
        "TransitGatewayOwnerId": HUB, "ResourceOwnerId": ACCOUNT, "ResourceType": "vpc", "ResourceId": vpc,
        "State": "available", "Association": {"TransitGatewayRouteTableId": TABLE, "State": "associated"}})
    };
    vec![
        hub(
            "ec2-describe-transit-gateways",
            json!({"TransitGateways": [{
            "TransitGatewayId": "tgw-1", "OwnerId": HUB, "State": "available", "Tags": [],
            "Options": {"SecurityGroupReferencingSupport": "disable"}}]}),
        ),
        hub(
            "ec2-describe-transit-gateway-attachments",
            json!({"TransitGatewayAttachments": [
            attachment("tgw-attach-1", VPC), attachment("tgw-attach-2", FAR)]}),
        ),
        hub(
            "ec2-describe-transit-gateway-vpc-attachments",
            json!({"TransitGatewayVpcAttachments": [{
            "TransitGatewayAttachmentId": "tgw-attach-1", "TransitGatewayId": "tgw-1", "VpcId": VPC,
            "VpcOwnerId": ACCOUNT, "State": "available", "SubnetIds": ["subnet-0000000000000c002"],
            "Options": {"ApplianceModeSupport": "disable", "SecurityGroupReferencingSupport": "disable"},
            "Tags": []}]}),
        ),
        hub(
            "ec2-describe-transit-gateway-route-tables",
            json!({"TransitGatewayRouteTables": [{
            "TransitGatewayRouteTableId": TABLE, "TransitGatewayId": "tgw-1", "State": "available",
            "DefaultAssociationRouteTable": true, "DefaultPropagationRouteTable": true, "Tags": []}]}),
        ),
    ]
}

/// What its table holds.
fn hub_tables() -> Vec<Written> {
    let hub = |call, body| Written { account: HUB, call, about: Some(TABLE), body };
    let attached = |id: &str| {
        json!({"TransitGatewayAttachmentId": id, "ResourceId": VPC, "ResourceType": "vpc",
        "State": "associated"})
    };
    vec![
        hub(
            "ec2-search-transit-gateway-routes",
            json!({"Routes": [{
            "DestinationCidrBlock": "10.40.0.0/16", "Type": "propagated", "State": "active",
            "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-1", "ResourceId": VPC,
                "ResourceType": "vpc"}]}], "AdditionalRoutesAvailable": false}),
        ),
        hub(
            "ec2-get-transit-gateway-route-table-associations",
            json!({"Associations": [attached("tgw-attach-1")]}),
        ),
        hub(
            "ec2-get-transit-gateway-route-table-propagations",
            json!({"TransitGatewayRouteTablePropagations": [{"TransitGatewayAttachmentId": "tgw-attach-1",
                "ResourceId": VPC, "ResourceType": "vpc", "State": "enabled"}]}),
        ),
        hub(
            "ec2-get-transit-gateway-prefix-list-references",
            json!({"TransitGatewayPrefixListReferences": []}),
        ),
    ]
}

/// The three tiers with ways to another VPC, and bodies in the place of some of theirs.
fn written(folder: &Path, ways: &[Written]) -> PathBuf {
    let to = copied(&estate(), folder, |_, body| {
        let tables = body.get_mut("RouteTables").and_then(Value::as_array_mut);
        for table in tables.into_iter().flatten() {
            let routes = table["Routes"].as_array_mut().unwrap();
            routes.push(
                json!({"DestinationCidrBlock": "10.50.0.0/16", "VpcPeeringConnectionId": "pcx-1",
                "Origin": "CreateRoute", "State": "active"}),
            );
            routes.push(json!({"DestinationPrefixListId": LIST, "TransitGatewayId": "tgw-1",
                "Origin": "CreateRoute", "State": "active"}));
        }
    });
    for one in ways {
        let folder = to.join("raw/aws").join(one.account).join(REGION);
        let path = match one.about {
            None => folder.join(format!("{}.json", one.call)),
            Some(about) => folder.join(one.call).join(format!("{about}.json")),
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, one.body.to_string()).unwrap();
    }
    to
}

/// A server that holds an estate.
fn server(estate: &Path) -> Server {
    let recording = Recording::read(estate).unwrap();
    Server::start_strict(recording, Troubles::default(), Strictness::default()).unwrap()
}

/// A server that holds the estate with these ways, and the plan for it as it was collected.
fn lab(change: impl FnOnce(&mut Vec<Written>)) -> Lab {
    let folder = TempDir::new().unwrap();
    let collected = TempDir::new().unwrap();
    let estate = written(collected.path(), &ways());
    let plan = folder.path().join("change.plan");
    let rules = policy();
    let arguments = ["plan", rules.to_str().unwrap(), "--estate", estate.to_str().unwrap(), "-o"];
    let arguments = [&arguments[..], &[plan.to_str().unwrap()]].concat();
    let (code, told, error) = told(&watertight(&arguments, "http://127.0.0.1:1", ""));
    assert!(code == 0 || code == 2, "{told}{error}");
    let mut changed = ways();
    change(&mut changed);
    let server = server(&written(folder.path(), &changed));
    Lab { server, folder }
}

fn body<'w>(ways: &'w mut [Written], call: &str) -> &'w mut Value {
    let found = ways.iter_mut().find(|one| one.call.ends_with(call));
    &mut found.unwrap().body
}

/// Takes the bodies of a call away, as if nothing of it were there any more.
fn without(ways: &mut Vec<Written>, call: &str) {
    ways.retain(|one| !one.call.ends_with(call));
}

const ROLE: &[&str] = &["--role", "deploy"];

#[test]
fn a_plan_whose_ways_are_as_they_were_is_applied_and_asks_what_the_printed_policy_permits() {
    let lab = lab(|_| {});
    let reads = lab.plan()["reads"].clone();
    let of =
        |what: &str| reads.as_array().unwrap().iter().filter(|one| one["what"] == what).count();
    let kinds = ["peering", "transit", "transit-routes", "prefix-list"].map(of);
    assert_eq!(kinds, [1, 1, 1, 1], "{reads:#}");
    let (code, _, error) = lab.run("apply", ROLE);
    assert_eq!(code, 0, "{error}");
    let (code, printed, _) = lab.run("apply", &["--print-iam-policy"]);
    assert_eq!(code, 0);
    let policy: Value = serde_json::from_str(&printed).unwrap();
    let read = policy["Statement"].as_array().unwrap();
    let read = read.iter().find(|one| one["Sid"] == "WatertightApplyRead").unwrap();
    let permitted: BTreeSet<&str> =
        read["Action"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let asked: BTreeSet<String> =
        lab.server.asked().iter().filter_map(|call| action(call)).collect();
    let asked: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    assert_eq!(permitted, asked);
}

/// The permission for a call of the network's service.
fn action(call: &str) -> Option<String> {
    let words = call.strip_prefix("ec2-")?.split('-');
    let words = words.map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    Some(format!("ec2:{}", words.collect::<String>()))
}

#[test]
fn a_plan_without_such_ways_asks_for_no_permission_about_them() {
    let lab = Lab::plain();
    let (code, printed, _) = lab.run("apply", &["--print-iam-policy"]);
    assert_eq!(code, 0);
    assert!(!printed.contains("TransitGateway") && !printed.contains("Peering"), "{printed}");
    let (code, printed, _) = lab.watertight(&["apply", "--print-iam-policy"]);
    assert_eq!(code, 0);
    assert!(printed.contains("ec2:SearchTransitGatewayRoutes"), "{printed}");
}

/// A change of the ways.
type Change = fn(&mut Vec<Written>);

#[test]
fn a_plan_whose_peerings_or_transit_gateways_changed_is_refused_and_says_how() {
    let cases: [(Change, &str); 6] = [
        (
            |ways| {
                let side = &mut body(ways, "peering-connections")["VpcPeeringConnections"][0]["AccepterVpcInfo"];
                side["CidrBlockSet"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"CidrBlock": "10.60.0.0/16"}));
            },
            "peering pcx-1: ends; gone accepter vpc-0000000000000d001 10.50.0.0/16; \
             new accepter vpc-0000000000000d001 10.50.0.0/16 10.60.0.0/16",
        ),
        (
            |ways| {
                let peering = &mut body(ways, "peering-connections")["VpcPeeringConnections"][0];
                peering["AccepterVpcInfo"]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] =
                    json!(true);
            },
            "peering pcx-1: options; new accepter AllowDnsResolutionFromRemoteVpc",
        ),
        (
            |ways| {
                body(ways, "peering-connections")["VpcPeeringConnections"][0]["Status"]["Code"] =
                    json!("deleted");
            },
            "peering pcx-1: it is gone",
        ),
        (
            |ways| {
                let gateway = &mut body(ways, "describe-transit-gateways")["TransitGateways"][0];
                gateway["Options"]["SecurityGroupReferencingSupport"] = json!("enable");
            },
            "transit gateway tgw-1: gateway; gone available; new available, groups may be named across it",
        ),
        (
            |ways| {
                let all =
                    &mut body(ways, "transit-gateway-attachments")["TransitGatewayAttachments"];
                all[1]["State"] = json!("deleting");
            },
            "transit gateway tgw-1: attachments; gone tgw-attach-2 of vpc vpc-0000000000000d001, \
             table tgw-rtb-0000000000000c001",
        ),
        (
            |ways| {
                let all = &mut body(ways, "vpc-attachments")["TransitGatewayVpcAttachments"];
                all[0]["SubnetIds"] = json!(["subnet-0000000000000c003"]);
            },
            "transit gateway tgw-1: subnets; gone tgw-attach-1 of vpc-0000000000000c001 in subnet-0000000000000c002; \
             new tgw-attach-1 of vpc-0000000000000c001 in subnet-0000000000000c003",
        ),
    ];
    refused(&cases);
}

#[test]
fn a_plan_whose_transit_routes_or_prefix_lists_changed_is_refused_and_says_how() {
    let cases: [(Change, &str); 7] = [
        (
            |ways| {
                let routes = body(ways, "search-transit-gateway-routes");
                routes["Routes"].as_array_mut().unwrap().push(json!({
                    "DestinationCidrBlock": "0.0.0.0/0", "Type": "static", "State": "active",
                    "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-2"}]}));
            },
            "routes of transit gateways tgw-rtb-0000000000000c001: routes; new 0.0.0.0/0 static to tgw-attach-2",
        ),
        (
            |ways| {
                body(ways, "search-transit-gateway-routes")["Routes"][0]["State"] =
                    json!("blackhole");
            },
            "routes; gone 10.40.0.0/16 propagated to tgw-attach-1; new 10.40.0.0/16 propagated to black hole",
        ),
        (
            |ways| {
                body(ways, "associations")["Associations"] = json!([]);
            },
            "routes of transit gateways tgw-rtb-0000000000000c001: associations; gone tgw-attach-1",
        ),
        (
            |ways| {
                let all = &mut body(ways, "propagations")["TransitGatewayRouteTablePropagations"];
                let mut more = all[0].clone();
                more["TransitGatewayAttachmentId"] = json!("tgw-attach-2");
                all.as_array_mut().unwrap().push(more);
            },
            "routes of transit gateways tgw-rtb-0000000000000c001: propagations; new tgw-attach-2",
        ),
        (
            |ways| {
                body(ways, "references")["TransitGatewayPrefixListReferences"] = json!([{
                    "TransitGatewayRouteTableId": TABLE, "PrefixListId": LIST, "State": "available",
                    "Blackhole": true}]);
            },
            "routes of transit gateways tgw-rtb-0000000000000c001: lists; new pl-0000000000000c009 to black hole",
        ),
        (
            |ways| {
                let entries = body(ways, "list-entries");
                entries["Entries"][0]["Cidr"] = json!("198.51.0.0/16");
            },
            "prefix list pl-0000000000000c009: entries; gone 198.51.100.0/24; new 198.51.0.0/16",
        ),
        (
            |ways| {
                for call in ["route-tables", "routes", "associations", "propagations", "references"]
                {
                    without(ways, call);
                }
            },
            "routes of transit gateways tgw-rtb-0000000000000c001: it is gone",
        ),
    ];
    refused(&cases);
}

/// Each change has the plan refused, and is told.
fn refused(cases: &[(Change, &str)]) {
    for (change, how) in cases {
        let lab = lab(change);
        let (code, _, error) = lab.run("apply", ROLE);
        assert_eq!(code, 2, "{how}: {error}");
        assert!(error.contains(how), "{how}: {error}");
        assert!(lab.server.written().is_empty());
    }
}

/// What decides nothing may change: an attachment that is modified, other names, a peering that never was.
#[test]
fn what_decides_nothing_about_a_way_is_no_difference() {
    let lab = lab(|ways| {
        body(ways, "transit-gateway-attachments")["TransitGatewayAttachments"][0]["State"] =
            json!("modifying");
        let list = &mut body(ways, "managed-prefix-lists")["PrefixLists"][0];
        list["PrefixListName"] = json!("branches");
        list["Version"] = json!(4);
        body(ways, "list-entries")["Entries"][0]["Description"] = json!("the office");
        let mut ended = body(ways, "peering-connections")["VpcPeeringConnections"][0].clone();
        ended["VpcPeeringConnectionId"] = json!("pcx-0");
        ended["Status"]["Code"] = json!("rejected");
        let all = &mut body(ways, "peering-connections")["VpcPeeringConnections"];
        all.as_array_mut().unwrap().push(ended);
    });
    let (code, _, error) = lab.run("apply", ROLE);
    assert_eq!(code, 0, "{error}");
}

/// Only its owner is told the tables of a transit gateway.
#[test]
fn the_owner_of_a_transit_gateway_is_asked_and_needs_a_role() {
    let lab = lab(|_| {});
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains(HUB) && error.contains("name a role with `--role`"), "{error}");
    assert!(lab.server.written().is_empty());
    assert_eq!(lab.run("apply", ROLE).0, 0);
    // Taking back looks at nothing of it.
    assert_eq!(lab.run("rollback", &[]).0, 0);
}

/// An account that takes part tells its own attachment, and nobody tells tables: what was not read is not asked.
#[test]
fn what_the_input_does_not_hold_is_not_asked() {
    let folder = TempDir::new().unwrap();
    let mut own: Vec<Written> = ways();
    own.retain(|one| one.account == ACCOUNT || one.call.ends_with("vpc-attachments"));
    for one in &mut own {
        one.account = ACCOUNT;
    }
    without(&mut own, "list-entries");
    let estate = written(folder.path(), &own);
    let plan = folder.path().join("change.plan");
    let server = server(&estate);
    let lab = Lab { server, folder };
    let (rules, estate) = (policy(), estate.to_str().unwrap().to_owned());
    let arguments =
        ["plan", rules.to_str().unwrap(), "--estate", &estate, "-o", plan.to_str().unwrap()];
    let (code, told, error) = lab.watertight(&arguments);
    assert!(code == 0 || code == 2, "{told}{error}");
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 0, "{error}");
    let asked = lab.server.asked();
    assert!(asked.contains("ec2-describe-transit-gateway-vpc-attachments"), "{asked:?}");
    assert!(asked.contains("ec2-describe-managed-prefix-lists"), "{asked:?}");
    for call in ["route-tables", "list-entries", "gateway-attachments"] {
        let call =
            asked.iter().find(|one| one.ends_with(call) && *one != "ec2-describe-route-tables");
        assert_eq!(call, None);
    }
}
