//! The estate with three tiers after its plan was applied, and what happens to it then.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Recording, Server, Strictness, Troubles};

use crate::support::{ACCOUNT, Lab, policy};

const REGION: &str = "eu-central-1";
const MACHINES: &str = "ec2-describe-instances";
const INTERFACES: &str = "ec2-describe-network-interfaces";
/// The group that everybody had before.
pub(crate) const FLAT: &str = "sg-0000000000000c002";

/// What was collected after the plan.
pub(crate) struct Governed {
    folder: TempDir,
}

impl Governed {
    pub(crate) fn new() -> Self {
        let lab = Lab::plain();
        lab.take(Way::Apply).unwrap();
        Self::of(lab)
    }

    /// What is collected of a server.
    pub(crate) fn of(lab: Lab) -> Self {
        let estate = lab.path("estate");
        let arguments = ["collect", "aws", "--region", REGION, "-o", estate.to_str().unwrap()];
        let (code, _, error) = lab.watertight(&arguments);
        assert_eq!(code, 0, "{error}");
        Self { folder: lab.folder }
    }

    pub(crate) fn estate(&self) -> PathBuf {
        self.folder.path().join("estate")
    }

    fn change(&self, call: &str, change: impl FnOnce(&mut Value)) {
        let place = self.estate().join("raw/aws").join(ACCOUNT).join(REGION);
        let path = place.join(format!("{call}.json"));
        let mut body: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut body);
        fs::write(path, body.to_string()).unwrap();
    }

    /// Another machine like one of the estate, with the groups that machines get when they are made.
    /// Returns the id of its interface.
    pub(crate) fn launch(&self, like: &str, number: u32, app: &str) -> String {
        let name = format!("{app}-{number}");
        let (machine, interface) =
            (format!("i-0000000000000f{number:03}"), format!("eni-0000000000000f{number:03}"));
        let flat = json!([{"GroupId": FLAT, "GroupName": "flat"}]);
        let mut like_interface = Value::Null;
        let mut address = String::new();
        self.change(MACHINES, |body| {
            let all = body["Reservations"].as_array_mut().unwrap();
            let found = all.iter().find(|one| tag(&one["Instances"][0], "Name") == like).unwrap();
            let mut text = found.to_string();
            let one = &found["Instances"][0];
            like_interface = one["NetworkInterfaces"][0]["NetworkInterfaceId"].clone();
            address = String::from(one["PrivateIpAddress"].as_str().unwrap());
            text = text.replace(&one["InstanceId"].to_string(), &format!("\"{machine}\""));
            text = text.replace(&like_interface.to_string(), &format!("\"{interface}\""));
            text = text.replace(&address, &fresh(&address, number));
            let mut made: Value = serde_json::from_str(&text).unwrap();
            let one = &mut made["Instances"][0];
            one["SecurityGroups"] = flat.clone();
            one["NetworkInterfaces"][0]["Groups"] = flat.clone();
            one["Tags"] = json!([{"Key": "Name", "Value": name}, {"Key": "app", "Value": app},
                {"Key": "env", "Value": "prod"}]);
            without_public(&mut made);
            all.push(made);
        });
        self.change(INTERFACES, |body| {
            let all = body["NetworkInterfaces"].as_array_mut().unwrap();
            let is_it = |one: &&Value| one["NetworkInterfaceId"] == like_interface;
            let text = all.iter().find(is_it).unwrap().to_string();
            let text = text.replace(&like_interface.to_string(), &format!("\"{interface}\""));
            let text = text.replace(&address, &fresh(&address, number));
            let mut made: Value = serde_json::from_str(&text).unwrap();
            made["Attachment"]["InstanceId"] = json!(machine);
            made["Groups"] = flat;
            without_public(&mut made);
            all.push(made);
        });
        interface
    }

    /// Gives an interface the group that everybody had before, as somebody does by hand.
    pub(crate) fn reset(&self, interface: &str) {
        let flat = json!([{"GroupId": FLAT, "GroupName": "flat"}]);
        self.change(INTERFACES, |body| {
            let all = body["NetworkInterfaces"].as_array_mut().unwrap();
            let own = all.iter_mut().find(|one| one["NetworkInterfaceId"] == interface).unwrap();
            own["Groups"] = flat.clone();
        });
        self.change(MACHINES, |body| {
            let all = body["Reservations"].as_array_mut().unwrap().iter_mut();
            let machines = all.flat_map(|one| one["Instances"].as_array_mut().unwrap());
            for machine in machines {
                let held = machine["NetworkInterfaces"].as_array_mut().unwrap();
                let Some(own) = held.iter_mut().find(|one| one["NetworkInterfaceId"] == interface)
                else {
                    continue;
                };
                own["Groups"] = flat.clone();
                machine["SecurityGroups"] = flat.clone();
            }
        });
    }

    /// Gives a machine another `app`.
    pub(crate) fn relabel(&self, name: &str, app: &str) {
        self.change(MACHINES, |body| {
            let all = body["Reservations"].as_array_mut().unwrap();
            let machines = all.iter_mut().flat_map(|one| one["Instances"].as_array_mut().unwrap());
            let one = machines.into_iter().find(|one| tag(one, "Name") == name).unwrap();
            let tags = one["Tags"].as_array_mut().unwrap();
            tags.iter_mut().find(|tag| tag["Key"] == "app").unwrap()["Value"] = json!(app);
        });
    }

    /// Takes all rules about what comes in off the group of a segment.
    pub(crate) fn empty(&self, segment: &str) {
        self.change("ec2-describe-security-groups", |body| {
            let groups = body["SecurityGroups"].as_array_mut().unwrap();
            let part = format!("/{segment}/");
            let is_it = |one: &&mut Value| one["GroupName"].as_str().unwrap().contains(&part);
            groups.iter_mut().find(is_it).unwrap()["IpPermissions"] = json!([]);
        });
    }

    /// A strict server that holds it.
    pub(crate) fn lab(&self, troubles: Troubles, strictness: Strictness) -> Lab {
        let recording = Recording::read(&self.estate()).unwrap();
        let server = Server::start_strict(recording, troubles, strictness).unwrap();
        Lab { server, folder: TempDir::new().unwrap() }
    }

    pub(crate) fn plain(&self) -> Lab {
        self.lab(Troubles::default(), Strictness::default())
    }
}

