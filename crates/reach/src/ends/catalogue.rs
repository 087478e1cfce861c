//! What has a name in an estate.

use std::collections::{BTreeSet, HashMap};

use watertight_model::network::{Attached, AttachmentId, EndpointId, GatewayKind};
use watertight_model::{Account, Estate, Name, Network, Workload, WorkloadId};

use super::{EndError, Found, NAMED_MAX};
use crate::path::OutsideBy;

/// How many names an unknown one is answered with.
const SUGGESTIONS_MAX: usize = 3;

/// Looks names up in one estate, which is read once.
#[derive(Debug)]
pub(super) struct Catalogue<'e> {
    pub(super) estate: &'e Estate,
    workloads_by_id: HashMap<&'e str, Vec<WorkloadId>>,
    workloads_by_name: HashMap<&'e str, Vec<WorkloadId>>,
    endpoints_by_name: HashMap<&'e str, Vec<EndpointId>>,
}

impl<'e> Catalogue<'e> {
    pub(super) fn new(estate: &'e Estate) -> Self {
        let mut found = Self {
            estate,
            workloads_by_id: HashMap::with_capacity(estate.workloads.len()),
            workloads_by_name: HashMap::with_capacity(estate.workloads.len()),
            endpoints_by_name: HashMap::with_capacity(estate.network.endpoints.len()),
        };
        for (id, workload) in estate.workloads.iter() {
            found.workloads_by_id.entry(&workload.id).or_default().push(id);
            found.workloads_by_name.entry(&workload.name).or_default().push(id);
        }
        for (id, endpoint) in estate.network.endpoints.iter() {
            found.endpoints_by_name.entry(&endpoint.name).or_default().push(id);
        }
        found
    }

