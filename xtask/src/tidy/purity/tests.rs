use super::{dependencies, sources};
use crate::tidy::sample;

fn lines(path: &str, text: &str) -> Vec<(usize, String)> {
    let findings = sources(&sample::files(&[(path, text)]));
    findings.into_iter().map(|finding| (finding.line, finding.message)).collect()
}

fn refused(text: &str) -> Vec<usize> {
    lines("crates/reach/src/lib.rs", text).into_iter().map(|(line, _)| line).collect()
}

#[test]
fn a_runtime_under_a_pure_crate_is_refused() {
    let tree = sample::package("watertight-net", "crates/net", "tokio-util", None);
    assert_eq!(
        dependencies(&tree)[0].to_string(),
        "crates/net/Cargo.toml:5: error: `watertight-net` is pure and must not depend on `tokio-util`"
    );
    for name in ["reqwest", "aws-sdk-ec2", "aya", "kube-client", "datafusion", "sqlx", "hyper"] {
        let tree = sample::package("watertight-aws", "crates/providers/aws", name, None);
        assert_eq!(dependencies(&tree).len(), 1, "{name}");
    }
}

#[test]
fn other_crates_tests_and_other_packages_are_free() {
    let shell = sample::package("watertight", "crates/cli", "tokio", None);
    let test = sample::package("watertight-net", "crates/net", "tokio", Some("dev"));
    let plain = sample::package("watertight-net", "crates/net", "thiserror", None);
    assert_eq!(dependencies(&shell), []);
    assert_eq!(dependencies(&test), []);
    assert_eq!(dependencies(&plain), []);
}

#[test]
fn every_way_to_name_a_path_is_seen() {
    assert_eq!(refused("fn f() {\n    std::fs::read(\"x\");\n}"), [2]);
    assert_eq!(refused("use std::fs;"), [1]);
    assert_eq!(refused("use std::{fmt,\n    net::{IpAddr, TcpStream}};"), [2]);
    assert_eq!(refused("use std::fs::{self, File as F};"), [1, 1]);
    assert_eq!(refused("use std::process::*;"), [1]);
    assert_eq!(refused("use std::net;\nfn f(x: net::UdpSocket) {}"), [2]);
    assert_eq!(refused("fn f() { ::std::thread::spawn(g); }"), [1]);
    assert_eq!(refused("fn f() {\n    vec![std::time::SystemTime::now()];\n}"), [2]);
}

#[test]
fn addresses_durations_comments_and_tests_are_free() {
    assert_eq!(refused("use std::net::IpAddr;\nuse std::time::Duration;"), [0; 0]);
    assert_eq!(refused("// std::fs::read\n/// `std::fs`\nfn f() { g(\"std::fs\"); }"), [0; 0]);
    assert_eq!(refused("#[cfg(test)]\nmod tests { use std::fs; }"), [0; 0]);
    assert_eq!(refused("use std::fstab;\nfn f() { process::step(); }"), [0; 0]);
    let elsewhere =
        ["crates/cli/src/main.rs", "crates/net/src/set/tests.rs", "crates/net/tests/a.rs"];
    for path in elsewhere {
        assert_eq!(lines(path, "use std::fs;"), [], "{path}");
    }
}
