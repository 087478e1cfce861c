//! Origin guards: what a resource policy refuses to everybody by how the request came.
//!
//! "Controlling access from VPC endpoints with bucket policies" (Amazon S3 User Guide), the global
//! condition keys `aws:SourceVpce`, `aws:SourceVpc` and `aws:SourceIp`, and "IAM JSON policy
//! elements: Condition operators" (IAM User Guide): a negated operator holds where its key is
//! missing. Only statements that deny everything to everybody are guards of the network; what else
//! a policy says is for permissions.

use watertight_model::Name;
use watertight_model::network::{Origin, OriginGuard};
use watertight_net::{AddressSet, Prefix};
use watertight_source::{FileId, Limits, Node, Tree};

use crate::context::Context;

/// What a policy says about how requests come.
#[derive(Debug, Default)]
pub(super) struct Policy {
    /// Guards that all must admit a request.
    pub(super) guards: Vec<OriginGuard>,
    /// Whether it refuses what is not encrypted.
    pub(super) tls_only: bool,
}

/// Whose policy it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'n> {
    /// The service as actions begin: `s3`.
    pub(super) service: &'static str,
    /// The ARN.
    pub(super) arn: &'n str,
    /// The ways through any private endpoint of the service.
    pub(super) private: &'n [Origin],
}

impl Policy {
    /// The policy that the input does not hold.
    pub(super) fn unread(context: &mut Context<'_>) -> Self {
        let name = context.name("its policy");
        let unread = Some(context.name("the input does not hold it"));
        Self { guards: vec![OriginGuard { name, admits: Vec::new(), unread }], tls_only: false }
    }

    /// Reads a document: an object, or JSON in a string.
    pub(super) fn read(context: &mut Context<'_>, owner: &Owner<'_>, place: Node<'_>) -> Self {
        let Some(text) = place.as_str() else {
            return Self::of_document(context, owner, place);
        };
        match parsed(place.span().file, text, &context.options.limits) {
            Some(tree) => Self::of_document(context, owner, tree.root()),
            None => Self::unread(context),
        }
    }

    fn of_document(context: &mut Context<'_>, owner: &Owner<'_>, root: Node<'_>) -> Self {
        let mut policy = Self::default();
        let listed = root.get("Statement");
        let single = listed.filter(|one| one.get("Effect").is_some());
        let several = listed.into_iter().flat_map(Node::items);
        for (at, statement) in single.into_iter().chain(several).enumerate() {
            if !is_about_everything(statement, owner) {
                continue;
            }
            let sid = statement.get("Sid").and_then(Node::as_str).filter(|sid| !sid.is_empty());
            let name = match sid {
                Some(sid) => format!("statement `{sid}` of its policy"),
                None => format!("statement {} of its policy", at.saturating_add(1)),
            };
            match Denied::by(context, owner, statement) {
                Denied::Nothing => {}
                Denied::Unencrypted => policy.tls_only = true,
                Denied::AllBut { admits, unread } => {
                    let name = context.name(&name);
                    policy.guards.push(OriginGuard { name, admits, unread });
                }
            }
        }
        policy
    }
}

fn parsed(file: FileId, text: &str, limits: &Limits) -> Option<Tree> {
    Tree::parse_json(file, text, limits).ok()
}

/// Whether a statement denies all of a store to everybody, save for its conditions.
fn is_about_everything(statement: Node<'_>, owner: &Owner<'_>) -> bool {
    let denies = statement.get("Effect").and_then(Node::as_str) == Some("Deny");
    let principal = statement.get("Principal");
    let everybody = principal.is_some_and(|principal| {
        let listed = principal.get("AWS").into_iter().flat_map(texts);
        texts(principal).chain(listed).any(|one| one == "*")
    });
    let all = format!("{}:*", owner.service);
    let mut actions = statement.get("Action").into_iter().flat_map(texts);
    let every_action = actions.any(|one| one == "*" || one.eq_ignore_ascii_case(&all));
    let mut resources = statement.get("Resource").into_iter().flat_map(texts);
    // In a bucket, what is stored; elsewhere, the resource itself.
    let whole = |resource: &str| {
        let own = resource.strip_prefix(owner.arn);
        resource == "*"
            || matches!(own, Some("/*" | "*"))
            || (own == Some("") && !owner.is_bucket())
    };
    let everything = resources.any(whole) || statement.get("Resource").is_none();
    denies && everybody && every_action && everything
}

