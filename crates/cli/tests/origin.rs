//! Chains to a bucket: from anybody whom its policy lets read, and past networks that it could ask
//! for; assessed from bodies on disk.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

const ACCOUNT: &str = "111111111111";

/// What is assessed: two VPCs, of which `vpc-a` has a private way to buckets; in `vpc-b` two
/// machines, each with a role of its own that may read the bucket `data`, a crown jewel.
struct Bodies {
    files: Vec<(&'static str, Value)>,
}

impl Bodies {
    fn new() -> Self {
        let vpc = |id: &str, block: &str| json!({"VpcId": id, "CidrBlock": block});
        let subnet = |name: &str, block: &str| {
            json!({"SubnetId": format!("subnet-{name}"), "VpcId": format!("vpc-{name}"),
                "CidrBlock": block})
        };
        let table = |name: &str, block: &str, more: Option<Value>| {
            let local = json!({"DestinationCidrBlock": block, "GatewayId": "local"});
            let routes: Vec<Value> = [local].into_iter().chain(more).collect();
            json!({"RouteTableId": format!("rtb-{name}"), "VpcId": format!("vpc-{name}"),
                "Associations": [{"Main": true}], "Routes": routes})
        };
        let private = json!({"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-s3",
            "State": "active"});
        let group = |name: &str| {
            json!({"GroupId": format!("sg-{name}"), "GroupName": name,
                "VpcId": format!("vpc-{name}"), "IpPermissions": [], "IpPermissionsEgress": []})
        };
        let machine = |number: &str, name: &str, address: &str| {
            json!({"InstanceId": format!("i-{number}"), "State": {"Name": "running"},
                "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required",
                    "HttpPutResponseHopLimit": 1},
                "IamInstanceProfile":
                    {"Arn": format!("arn:aws:iam::{ACCOUNT}:instance-profile/r{number}")},
                "NetworkInterfaces": [{"NetworkInterfaceId": format!("eni-{number}"),
                    "SubnetId": format!("subnet-{name}"), "PrivateIpAddress": address,
                    "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": true}],
                    "Groups": [{"GroupId": format!("sg-{name}")}]}]})
        };
        let machines = [machine("1", "b", "10.1.0.10"), machine("2", "b", "10.1.0.11")];
        let files = vec![
            (
                "ec2-describe-vpcs",
                json!({"Vpcs": [vpc("vpc-a", "10.0.0.0/16"), vpc("vpc-b", "10.1.0.0/16")]}),
            ),
            (
                "ec2-describe-subnets",
                json!({"Subnets": [subnet("a", "10.0.0.0/24"), subnet("b", "10.1.0.0/24")]}),
            ),
            (
                "ec2-describe-route-tables",
                json!({"RouteTables": [table("a", "10.0.0.0/16", Some(private)),
                    table("b", "10.1.0.0/16", None)]}),
            ),
            (
                "ec2-describe-vpc-endpoints",
                json!({"VpcEndpoints": [{"VpcEndpointId": "vpce-s3", "VpcId": "vpc-a",
                    "VpcEndpointType": "Gateway", "State": "available",
                    "ServiceName": "com.amazonaws.eu-west-1.s3"}]}),
            ),
            (
                "ec2-describe-prefix-lists",
                json!({"PrefixLists": [{"PrefixListId": "pl-1", "Cidrs": ["3.5.64.0/21"],
                    "PrefixListName": "com.amazonaws.eu-west-1.s3"}]}),
            ),
            ("ec2-describe-security-groups", json!({"SecurityGroups": [group("a"), group("b")]})),
            ("ec2-describe-instances", json!({"Reservations": [{"Instances": machines}]})),
            ("s3api-list-buckets", json!({"Buckets": [{"Name": "data"}]})),
            ("s3api-get-bucket-location/data", json!({"LocationConstraint": "eu-west-1"})),
            (
                "s3api-get-bucket-tagging/data",
                json!({"TagSet": [{"Key": "criticality", "Value": "crown-jewel"}]}),
            ),
            (
                "iam-get-account-authorization-details",
                json!({"RoleDetailList": [role("1"), role("2")], "Policies": [],
                    "UserDetailList": [], "GroupDetailList": []}),
            ),
        ];
        let mut bodies = Self { files };
        bodies.open(false);
        bodies
    }

    /// Lets anybody read the bucket by its policy, or nobody by any.
    fn open(&mut self, is_open: bool) {
        self.files.retain(|(path, _)| !path.contains("policy") && !path.contains("access-block"));
        let effect = if is_open { "Allow" } else { "Deny" };
        let action = if is_open { "s3:GetObject" } else { "s3:PutBucketPolicy" };
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": effect,
            "Principal": "*", "Action": action, "Resource": "arn:aws:s3:::data/*"}]});
        let block = json!({"BlockPublicAcls": true, "IgnorePublicAcls": true,
            "BlockPublicPolicy": false, "RestrictPublicBuckets": false});
        let block = json!({"PublicAccessBlockConfiguration": block});
        self.files.push(("s3api-get-bucket-policy/data", json!({"Policy": policy.to_string()})));
        self.files.push(("s3api-get-public-access-block/data", block.clone()));
        self.files.push(("s3control-get-public-access-block", block));
    }

    /// The assessment, and what is said beside it.
    fn assess(&self) -> (Value, String) {
        let folder = tempfile::tempdir().unwrap();
        for (path, body) in &self.files {
            let place = folder.path().join(format!("raw/aws/{ACCOUNT}/eu-west-1/{path}.json"));
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, body.to_string()).unwrap();
        }
        let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
            .args(["assess", folder.path().to_str().unwrap(), "-f", "json"])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        (serde_json::from_slice(&output.stdout).unwrap(), told)
    }
}

