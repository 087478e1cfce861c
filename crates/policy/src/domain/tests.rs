use super::*;

fn domain(text: &str) -> Domain {
    text.parse().unwrap_or_else(|error| panic!("{error:?}"))
}

/// "`*.example.com` covers one or more labels before `example.com`, and not `example.com` itself."
#[test]
fn a_wildcard_covers_one_or_more_labels_and_not_the_apex() {
    let wildcard = domain("*.example.com");
    assert!(wildcard.covers("a.example.com"));
    assert!(wildcard.covers("a.b.example.com"));
    assert!(!wildcard.covers("example.com"));
    assert!(!wildcard.covers(".example.com"));
    assert!(!wildcard.covers("badexample.com"));
    assert!(domain("example.com").covers("example.com"));
    assert!(!domain("example.com").covers("a.example.com"));
}

/// "A name is written in lower-case A-labels."
#[test]
fn names_are_lower_case_a_labels() {
    let help = |text: &str| text.parse::<Domain>().map_err(|error| error.help).err();
    assert_eq!(help("API.example.com").as_deref(), Some("write `api.example.com`"));
    assert_eq!(help("example.com.").as_deref(), Some("write `example.com`"));
    for bad in
        ["b\u{fc}cher.example", "a..b", "-a.example", "*.*.example", "a*.example", "10.0.0.1"]
    {
        assert!(bad.parse::<Domain>().is_err(), "{bad}");
    }
    assert!("xn--bcher-kva.example".parse::<Domain>().is_ok());
}

#[test]
fn a_wildcard_covers_all_of_what_lies_below_it() {
    let wide = domain("*.example.com");
    assert!(wide.covers_all_of(&domain("*.a.example.com")));
    assert!(wide.covers_all_of(&domain("a.example.com")));
    assert!(wide.covers_all_of(&wide));
    assert!(!wide.covers_all_of(&domain("example.com")));
    assert!(!domain("a.example.com").covers_all_of(&wide));
}