impl Owner<'_> {
    fn is_bucket(&self) -> bool {
        self.service == "s3"
    }
}

/// A string, or the strings of a list.
fn texts(node: Node<'_>) -> impl Iterator<Item = &str> {
    node.as_str().into_iter().chain(node.items().filter_map(Node::as_str))
}

/// What a statement that denies everything to everybody denies in the end.
enum Denied {
    /// Nothing that an ordinary request over TLS would notice.
    Nothing,
    /// What is not encrypted.
    Unencrypted,
    /// All but what comes by one of some ways.
    AllBut { admits: Vec<Origin>, unread: Option<Name> },
}

/// What one condition lets pass.
enum Passes {
    /// Every ordinary request over TLS.
    Everything,
    /// What is encrypted.
    Encrypted,
    /// What comes by one of these ways.
    Ways(Vec<Origin>),
    /// Nothing: it holds for every direct request.
    Nothing,
    /// What the input does not tell.
    Unread,
}

impl Denied {
    fn by(context: &mut Context<'_>, owner: &Owner<'_>, statement: Node<'_>) -> Self {
        let mut admits = Vec::new();
        let mut unread = None;
        let mut encrypted = false;
        let conditions = statement.get("Condition").into_iter().flat_map(Node::entries);
        for operator in conditions {
            for condition in operator.value.entries() {
                match passes(context, owner, operator.key, condition.key, condition.value) {
                    Passes::Everything => return Self::Nothing,
                    Passes::Encrypted => encrypted = true,
                    Passes::Ways(ways) => admits.extend(ways),
                    Passes::Nothing => {}
                    Passes::Unread => {
                        let text = format!("it depends on `{}`, too", condition.key);
                        unread = unread.or(Some(context.name(&text)));
                    }
                }
            }
        }
        if !encrypted {
            return Self::AllBut { admits, unread };
        }
        // All conditions must hold for a denial: with others, TLS is enough to pass.
        if admits.is_empty() && unread.is_none() { Self::Unencrypted } else { Self::Nothing }
    }
}

/// What one condition of a denial lets pass. Values with wildcards and keys about who asks are not
/// evaluated.
fn passes(
    context: &mut Context<'_>,
    owner: &Owner<'_>,
    operator: &str,
    key: &str,
    values: Node<'_>,
) -> Passes {
    let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
    let key = key.to_ascii_lowercase();
    let is = |text: &str| {
        values.as_bool() == Some(text == "true")
            || values.as_str().is_some_and(|own| own.eq_ignore_ascii_case(text))
    };
    let plain = texts(values).all(|one| !one.contains(['*', '?', '$']));
    match (operator, key.as_str()) {
        ("Bool", "aws:securetransport") if is("false") => Passes::Encrypted,
        ("Bool", "aws:viaawsservice") if is("false") => Passes::Nothing,
        ("Bool", "aws:viaawsservice") if is("true") => Passes::Everything,
        ("Null", "aws:sourcevpce" | "aws:sourcevpc") if is("true") => {
            Passes::Ways(owner.private.to_vec())
        }
        (
            "StringNotEquals" | "StringNotEqualsIgnoreCase" | "StringNotLike",
            "aws:sourcevpce" | "aws:sourcevpc",
        ) if plain => Passes::Ways(texts(values).flat_map(|id| ways_of(context, id)).collect()),
        ("NotIpAddress", "aws:sourceip") => {
            let prefixes: Option<Vec<Prefix>> =
                texts(values).map(|text| Prefix::parse_lenient(text).ok()).collect();
            match prefixes {
                Some(prefixes) => {
                    Passes::Ways(vec![Origin::Addresses(AddressSet::from_prefixes(prefixes))])
                }
                None => Passes::Unread,
            }
        }
        _ => Passes::Unread,
    }
}

/// The ways that a VPC endpoint's or a VPC's id stands for; none where the input does not hold it.
fn ways_of(context: &Context<'_>, id: &str) -> Vec<Origin> {
    if let Some(gateway) = context.gateways.get(id) {
        return vec![Origin::Gateway(gateway)];
    }
    if let Some(realm) = context.realms.get(id) {
        return vec![Origin::Realm(realm)];
    }
    let Some(workload) = context.workloads.get(id) else { return Vec::new() };
    let own = context.estate.workloads[workload].endpoints.iter();
    own.copied().map(Origin::Interface).collect()
}
