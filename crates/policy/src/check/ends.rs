//! Peers, with segments, groups, addresses, domains and users resolved.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use watertight_model::{Name, Selector};
use watertight_net::{AddressSet, Prefix};
use watertight_source::{Diagnostics, FileId, Span};

use crate::checked::{Conditions, End, Peer, SegmentId, SelectorId, SelectorNode, Users, UsersId};
use crate::codes;
use crate::read::Documents;
use crate::syntax::{
    self, AddressItem, Document, DomainItem, Kind, Metadata, Object, PeerEnd, Spanned,
};
use crate::{Domain, ESTATE};

use super::graph::{Order, order};
use super::names::Names;
use super::{Feeds, error, shared};

/// How many domain names a peer may expand to.
const DOMAINS_MAX: usize = 10_000;
/// How many errors of one feed are shown.
const FEED_ERRORS_MAX: usize = 20;

/// What names of ends lead to, and every selector once.
pub(super) struct Ends<'n> {
    names: &'n Names,
    selectors: Vec<SelectorNode>,
    /// Where each selector of labels stands, and each of others.
    of_labels: HashMap<Selector, SelectorId>,
    of_parts: HashMap<SelectorNode, SelectorId>,
    /// By the document's place in the list, as all of these are.
    segments: BTreeMap<usize, (SegmentId, SelectorId)>,
    groups: BTreeMap<usize, SelectorId>,
    addresses: BTreeMap<usize, Arc<AddressSet>>,
    domains: BTreeMap<usize, Arc<[Domain]>>,
    users: BTreeMap<usize, UsersId>,
    users_list: Vec<Users>,
}

impl<'n> Ends<'n> {
    pub(super) fn new(
        documents: &Documents,
        names: &'n Names,
        feeds: &Feeds,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut ends = Self {
            names,
            selectors: Vec::new(),
            of_labels: HashMap::new(),
            of_parts: HashMap::new(),
            segments: BTreeMap::new(),
            groups: BTreeMap::new(),
            addresses: BTreeMap::new(),
            domains: BTreeMap::new(),
            users: BTreeMap::new(),
            users_list: Vec::new(),
        };
        for (index, document) in documents.documents.iter().enumerate() {
            match &document.object {
                Object::Addresses(addresses) => {
                    let set = address_set(addresses, feeds, diagnostics);
                    ends.addresses.insert(index, Arc::new(set));
                }
                Object::Domains(domains) => {
                    let names = domains.names.iter().map(|name| name.value.clone()).collect();
                    ends.domains.insert(index, shared(names));
                }
                _ => {}
            }
        }
        ends.add_segments(documents);
        ends.add_users(documents, diagnostics);
        ends.add_groups(documents, diagnostics);
        ends
    }

    /// The selectors and users that were found.
    pub(super) fn finish(self) -> (Vec<SelectorNode>, Vec<Users>) {
        (self.selectors, self.users_list)
    }

    /// The id of a selector of labels.
    pub(super) fn labels(&mut self, selector: &Selector) -> SelectorId {
        if let Some(id) = self.of_labels.get(selector) {
            return *id;
        }
        let id = SelectorId::at(self.selectors.len());
        self.selectors.push(SelectorNode::Labels(selector.clone()));
        self.of_labels.insert(selector.clone(), id);
        id
    }

    /// The id of a selector of selectors.
    fn intern(&mut self, node: SelectorNode) -> SelectorId {
        if let Some(id) = self.of_parts.get(&node) {
            return *id;
        }
        let id = SelectorId::at(self.selectors.len());
        self.selectors.push(node.clone());
        self.of_parts.insert(node, id);
        id
    }

    fn add_segments(&mut self, documents: &Documents) {
        let mut next = 1;
        for (index, document) in sorted_by_name(documents, Kind::Segment) {
            let Object::Segment(segment) = &document.object else { continue };
            let selector = segment.members.as_ref().map(syntax::LabelSelector::compiled);
            let members = self.labels(selector.unwrap_or(&Selector::Everything));
            let id = if *document.metadata.name.value == *ESTATE {
                SegmentId(0)
            } else {
                next += 1;
                SegmentId::at(next - 1)
            };
            self.segments.insert(index, (id, members));
        }
    }

    fn add_users(&mut self, documents: &Documents, diagnostics: &mut Diagnostics) {
        for (index, document) in sorted_by_name(documents, Kind::Users) {
            let Object::Users(users) = &document.object else { continue };
            let pools = self.address_items(&users.pools, diagnostics);
            self.users.insert(index, UsersId::at(self.users_list.len()));
            self.users_list.push(Users {
                name: document.metadata.name.value.clone(),
                span: document.span,
                groups: users.groups.iter().map(|group| group.value.clone()).collect(),
                pools: pools.map_or_else(AddressSet::empty, |pools| (*pools).clone()),
            });
        }
    }

