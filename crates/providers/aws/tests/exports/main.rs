//! What is made of other tools' exports against what the providers' own bodies say.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod plan;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use watertight_aws::{Body, ExportedBody, Options, config_snapshot, convert, terraform_state};
use watertight_model::network::EndpointId;
use watertight_model::{Bounds, Estate};
use watertight_net::FlowSet;
use watertight_reach::{Matrix, Reach};
use watertight_source::{FileId, Limits, Tree};
use watertight_testkit::generate::{self, Size};

/// Bodies with their paths.
type Files = Vec<(String, Value)>;

fn tree(number: usize, value: &Value) -> Tree {
    let file = FileId(u32::try_from(number).unwrap());
    Tree::parse_json(file, value.to_string().as_str(), &Limits::default()).unwrap()
}

fn estate(files: &Files) -> Estate {
    let bodies = files.iter().enumerate();
    let bodies: Vec<Body> = bodies
        .map(|(number, (path, value))| Body { path: path.clone(), tree: tree(number, value) })
        .collect();
    let converted = convert(&bodies, &Options::default());
    assert_eq!(converted.diagnostics.errors(), 0, "{:?}", converted.diagnostics.kept());
    converted.estate
}

/// Bodies as files of an estate's folder.
fn files(bodies: Vec<ExportedBody>) -> Files {
    let path = |body: &ExportedBody| {
        let folder = format!("raw/aws/{}/{}/{}", body.account, body.region, body.call);
        match &body.argument {
            Some(argument) => format!("{folder}/{}.json", argument.replace(['/', ':'], "%2F")),
            None => format!("{folder}.json"),
        }
    };
    bodies.into_iter().map(|body| (path(&body), body.body)).collect()
}

/// What each interface may send to each other one, by their ids. Of one that is inferred, not all
/// addresses are known.
fn cells(estate: &Estate) -> BTreeMap<(String, String), Bounds<FlowSet>> {
    let reach = Reach::new(&estate.network);
    let matrix: Matrix = reach.matrix(&BTreeSet::new());
    let ends: Vec<(EndpointId, String)> = estate
        .network
        .endpoints
        .iter()
        .filter(|(_, one)| one.name.starts_with("eni-") && !one.inferred)
        .map(|(id, one)| (id, one.name.to_string()))
        .collect();
    let mut cells = BTreeMap::new();
    for (from, sender) in &ends {
        for (to, receiver) in &ends {
            let cell = matrix.between(*from, *to).map(|cell| cell.forward.clone());
            let cell = cell.unwrap_or_else(|| Bounds::exact(FlowSet::none()));
            cells.insert((sender.clone(), receiver.clone()), cell);
        }
    }
    cells
}

/// How many pairs of interfaces an export tells as the bodies do: exactly, and within its bounds.
/// What lies outside of them is a lie.
fn compared(whole: &Estate, export: &Estate, text: &str) -> (usize, usize) {
    let (whole, export) = (cells(whole), cells(export));
    let (mut exact, mut within) = (0, 0);
    for (pair, told) in &export {
        let Some(known) = whole.get(pair) else { continue };
        let holds = known.sure.contains(&told.sure) && told.possible.contains(&known.possible);
        assert!(holds, "{text}: {pair:?}: {known:?} is told as {told:?}");
        exact += usize::from(known == told);
        within += 1;
    }
    (exact, within)
}

#[test]
fn a_terraform_state_never_says_what_the_bodies_deny() {
    let (mut exact, mut within) = (0, 0);
    for seed in 1..=200 {
        let generated = generate::aws(seed, Size::FEW);
        let state = state::of(&generated.files);
        let export = terraform_state(&tree(0, &state)).unwrap();
        let (whole, told) = (estate(&generated.files), estate(&files(export.bodies)));
        let counts = compared(&whole, &told, &format!("seed {seed}"));
        (exact, within) = (exact + counts.0, within + counts.1);
    }
    println!("{exact} of {within} pairs exactly");
    assert!(within > 1_000 && exact * 2 > within, "{exact} of {within}");
}

#[test]
fn what_terraform_shows_of_a_state_is_the_state() {
    let generated = generate::aws(7, Size::FEW);
    let state = state::of(&generated.files);
    let resources: Vec<Value> = state["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let values = &one["instances"][0]["attributes"];
            json!({"mode": "managed", "type": one["type"], "name": "x", "values": values})
        })
        .collect();
    // In a module within a module, as large configurations are.
    let inner = json!({"child_modules": [{"resources": resources}]});
    let shown = json!({"format_version": "1.0", "values": {"root_module": inner}});
    let read = |state: &Value| terraform_state(&tree(0, state)).unwrap();
    assert!(!read(&state).bodies.is_empty());
    assert_eq!(read(&shown), read(&state));
}

