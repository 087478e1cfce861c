//! `collect aws --from-…` on the command line: an estate folder out of another tool's export.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

fn watertight(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watertight")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn written(folder: &Path, name: &str, content: &Value) -> String {
    let path = folder.join(name);
    fs::write(&path, content.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A web server that may open connections to a database, and nobody else.
fn state() -> Value {
    let resource = |kind: &str, attributes: Value| json!({"mode": "managed", "type": kind, "name": "it", "instances": [{"attributes": attributes}]});
    let arn = |what: &str| format!("arn:aws:ec2:eu-west-1:444455556666:{what}");
    let group = |id: &str, name: &str, inward: Value| {
        json!({
            "id": id, "name": name, "vpc_id": "vpc-1", "owner_id": "444455556666",
            "ingress": inward,
            "egress": [{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}],
        })
    };
    let machine = |id: &str, interface: &str, address: &str, group: &str| {
        json!({
            "id": id, "arn": arn(&format!("instance/{id}")), "instance_state": "running",
            "subnet_id": "subnet-1", "private_ip": address, "source_dest_check": true,
            "primary_network_interface_id": interface, "vpc_security_group_ids": [group],
            "tags_all": {"Name": id},
        })
    };
    let postgres = json!([{
        "protocol": "tcp", "from_port": 5432, "to_port": 5432, "security_groups": ["sg-web"],
    }]);
    json!({"version": 4, "resources": [
        resource("aws_vpc", json!({
            "id": "vpc-1", "arn": arn("vpc/vpc-1"), "owner_id": "444455556666",
            "cidr_block": "10.0.0.0/16", "main_route_table_id": "rtb-1",
        })),
        resource("aws_subnet", json!({
            "id": "subnet-1", "vpc_id": "vpc-1", "cidr_block": "10.0.1.0/24",
            "arn": arn("subnet/subnet-1"), "availability_zone": "eu-west-1a",
        })),
        resource("aws_network_acl", json!({
            "id": "acl-1", "vpc_id": "vpc-1", "subnet_ids": ["subnet-1"],
            "ingress": [{"rule_no": 100, "action": "allow", "protocol": "-1", "cidr_block": "0.0.0.0/0",
                "from_port": 0, "to_port": 0}],
            "egress": [{"rule_no": 100, "action": "allow", "protocol": "-1", "cidr_block": "0.0.0.0/0",
                "from_port": 0, "to_port": 0}],
        })),
        resource("aws_security_group", group("sg-web", "web", json!([]))),
        resource("aws_security_group", group("sg-db", "db", postgres)),
        resource("aws_instance", machine("web-1", "eni-web", "10.0.1.10", "sg-web")),
        resource("aws_instance", machine("db-1", "eni-db", "10.0.1.20", "sg-db")),
        resource("aws_kinesis_stream", json!({"id": "events"})),
    ]})
}

#[test]
fn a_terraform_state_becomes_an_estate_that_answers() {
    let folder = TempDir::new().unwrap();
    let state = written(folder.path(), "terraform.tfstate", &state());
    let out = folder.path().join("estate");
    let out = out.to_str().unwrap();
    let collected = watertight(&["collect", "aws", "--from-terraform-state", &state, "-o", out]);
    assert_eq!(collected.status.code(), Some(0), "{}", text(&collected.stderr));
    let told = text(&collected.stderr);
    assert_eq!(told, "note: 1 resource of the type `aws_kinesis_stream` not read\n");
    let summary = text(&collected.stdout);
    assert_eq!(
        summary,
        "1 account in 2 places: 6 bodies, 0 answers of nothing, 0 denied, 0 failed\n"
    );
    let ask = |from: &str, to: &str, over: &str| {
        watertight(&["can", out, "--from", from, "--to", to, "--over", over])
    };
    let accepted = ask("web-1", "db-1", "tcp/5432");
    assert_eq!(accepted.status.code(), Some(0), "{}", text(&accepted.stdout));
    let denied = ask("web-1", "db-1", "tcp/22");
    assert_eq!(denied.status.code(), Some(2), "{}", text(&denied.stdout));
    assert!(text(&denied.stdout).contains("denied_in"), "{}", text(&denied.stdout));
    // Who else is in the subnet, no state tells.
    let unknown = ask("web-1", "10.0.1.99", "tcp/5432");
    assert!(text(&unknown.stdout).contains("unknown"), "{}", text(&unknown.stdout));
}

#[test]
fn a_snapshot_of_config_is_kept_without_secrets() {
    let folder = TempDir::new().unwrap();
    let snapshot = json!({"configurationItems": [{
        "resourceType": "AWS::Lambda::Function", "configurationItemStatus": "OK",
        "awsAccountId": "444455556666", "awsRegion": "eu-west-1",
        "configuration": {
            "functionName": "mailer",
            "functionArn": "arn:aws:lambda:eu-west-1:444455556666:function:mailer",
            "environment": {"variables": {"SMTP_PASSWORD": "hunter2-hunter2"}},
            "vpcConfig": {"subnetIds": [], "securityGroupIds": []},
        },
    }]});
    let snapshot = written(folder.path(), "snapshot.json", &snapshot);
    let out = folder.path().join("estate");
    let arguments = ["collect", "aws", "--from-config", &snapshot, "-o", out.to_str().unwrap()];
    let collected = watertight(&arguments);
    assert_eq!(collected.status.code(), Some(0), "{}", text(&collected.stderr));
    let body = out.join("raw/aws/444455556666/eu-west-1/lambda-list-functions.json");
    let body = fs::read_to_string(body).unwrap();
    assert!(body.contains("REDACTED") && !body.contains("hunter2"), "{body}");
}

#[test]
fn an_export_that_cannot_be_read_leaves_the_folder_as_it_was() {
    let folder = TempDir::new().unwrap();
    let good = written(folder.path(), "good.tfstate", &state());
    let out = folder.path().join("estate");
    for (content, expected) in [
        ("{\"version\": 4, \"resources\": [", "bad.tfstate"),
        ("{\"version\": 3}", "it is no Terraform state: its version is 3, and only 4 is read"),
    ] {
        let bad = folder.path().join("bad.tfstate");
        fs::write(&bad, content).unwrap();
        let arguments = [
            "collect",
            "aws",
            "--from-terraform-state",
            &good,
            "--from-terraform-state",
            bad.to_str().unwrap(),
            "-o",
            out.to_str().unwrap(),
        ];
        let refused = watertight(&arguments);
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(3), "{told}");
        assert!(told.contains(expected), "{told}");
        assert!(!out.exists());
    }
    let both = ["collect", "aws", "--from-config", &good, "--profile", "audit", "-o", "estate"];
    assert_eq!(watertight(&both).status.code(), Some(3));
}
