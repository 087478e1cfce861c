use std::collections::BTreeSet;

use super::*;

/// Calls that conversion reads where they are there, and what tells the same here.
const TOLD_BY_OTHERS: [(&str, &str); 6] = [
    ("describe-domain", "opensearch-describe-domains"),
    ("describe-elasticsearch-domains", "opensearch-describe-domains"),
    ("get-function-url-config", "lambda-list-function-url-configs"),
    ("list-policies-for-target", "organizations-list-targets-for-policy"),
    ("list-roles", "iam-get-account-authorization-details"),
    ("list-users", "iam-get-account-authorization-details"),
];

#[test]
fn every_call_that_conversion_reads_is_made() {
    let table = Table::load().unwrap();
    let made: Vec<&str> = table.names().collect();
    for call in watertight_aws::calls() {
        let told = TOLD_BY_OTHERS.iter().find(|(other, _)| *other == call);
        let is_made = match told {
            Some((_, other)) => made.contains(other),
            None => made.iter().any(|name| {
                let name = name.strip_suffix("-v2").unwrap_or(name);
                name.strip_suffix(call).is_some_and(|service| service.ends_with('-'))
            }),
        };
        assert!(is_made, "{call}");
    }
}

#[test]
fn a_call_comes_after_those_that_name_its_arguments() {
    let table = Table::load().unwrap();
    let mut before: BTreeSet<&str> = BTreeSet::new();
    for call in &table.calls {
        if let Some(each) = &call.line.each {
            assert_eq!(each.of.len(), each.at.len(), "{}", call.name());
            assert!(!each.of.is_empty() || !each.values.is_empty(), "{}", call.name());
            for of in &each.of {
                assert!(before.contains(of.as_str()), "{} before {of}", call.name());
            }
            assert!(call.facts.input.contains_key(&each.parameter), "{}", call.name());
        }
        assert!(before.insert(call.name()), "{} twice", call.name());
    }
}

#[test]
fn every_call_only_reads() {
    let table = Table::load().unwrap();
    for call in &table.calls {
        let operation = &call.facts.operation;
        let reads = ["Describe", "List", "Get", "Lookup", "Search"];
        assert!(reads.iter().any(|start| operation.starts_with(start)), "{operation}");
        assert!(!operation.contains("SecretValue") && !operation.contains("Decrypt"));
    }
}

#[test]
fn every_answer_with_pages_says_where_they_go_on() {
    let table = Table::load().unwrap();
    for call in &table.calls {
        let Some(pages) = &call.facts.pages else { continue };
        assert_eq!(pages.input.len(), pages.output.len(), "{}", call.name());
        assert!(pages.input.iter().all(|input| call.facts.input.contains_key(input)));
        assert!(!pages.results.is_empty(), "{}", call.name());
    }
}

#[test]
fn every_kind_of_an_answer_is_a_scalar_or_a_shape() {
    let table = Table::load().unwrap();
    for (service, shapes) in &table.shapes {
        // For JSON there are only the shapes that change something.
        if matches!(table.services[service].protocol, Protocol::Json | Protocol::RestJson) {
            continue;
        }
        // What is taken out whole needs no kinds.
        for (name, shape) in shapes.iter().filter(|(_, shape)| !shape.is_secret()) {
            let members = shape.members.iter().flatten();
            let mut kinds: Vec<&str> =
                members.map(|(wire, member)| member.name_and_kind(wire).1).collect();
            kinds.extend(shape.list.iter().map(|(_, kind)| kind.as_str()));
            kinds.extend(shape.map.iter().map(|(_, _, kind)| kind.as_str()));
            for kind in kinds {
                let scalars = ["s", "n", "f", "b", "t", "ti", "tu", "tr", "x", "S"];
                let known = scalars.contains(&kind) || shapes.contains_key(kind);
                assert!(known, "{service} {name} {kind}");
            }
        }
    }
}

/// Whether an answer of this kind holds tags; each kind is looked at once.
fn has_tags<'t>(shapes: Shapes<'t>, kind: &'t str, seen: &mut BTreeSet<&'t str>) -> bool {
    let Some(shape) = shapes.find(kind).filter(|_| seen.insert(kind)) else { return false };
    let element = shape.list.iter().map(|(_, kind)| kind.as_str());
    let value = shape.map.iter().map(|(_, _, kind)| kind.as_str());
    let mut inner: Vec<&str> = element.chain(value).collect();
    for (wire, member) in shape.members.iter().flatten() {
        let (name, kind) = member.name_and_kind(wire);
        let is_tags = |word: &str| ["tags", "taglist", "tagset"].contains(&&*word.to_lowercase());
        if is_tags(wire) || is_tags(name) {
            return true;
        }
        inner.push(kind);
    }
    inner.into_iter().any(|kind| has_tags(shapes, kind, seen))
}

/// Tags may be given past the service that the tagged thing is of: then that has no event.
#[test]
fn an_answer_with_tags_is_kept_only_where_nothing_was_tagged() {
    let table = Table::load().unwrap();
    // The shapes of JSON hold no member that is a plain map of texts.
    let by_hand = ["apigateway-get-rest-apis"];
    let mut tagged = Vec::new();
    for call in table.calls.iter().filter(|call| !call.line.events.is_empty()) {
        let shapes = table.shapes(&call.facts.service);
        let output = call.facts.output.as_deref().unwrap_or_default();
        let is_tagged = has_tags(shapes, output, &mut BTreeSet::new());
        if call.line.while_empty || !is_tagged && !by_hand.contains(&call.name()) {
            continue;
        }
        assert!(call.line.events.iter().any(|event| event == "tagging"), "{}", call.name());
        tagged.push(call.name());
    }
    for name in by_hand.into_iter().chain(["apigatewayv2-get-apis", "s3api-get-bucket-tagging"]) {
        assert!(tagged.contains(&name), "{name}");
    }
}
