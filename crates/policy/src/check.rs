//! Checking: names are resolved, and what takes two documents to get wrong is found.

mod conflicts;
mod ends;
mod essentials;
mod graph;
mod names;
mod over;
pub(crate) mod overlap;
mod partial;
mod policies;

use std::collections::BTreeMap;
use std::sync::Arc;

use watertight_model::{Criticality, Name, Selector};
use watertight_source::{Contents, Diagnostics, FileId};

use crate::ESTATE;
use crate::checked::{
    Assertion, AssertionId, CheckedPolicy, Exception, Excused, OnFault, Segment, Share, ShareOf,
};
use crate::read::Documents;
use crate::syntax::{self, DefaultAction, Document, FaultMode, Kind, Mode, Object, Spanned};

use ends::Ends;
use names::Names;
use over::Services;

/// The files that feeds name, by the file that names one and the path as it is written there.
pub type Feeds = BTreeMap<(FileId, Name), (FileId, Contents)>;

/// Every feed that the documents name, as [`Feeds`] wants its keys. Left out are those that would
/// lead out of the folder of the file that names them: a policy from elsewhere must not make its
/// reader open any file there is.
pub fn feeds_of(documents: &Documents) -> Vec<(FileId, Name)> {
    let feeds = documents.of(|object| match object {
        Object::Addresses(addresses) => addresses.feed.as_ref(),
        _ => None,
    });
    let inside = feeds.filter(|(_, feed)| stays_inside(&feed.value));
    inside.map(|(_, feed)| (feed.span.file, feed.value.clone())).collect()
}

/// Whether a path leads to a file beside or below the one that names it, on any system.
fn stays_inside(path: &str) -> bool {
    !path.starts_with(['/', '\\'])
        && !path.contains(':')
        && path.split(['/', '\\']).all(|part| part != "..")
}

/// The checked policy; `None` when there is any error among the diagnostics, also one from reading
/// the documents: what is only partly understood must not be decided upon.
pub fn check(
    documents: &Documents,
    feeds: &Feeds,
    diagnostics: &mut Diagnostics,
) -> Option<CheckedPolicy> {
    let names = Names::collect(documents, diagnostics);
    let services = Services::expand(documents, &names, diagnostics);
    let mut ends = Ends::new(documents, &names, feeds, diagnostics);
    let segments = segments(documents, &mut ends);
    let policies = policies::policies(documents, &services, &mut ends, diagnostics);
    let assertions = assertions(documents, &services, &mut ends, diagnostics);
    let listed = essentials::essentials(documents, &services, &mut ends, diagnostics);
    let exceptions = exceptions(documents, &names, &assertions, diagnostics);
    let mut labelings: Vec<_> = documents
        .of(|object| match object {
            Object::Labeling(labeling) => Some(labeling),
            _ => None,
        })
        .map(|(document, labeling)| (document.metadata.name.value.clone(), labeling.clone()))
        .collect();
    labelings.sort_by(|a, b| a.0.cmp(&b.0));
    partial::partial(documents, &names, diagnostics);
    let (selectors, users) = ends.finish();
    let checked = CheckedPolicy {
        selectors,
        segments,
        users,
        labelings,
        policies,
        failsafe: listed.failsafe,
        control_planes: listed.control_planes,
        narrowed: listed.narrowed,
        assertions,
        exceptions,
    };
    conflicts::conflicts(&checked, diagnostics);
    (!diagnostics.has_errors()).then_some(checked)
}

