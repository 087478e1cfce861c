use super::Table;

fn table() -> Table {
    let mut table = Table::new(&["name", "missing labels"]);
    table.row(vec!["web".to_owned(), String::new()]);
    table.row(vec!["a \"b\", c".to_owned(), "app env".to_owned()]);
    table
}

#[test]
fn columns_are_aligned_and_empty_cells_are_dashes() {
    let expected = "  NAME      MISSING LABELS\n  web       -\n  a \"b\", c  app env\n";
    assert_eq!(table().aligned(2), expected);
}

#[test]
fn csv_quotes_what_needs_it() {
    let expected = "name,missing_labels\nweb,\n\"a \"\"b\"\", c\",app env\n";
    assert_eq!(table().csv(), expected);
}

#[test]
fn csv_keeps_formulas_from_running() {
    let mut table = Table::new(&["name"]);
    table.row(vec!["=1+1".to_owned()]);
    assert_eq!(table.csv(), "name\n\"'=1+1\"\n");
}