#[test]
fn what_is_no_state_is_refused_with_the_reason() {
    let read = |value: Value| terraform_state(&tree(0, &value)).unwrap_err().to_string();
    assert_eq!(
        read(json!({"version": 3, "modules": []})),
        "it is no Terraform state: its version is 3, and only 4 is read"
    );
    assert_eq!(
        read(json!({"format_version": "1.2", "planned_values": {}})),
        "it is no Terraform state: it is a plan, which `gate` reads: what is planned is not there yet"
    );
    assert_eq!(
        read(json!({"Vpcs": []})),
        "it is no Terraform state: it has neither `version` nor `values`"
    );
}

#[test]
fn a_type_that_is_not_read_is_counted() {
    let resource = |kind: &str| json!({"type": kind, "instances": [{"attributes": {"id": "x"}}]});
    let state = json!({"version": 4, "resources": [
        resource("aws_quantum_link"), resource("aws_quantum_link"), resource("random_id"),
    ]});
    let export = terraform_state(&tree(0, &state)).unwrap();
    assert_eq!(export.passed_over, BTreeMap::from([("aws_quantum_link".to_owned(), 2)]));
}

/// What lists the rules of a group whole takes the others off; where it lists one that is no resource,
/// any that is there may be it.
#[test]
fn rules_that_are_listed_whole_are_all_that_a_group_has() {
    let read = |listed: &[&str]| -> usize {
        let resource = |kind: &str, values: Value| json!({"type": kind, "instances": [{"attributes": values}]});
        let rule = |id: &str, port: u16| {
            resource(
                "aws_vpc_security_group_ingress_rule",
                json!({"id": id, "security_group_id": "sg-1", "cidr_ipv4": "10.0.0.0/8",
                    "ip_protocol": "tcp", "from_port": port, "to_port": port}),
            )
        };
        let inline = json!([{"protocol": "tcp", "from_port": 22, "to_port": 22,
            "cidr_blocks": ["0.0.0.0/0"]}]);
        let state = json!({"version": 4, "resources": [
            resource("aws_security_group", json!({"id": "sg-1", "ingress": inline})),
            rule("sgr-1", 80), rule("sgr-2", 443),
            resource("aws_vpc_security_group_rules_exclusive",
                json!({"security_group_id": "sg-1", "ingress_rule_ids": listed, "egress_rule_ids": []})),
        ]});
        let export = terraform_state(&tree(0, &state)).unwrap();
        assert_eq!(export.passed_over, BTreeMap::new());
        export.bodies[0].body["SecurityGroups"][0]["IpPermissions"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(read(&["sgr-1"]), 1);
    assert_eq!(read(&["sgr-1", "sgr-2"]), 2);
    assert_eq!(read(&[]), 0);
    assert_eq!(read(&["sgr-1", "sgr-of-others"]), 3);
}

/// The bodies of the shop's first account that AWS Config has items of.
fn of_shop() -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../examples/estates/shop/raw/aws/111122223333/eu-central-1");
    let mut found = Files::new();
    for call in state::CONFIG.iter().map(|(_, call, _)| *call) {
        let text = fs::read_to_string(folder.join(format!("{call}.json"))).unwrap();
        let path = format!("raw/aws/111122223333/eu-central-1/{call}.json");
        found.push((path, serde_json::from_str(&text).unwrap()));
    }
    found
}

#[test]
fn a_snapshot_of_config_says_what_the_bodies_say() {
    let bodies = of_shop();
    let snapshot = state::snapshot(&bodies);
    let export = config_snapshot(&tree(0, &snapshot)).unwrap();
    assert_eq!(export.passed_over, BTreeMap::from([("AWS::Quantum::Link".to_owned(), 1)]));
    let (whole, told) = (estate(&bodies), estate(&files(export.bodies)));
    let (exact, within) = compared(&whole, &told, "shop");
    assert!(within > 1_000, "{within}");
    assert_eq!(exact, within);
}

#[test]
fn a_resource_that_config_saw_deleted_is_not_there() {
    let item = |status: &str| {
        json!({
            "configurationItemStatus": status, "resourceType": "AWS::EC2::VPC",
            "awsAccountId": "111122223333", "awsRegion": "eu-central-1",
            "configuration": {"vpcId": format!("vpc-{status}"), "cidrBlock": "10.0.0.0/16"},
        })
    };
    let items = [item("OK"), item("ResourceDeleted")];
    let export = config_snapshot(&tree(0, &json!({"configurationItems": items}))).unwrap();
    let vpcs = export.bodies[0].body["Vpcs"].as_array().unwrap();
    let ids: Vec<&Value> = vpcs.iter().map(|vpc| &vpc["VpcId"]).collect();
    assert_eq!(ids, ["vpc-OK"]);
    let error = config_snapshot(&tree(0, &json!([]))).unwrap_err().to_string();
    assert_eq!(error, "it is no AWS Config snapshot: it has no list `configurationItems`");
}