/// The segments; `estate` is the first whether or not somebody wrote it.
fn segments(documents: &Documents, ends: &mut Ends<'_>) -> Vec<Segment> {
    let everybody = ends.labels(&Selector::Everything);
    let mut estate = Segment {
        name: Name::from(ESTATE),
        span: None,
        members: everybody,
        mode: Mode::Monitor,
        share: None,
        ingress: DefaultAction::Allow,
        egress: DefaultAction::Allow,
        intra: DefaultAction::Allow,
        criticality: Criticality::None,
        on_fault: OnFault {
            map_full: FaultMode::Closed,
            unknown_identity: FaultMode::Closed,
            proxy_gone: FaultMode::Closed,
            stale_identity: FaultMode::Closed,
        },
    };
    let mut segments = vec![];
    for (_, document) in ends::sorted_by_name(documents, Kind::Segment) {
        let Object::Segment(segment) = &document.object else { continue };
        let name = &document.metadata.name.value;
        let is_estate = **name == *ESTATE;
        let unwritten = if is_estate { DefaultAction::Allow } else { DefaultAction::Deny };
        let default = |written: Option<Spanned<DefaultAction>>| {
            written.map_or(unwritten, |default| default.value)
        };
        let fault = |written: Option<Spanned<FaultMode>>| {
            written.map_or(FaultMode::Closed, |fault| fault.value)
        };
        let selector =
            segment.members.as_ref().map_or(&Selector::Everything, syntax::LabelSelector::compiled);
        let checked = Segment {
            name: name.clone(),
            span: Some(document.span),
            members: ends.labels(selector),
            mode: segment.mode(),
            share: segment.share.as_ref().map(share),
            ingress: default(segment.defaults.ingress),
            egress: default(segment.defaults.egress),
            intra: default(segment.defaults.intra),
            criticality: segment.criticality.map_or(Criticality::None, |word| word.value),
            on_fault: OnFault {
                map_full: fault(segment.on_fault.map_full),
                unknown_identity: fault(segment.on_fault.unknown_identity),
                proxy_gone: fault(segment.on_fault.proxy_gone),
                stale_identity: fault(segment.on_fault.stale_identity),
            },
        };
        if is_estate {
            estate = checked;
        } else {
            segments.push(checked);
        }
    }
    segments.insert(0, estate);
    segments
}

fn share(share: &syntax::Share) -> Share {
    let of = match &share.of {
        syntax::ShareOf::Percent(percent) => ShareOf::Percent(*percent),
        syntax::ShareOf::Select(selector) => ShareOf::Select(selector.compiled().clone()),
    };
    Share { span: share.span, of }
}

fn assertions(
    documents: &Documents,
    services: &Services<'_>,
    ends: &mut Ends<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Assertion> {
    let mut assertions = Vec::new();
    let found = documents.of(|object| match object {
        Object::Assertion(assertion) => Some(&**assertion),
        _ => None,
    });
    for (Document { metadata, .. }, assertion) in found {
        let claim = &assertion.claim;
        assertions.push(Assertion {
            name: metadata.name.value.clone(),
            name_span: metadata.name.span,
            owner: text(metadata.owner.as_ref()),
            kind: claim.kind,
            reach: assertion.reach(),
            from: ends.peers(&claim.from, diagnostics),
            to: ends.peers(&claim.to, diagnostics),
            over: services.clauses(claim.over.as_ref(), claim.span, diagnostics),
        });
    }
    assertions.sort_by(|a, b| a.name.cmp(&b.name));
    assertions
}

fn exceptions(
    documents: &Documents,
    names: &Names,
    assertions: &[Assertion],
    diagnostics: &mut Diagnostics,
) -> Vec<Exception> {
    let mut exceptions = Vec::new();
    let found = documents.of(|object| match object {
        Object::Exception(exception) => Some(exception),
        _ => None,
    });
    for (Document { metadata, .. }, exception) in found {
        let excused = match &exception.excused {
            syntax::Excused::Gap(gap) => Excused::Gap(gap.value.clone()),
            syntax::Excused::Assertion(name) => {
                if names.resolve(Kind::Assertion, name, diagnostics).is_none() {
                    continue;
                }
                match assertions.binary_search_by(|one| one.name.cmp(&name.value)) {
                    Ok(index) => Excused::Assertion(AssertionId::at(index)),
                    Err(_) => continue,
                }
            }
        };
        exceptions.push(Exception {
            name: metadata.name.value.clone(),
            name_span: metadata.name.span,
            owner: text(metadata.owner.as_ref()).unwrap_or_else(|| Name::from("")),
            expires: exception.expires.value,
            excused,
        });
    }
    exceptions.sort_by(|a, b| a.name.cmp(&b.name));
    exceptions
}

fn text(text: Option<&Spanned<Name>>) -> Option<Name> {
    text.map(|text| text.value.clone())
}

/// An error about a place with what to do about it.
fn error(
    code: watertight_source::Code,
    span: watertight_source::Span,
    message: impl Into<String>,
    help: impl Into<String>,
) -> watertight_source::Diagnostic {
    watertight_source::Diagnostic::error(code, message).with_label(span, "").with_help(help)
}

/// Shares a list.
fn shared<T>(items: Vec<T>) -> Arc<[T]> {
    Arc::from(items)
}