    fn add_groups(&mut self, documents: &Documents, diagnostics: &mut Diagnostics) {
        let groups = sorted_by_name(documents, Kind::Group);
        let place: BTreeMap<usize, usize> =
            groups.iter().enumerate().map(|(place, (index, _))| (*index, place)).collect();
        let mut holds = vec![Vec::new(); groups.len()];
        for (held, (_, document)) in holds.iter_mut().zip(&groups) {
            let Object::Group(group) = &document.object else { continue };
            for member in &group.members {
                let PeerEnd::Conditions(conditions) = &member.end else { continue };
                let Some(name) = &conditions.group else { continue };
                // What leads nowhere is reported where the member is resolved.
                let index = self.names.resolve(Kind::Group, name, &mut Diagnostics::default());
                held.extend(index.and_then(|index| place.get(&index)));
            }
        }
        let Order { sorted, cycles } = order(&holds);
        for cycle in cycles {
            let along: Vec<&Metadata> =
                cycle.iter().map(|place| &groups[*place].1.metadata).collect();
            push_cycle(Kind::Group, &along, diagnostics);
        }
        for place in sorted {
            let (index, document) = groups[place];
            let Object::Group(group) = &document.object else { continue };
            let members = self.peers(&group.members, diagnostics);
            let sets = members.iter().filter_map(|member| match &member.end {
                End::Conditions(conditions) => conditions.workloads,
                _ => None,
            });
            let node = self.any_of(sets.collect());
            self.groups.insert(index, node);
        }
    }

    fn any_of(&mut self, mut parts: Vec<SelectorId>) -> SelectorId {
        parts.sort_unstable();
        parts.dedup();
        match &*parts {
            [one] => *one,
            _ => self.intern(SelectorNode::Any(parts)),
        }
    }

    /// The peers of a rule, in the order of the text.
    pub(super) fn peers(
        &mut self,
        peers: &[syntax::Peer],
        diagnostics: &mut Diagnostics,
    ) -> Vec<Peer> {
        let mut checked = Vec::with_capacity(peers.len());
        for peer in peers {
            let end = match &peer.end {
                PeerEnd::Any => End::Any,
                PeerEnd::Internet => End::Internet,
                PeerEnd::Conditions(conditions) => {
                    let conditions = self.conditions(conditions, peer.span, diagnostics);
                    End::Conditions(Box::new(conditions))
                }
            };
            checked.push(Peer { span: peer.span, end });
        }
        checked
    }

