//! The provider's own prefix lists that a rule can name.
//!
//! Source: Amazon VPC user guide, "AWS-managed prefix lists": what a list weighs against the quota of rules
//! is told for each; those of services with gateway endpoints weigh 1. Lists of customers weigh as many
//! rules as they may hold entries, so that naming one saves none.

use std::collections::BTreeMap;

use watertight_compile::KeptList;
use watertight_model::network::{ListContent, RealmId};
use watertight_model::{Estate, Name};
use watertight_net::AddressSet;
use watertight_source::Node;

use crate::Body;
use crate::prefix_lists::service_of;

/// The services whose lists weigh one rule.
const WEIGH_ONE: [&str; 2] = ["aws.dynamodb", "aws.s3"];

/// The lists of a realm's region that weigh one rule and whose entries are known.
pub(super) fn kept(bodies: &[Body], estate: &Estate, at: RealmId) -> Vec<KeptList> {
    let realm = estate.network.realms.get(at);
    let Some(region) = realm.and_then(|realm| realm.region.as_ref()) else { return Vec::new() };
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    for body in bodies {
        for key in ["PrefixLists", "ManagedPrefixLists"] {
            for item in body.tree.root().get(key).into_iter().flat_map(Node::items) {
                let text = |key: &str| item.get(key).and_then(Node::as_str);
                ids.extend(text("PrefixListId").zip(text("PrefixListName")));
            }
        }
    }
    let service = |list: &str| -> Option<Name> {
        let name = ids.get(list).filter(|name| name.split('.').nth(2) == Some(&**region))?;
        let service = service_of(name).filter(|one| WEIGH_ONE.contains(&one.as_str()))?;
        Some(Name::from(service))
    };
    let lists = estate.network.lists.values();
    let mut kept: Vec<KeptList> = lists
        .filter_map(|list| {
            let ListContent::Known(prefixes) = &list.content else { return None };
            Some(KeptList {
                id: list.name.to_string(),
                service: service(&list.name)?,
                addresses: AddressSet::from_prefixes(prefixes.iter().copied()),
            })
        })
        .collect();
    kept.sort_by(|one, other| one.id.cmp(&other.id));
    kept.retain(|list| !list.addresses.is_empty());
    kept
}
