//! A request as policies see it: who, what, on which resource, from where.
//!
//! IAM User Guide, "AWS global condition context keys". A key gets a value where the estate tells
//! it; the rest is unknown, never guessed.

use std::collections::BTreeMap;

use watertight_model::{Labels, Name};
use watertight_net::Prefix;

use super::condition::Value;
use super::pattern::Subject;

/// What a caller is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CallerKind {
    /// A session of a role.
    Role,
    /// A user with access keys or a console session.
    User,
}

/// Who makes a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Caller {
    /// The ARN of the role or user.
    pub(crate) arn: Name,
    /// Its account.
    pub(crate) account: Name,
    /// What it is.
    pub(crate) kind: CallerKind,
    /// Its name without path.
    pub(crate) name: Name,
    /// Its unique id (`AROA...`, `AIDA...`), where known.
    pub(crate) unique_id: Option<Name>,
    /// The organization of its account, where known.
    pub(crate) organization: Option<Name>,
    /// Its tags, where they were read.
    pub(crate) tags: Option<BTreeMap<Name, Name>>,
}

/// What is known about the tags of a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tags<'r> {
    /// Nothing.
    Unknown,
    /// These are there; there may be more.
    Some(&'r Labels),
    /// These are all.
    All(&'r Labels),
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'r> {
    /// The ARN, or the beginning of all ARNs that are meant.
    pub(crate) subject: Subject<'r>,
    /// The account that holds it, where known.
    pub(crate) account: Option<&'r str>,
    /// The region, where it has one.
    pub(crate) region: Option<&'r str>,
    /// Its tags.
    pub(crate) tags: Tags<'r>,
    /// The organization of its account, where known.
    pub(crate) organization: Option<&'r str>,
    /// The service that a role is passed to, for `iam:PassRole`.
    pub(crate) passed_to: Option<&'r str>,
}

impl<'r> Target<'r> {
    /// A resource of an account of which nothing else is known.
    pub(crate) const fn new(subject: Subject<'r>, account: Option<&'r str>) -> Self {
        Self {
            subject,
            account,
            region: None,
            tags: Tags::Unknown,
            organization: None,
            passed_to: None,
        }
    }
}

/// From where a request comes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Place {
    /// From anywhere: what depends on the place is unknown.
    Unsaid,
    /// Over the internet, from an address that no policy names.
    Elsewhere,
    /// Through a private endpoint that no policy names, in a network that no policy names.
    OtherEndpoint,
    /// Through this private endpoint; its network, where known.
    Endpoint(Name, Option<Name>),
    /// Through some private endpoint in this network.
    Network(Name),
    /// Over the internet, from an address of this range.
    Address(Prefix),
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'r> {
    /// Who makes it.
    pub(crate) caller: &'r Caller,
    /// The action, in lower case: `s3:getobject`.
    pub(crate) action: &'r str,
    /// What it is about.
    pub(crate) target: Target<'r>,
    /// From where it comes.
    pub(crate) place: &'r Place,
}

/// Ids that no resource has: what a policy names cannot be equal to them.
const OTHER_ENDPOINT: &str = "vpce-0";
const OTHER_NETWORK: &str = "vpc-0";

impl Request<'_> {
    /// What is known about a key, given in lower case.
    pub(crate) fn value(&self, key: &str) -> Value {
        let caller = self.caller;
        let is_role = caller.kind == CallerKind::Role;
        match key {
            "aws:principalarn" => Value::text(&caller.arn),
            "aws:principalaccount" => Value::text(&caller.account),
            "aws:principaltype" => Value::text(if is_role { "AssumedRole" } else { "User" }),
            "aws:principalorgid" => known(caller.organization.as_deref()),
            "aws:principalisawsservice" | "aws:viaawsservice" => Value::text("false"),
            "aws:calledvia" | "aws:calledviafirst" | "aws:calledvialast" => Value::Absent,
            "aws:principalservicename" | "aws:principalservicenameslist" => Value::Absent,
            // Set where a service acts for a resource of its own, not where a role or user does.
            "aws:sourcearn" | "aws:sourceaccount" | "aws:sourceorgid" | "aws:sourceorgpaths" => {
                Value::Absent
            }
            "aws:username" if is_role => Value::Absent,
            "aws:username" => Value::text(&caller.name),
            "aws:userid" if is_role => Value::Unknown,
            "aws:userid" => known(caller.unique_id.as_deref()),
            // A session that a service or another role began carries no second factor.
            "aws:multifactorauthpresent" | "aws:multifactorauthage" if is_role => Value::Absent,
            // Who asks can always use TLS.
            "aws:securetransport" => Value::text("true"),
            "aws:requestedregion" => known(self.target.region),
            "aws:resourceaccount" => known(self.target.account),
            "aws:resourceorgid" => known(self.target.organization),
            "s3:resourceaccount" => known(self.target.account),
            "iam:passedtoservice" => known(self.target.passed_to),
            "aws:sourcevpce" | "aws:sourcevpc" | "aws:sourceip" | "aws:vpcsourceip" => {
                self.place_value(key)
            }
            _ => self.tag_value(key),
        }
    }

    fn tag_value(&self, key: &str) -> Value {
        if let Some(tag) = key.strip_prefix("aws:principaltag/") {
            let tags = self.caller.tags.as_ref();
            // A session may carry tags that its role has not.
            return known(tags.and_then(|tags| find(tags, tag)));
        }
        let tag = ["aws:resourcetag/", "ec2:resourcetag/", "ssm:resourcetag/", "iam:resourcetag/"]
            .iter()
            .find_map(|prefix| key.strip_prefix(prefix))
            .or_else(|| key.strip_prefix("secretsmanager:resourcetag/"));
        match (tag, self.target.tags) {
            (Some(tag), Tags::Some(tags)) => known(find(tags, tag)),
            (Some(tag), Tags::All(tags)) => find(tags, tag).map_or(Value::Absent, Value::text),
            _ => Value::Unknown,
        }
    }

    fn place_value(&self, key: &str) -> Value {
        match (self.place, key) {
            (Place::Unsaid, _) => Value::Unknown,
            (Place::Elsewhere, "aws:sourceip") => Value::FarAddress,
            (Place::Address(prefix), "aws:sourceip") => Value::Address(*prefix),
            (Place::Elsewhere | Place::Address(_), _) => Value::Absent,
            // "aws:SourceIp is not available" for requests through a private endpoint.
            (_, "aws:sourceip") => Value::Absent,
            (_, "aws:vpcsourceip") => Value::Unknown,
            (Place::Endpoint(endpoint, _), "aws:sourcevpce") => Value::text(endpoint),
            (_, "aws:sourcevpce") => Value::text(OTHER_ENDPOINT),
            (Place::Endpoint(_, network), _) => known(network.as_deref()),
            (Place::Network(network), _) => Value::text(network),
            (Place::OtherEndpoint, _) => Value::text(OTHER_NETWORK),
        }
    }
}

fn known(text: Option<&str>) -> Value {
    text.map_or(Value::Unknown, Value::text)
}

/// The value of a tag; the names of keys of conditions do not heed case.
fn find<'m>(tags: &'m BTreeMap<Name, Name>, tag: &str) -> Option<&'m str> {
    let found = tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(tag));
    found.map(|(_, value)| value.as_str())
}
