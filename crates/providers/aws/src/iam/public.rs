//! What buckets grant to anybody, and what public access blocks leave of it.
//!
//! Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage": of the settings of
//! bucket and account the stricter one holds. `RestrictPublicBuckets` leaves a bucket with a public
//! policy to its own account; `IgnorePublicAcls` takes away what access lists grant to everybody.
//! The two that refuse new policies and lists change nothing about those that are there.

use std::collections::BTreeMap;

use watertight_model::{Credential, Evidence, Name, Power, Scope, WorkloadId};
use watertight_net::Prefix;
use watertight_source::Node;

use crate::codes;
use crate::context::Context;
use crate::index::Item;
use crate::scope::is_account;
use crate::shapes::Kind;

use super::catalog::Resource;
use super::evaluate::{Guardrails, admits, denied_over_resource};
use super::facts::Facts;
use super::grants::Grants;
use super::pattern::Subject;
use super::policy::{Document, Effect, Parties, Party, Statement};
use super::request::{Caller, CallerKind, Place, Request, Target};
use super::truth::Truth;

/// Who has whom say so in an access list: everybody, and whoever has any account.
const GROUPS: [&str; 2] = [
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
];

/// Keys that tie a request to fixed places or accounts ("The meaning of \"public\""). A statement
/// with one of them is not public, as far as its values are fixed.
const FIXED: [&str; 15] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
];

/// Ranges of addresses with a shorter prefix may be everybody: the guide calls them broad and names
/// no length.
const BROAD_PREFIX: u8 = 8;

/// The blocks that hold for a bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    /// Whether a public policy holds for the bucket's own account alone.
    pub(crate) restricts: Truth,
    /// Whether access lists grant nothing to everybody.
    pub(crate) ignores_lists: Truth,
}

/// The blocks of a bucket and its account.
pub(crate) fn blocks(context: &mut Context<'_>, bucket: &str, account: Option<&str>) -> Blocks {
    let index = context.index;
    let all = index.of(Kind::PublicAccessBlocks);
    let own = all.iter().find(|item| item.id == bucket).copied();
    let of_account = all
        .iter()
        .find(|item| {
            let is_named = is_account(item.id) && Some(item.id) == account;
            let is_here = item.id.is_empty() && item.scope.account.as_deref() == account;
            is_named || is_here
        })
        .copied();
    let flag = |context: &mut Context<'_>, item: Option<Item<'_>>, key: &str| {
        let Some(item) = item else { return Truth::Unknown };
        let block = context.fields.object(item.node, "PublicAccessBlockConfiguration");
        block.map_or(Truth::Unknown, |block| {
            Truth::from(context.fields.flag(block, key) == Some(true))
        })
    };
    let mut either = |key: &str| flag(context, own, key).or(flag(context, of_account, key));
    let (restricts, ignores) = (either("RestrictPublicBuckets"), either("IgnorePublicAcls"));
    let owned = index.find(Kind::OwnershipControls, bucket);
    let disables = owned.map_or(Truth::Unknown, |item| {
        let controls = context.fields.object(item.node, "OwnershipControls");
        let rules = controls.map(|node| context.fields.objects(node, "Rules")).unwrap_or_default();
        let mut owners = rules.iter().filter_map(|rule| rule.get("ObjectOwnership"));
        Truth::from(owners.any(|owner| owner.as_str() == Some("BucketOwnerEnforced")))
    });
    Blocks { restricts, ignores_lists: ignores.or(disables) }
}

/// Whether a policy is public, so that a block restricts its bucket.
pub(crate) fn is_public(document: &Document) -> Truth {
    Truth::any(document.statements().map(|statement| {
        if statement.effect == Effect::Deny {
            return Truth::No;
        }
        let names_everybody = match &statement.parties {
            Parties::These(parties) => parties.contains(&Party::Anyone),
            Parties::AllBut(_) => true,
            Parties::Unnamed => false,
        };
        if names_everybody { is_open(statement) } else { Truth::No }
    }))
}

fn is_open(statement: &Statement) -> Truth {
    if statement.conditions.is_empty() {
        return if statement.is_doubtful { Truth::Unknown } else { Truth::Yes };
    }
    let is_fixed = statement.conditions.iter().any(|condition| {
        FIXED.contains(&condition.key())
            && condition.demands()
            && condition
                .values()
                .iter()
                .all(|value| value.literal().is_some_and(|text| is_narrow(condition.key(), &text)))
    });
    // Whether another condition makes a statement public depends on more than is read here.
    if is_fixed { Truth::No } else { Truth::Unknown }
}

/// Whether a value of a key means something in particular: ranges of addresses that are very broad
/// do not.
fn is_narrow(key: &str, text: &str) -> bool {
    key != "aws:sourceip"
        || Prefix::parse_lenient(text).is_ok_and(|prefix| prefix.len() >= BROAD_PREFIX)
}

