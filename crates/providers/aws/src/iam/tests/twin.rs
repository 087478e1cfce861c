//! The evaluator against a slow one that takes the rules of the guide one after the other, in each
//! world that what is unknown allows.

use std::fmt::Write;

use proptest::prelude::*;

use super::support::{document, role, user};
use crate::iam::evaluate::{Guardrails, Policies, ResourcePolicy, Sides, evaluate};
use crate::iam::pattern::Subject;
use crate::iam::policy::Document;
use crate::iam::request::{CallerKind, Place, Request, Target};
use crate::iam::truth::Truth;

/// A statement as a test writes it.
#[derive(Clone, Debug)]
struct Rule {
    allows: bool,
    actions: Vec<&'static str>,
    excludes_actions: bool,
    resources: Vec<&'static str>,
    excludes_resources: bool,
    condition: Option<(&'static str, &'static str, Vec<&'static str>)>,
    principal: &'static str,
}

const ACTIONS: [&str; 4] = ["s3:GetObject", "s3:*", "*", "s3:Put?bject"];
const RESOURCES: [&str; 4] = ["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/k", "arn:aws:s3:::c/?"];
const OPERATORS: [&str; 8] = [
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringEqualsIfExists",
    "StringNotEqualsIfExists",
    "Null",
    "ForAnyValue:StringEquals",
    "ForAllValues:StringEquals",
];
/// The first two are unknown; the caller's account and the absent name are known.
const KEYS: [&str; 4] = ["x:one", "x:two", "aws:PrincipalAccount", "aws:SourceArn"];
const VALUES: [&str; 5] = ["a", "b*", "true", "111111111111", "*"];
const PRINCIPALS: [&str; 5] = [
    "*",
    "111111111111",
    "arn:aws:iam::111111111111:role/app",
    "arn:aws:iam::111111111111:user/bob",
    "222222222222",
];
/// What an unknown key may be: absent, or one of these.
const WORLDS: [Option<&str>; 4] = [None, Some("a"), Some("b1"), Some("true")];

fn rule() -> impl Strategy<Value = Rule> {
    let some =
        |texts: &'static [&'static str]| prop::collection::vec(prop::sample::select(texts), 1..3);
    let condition =
        (prop::sample::select(&OPERATORS[..]), prop::sample::select(&KEYS[..]), some(&VALUES));
    (
        prop::bool::weighted(0.7),
        some(&ACTIONS),
        prop::bool::weighted(0.2),
        some(&RESOURCES),
        prop::bool::weighted(0.2),
        prop::option::of(condition),
        prop::sample::select(&PRINCIPALS[..]),
    )
        .prop_map(
            |(
                allows,
                actions,
                excludes_actions,
                resources,
                excludes_resources,
                condition,
                principal,
            )| Rule {
                allows,
                actions,
                excludes_actions,
                resources,
                excludes_resources,
                condition,
                principal,
            },
        )
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(rule(), 0..4)
}

fn quoted(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    format!("[{}]", quoted.join(","))
}

fn written(rules: &[Rule], has_principal: bool) -> Document {
    let mut statements = Vec::new();
    for rule in rules {
        let not = |excludes: bool| if excludes { "Not" } else { "" };
        let mut text = format!(
            r#"{{"Effect":"{}","{}Action":{},"{}Resource":{}"#,
            if rule.allows { "Allow" } else { "Deny" },
            not(rule.excludes_actions),
            quoted(&rule.actions),
            not(rule.excludes_resources),
            quoted(&rule.resources),
        );
        if has_principal {
            write!(text, r#","Principal":{{"AWS":"{}"}}"#, rule.principal).unwrap();
        }
        if let Some((operator, key, values)) = &rule.condition {
            let values = quoted(values);
            write!(text, r#","Condition":{{"{operator}":{{"{key}":{values}}}}}"#).unwrap();
        }
        statements.push(text + "}");
    }
    document(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")))
}

/// A glob, by trying every length that a star may stand for.
fn slow_glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some(b'*') => (0..=text.len()).any(|taken| slow_glob(&pattern[1..], &text[taken..])),
        Some(b'?') => !text.is_empty() && slow_glob(&pattern[1..], &text[1..]),
        Some(byte) => text.first() == Some(byte) && slow_glob(&pattern[1..], &text[1..]),
    }
}

fn like(pattern: &str, text: &str) -> bool {
    slow_glob(pattern.as_bytes(), text.as_bytes())
}

struct World<'w> {
    one: Option<&'w str>,
    two: Option<&'w str>,
}

