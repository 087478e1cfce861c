//! The published numbers, and the errors of the inputs.

use std::collections::BTreeSet;

use watertight_assess::{
    Cost, Fact, GraphBuilder, GraphError, Hop, Likelihood, LikelihoodTable, Removable, Seen,
    Subject, SubjectInfo, SubjectKind, TableError, Variant,
};

#[test]
fn the_published_table_is_that_of_version_1() {
    let table = LikelihoodTable::v1();
    let rows: Vec<String> = Variant::ALL
        .into_iter()
        .map(|variant| {
            let kind = variant.kind().name();
            format!("{kind}/{} {}", variant.name(), table.get(variant))
        })
        .collect();
    let published = [
        "net/administration-with-key 0.9",
        "net/administration 0.1",
        "net/known-listener 0.3",
        "net/possible-listener 0.05",
        "front/administration-with-key 0.9",
        "front/administration 0.1",
        "front/known-listener 0.3",
        "front/possible-listener 0.05",
        "datanet/with-key 0.9",
        "datanet/without-key 0.3",
        "meta/imds-v1 0.95",
        "meta/imds-v2 0.8",
        "local/stored 1",
        "node/to-pod 1",
        "node/from-pod 0.8",
        "token/mounted 0.95",
        "secret/readable 0.9",
        "assume/role 0.95",
        "control/command 0.9",
        "control/connect 0.9",
        "control/function 0.9",
        "control/container 0.9",
        "data/api 0.9",
        "tamper/open 0.5",
        "exfil/internet 1",
        "exfil/provider-api 0.9",
        "exfil/resolver 0.3",
    ];
    assert_eq!(rows, published);
    assert_eq!(table.version(), "likelihood/v1");
    let names: BTreeSet<&String> = rows.iter().collect();
    assert_eq!(names.len(), rows.len());
}

#[test]
fn techniques_have_the_form_of_attack_identifiers() {
    for variant in Variant::ALL {
        let technique = variant.technique();
        let digits = technique.id.strip_prefix('T').expect("starts with T");
        let parts: Vec<&str> = digits.split('.').collect();
        assert!(parts.len() <= 2 && parts[0].len() == 4, "{}", technique.id);
        assert!(parts.get(1).is_none_or(|part| part.len() == 3), "{}", technique.id);
        assert!(parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit())));
        assert!(!technique.name.is_empty());
    }
}

#[test]
fn a_user_overrides_numbers_by_name() {
    let mut table = LikelihoodTable::v1();
    table.set("meta", "imds-v2", 0.4).unwrap();
    assert_eq!(table.get(Variant::MetaImdsV2).to_string(), "0.4");
    assert_eq!(table.get(Variant::MetaImdsV1).to_string(), "0.95");
    assert_eq!(table.version(), "likelihood/v1 with 1 override");
    assert_eq!(table.overrides().count(), 1);
    table.set("meta", "imds-v2", 0.8).unwrap();
    assert_eq!(table.version(), "likelihood/v1");
    let error = table.set("meta", "imds-v3", 0.5).unwrap_err();
    assert!(matches!(&error, TableError::Unknown { .. }));
    assert!(error.to_string().contains("`meta/imds-v3`"));
    for wrong in [0.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(table.set("local", "stored", wrong), Err(TableError::Number { .. })));
    }
}

#[test]
fn likelihoods_multiply_exactly_in_any_order() {
    let factors = [0.9, 0.05, 0.3, 0.95, 0.1].map(|value| Likelihood::new(value).unwrap());
    let forwards = factors.iter().fold(Likelihood::CERTAIN, |all, factor| all.and(*factor));
    let backwards = factors.iter().rev().fold(Likelihood::CERTAIN, |all, factor| all.and(*factor));
    assert_eq!(forwards, backwards);
    let tenth = Likelihood::new(0.1).unwrap();
    assert_eq!(tenth.and(tenth).to_string(), "0.01");
    assert!(tenth > tenth.and(tenth));
    assert_eq!(Likelihood::CERTAIN.to_string(), "1");
}

#[test]
fn costs_follow_the_formula() {
    assert_eq!(Cost::of(Seen::Share(0.0), 0).to_string(), "1");
    assert_eq!(Cost::of(Seen::Share(0.25), 3).to_string(), "2.3");
    assert_eq!(Cost::of(Seen::Unlogged, 0).to_string(), "3");
    assert_eq!(Cost::of(Seen::Share(7.0), 0).to_string(), "5");
}

#[test]
fn a_graph_says_what_is_wrong_with_its_parts() {
    let table = LikelihoodTable::v1();
    let build = |change: &dyn Fn(&mut GraphBuilder, Subject, Subject)| {
        let mut builder = GraphBuilder::new();
        let web = builder.workload("web");
        let role = builder.credential("role");
        change(&mut builder, web, role);
        builder.build().unwrap_err()
    };
    let hop = |premises: Vec<Fact>, conclusion: Fact| {
        Hop::new(Variant::MetaImdsV1, premises, conclusion, &table)
    };
    let error = build(&|builder, web, role| {
        builder.hop(hop(vec![Fact::exec(web)], Fact::exec(role)));
    });
    assert_eq!(
        error.to_string(),
        "hop 0 (`meta`) says `exec` of `role`, a credential; no such fact can hold of it"
    );
    let error = build(&|builder, _, role| builder.hop(hop(Vec::new(), Fact::hold(role))));
    assert!(matches!(error, GraphError::Premises { count: 0, .. }));
    let error = build(&|builder, web, role| {
        builder.hop(hop(vec![Fact::exec(web); 4], Fact::hold(role)));
    });
    assert!(matches!(error, GraphError::Premises { count: 4, .. }));
    let error = build(&|builder, web, _| {
        builder.hop(hop(vec![Fact::exec(web)], Fact::hold(Subject(9))));
    });
    assert!(matches!(error, GraphError::UnknownSubject { subject: 9, .. }));
    let error = build(&|builder, web, role| {
        builder.hop(hop(vec![Fact::exec(web)], Fact::hold(role)).supported_by([Removable(2)]));
    });
    assert!(matches!(error, GraphError::UnknownRemovable { removable: 2, .. }));
    let error = build(&|builder, _, _| {
        builder.subject(SubjectInfo::new(SubjectKind::Workload, "heavy").weighing(0));
    });
    assert_eq!(error.to_string(), "`heavy` has weight 0; give it 1 to 1000000");
    let error = build(&|builder, _, _| {
        builder.subject(SubjectInfo::new(SubjectKind::Workload, "wild").sharing(1_001));
    });
    assert!(matches!(error, GraphError::OutOfRange { what: "share", .. }));
    let error = build(&|builder, _, _| {
        builder.subject(SubjectInfo::new(SubjectKind::Credential, "key").as_jewel());
    });
    assert!(matches!(error, GraphError::Jewel { .. }));
    let error = build(&|builder, _, _| builder.segment("shop", [Subject(7)]));
    assert_eq!(
        error.to_string(),
        "segment `shop` names subject #7, which was not added; add it before its facts"
    );
}
