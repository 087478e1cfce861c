use super::{Deviation, LISTED, parse};

#[test]
fn an_entry_has_a_suite_an_id_and_a_reason() {
    let text = "# List\n\n## aws/batfish A05\n\nOurs: `exits_network`\nDiffers: they stop.\n\
                Reason: nobody owns it,\nso it leaves.\n";
    let listed = Deviation {
        suite: "aws/batfish".to_owned(),
        id: "A05".to_owned(),
        ours: "exits_network".to_owned(),
        reason: "nobody owns it,".to_owned(),
    };
    assert_eq!(parse(text), Ok(vec![listed]));
}

#[test]
fn an_entry_without_a_reason_is_an_error() {
    let text = "# List\n\n## aws/batfish A05\n\nOurs: `exits_network`\nDiffers: they stop.\n";
    assert_eq!(parse(text), Err("`aws/batfish A05` has no line `Reason:`".to_owned()));
}

#[test]
fn the_list_of_the_project_can_be_read() {
    assert_eq!(parse(LISTED).map(|listed| listed.is_empty()), Ok(false));
}
