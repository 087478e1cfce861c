use super::*;

#[test]
fn texts_are_read_with_entities_and_sections() {
    let root = parse("<a x='1&amp;2'>1 &lt; 2 &#38; <![CDATA[<b>]]></a>").unwrap();
    assert_eq!(root.text, "1 < 2 & <b>");
    assert_eq!(root.attributes, [("x".to_owned(), "1&2".to_owned())]);
}

#[test]
fn the_first_element_of_a_name_is_found_at_any_depth() {
    let root = parse("<R><Errors><Error><Code>Denied</Code></Error></Errors></R>").unwrap();
    assert_eq!(root.text_of("Code"), Some("Denied"));
    assert_eq!(root.text_of("Message"), None);
}

#[test]
fn what_is_not_well_formed_is_an_error() {
    for text in ["", "<a>", "<a></b>", "<a/><b/>", "text", "<a>&unknown;</a>", "</a>", "<a b></a>"]
    {
        assert_eq!(parse(text), Err(XmlError::Malformed), "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(parse(&deep(DEPTH_MAX)).is_ok());
    assert_eq!(parse(&deep(DEPTH_MAX + 1)), Err(XmlError::Deep));
}

#[test]
fn a_document_type_brings_no_entities() {
    let text = "<!DOCTYPE a [<!ENTITY e 'eeee'>]><a>&e;</a>";
    assert_eq!(parse(text), Err(XmlError::Malformed));
}
