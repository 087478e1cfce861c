//! Policies simulated on estates of growing size, by the program that ships.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};

use super::collect::{build, watch};
use super::figures::seconds;
use super::{clock, estate, since, sizes};
use crate::workspace::Error;

/// Interfaces of the estates.
pub(super) const ENDPOINTS: [u32; 3] = [1_000, 10_000, 100_000];
/// Segments of the policy, each with an equal share of the applications and rules.
const SEGMENTS: usize = 50;
/// Applications of the estates.
const APPLICATIONS: usize = 400;
/// Rules of the policy.
pub(super) const RULES: usize = 2_000;
/// What each segment says, and what one says that holds crown jewels.
const GOVERNS: &str = "mode: enforce}\n---";
const JEWELS: &str = "mode: enforce, criticality: crown-jewel}\n---";
/// The body that tells interfaces, and beside it the one that tells machines.
const INTERFACES: &str = "describe-network-interfaces.json";
const MACHINES: &str = "describe-instances.json";

/// Measures and prints.
pub(super) fn run(root: &Path) -> Result<ExitCode, Error> {
    let Some(program) = build(root)? else { return Ok(ExitCode::FAILURE) };
    println!(
        "\n{:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>11}",
        "rules", "endpoints", "loading", "simulate", "peak", "growth", "with jewels"
    );
    let mut last = None;
    for endpoints in ENDPOINTS {
        let folder = sizes::temporary()?;
        let bodies = folder.path().join("estate");
        estate::write(&bodies, &estate::scale(endpoints, None))?;
        machines(&bodies)?;
        let path = folder.path().join("policy.yaml");
        let failed = |source| Error::File { path: path.clone(), source };
        let estate = bodies.display().to_string();
        let (loading, _) = timed(&program, &["inventory", &estate], &[0])?;
        let policy = path.display().to_string();
        let simulated = |text: &str| {
            fs::write(&path, text).map_err(failed)?;
            timed(&program, &["simulate", &policy, "--estate", &estate], &[0])
        };
        let (whole, peak) = simulated(&text())?;
        let (jewels, _) = simulated(&text().replacen(GOVERNS, JEWELS, 1))?;
        let growth = last.map_or_else(String::new, |last: f64| format!("{:.1}x", whole / last));
        last = Some(whole);
        let peak = format!("{} MB", peak / 1024);
        let [loading, whole, jewels] = [loading, whole, jewels].map(seconds);
        println!(
            "{RULES:>9} {endpoints:>9} {loading:>9} {whole:>9} {peak:>9} {growth:>8} {jewels:>11}"
        );
    }
    println!(
        "with jewels: one segment of {SEGMENTS} holds crown jewels; above 100,000 workloads score and chains are left out"
    );
    Ok(ExitCode::SUCCESS)
}

/// Seconds and most memory, in KB, of one run of the program, from its files to what it prints, which
/// ends with one of these codes.
pub(super) fn timed(
    program: &Path,
    arguments: &[&str],
    codes: &[i32],
) -> Result<(f64, u64), Error> {
    let start = clock();
    let started = |source| Error::Start { program: program.display().to_string(), source };
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(started)?;
    let peak = watch(&mut child).map_err(started)?;
    let status = child.wait().map_err(started)?;
    if !status.code().is_some_and(|code| codes.contains(&code)) {
        let failed = std::io::Error::other(format!("{} failed: {status}", arguments.join(" ")));
        return Err(started(failed));
    }
    Ok((since(start), peak))
}

/// Writes the machines that interfaces are attached to, with tags that name their application and its
/// segment: what shares a group of its own is one service of one application.
pub(super) fn machines(bodies: &Path) -> Result<(), Error> {
    let mut folders = vec![bodies.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |source| Error::File { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with(INTERFACES) {
                attached(&path)?;
            }
        }
    }
    Ok(())
}

fn attached(interfaces: &PathBuf) -> Result<(), Error> {
    let failed = |source| Error::File { path: interfaces.clone(), source };
    let text = fs::read_to_string(interfaces).map_err(failed)?;
    let body: Value = serde_json::from_str(&text).map_err(|why| failed(why.into()))?;
    let all = body.get("NetworkInterfaces").and_then(Value::as_array);
    let machines: Vec<Value> = all.into_iter().flatten().filter_map(machine).collect();
    let body = json!({ "Reservations": machines }).to_string();
    fs::write(interfaces.with_file_name(MACHINES), body).map_err(failed)
}

fn machine(interface: &Value) -> Option<Value> {
    let text = |pointer: &str| interface.pointer(pointer)?.as_str();
    let group = text("/Groups/0/GroupId")?.strip_prefix("sg-")?;
    let service = usize::from_str_radix(group, 16).ok()?;
    let application = service % APPLICATIONS;
    let id = text("/Attachment/InstanceId")?;
    Some(json!({
        "OwnerId": text("/OwnerId")?, "ReservationId": id.replacen("i-", "r-", 1),
        "Instances": [{
            "InstanceId": id, "State": {"Name": "running", "Code": 16},
            "VpcId": text("/VpcId")?, "SubnetId": text("/SubnetId")?, "NetworkInterfaces": [],
            "Placement": {"AvailabilityZone": text("/AvailabilityZone")?},
            "Tags": [
                {"Key": "app", "Value": format!("a{application}")},
                {"Key": "zone", "Value": format!("z{}", application % SEGMENTS)},
            ],
        }],
    }))
}

/// Segments by zone, each with rules from applications to those of its own, one in twenty a denial.
pub(super) fn text() -> String {
    let head = "apiVersion: watertight.io/v1alpha1\nkind:";
    let mut text = String::new();
    let each = RULES / SEGMENTS;
    for segment in 0..SEGMENTS {
        // Writing to a String cannot fail.
        let _infallible = write!(
            text,
            "---\n{head} Segment\nmetadata: {{name: z{segment}}}\n\
             spec: {{members: {{matchLabels: {{zone: z{segment}}}}}, mode: enforce}}\n\
             ---\n{head} Policy\nmetadata: {{name: p{segment}}}\nspec:\n  mode: enforce\n  rules:\n"
        );
        for rule in 0..each {
            let action = if rule % 20 == 19 { "deny" } else { "allow" };
            let number = segment * each + rule;
            let from = (number * 7919 + rule * 31) % APPLICATIONS;
            let to = segment + SEGMENTS * (rule % (APPLICATIONS / SEGMENTS));
            let port = [443, 8080, 5432, 6379, 9092, 80].get(number % 6).copied().unwrap_or(443);
            let _infallible = writeln!(
                text,
                "  - action: {action}\n    from: [{{matchLabels: {{app: a{from}}}}}]\n    \
                 to: [{{segment: z{segment}, matchLabels: {{app: a{to}}}}}]\n    \
                 over: [{{tcp: {port}}}]"
            );
        }
    }
    text
}