    fn conditions(
        &mut self,
        conditions: &syntax::Conditions,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> Conditions {
        let mut all: Vec<SelectorId> = Vec::new();
        if let Some(selector) = &conditions.selector {
            all.push(self.labels(selector.compiled()));
        }
        let segment = conditions.segment.as_ref().and_then(|name| self.segment(name, diagnostics));
        all.extend(segment.map(|(_, members)| members));
        if let Some(name) = &conditions.group {
            let index = self.names.resolve(Kind::Group, name, diagnostics);
            all.extend(index.and_then(|index| self.groups.get(&index)));
        }
        all.sort_unstable();
        all.dedup();
        let workloads = match &*all {
            [] => None,
            [one] => Some(*one),
            _ => Some(self.intern(SelectorNode::All(all))),
        };
        let mut users = Vec::new();
        for name in &conditions.users {
            let index = self.names.resolve(Kind::Users, name, diagnostics);
            users.extend(index.and_then(|index| self.users.get(&index)).copied());
        }
        Conditions {
            workloads,
            segment: segment.map(|(id, _)| id),
            addresses: self.address_items(&conditions.addresses, diagnostics),
            network: conditions.network.as_ref().map(|network| network.value.clone()),
            residents: Arc::default(),
            domains: self.domain_items(&conditions.domains, span, diagnostics),
            users,
            provider: conditions.provider.iter().map(|service| service.value.clone()).collect(),
            metadata: conditions.metadata.is_some(),
        }
    }

    /// A segment by its name; `estate` exists whether or not somebody wrote it.
    fn segment(
        &mut self,
        name: &Spanned<Name>,
        diagnostics: &mut Diagnostics,
    ) -> Option<(SegmentId, SelectorId)> {
        if *name.value == *ESTATE {
            return Some((SegmentId(0), self.labels(&Selector::Everything)));
        }
        let index = self.names.resolve(Kind::Segment, name, diagnostics)?;
        self.segments.get(&index).copied()
    }

    pub(super) fn address_items(
        &self,
        items: &[Spanned<AddressItem>],
        diagnostics: &mut Diagnostics,
    ) -> Option<Arc<AddressSet>> {
        let mut prefixes: Vec<Prefix> = Vec::new();
        let mut sets: Vec<&Arc<AddressSet>> = Vec::new();
        for item in items {
            match &item.value {
                AddressItem::Prefix(prefix) => prefixes.push(*prefix),
                AddressItem::Named(name) => {
                    let name = Spanned::new(name.clone(), item.span);
                    let index = self.names.resolve(Kind::Addresses, &name, diagnostics);
                    sets.extend(index.and_then(|index| self.addresses.get(&index)));
                }
            }
        }
        match (&*prefixes, &*sets) {
            _ if items.is_empty() => None,
            ([], [one]) => Some(Arc::clone(one)),
            _ => {
                let own = AddressSet::from_prefixes(prefixes);
                Some(Arc::new(sets.into_iter().fold(own, |all, set| all.union(set))))
            }
        }
    }

    fn domain_items(
        &self,
        items: &[Spanned<DomainItem>],
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> Arc<[Domain]> {
        let mut domains = Vec::new();
        for item in items {
            match &item.value {
                DomainItem::Domain(domain) => domains.push(domain.clone()),
                DomainItem::Named(name) => {
                    let name = Spanned::new(name.clone(), item.span);
                    let index = self.names.resolve(Kind::Domains, &name, diagnostics);
                    let named = index.and_then(|index| self.domains.get(&index));
                    domains.extend(named.into_iter().flat_map(|names| names.iter().cloned()));
                }
            }
        }
        domains.sort();
        domains.dedup();
        if domains.len() > DOMAINS_MAX {
            let message = format!("this expands to {} domain names", domains.len());
            let help = format!("name at most {DOMAINS_MAX}, or use wildcards");
            diagnostics.push(error(codes::TOO_MUCH, span, message, help));
        }
        shared(domains)
    }
}

/// The documents of a kind with their places in the list, by name.
pub(super) fn sorted_by_name(documents: &Documents, kind: Kind) -> Vec<(usize, &Document)> {
    let all = documents.documents.iter().enumerate();
    let mut found: Vec<_> = all.filter(|(_, document)| document.object.kind() == kind).collect();
    found.sort_by(|(_, a), (_, b)| a.metadata.name.value.cmp(&b.metadata.name.value));
    found
}

/// Reports a cycle at its first document, with the others as further places.
pub(super) fn push_cycle(kind: Kind, along: &[&Metadata], diagnostics: &mut Diagnostics) {
    let Some((first, rest)) = along.split_first() else { return };
    let mut names: Vec<&str> = along.iter().take(6).map(|metadata| &*metadata.name.value).collect();
    if along.len() > names.len() {
        names.push("...");
    }
    names.push(&first.name.value);
    let message = format!("{kind} `{}` holds itself: {}", first.name.value, names.join(" > "));
    let help = "leave one of the references out";
    let mut diagnostic = error(codes::CYCLE, first.name.span, message, help);
    for metadata in rest.iter().take(6) {
        diagnostic = diagnostic.with_related(metadata.name.span, "this is on the way");
    }
    diagnostics.push(diagnostic);
}

/// The prefixes of the text and of the feed.
fn address_set(
    addresses: &syntax::Addresses,
    feeds: &Feeds,
    diagnostics: &mut Diagnostics,
) -> AddressSet {
    let mut prefixes: Vec<Prefix> = addresses.prefixes.iter().map(|one| one.value).collect();
    let Some(feed) = &addresses.feed else { return AddressSet::from_prefixes(prefixes) };
    let mut problem = |message: String, help| {
        diagnostics.push(error(codes::FEED, feed.span, message, help));
    };
    match feeds.get(&(feed.span.file, feed.value.clone())).map(|(file, text)| (file, text.as_str()))
    {
        Some((file, Ok(text))) => read_feed(*file, text, &mut prefixes, diagnostics),
        Some((_, Err(_))) => problem(format!("the feed `{}` is not UTF-8", feed.value), "mend it"),
        None if !super::stays_inside(&feed.value) => {
            let help = "a feed lies beside the file that names it, or in a folder below";
            problem(format!("the feed `{}` leads out of the policy's folder", feed.value), help);
        }
        None => {
            let help = "the path is relative to the file that names it";
            problem(format!("the feed `{}` is not there", feed.value), help);
        }
    }
    AddressSet::from_prefixes(prefixes)
}

/// A prefix a line; empty lines and what follows a `#` are passed over.
fn read_feed(file: FileId, text: &str, prefixes: &mut Vec<Prefix>, diagnostics: &mut Diagnostics) {
    let (mut offset, mut errors) = (0_u32, 0_usize);
    for line in text.split_inclusive('\n') {
        let length = u32::try_from(line.len()).unwrap_or(u32::MAX);
        let written = line.split('#').next().unwrap_or_default().trim();
        if !written.is_empty() && errors < FEED_ERRORS_MAX {
            match written.parse::<Prefix>() {
                Ok(prefix) => prefixes.push(prefix),
                Err(problem) => {
                    let span = Span::new(file, offset, offset.saturating_add(length));
                    let help = "a feed has a prefix a line";
                    let message = problem.to_string();
                    diagnostics.push(error(codes::BAD_ADDRESS, span, message, help));
                    errors += 1;
                }
            }
        }
        offset = offset.saturating_add(length);
    }
}
