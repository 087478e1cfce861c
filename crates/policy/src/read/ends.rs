//! Peers.

use std::str::FromStr;

use watertight_model::Name;
use watertight_source::{Kind, Node};

use crate::Domain;
use crate::codes;
use crate::syntax::{AddressItem, Conditions, DomainItem, Peer, PeerEnd, Spanned};

use super::labels::{SELECTOR_FIELDS, prefix, selector};
use super::reader::{Reader, is_name, shortened};

const FIELDS: [&str; 10] = [
    "matchLabels",
    "matchExpressions",
    "segment",
    "group",
    "addresses",
    "network",
    "domains",
    "users",
    "provider",
    "metadata",
];

/// On which side of a rule a peer stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    From,
    To,
    /// Where workloads alone can stand: members of groups, and fronts.
    Workloads,
}

/// The peers under a key that must be there.
pub(super) fn peers(reader: &mut Reader<'_>, node: Node<'_>, key: &str, side: Side) -> Vec<Peer> {
    let items = reader.required_list(node, key);
    items.into_iter().filter_map(|item| peer(reader, item, side)).collect()
}

/// One peer.
pub(super) fn peer(reader: &mut Reader<'_>, node: Node<'_>, side: Side) -> Option<Peer> {
    let end = if node.kind() == Kind::String {
        let words = [("any", PeerEnd::Any), ("internet", PeerEnd::Internet)];
        let text = reader.string(node)?;
        let Some((_, end)) = words.into_iter().find(|(word, _)| *word == text) else {
            let message = format!("`{}` is no peer", shortened(text));
            let help = "the peers that are one word are `any` and `internet`; name others by a \
                        field, as in `{segment: web}`";
            reader.error(codes::BAD_VALUE, node.span(), message, help);
            return None;
        };
        end
    } else {
        PeerEnd::Conditions(Box::new(conditions(reader, node)?))
    };
    let peer = Peer { span: node.span(), end };
    check_side(reader, &peer, side);
    Some(peer)
}

fn conditions(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Conditions> {
    for word in ["any", "internet"] {
        if let Some(entry) = node.entries().find(|entry| entry.key == word) {
            let message = format!("`{word}` is a peer of its own, not a field of one");
            let help = format!("write `[{word}]`");
            reader.error(codes::NOT_TOGETHER, entry.key_span, message, help);
            return None;
        }
    }
    reader.object(node, &FIELDS)?;
    if node.is_empty() {
        let message = "the peer has no field, so nothing says whom it means";
        let help = "write `any`, or `{matchLabels: {}}` for every workload";
        reader.error(codes::EMPTY, node.span(), message, help);
        return None;
    }
    let has_selector = SELECTOR_FIELDS.iter().any(|field| node.get(field).is_some());
    let conditions = Conditions {
        selector: has_selector.then(|| selector(reader, node)),
        segment: reader.name_field(node, "segment"),
        group: reader.name_field(node, "group"),
        addresses: reader.items(node, "addresses", address),
        network: reader.text_field(node, "network"),
        domains: reader.items(node, "domains", domain_item),
        users: reader.items(node, "users", Reader::name),
        provider: reader.items(node, "provider", provider),
        metadata: metadata(reader, node),
    };
    if let Some(network) = &conditions.network
        && node.get("addresses").is_none()
    {
        let message = "`network` says where `addresses` are, and there are none";
        reader.error(codes::NOT_TOGETHER, network.span, message, "add `addresses`");
    }
    Some(conditions)
}

/// A prefix, or the name of an Addresses document.
pub(super) fn address(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Spanned<AddressItem>> {
    let text = reader.string(node)?;
    if is_name(text) {
        return Some(Spanned::new(AddressItem::Named(Name::from(text)), node.span()));
    }
    let prefix = prefix(reader, node)?;
    Some(Spanned::new(AddressItem::Prefix(prefix.value), prefix.span))
}

fn domain_item(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Spanned<DomainItem>> {
    let text = reader.string(node)?;
    if is_name(text) {
        return Some(Spanned::new(DomainItem::Named(Name::from(text)), node.span()));
    }
    let domain = domain(reader, node)?;
    Some(Spanned::new(DomainItem::Domain(domain.value), domain.span))
}

/// A domain name.
pub(super) fn domain(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Spanned<Domain>> {
    let text = reader.string(node)?;
    match Domain::from_str(text) {
        Ok(domain) => Some(Spanned::new(domain, node.span())),
        Err(error) => {
            let message = format!("the domain name `{}` {}", shortened(text), error.problem);
            reader.error(codes::BAD_DOMAIN, node.span(), message, error.help);
            None
        }
    }
}

fn provider(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Spanned<Name>> {
    let text = reader.string(node)?;
    let is_service =
        text.split_once('.').is_some_and(|(cloud, service)| is_name(cloud) && is_name(service));
    if !is_service {
        let message = format!("`{}` is no service of a provider", shortened(text));
        let help = "write the provider and the service, as in `aws.s3`";
        reader.error(codes::BAD_NAME, node.span(), message, help);
        return None;
    }
    Some(Spanned::new(Name::from(text), node.span()))
}

fn metadata(reader: &mut Reader<'_>, node: Node<'_>) -> Option<watertight_source::Span> {
    let value = reader.take(node.field("metadata")).flatten()?;
    reader.word(value, &[("instance", ())]).map(|value| value.span)
}

/// What cannot stand on a side of a rule, or together in one peer.
fn check_side(reader: &mut Reader<'_>, peer: &Peer, side: Side) {
    let PeerEnd::Conditions(conditions) = &peer.end else {
        if side == Side::Workloads {
            let message = "`any` and `internet` are more than workloads";
            let help = "name workloads: a selector, a segment or a group";
            reader.error(codes::NOT_TOGETHER, peer.span, message, help);
        }
        return;
    };
    let Conditions { addresses, domains, users, provider, metadata, .. } = &**conditions;
    let spans = [
        ("addresses", addresses.first().map(|item| item.span)),
        ("domains", domains.first().map(|item| item.span)),
        ("users", users.first().map(|item| item.span)),
        ("provider", provider.first().map(|item| item.span)),
        ("metadata", *metadata),
    ];
    for (field, span) in spans {
        let Some(span) = span else { continue };
        let only_to = matches!(field, "domains" | "provider" | "metadata");
        let (message, help) = match side {
            Side::Workloads => (
                format!("`{field}` cannot stand here: only workloads can"),
                "name a selector, a segment or a group",
            ),
            Side::From if only_to => (
                format!("`{field}` can stand under `to` alone"),
                "a leg is opened by a workload, an address or a user",
            ),
            _ => continue,
        };
        reader.error(codes::NOT_TOGETHER, span, message, help);
    }
    let selects =
        conditions.selector.is_some() || conditions.segment.is_some() || conditions.group.is_some();
    for (field, span) in [spans[3], spans[4]] {
        if let (Some(span), true) = (span, selects) {
            let message = format!("selectors match workloads alone, `{field}` matches none");
            let help = "write two peers: entries of a list are alternatives";
            reader.error(codes::NOT_TOGETHER, span, message, help);
        }
    }
}
