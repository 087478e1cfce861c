//! Whether the ways between VPCs are as a plan read them.

use std::collections::BTreeMap;

use serde_json::Value;
use watertight_aws::{ASPECTS, Asked, Aspect, Found};
use watertight_compile::{Change, Read, ReadKind};

use super::live::text;
use super::session::{Session, Site};
use super::writes::capitalized;
use crate::outcome::Refusal;
use crate::request::Parameters;

/// So many ids are asked about in one request.
const BATCH: usize = 100;

/// So many routes are told in one answer, the most that can be asked for.
const ROUTES_MAX: u32 = 1000;

/// Whether an aspect was told of what was read, so that it is asked again.
pub(super) fn is_told(read: &Read, aspect: &Aspect) -> bool {
    read.what == aspect.kind && aspect.keys.iter().any(|key| read.facts.contains_key(*key))
}

/// The permission that a call needs: `ec2:DescribeTransitGateways`.
pub(super) fn permission(call: &str) -> String {
    let (service, words) = call.split_once('-').unwrap_or(("ec2", call));
    let operation: String = words.split('-').map(capitalized).collect();
    format!("{service}:{operation}")
}

/// What changed about the ways between VPCs.
pub(super) async fn changes(
    session: &Session,
    site: &Site,
    reads: &[&Read],
) -> Result<Vec<Change>, Refusal> {
    let mut found: BTreeMap<(ReadKind, &str), Found> = BTreeMap::new();
    for aspect in ASPECTS {
        let told = reads.iter().filter(|read| is_told(read, aspect));
        let ids: Vec<&str> = told.map(|read| read.id.as_str()).collect();
        for (id, items) in asked(session, site, aspect, &ids).await? {
            found.entry((aspect.kind, id)).or_default().add(aspect, &items);
        }
    }
    let of_ways = |read: &&&Read| ASPECTS.iter().any(|aspect| aspect.kind == read.what);
    let changes = reads.iter().filter(of_ways).flat_map(|read| {
        let found = found.remove(&(read.what, read.id.as_str())).unwrap_or_default();
        let mut facts = found.facts();
        facts.retain(|key, _| read.facts.contains_key(key));
        let is_there = facts.values().any(|facts| !facts.is_empty());
        read.changes(Some(&facts).filter(|_| is_there))
    });
    Ok(changes.collect())
}

/// The items about each id, those without any among them.
async fn asked<'i>(
    session: &Session,
    site: &Site,
    aspect: &Aspect,
    ids: &[&'i str],
) -> Result<Vec<(&'i str, Vec<Value>)>, Refusal> {
    let mut found = Vec::new();
    match aspect.asked {
        Asked::Filter(filter) => {
            for ids in ids.chunks(BATCH) {
                let filters = [(filter, ids.to_vec())];
                let items = session.list(site, aspect.call, aspect.list, &filters).await?;
                found.extend(ids.iter().map(|id| {
                    let own = items.iter().filter(|item| text(item, aspect.field) == *id);
                    (*id, own.cloned().collect())
                }));
            }
        }
        Asked::Parameter(parameter) => {
            for id in ids {
                let mut given = Parameters::from([(parameter.to_owned(), Value::from(*id))]);
                if aspect.list == "Routes" {
                    given.insert(String::from("MaxResults"), ROUTES_MAX.into());
                }
                let told = session.list_of(site, aspect.call, (aspect.list, &given), &[]).await;
                let items = match told {
                    // What is gone has nothing.
                    Err(refusal) if refusal.code.ends_with(".NotFound") => Vec::new(),
                    told => told?,
                };
                found.push((*id, items));
            }
        }
    }
    Ok(found)
}