fn role(number: &str) -> Value {
    let name = format!("r{number}");
    let trust = json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "ec2.amazonaws.com"}}]});
    let reads = json!({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::data/*"}]});
    json!({"RoleName": name, "Path": "/", "Arn": format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
        "AssumeRolePolicyDocument": trust,
        "InstanceProfileList": [{"InstanceProfileName": name, "Roles": [{"RoleName": name}],
            "Arn": format!("arn:aws:iam::{ACCOUNT}:instance-profile/{name}")}],
        "RolePolicyList": [{"PolicyName": "reads", "PolicyDocument": reads}],
        "AttachedManagedPolicies": []})
}

/// The entries of chains of each kind, and the actions of the cut set.
fn found(assessment: &Value) -> (Vec<&str>, Vec<&str>) {
    let texts = |list: &'static str, key: &'static str| {
        let all = assessment.pointer(list).and_then(Value::as_array).unwrap();
        all.iter().map(|one| one[key].as_str().unwrap()).collect::<Vec<&str>>()
    };
    (texts("/chains/various", "entry"), texts("/cut_set/actions", "name"))
}

#[test]
fn one_guard_of_origin_cuts_what_two_roles_read_from_anywhere() {
    let (assessment, told) = Bodies::new().assess();
    let (entries, actions) = found(&assessment);
    assert!(!entries.contains(&"internet"), "{entries:?}");
    assert!(entries.len() >= 2, "{entries:?}");
    assert_eq!(actions, ["admit to data only what comes from vpc-a"]);
    assert!(told.contains("0 likely ways to crown jewels are left"), "{told}");
}

/// Code in a network that the guard admits reads on, so that the guard is no cut there.
#[test]
fn a_guard_of_origin_cuts_nothing_for_code_in_the_networks_that_it_admits() {
    let mut bodies = Bodies::new();
    for (path, body) in &mut bodies.files {
        if *path == "ec2-describe-instances" {
            let text = body.to_string().replace("subnet-b", "subnet-a").replace("sg-b", "sg-a");
            *body = serde_json::from_str(&text.replace("10.1.0.", "10.0.0.")).unwrap();
        }
    }
    let (assessment, told) = bodies.assess();
    let (_, actions) = found(&assessment);
    assert_eq!(actions.len(), 2, "{actions:?}");
    assert!(actions.iter().all(|action| action.starts_with("stop r")), "{actions:?}");
    assert!(told.contains("0 likely ways to crown jewels are left"), "{told}");
}

#[test]
fn the_internet_reads_what_a_policy_lets_anybody_read() {
    let mut bodies = Bodies::new();
    bodies.open(true);
    let (assessment, _) = bodies.assess();
    let chains = assessment.pointer("/chains/to_jewels").and_then(Value::as_array).unwrap();
    let own = chains.iter().find(|chain| chain["entry"] == "internet").unwrap();
    let hops = own["hops"].as_array().unwrap();
    assert_eq!((hops.len(), &hops[0]["kind"]), (1, &json!("data")), "{own:#}");
    assert_eq!(hops[0]["premises"][0]["subject"], "anybody");
    assert_eq!(hops[0]["evidence"][0]["text"], "its policy lets anybody read");
}