fn tag(machine: &Value, key: &str) -> String {
    let tags = machine["Tags"].as_array().into_iter().flatten();
    let mut own = tags.filter(|tag| tag["Key"] == key);
    own.next().and_then(|tag| tag["Value"].as_str()).unwrap_or_default().to_owned()
}

/// An address beside another one.
fn fresh(address: &str, number: u32) -> String {
    let (net, _) = address.rsplit_once('.').unwrap();
    format!("{net}.{}", 100 + number)
}

fn without_public(body: &mut Value) {
    match body {
        Value::Array(items) => items.iter_mut().for_each(without_public),
        Value::Object(object) => {
            for key in ["Association", "PublicIpAddress", "PublicDnsName"] {
                object.remove(key);
            }
            object.values_mut().for_each(without_public);
        }
        _ => {}
    }
}

/// Writes the policy of the tiers with more beside it; the folder.
pub(crate) fn policies(lab: &Lab, more: &str) -> String {
    let folder = lab.path("policies");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(policy(), folder.join("tiers.yaml")).unwrap();
    fs::write(folder.join("more.yaml"), more).unwrap();
    folder.to_str().unwrap().to_owned()
}

/// The files of a folder by their ends.
pub(crate) fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| path.to_str().unwrap().ends_with(end)).collect();
    found.sort();
    found
}

/// What an interface carries.
pub(crate) fn carried(held: &Value, interface: &str) -> Vec<String> {
    let all = &held[format!("{ACCOUNT}/{REGION}")]["interfaces"][interface];
    all.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// What is held without some interfaces.
pub(crate) fn without(mut held: Value, interfaces: &[&str]) -> Value {
    let place = &mut held[format!("{ACCOUNT}/{REGION}")]["interfaces"];
    for interface in interfaces {
        assert!(place.as_object_mut().unwrap().remove(*interface).is_some(), "{interface}");
    }
    held
}
