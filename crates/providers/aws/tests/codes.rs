//! The page of the provider lists every code with its meaning.

use std::fs;
use std::path::Path;

#[test]
fn the_page_lists_every_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let page = fs::read_to_string(root.join("docs/reference/providers/aws.md")).unwrap();
    for line in watertight_aws::CODES {
        let row = format!("| {} | {} |", line.code, line.meaning);
        assert!(page.contains(&row), "the page lacks `{row}`");
        assert_eq!(watertight_aws::explain(line.code), Some(line.meaning));
    }
}