    pub(super) fn network(&self) -> &'e Network {
        &self.estate.network
    }

    /// What an id or a name stands for.
    pub(super) fn find(&self, text: &str) -> Result<Found, EndError> {
        let searches: [&dyn Fn() -> Vec<Found>; 4] = [
            &|| self.by_id(text),
            &|| self.by_name(text, |_| true),
            &|| self.by_scoped_name(text),
            &|| self.by_provider(text),
        ];
        for search in searches {
            match search().as_slice() {
                [] => {}
                [one] => return Ok(*one),
                several => return Err(self.ambiguous(text, several)),
            }
        }
        Err(self.unknown(text))
    }

    /// By a provider's id; a workload before its attachment of the same name.
    fn by_id(&self, id: &str) -> Vec<Found> {
        let network = self.network();
        let workloads = self.workloads_by_id.get(id).into_iter().flatten();
        let mut found: Vec<Found> = workloads.map(|id| Found::Workload(*id)).collect();
        if found.is_empty() {
            let endpoints = self.endpoints_by_name.get(id).into_iter().flatten();
            found.extend(endpoints.map(|id| Found::Endpoint(*id)));
            let subnets = network.subnets.iter().filter(|(_, one)| one.name == id);
            found.extend(subnets.map(|(id, _)| Found::Subnet(id)));
            let realms = network.realms.iter().filter(|(_, one)| one.name == id);
            found.extend(realms.map(|(id, _)| Found::Realm(id)));
        }
        found
    }

    fn by_name(&self, name: &str, fits: impl Fn(&Workload) -> bool) -> Vec<Found> {
        let named = self.workloads_by_name.get(name).into_iter().flatten();
        let named = named.filter(|id| fits(&self.estate.workloads[**id]));
        named.map(|id| Found::Workload(*id)).collect()
    }

    /// `scope/name`, at whichever `/` it can be taken apart: names may hold some themselves.
    fn by_scoped_name(&self, text: &str) -> Vec<Found> {
        let mut found = BTreeSet::new();
        for (position, _) in text.match_indices('/') {
            let (Some(scope), Some(name)) =
                (text.get(..position), text.get(position.saturating_add(1)..))
            else {
                continue;
            };
            let scopes: Vec<&str> = scope.split('/').collect();
            let fits = |one: &Workload| scopes.iter().all(|scope| self.is_in(one, scope));
            found.extend(self.by_name(name, fits));
        }
        found.into_iter().collect()
    }

    /// `provider:` before any of the forms above.
    fn by_provider(&self, text: &str) -> Vec<Found> {
        let Some((provider, rest)) = text.split_once(':') else { return Vec::new() };
        let mut found = self.by_id(rest);
        if found.is_empty() {
            found = self.by_name(rest, |_| true);
        }
        if found.is_empty() {
            found = self.by_scoped_name(rest);
        }
        found.retain(|one| self.is_from(*one, provider));
        found
    }

    fn is_from(&self, found: Found, provider: &str) -> bool {
        let workload = match found {
            Found::Workload(id) => id,
            Found::Endpoint(id) => self.network().endpoints[id].workload,
            // Networks carry no provider's name: any provider of the estate will do.
            Found::Subnet(_) | Found::Realm(_) => {
                return self.estate.sources.iter().any(|source| source.provider == provider);
            }
        };
        self.estate.workloads[workload].labels.get("cloud").is_some_and(|cloud| *cloud == provider)
    }

    /// Whether a workload is in an account, a region or a realm, or of a kind.
    fn is_in(&self, workload: &Workload, scope: &str) -> bool {
        let is = |name: &Option<Name>| name.as_ref().is_some_and(|name| *name == scope);
        let by_account_name = |account: &&Account| {
            is(&account.name) && workload.account.as_ref() == Some(&account.id)
        };
        is(&workload.account)
            || is(&workload.region)
            || is(&workload.owner)
            || workload.kind.word() == scope
            || self.estate.accounts.iter().any(|account| by_account_name(&account))
            || self.realms_of(workload).any(|(id, title)| *id == scope || *title == scope)
    }

    fn realms_of<'a>(&self, workload: &'a Workload) -> impl Iterator<Item = (&'a Name, &'a Name)>
    where
        'e: 'a,
    {
        let network = self.network();
        workload.endpoints.iter().filter_map(move |endpoint| {
            let subnet = network.endpoints.get(*endpoint)?.subnet?;
            let realm = &network.realms[network.subnets[subnet].realm];
            Some((&realm.name, &realm.title))
        })
    }

    /// By what an outside network is reached: a gateway's id, an attachment's, or that of the
    /// tunnel or link behind an attachment.
    pub(super) fn outside(&self, text: &str, id: &str) -> Result<OutsideBy, EndError> {
        let network = self.network();
        let mut known: Vec<(&Name, OutsideBy)> = Vec::new();
        for (gateway, content) in network.gateways.iter() {
            let leads_out = match &content.kind {
                GatewayKind::Tunnel { .. } | GatewayKind::Surroundings { .. } => true,
                // The other side is a network of somebody else.
                GatewayKind::Peering { sides, .. } => sides.iter().flatten().count() == 1,
                _ => false,
            };
            if leads_out {
                known.push((&content.name, OutsideBy::Gateway(gateway)));
            }
        }
        for (attachment, content) in network.attachments.iter() {
            match &content.attached {
                Attached::Outside(resource) => {
                    known.push((resource, OutsideBy::Attachment(attachment)));
                    if content.name != *resource {
                        known.push((&content.name, OutsideBy::Attachment(attachment)));
                    }
                }
                Attached::Peer(None) | Attached::Realm { realm: None, .. } => {
                    known.push((&content.name, OutsideBy::Attachment(attachment)));
                }
                Attached::Realm { .. } | Attached::Peer(Some(_)) | Attached::Opaque(_) => {}
            }
        }
        let fitting: Vec<OutsideBy> =
            known.iter().filter(|(name, _)| **name == *id).map(|(_, by)| *by).collect();
        match fitting.as_slice() {
            [] => {
                let names = known.iter().map(|(name, _)| name.as_str());
                let mut suggestions = closest(id, names);
                if suggestions.is_empty() {
                    let mut all: Vec<String> =
                        known.iter().map(|(name, _)| name.to_string()).collect();
                    all.sort();
                    all.dedup();
                    all.truncate(SUGGESTIONS_MAX);
                    suggestions = all;
                }
                let suggestions =
                    suggestions.into_iter().map(|name| format!("outside:{name}")).collect();
                Err(EndError::Unknown { name: text.to_owned(), suggestions })
            }
            [one] => Ok(*one),
            several => {
                let names: BTreeSet<String> = several
                    .iter()
                    .map(|by| match by {
                        OutsideBy::Gateway(gateway) => network.gateways[*gateway].name.to_string(),
                        OutsideBy::Attachment(one) => network.attachments[*one].name.to_string(),
                    })
                    .collect();
                Err(capped(text, names))
            }
        }
    }

    /// The error for a name that fits several.
    pub(super) fn ambiguous(&self, text: &str, found: &[Found]) -> EndError {
        capped(text, found.iter().map(|one| self.describe(*one)).collect())
    }

    /// The error for a name that fits nothing.
    pub(super) fn unknown(&self, text: &str) -> EndError {
        let network = self.network();
        let workloads = self.estate.workloads.values();
        let names = workloads
            .flat_map(|one| [one.id.as_str(), one.name.as_str()])
            .chain(network.endpoints.values().map(|one| one.name.as_str()))
            .chain(network.subnets.values().map(|one| one.name.as_str()))
            .chain(network.realms.values().map(|one| one.name.as_str()))
            .chain(["internet"]);
        EndError::Unknown { name: text.to_owned(), suggestions: closest(text, names) }
    }

    /// One candidate as a person can tell it from others.
    fn describe(&self, found: Found) -> String {
        let network = self.network();
        match found {
            Found::Workload(id) => self.describe_workload(id),
            Found::Endpoint(id) => {
                let endpoint = &network.endpoints[id];
                format!("`{}` of {}", endpoint.name, self.describe_workload(endpoint.workload))
            }
            Found::Subnet(id) => format!("subnet `{}`", network.subnets[id].name),
            Found::Realm(id) => format!("`{}`", network.realms[id].name),
        }
    }

    fn describe_workload(&self, id: WorkloadId) -> String {
        let workload = &self.estate.workloads[id];
        let mut text = format!("`{}` ({} {}", workload.id, workload.kind.word(), workload.name);
        if let Some((realm, _)) = self.realms_of(workload).next() {
            text.push_str(" in ");
            text.push_str(realm);
        }
        text.push(')');
        text
    }
}

