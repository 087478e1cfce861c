use super::*;

fn name(text: &str) -> Name {
    Name::from(text)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| (name(key), name(value))).collect()
}

#[test]
fn a_negation_holds_for_a_label_that_is_absent() {
    let not_prod = Selector::is("env", "prod").negated();
    assert!(not_prod.matches(&labels(&[])));
    assert!(not_prod.matches(&labels(&[("env", "dev")])));
    assert!(!not_prod.matches(&labels(&[("env", "prod")])));
}

#[test]
fn an_unknown_label_is_maybe_only_where_the_answer_rests_on_it() {
    let selector =
        Selector::all([Selector::is("env", "prod"), Selector::Exists(name("owner")).negated()]);
    let env = name("env");
    let known = |value: Label<'static>, owner: Label<'static>| {
        selector.evaluate(&|key: &Name| if *key == env { value } else { owner })
    };
    let (unknown, absent) = (Label::Unknown, Label::Absent);
    assert_eq!(known(unknown, absent), Truth::Maybe);
    assert_eq!(known(absent, unknown), Truth::No);
    assert_eq!(known(unknown, unknown), Truth::Maybe);
}

/// Where every label is known, the three-valued answer is the two-valued one.
#[test]
fn with_every_label_known_both_evaluations_agree() {
    let selectors = [
        Selector::Everything,
        Selector::Nothing,
        Selector::In(name("a"), BTreeSet::from([name("xy"), name("z")])),
        Selector::StartsWith(name("a"), name("x")),
        Selector::EndsWith(name("a"), name("y")),
        Selector::Contains(name("b"), name("q")),
        Selector::any([Selector::Exists(name("b")), Selector::is("a", "z")]),
    ];
    let facts = [labels(&[]), labels(&[("a", "xy")]), labels(&[("a", "z"), ("b", "q")])];
    for selector in selectors.iter().chain(&selectors.clone().map(Selector::negated)) {
        for facts in &facts {
            let known = |key: &Name| facts.get(key).map_or(Label::Absent, Label::Value);
            let expected = Truth::from(selector.matches(facts));
            assert_eq!(selector.evaluate(&known), expected, "{selector:?} for {facts:?}");
        }
    }
}
