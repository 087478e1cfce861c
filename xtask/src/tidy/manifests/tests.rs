use super::check;
use crate::tidy::sample;
use crate::workspace::Tree;

fn tree(name: &str, folder: &str, lints: &str) -> Tree {
    let mut tree = sample::package(name, folder, "serde", None);
    let text = format!("[package]\nname = \"{name}\"\n{lints}");
    tree.files.insert(format!("{folder}/Cargo.toml"), Some(text));
    tree
}

fn messages(name: &str, folder: &str, lints: &str) -> Vec<String> {
    check(&tree(name, folder, lints)).iter().map(ToString::to_string).collect()
}

const INHERITED: &str = "\n[lints]\nworkspace = true\n";

#[test]
fn a_name_that_is_not_the_folders_is_refused() {
    assert_eq!(
        messages("watertight-walls", "crates/net", INHERITED),
        ["crates/net/Cargo.toml:2: error: `watertight-walls` lies in a folder of `watertight-net`"]
    );
    assert_eq!(messages("net", "crates/net", INHERITED).len(), 1);
}

#[test]
fn names_that_follow_the_folder_are_accepted() {
    let accepted = [
        ("watertight-net", "crates/net"),
        ("watertight-aws", "crates/providers/aws"),
        ("watertight-live-aws", "crates/live/aws"),
        ("watertight", "crates/cli"),
        ("watertight-fuzz", "fuzz"),
        ("xtask", "xtask"),
    ];
    for (name, folder) in accepted {
        assert_eq!(messages(name, folder, INHERITED), [""; 0], "{folder}");
    }
}

#[test]
fn a_manifest_without_the_workspaces_lints_is_refused() {
    for lints in ["", "\n[lints]\n", "\n[lints]\nworkspace = false\n", "\n[lints.rust]\n"] {
        assert_eq!(messages("xtask", "xtask", lints).len(), 1, "{lints:?}");
    }
}