fn capped(text: &str, candidates: BTreeSet<String>) -> EndError {
    let more = candidates.len().saturating_sub(NAMED_MAX);
    let candidates = candidates.into_iter().take(NAMED_MAX).collect();
    EndError::Ambiguous { name: text.to_owned(), candidates, more }
}

/// The id by which the network behind an attachment is named.
pub(super) fn attachment_name(network: &Network, attachment: AttachmentId) -> &Name {
    let content = &network.attachments[attachment];
    match &content.attached {
        Attached::Outside(resource) => resource,
        Attached::Realm { .. } | Attached::Peer(_) | Attached::Opaque(_) => &content.name,
    }
}

/// The names that are spelled most like a text, the closest first.
fn closest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted: Vec<char> = text.to_lowercase().chars().collect();
    let allowed = (wanted.len().saturating_add(1) / 3).max(1);
    let mut scored: BTreeSet<(usize, &str)> = BTreeSet::new();
    for name in names {
        // The beginning of a name is as good as a misspelt one.
        let begins = wanted.len() > 2 && name.starts_with(text);
        if !begins && name.len().abs_diff(text.len()) > allowed.saturating_mul(4) {
            continue;
        }
        let have: Vec<char> = name.to_lowercase().chars().collect();
        let distance = edit_distance(&wanted, &have);
        if begins || distance <= allowed {
            scored.insert((distance, name));
            if scored.len() > SUGGESTIONS_MAX {
                scored.pop_last();
            }
        }
    }
    scored.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// How many characters must be added, removed or replaced to make one text the other.
fn edit_distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, left) in from.iter().enumerate() {
        let mut diagonal = above;
        let mut before = above.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, right) in row.iter_mut().skip(1).zip(to) {
            let replaced = diagonal.saturating_add(usize::from(left != right));
            diagonal = *cell;
            *cell = replaced.min(diagonal.saturating_add(1)).min(before.saturating_add(1));
            before = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}
