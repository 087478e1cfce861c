//! The labels of workloads, and which sets they are in.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use watertight_policy::syntax::{
    Document, LabelSelector, LabelingRule, Object, Operator, PeerEnd, Segment, ShareOf,
};

use super::{Truth, Workload, all, any};

/// A label's value; none for one on which labelings disagree.
pub(crate) type Labels = BTreeMap<String, Option<String>>;

/// A star stands for any text: tried at every place.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|text| {
            (0..=text.len()).any(|from| text.get(from..).is_some_and(|end| fits(rest, end)))
        }),
    }
}

/// The labels after the labelings.
pub(crate) fn labels(documents: &[Document], workload: &Workload) -> Labels {
    let mut given: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for document in documents {
        let Object::Labeling(labeling) = &document.object else { continue };
        for rule in labeling.rules.iter().filter(|rule| applies(rule, workload)) {
            for (key, value) in &rule.labels {
                given.entry(key.to_string()).or_default().insert(value.value.to_string());
            }
        }
    }
    let mut labels: Labels = BTreeMap::new();
    for (key, value) in &workload.labels {
        labels.insert(key.clone(), Some(value.clone()));
    }
    for (key, values) in given {
        let mut values = values.into_iter();
        let first = values.next();
        labels.insert(key, if values.next().is_some() { None } else { first });
    }
    labels
}

fn applies(rule: &LabelingRule, workload: &Workload) -> bool {
    let when = &rule.when;
    if !when.name.is_empty() && !when.name.iter().any(|one| fits(&one.value.0, &workload.name)) {
        return false;
    }
    let account = workload.account.as_deref();
    if !when.account.is_empty() && !when.account.iter().any(|one| Some(&*one.value) == account) {
        return false;
    }
    let in_subnet = |name: &str| workload.subnets.iter().any(|subnet| subnet == name);
    if !when.subnet.is_empty() && !when.subnet.iter().any(|one| in_subnet(&one.value)) {
        return false;
    }
    for (key, pattern) in &when.tags {
        match workload.labels.get(&**key) {
            Some(value) if fits(&pattern.value.0, value) => {}
            _ => return false,
        }
    }
    let has = |prefix: &watertight_net::Prefix| {
        workload.places.iter().any(|(_, address)| prefix.contains(*address))
    };
    when.addresses.is_empty() || when.addresses.iter().any(|prefix| has(&prefix.value))
}

/// Whether a selector holds for labels.
pub(crate) fn selected(selector: &LabelSelector, labels: &Labels) -> Truth {
    all(selector.requirements().iter().map(|requirement| {
        let label = labels.get(&*requirement.key);
        let is_in = |values: &BTreeSet<watertight_model::Name>| match label {
            None => Some(false),
            Some(None) => None,
            Some(Some(value)) => Some(values.iter().any(|one| **one == **value)),
        };
        let exists = match label {
            None => Some(false),
            Some(None) => None,
            Some(Some(_)) => Some(true),
        };
        match &requirement.operator {
            Operator::In(values) => is_in(values),
            Operator::NotIn(values) => is_in(values).map(|is_in| !is_in),
            Operator::Exists => exists,
            Operator::DoesNotExist => exists.map(|exists| !exists),
        }
    }))
}

/// The segments, with their names.
pub(crate) fn segments(documents: &[Document]) -> Vec<(String, Option<&Segment>)> {
    let mut segments: Vec<(String, Option<&Segment>)> = documents
        .iter()
        .filter_map(|document| match &document.object {
            Object::Segment(segment) => {
                Some((document.metadata.name.value.to_string(), Some(&**segment)))
            }
            _ => None,
        })
        .collect();
    if !segments.iter().any(|(name, _)| name == "estate") {
        segments.push(("estate".to_owned(), None));
    }
    // The built-in one first, then by name.
    segments.sort_by_key(|(name, _)| (name != "estate", name.clone()));
    segments
}

/// Whether a segment holds a workload.
pub(crate) fn in_segment(documents: &[Document], name: &str, labels: &Labels) -> Truth {
    for (of, segment) in segments(documents) {
        if of == name {
            let members = segment.and_then(|segment| segment.members.as_ref());
            return members.map_or(Some(true), |members| selected(members, labels));
        }
    }
    Some(false)
}

/// Whether a share of a segment holds a workload of this id.
pub(crate) fn in_share(share: &ShareOf, segment: &str, id: &str, labels: &Labels) -> Truth {
    match share {
        ShareOf::Select(selector) => selected(selector, labels),
        ShareOf::Percent(percent) => {
            let digits = format!("{:x}", Sha256::digest(format!("{segment}/{id}")));
            let head = digits.get(..8).and_then(|head| u64::from_str_radix(head, 16).ok());
            head.map(|head| head % 100 < u64::from(*percent))
        }
    }
}

/// Whether a group holds a workload.
pub(crate) fn in_group(documents: &[Document], name: &str, labels: &Labels) -> Truth {
    for document in documents {
        if let Object::Group(group) = &document.object
            && *document.metadata.name.value == *name
        {
            return any(group.members.iter().map(|member| match &member.end {
                PeerEnd::Any | PeerEnd::Internet => Some(false),
                PeerEnd::Conditions(conditions) => {
                    let selector = conditions.selector.iter().map(|one| selected(one, labels));
                    let segment = conditions.segment.iter();
                    let segment = segment.map(|one| in_segment(documents, &one.value, labels));
                    let group = conditions.group.iter();
                    let group = group.map(|one| in_group(documents, &one.value, labels));
                    all(selector.chain(segment).chain(group))
                }
            }));
        }
    }
    Some(false)
}