/// Says of every bucket whether anybody may read its objects, and whether anybody may list them;
/// gives those that anybody may read.
pub(crate) fn label(
    context: &mut Context<'_>,
    facts: &Facts,
    buckets: &[Resource],
    over_resources: &BTreeMap<Name, Guardrails<'_>>,
) -> Vec<Readable> {
    let mut readable = Vec::new();
    for bucket in buckets {
        let Some(workload) = bucket.workload else { continue };
        let name = name_of(&bucket.arn);
        let by_policy = match bucket.policy.and_then(|at| facts.document(at)) {
            Some(document) => {
                let over = bucket.account.as_ref().and_then(|account| over_resources.get(account));
                let restricted = bucket.blocks.restricts.and(is_public(document));
                anybody(bucket, document, over).and(restricted.not())
            }
            None if bucket.unread.is_some() => bucket.blocks.restricts.not().and(Truth::Unknown),
            None => Truth::No,
        };
        // Lists of single objects are not in the input.
        let by_lists = bucket.blocks.ignores_lists.not().and(Truth::Unknown);
        let listed = listed(context, name).and(bucket.blocks.ignores_lists.not());
        set(context, workload, "aws.publicly-readable", by_policy.or(by_lists));
        set(context, workload, "aws.publicly-listed", listed);
        if by_policy != Truth::No {
            let arn = context.name(&bucket.arn);
            readable.push(Readable { store: workload, arn, truth: by_policy });
        }
    }
    readable
}

/// A bucket whose policy lets anybody read its objects, as far as the input tells. What lists of
/// single objects could grant is no reason: any bucket with lists would be one.
#[derive(Debug)]
pub(crate) struct Readable {
    store: WorkloadId,
    arn: Name,
    truth: Truth,
}

/// Grants to everybody what everybody may read.
pub(crate) fn grant(context: &mut Context<'_>, readable: &[Readable], grants: &mut Grants) {
    if readable.is_empty() {
        return;
    }
    let anybody = context.name(Credential::ANYBODY);
    let holder = context.estate.credentials.push(Credential {
        id: anybody.clone(),
        name: anybody.clone(),
        kind: anybody,
        account: None,
        origin: None,
    });
    for one in readable {
        let evidence = Evidence {
            resource: one.arn.clone(),
            rule: context.name(""),
            text: context.name(match one.truth {
                Truth::Yes => "its policy lets anybody read",
                Truth::No | Truth::Unknown => "its policy may let anybody read",
            }),
            origin: context.estate.workloads[one.store].origin,
        };
        let power = Power::ReadData { store: one.store, scope: Scope::Anywhere };
        grants.add(holder, power, one.truth, vec![evidence]);
    }
}

fn set(context: &mut Context<'_>, workload: WorkloadId, key: &str, value: Truth) {
    let value = match value {
        Truth::No => "false",
        Truth::Unknown => "unknown",
        Truth::Yes => "true",
    };
    crate::services::service::label(context, workload, key, value);
}

/// Whether a policy lets anybody on the internet read objects, without any credential.
fn anybody(bucket: &Resource, document: &Document, over: Option<&Guardrails<'_>>) -> Truth {
    let nobody = Name::from("");
    let caller = Caller {
        arn: nobody.clone(),
        account: nobody.clone(),
        kind: CallerKind::User,
        name: nobody.clone(),
        unique_id: Some(Name::from("anonymous")),
        organization: Some(nobody),
        tags: Some(BTreeMap::new()),
    };
    let target = Target {
        region: bucket.region.as_deref(),
        ..Target::new(Subject::open(&bucket.arn), bucket.account.as_deref())
    };
    let place = &Place::Elsewhere;
    let request = Request { caller: &caller, action: "s3:getobject", target, place };
    let denied = over.map_or(Truth::No, |over| denied_over_resource(&request, over));
    admits(document, &request).and(denied.not())
}

/// Whether a bucket's access list lets everybody list it.
fn listed(context: &mut Context<'_>, bucket: &str) -> Truth {
    let Some(item) = context.index.find(Kind::BucketAccessLists, bucket) else {
        return Truth::Unknown;
    };
    let grants = context.fields.objects(item.node, "Grants");
    Truth::from(grants.into_iter().any(|grant| {
        let grantee = context.fields.object(grant, "Grantee");
        let group = grantee.and_then(|grantee| grantee.get("URI")).and_then(Node::as_str);
        let permission = context.fields.text(grant, "Permission");
        group.is_some_and(|group| GROUPS.contains(&group))
            && matches!(permission, Some("READ" | "FULL_CONTROL"))
    }))
}

/// Warns of blocks that do not say which bucket they are of.
pub(crate) fn check(context: &mut Context<'_>) {
    for item in context.index.of(Kind::PublicAccessBlocks) {
        if item.id.is_empty() && item.scope.words.contains("s3api") {
            let message = String::from("the body does not say which bucket it is about");
            context.fields.warn(item.node, codes::NO_PARAMETER, "", message);
        }
    }
}

/// The name of a bucket in the beginning of its objects' ARNs.
pub(crate) fn name_of(arn: &str) -> &str {
    let name = arn.rsplit_once(":::").map_or(arn, |(_, name)| name);
    name.trim_end_matches('/')
}
