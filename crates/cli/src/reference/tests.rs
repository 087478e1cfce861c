use std::path::Path;

use clap::CommandFactory;

use super::{Arguments, reference};

#[test]
fn the_tree_of_commands_is_consistent() {
    Arguments::command().debug_assert();
}

/// `UPDATE=1 cargo test -p watertight` writes the page anew.
#[test]
fn the_reference_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/cli.md");
    let expected = reference();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == expected, "docs/reference/cli.md is stale: run the test with UPDATE=1");
}
