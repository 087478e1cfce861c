//! What lint calls shadowed or redundant decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use watertight_policy::syntax::Object;
use watertight_policy::{Documents, Linted, Timestamp, lint};
use watertight_source::{Diagnostics, Span};
use watertight_testkit::policy::Essentials;
use watertight_testkit::policy::generate::{self, Generated};

use crate::engine::{Engine, Prepared};
use crate::{questions, setting};

/// The rules that lint would leave out, by their places, with the codes that say why.
fn left_out(generated: &Generated) -> BTreeMap<Span, &'static str> {
    let prepared = Prepared::of(generated);
    let documents = Documents { documents: generated.documents.clone(), ..Documents::default() };
    let (policy, now) = (prepared.policy(), Timestamp(0));
    let mut diagnostics = Diagnostics::default();
    // The failsafe tuples among the prepared rules are no policy's.
    let mut policy = policy.clone();
    policy.policies.retain(|one| !one.name.starts_with("failsafe "));
    lint(&Linted { documents: &documents, policy: &policy, world: None, now }, &mut diagnostics);
    let found = diagnostics.into_sorted().into_iter().filter_map(|one| {
        let code = one.code.as_str();
        matches!(code, "WT0330" | "WT0332").then(|| Some((one.span()?, code))).flatten()
    });
    found.collect()
}

fn without(generated: &Generated, span: Span) -> Generated {
    let mut changed = generated.clone();
    for document in &mut changed.documents {
        if let Object::Policy(policy) = &mut document.object {
            Arc::make_mut(policy).rules.retain(|rule| rule.span != span);
        }
    }
    changed
}

/// How a decision by a rule begins.
fn reason(generated: &Generated, span: Span) -> String {
    for document in &generated.documents {
        if let Object::Policy(policy) = &document.object
            && let Some(place) = policy.rules.iter().position(|rule| rule.span == span)
        {
            return format!("rule {}/{place} ", document.metadata.name.value);
        }
    }
    panic!("no rule stands at {span:?}")
}

/// "A shadowed rule is one whose every leg is decided before", and without a redundant one nothing is
/// decided otherwise: under every assignment of modes, for every leg, at any time from now on.
#[test]
fn without_a_rule_that_lint_calls_shadowed_or_redundant_every_decision_is_the_same() {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    let first = setting("WATERTIGHT_DECISIONS_SEED", 1);
    let policies = questions() / 2;
    for seed in first..first + policies {
        let mut generated = generate::policy(seed, 60);
        generated.essentials = Essentials::default();
        for (span, code) in left_out(&generated) {
            let (changed, name) = (without(&generated, span), reason(&generated, span));
            let (before, after) = (Prepared::of(&generated), Prepared::of(&changed));
            let (before, after) = (Engine::new(&generated, &before), Engine::new(&changed, &after));
            for case in &generated.cases {
                let (before, after) = (before.decide(case), after.decide(case));
                assert_eq!(
                    after.outcome, before.outcome,
                    "seed {seed}, {code} {span:?}: {case:#?}"
                );
                let decides = before.reasons.iter().any(|reason| reason.starts_with(&name));
                assert!(code != "WT0330" || !decides, "seed {seed}, {name} decides: {case:#?}");
            }
            *found.entry(code).or_default() += 1;
        }
    }
    println!("{found:?}");
    for code in ["WT0330", "WT0332"] {
        let count = found.get(code).copied().unwrap_or_default();
        assert!(count > 20, "{code} was found {count} times in {policies} policies");
    }
}
