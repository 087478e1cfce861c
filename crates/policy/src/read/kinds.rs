//! The `spec` of each kind.

use std::sync::Arc;

use watertight_model::Criticality;
use watertight_source::Node;

use crate::ESTATE;
use crate::codes;
use crate::syntax::{
    Addresses, Defaults, Domains, Group, Kind, Metadata, Object, OnFault, Segment, Service, Share,
    ShareOf, Users,
};

use super::ends::{Side, address, domain, peers};
use super::essentials::essentials;
use super::labels::{SELECTOR_FIELDS, labeling, prefix, selector};
use super::over::over;
use super::reader::Reader;
use super::rules::{assertion, exception, policy};

const CRITICALITIES: [(&str, Criticality); 3] = [
    ("none", Criticality::None),
    ("important", Criticality::Important),
    ("crown-jewel", Criticality::CrownJewel),
];

/// What a document declares; nothing when it cannot be read.
pub(super) fn object(
    reader: &mut Reader<'_>,
    kind: Kind,
    metadata: &Metadata,
    spec: Node<'_>,
) -> Option<Object> {
    Some(match kind {
        Kind::Segment => Object::Segment(Box::new(segment(reader, metadata, spec)?)),
        Kind::Group => {
            reader.object(spec, &["members"])?;
            Object::Group(Group { members: peers(reader, spec, "members", Side::Workloads) })
        }
        Kind::Service => {
            reader.object(spec, &["over"])?;
            Object::Service(service(reader, spec)?)
        }
        Kind::Addresses => Object::Addresses(addresses(reader, spec)?),
        Kind::Domains => {
            reader.object(spec, &["names"])?;
            let names = reader.required_list(spec, "names");
            let names = names.into_iter().filter_map(|name| domain(reader, name)).collect();
            Object::Domains(Domains { names })
        }
        Kind::Users => Object::Users(users(reader, spec)?),
        Kind::Labeling => Object::Labeling(labeling(reader, spec)?),
        Kind::Policy => Object::Policy(Arc::new(policy(reader, spec)?)),
        Kind::Assertion => Object::Assertion(Box::new(assertion(reader, spec)?)),
        Kind::Exception => Object::Exception(exception(reader, metadata, spec)?),
        Kind::Essentials => Object::Essentials(essentials(reader, spec)?),
    })
}

fn segment(reader: &mut Reader<'_>, metadata: &Metadata, spec: Node<'_>) -> Option<Segment> {
    reader.object(spec, &["members", "mode", "share", "defaults", "criticality", "onFault"])?;
    let is_estate = *metadata.name.value == *ESTATE;
    let members = spec.get("members").and_then(|node| {
        reader.object(node, &SELECTOR_FIELDS)?;
        Some(selector(reader, node))
    });
    match spec.get("members") {
        Some(node) if is_estate => {
            let message = "the segment `estate` holds every workload and has no members of its own";
            let help = "leave `members` out, or give the segment another name";
            reader.error(codes::NOT_TOGETHER, node.span(), message, help);
        }
        None if !is_estate => {
            let message = "the segment does not say who its members are";
            let help = "add `members`; `members: {matchLabels: {}}` is every workload";
            reader.error(codes::EMPTY, spec.span(), message, help);
        }
        _ => {}
    }
    let criticality = reader.take(spec.field("criticality")).flatten();
    Some(Segment {
        members,
        mode: reader.word_field(spec, "mode"),
        share: spec.get("share").and_then(|node| share(reader, node)),
        defaults: defaults(reader, spec),
        criticality: criticality.and_then(|node| reader.word(node, &CRITICALITIES)),
        on_fault: on_fault(reader, spec),
    })
}

/// Which part of a segment is enforced.
fn share(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Share> {
    const HELP: &str = "write `{percent: 10}`, or `{select: {matchLabels: {...}}}`";
    reader.object(node, &["percent", "select"])?;
    let of = match (node.get("percent"), node.get("select")) {
        (Some(percent), None) => ShareOf::Percent(self::percent(reader, percent)?),
        (None, Some(labels)) => {
            reader.object(labels, &SELECTOR_FIELDS)?;
            ShareOf::Select(selector(reader, labels))
        }
        (None, None) => {
            let message = "the share does not say which part of the segment is enforced";
            reader.error(codes::EMPTY, node.span(), message, HELP);
            return None;
        }
        (Some(_), Some(_)) => {
            let message = "a share is chosen by `percent` or by `select`, and not by both";
            reader.error(codes::NOT_TOGETHER, node.span(), message, HELP);
            return None;
        }
    };
    Some(Share { span: node.span(), of })
}

fn percent(reader: &mut Reader<'_>, node: Node<'_>) -> Option<u8> {
    let number = node.as_u64().and_then(|number| u8::try_from(number).ok());
    let number = number.filter(|number| *number <= 100);
    if number.is_none() {
        let message = format!("the percent is {}", node.describe());
        let help = "write a whole number from 0 to 100, without a sign behind it";
        reader.error(codes::BAD_VALUE, node.span(), message, help);
    }
    number
}

fn defaults(reader: &mut Reader<'_>, spec: Node<'_>) -> Defaults {
    let Some(node) = spec.get("defaults") else { return Defaults::default() };
    if reader.object(node, &["ingress", "egress", "intra"]).is_none() {
        return Defaults::default();
    }
    Defaults {
        ingress: reader.word_field(node, "ingress"),
        egress: reader.word_field(node, "egress"),
        intra: reader.word_field(node, "intra"),
    }
}

fn on_fault(reader: &mut Reader<'_>, spec: Node<'_>) -> OnFault {
    let Some(node) = spec.get("onFault") else { return OnFault::default() };
    let known = ["mapFull", "unknownIdentity", "proxyGone", "staleIdentity"];
    if reader.object(node, &known).is_none() {
        return OnFault::default();
    }
    OnFault {
        map_full: reader.word_field(node, "mapFull"),
        unknown_identity: reader.word_field(node, "unknownIdentity"),
        proxy_gone: reader.word_field(node, "proxyGone"),
        stale_identity: reader.word_field(node, "staleIdentity"),
    }
}

fn service(reader: &mut Reader<'_>, spec: Node<'_>) -> Option<Service> {
    let Some(over) = over(reader, spec) else {
        let message = "the service does not say what it is";
        reader.error(codes::EMPTY, spec.span(), message, "add `over`");
        return None;
    };
    Some(Service { over })
}

fn addresses(reader: &mut Reader<'_>, spec: Node<'_>) -> Option<Addresses> {
    reader.object(spec, &["prefixes", "feed"])?;
    if spec.get("prefixes").is_none() && spec.get("feed").is_none() {
        let message = "there are no addresses";
        reader.error(codes::EMPTY, spec.span(), message, "add `prefixes` or `feed`");
    }
    Some(Addresses {
        prefixes: reader.items(spec, "prefixes", prefix),
        feed: reader.text_field(spec, "feed"),
    })
}

fn users(reader: &mut Reader<'_>, spec: Node<'_>) -> Option<Users> {
    reader.object(spec, &["groups", "pools"])?;
    if spec.get("groups").is_none() && spec.get("pools").is_none() {
        let message = "there is nobody among the users";
        reader.error(codes::EMPTY, spec.span(), message, "add `groups` or `pools`");
    }
    Some(Users {
        groups: reader.items(spec, "groups", Reader::text),
        pools: reader.items(spec, "pools", address),
    })
}