impl World<'_> {
    fn condition_holds(&self, operator: &str, key: &str, values: &[&str]) -> bool {
        let value = match key {
            "x:one" => self.one,
            "x:two" => self.two,
            "aws:PrincipalAccount" => Some("111111111111"),
            _ => None,
        };
        if operator == "Null" {
            return values.contains(&if value.is_none() { "true" } else { "false" });
        }
        let Some(value) = value else {
            return operator.ends_with("IfExists")
                || operator.starts_with("ForAllValues")
                || operator == "StringNotEquals";
        };
        match operator {
            "StringNotEquals" | "StringNotEqualsIfExists" => !values.contains(&value),
            "StringLike" => values.iter().any(|wanted| like(wanted, value)),
            _ => values.contains(&value),
        }
    }

    fn applies(&self, rule: &Rule, action: &str, resource: &str) -> bool {
        let named = rule.actions.iter().any(|one| like(&one.to_lowercase(), action));
        let covered = rule.resources.iter().any(|one| like(one, resource));
        named != rule.excludes_actions
            && covered != rule.excludes_resources
            && rule
                .condition
                .as_ref()
                .is_none_or(|(operator, key, values)| self.condition_holds(operator, key, values))
    }

    /// The flow chart of the guide, in one world.
    fn decide(&self, estate: &Policing, action: &str, resource: &str) -> bool {
        let any = |rules: &[Rule], allows: bool, principals: &[&str]| {
            rules.iter().any(|rule| {
                rule.allows == allows
                    && (principals.is_empty() || principals.contains(&rule.principal))
                    && self.applies(rule, action, resource)
            })
        };
        let is_role = estate.is_role;
        let own = if is_role { PRINCIPALS[2] } else { PRINCIPALS[3] };
        let everyone = ["*", own];
        let addressed = ["*", own, "111111111111"];
        let boundary = estate.boundary.as_deref();
        if any(&estate.identity, false, &[])
            || boundary.is_some_and(|rules| any(rules, false, &[]))
            || estate.guardrail.as_ref().is_some_and(|rules| any(rules, false, &[]))
            || any(&estate.resource, false, &addressed)
        {
            return false;
        }
        if estate.guardrail.as_ref().is_some_and(|rules| !any(rules, true, &[])) {
            return false;
        }
        let bounded = boundary.is_none_or(|rules| any(rules, true, &[]));
        let identity = any(&estate.identity, true, &[]) && bounded;
        if !estate.is_same_account {
            return identity && any(&estate.resource, true, &addressed);
        }
        let named = any(&estate.resource, true, &everyone) && (bounded || !is_role);
        if estate.is_strict {
            return named || identity && any(&estate.resource, true, &["111111111111"]);
        }
        named || identity
    }
}

#[derive(Clone, Debug)]
struct Policing {
    identity: Vec<Rule>,
    boundary: Option<Vec<Rule>>,
    guardrail: Option<Vec<Rule>>,
    resource: Vec<Rule>,
    is_role: bool,
    is_same_account: bool,
    is_strict: bool,
}

fn policing() -> impl Strategy<Value = Policing> {
    let few = || prop::option::weighted(0.3, rules());
    (rules(), few(), few(), rules(), any::<[bool; 3]>()).prop_map(
        |(identity, boundary, guardrail, resource, [is_role, is_same_account, is_strict])| {
            Policing {
                identity,
                boundary,
                guardrail,
                resource,
                is_role,
                is_same_account,
                is_strict,
            }
        },
    )
}

fn fast(estate: &Policing, action: &str, resource: &str) -> Truth {
    let identity = written(&estate.identity, false);
    let boundary = estate.boundary.as_ref().map(|rules| written(rules, false));
    let guardrail = estate.guardrail.as_ref().map(|rules| written(rules, false));
    let policy = written(&estate.resource, true);
    let guardrails = Guardrails {
        levels: guardrail.iter().map(|document| vec![document]).collect(),
        doubtful: Vec::new(),
    };
    let policies = Policies {
        identity: &[&identity],
        boundary: boundary.as_ref(),
        guardrails: &guardrails,
        over_resource: None,
        resource: ResourcePolicy::Read(&policy),
        sides: if estate.is_strict { Sides::Resource } else { Sides::Either },
    };
    let caller = if estate.is_role { role() } else { user() };
    assert_eq!(caller.kind == CallerKind::Role, estate.is_role);
    let account = if estate.is_same_account { "111111111111" } else { "222222222222" };
    let target = Target::new(Subject::exact(resource), Some(account));
    let place = Place::Unsaid;
    evaluate(&Request { caller: &caller, action, target, place: &place }, &policies).allowed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is sure holds in every world, what is refused in none; where nothing is unknown, the
    /// answer is never in doubt.
    #[test]
    fn the_evaluator_agrees_with_every_world(
        estate in policing(),
        action in prop::sample::select(&["s3:getobject", "s3:putobject", "sqs:receivemessage"][..]),
        resource in prop::sample::select(&["arn:aws:s3:::b/k", "arn:aws:s3:::c/k", "arn:aws:s3:::c/kk"][..]),
    ) {
        let answer = fast(&estate, action, resource);
        let mut outcomes = Vec::new();
        for one in WORLDS {
            for two in WORLDS {
                outcomes.push(World { one, two }.decide(&estate, action, resource));
            }
        }
        match answer {
            Truth::Yes => prop_assert!(outcomes.iter().all(|allowed| *allowed)),
            Truth::No => prop_assert!(outcomes.iter().all(|allowed| !allowed)),
            Truth::Unknown => {
                let all = estate.identity.iter().chain(&estate.resource);
                let all = all.chain(estate.boundary.iter().flatten());
                let mut all = all.chain(estate.guardrail.iter().flatten());
                let is_unknown = |rule: &Rule| {
                    rule.condition.as_ref().is_some_and(|(_, key, _)| key.starts_with("x:"))
                };
                prop_assert!(all.any(is_unknown));
            }
        }
    }
}
