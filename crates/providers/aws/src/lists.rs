//! Which lists of the input are whole.
//!
//! A list counts as whole for a resource when a body of it was read for the account and region of
//! the resource, up to its last page, and the call was not denied there.

use crate::context::Context;
use crate::index::Index;
use crate::scope::{Scope, is_account};
use crate::shapes::Kind;
use crate::subnet::OwnedScope;
use watertight_model::Name;
use watertight_model::network::RealmId;

/// Whether a list of this kind was read, up to its end, from the account that owns a resource, in
/// its region. Accounts and regions that the input does not tell fit any. A folder that is named by
/// something else than an account's id stands for the account of what lies in it.
pub(crate) fn is_listed(index: &Index<'_>, kind: Kind, owner: &OwnedScope, folder: &Scope) -> bool {
    let (account, region) = (owner.0.as_deref(), owner.1.as_deref());
    let is_denied = index.denials.of_list(kind, account, region);
    index.lists(kind).any(|(asked, asked_region)| {
        // Where a call was denied, only a list that is from there for sure says otherwise.
        if is_denied && (asked.is_none() || asked != account || asked_region != region) {
            return false;
        }
        let is_owner = match (asked, account) {
            (Some(asked), Some(account)) => {
                asked == account || (!is_account(asked) && folder.account.as_deref() == Some(asked))
            }
            _ => true,
        };
        let is_there = match (asked_region, region) {
            (Some(asked), Some(region)) => asked == region,
            _ => true,
        };
        is_owner && is_there
    })
}

/// Whether a list of this kind is known to be cut: a page says that more follow and the last one is
/// not in the input, or the call was denied.
pub(crate) fn is_cut(index: &Index<'_>, kind: Kind, owner: &OwnedScope) -> bool {
    let (account, region) = (owner.0.as_deref(), owner.1.as_deref());
    let fits =
        |one: Option<&str>, other: Option<&str>| one.is_none() || other.is_none() || one == other;
    let mut unended = index.unended(kind);
    unended.any(|(from, there)| fits(from, account) && fits(there, region))
        || index.denials.of_list(kind, account, region)
}

/// The account and region of a realm, as far as the input tells.
pub(crate) fn owner_of(context: &Context<'_>, realm: RealmId) -> OwnedScope {
    let realm = &context.estate.network.realms[realm];
    let text = |name: &Option<Name>| name.as_deref().map(str::to_owned);
    (text(&realm.account), text(&realm.region))
}

/// Whether the list of a kind is whole for a VPC. Of one that is not in the input, nobody knows
/// whose lists would tell.
pub(crate) fn is_listed_for(context: &Context<'_>, kind: Kind, realm: RealmId) -> bool {
    let name = &context.estate.network.realms[realm].name;
    let Some(item) = context.index.find(Kind::Vpcs, name) else { return false };
    is_listed(context.index, kind, &owner_of(context, realm), item.scope)
}
