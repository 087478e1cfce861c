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
pub(crate) struct Policy {
    /// Guards that all must admit a request.
    pub(crate) guards: Vec<OriginGuard>,
    /// Whether it refuses what is not encrypted.
    pub(crate) tls_only: bool,
}

/// Whose policy it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'n> {
    /// The service as actions begin: `s3`.
    pub(crate) service: &'static str,
    /// The ARN.
    pub(crate) arn: &'n str,
    /// The ways through any private endpoint of the service.
    pub(crate) private: &'n [Origin],
}

impl Policy {
    /// The policy that the input does not hold.
    pub(crate) fn unread(context: &mut Context<'_>) -> Self {
        let name = context.name("its policy");
        let unread = Some(context.name("the input does not hold it"));
        Self { guards: vec![OriginGuard { name, admits: Vec::new(), unread }], tls_only: false }
    }

    /// Reads a document: an object, or JSON in a string.
    pub(crate) fn read(context: &mut Context<'_>, owner: &Owner<'_>, place: Node<'_>) -> Self {
        Self::read_by(context, place, |context, root| Self::of_document(context, owner, root))
    }

    /// Reads the document of a service that answers nobody whom its policy does not allow: who is
    /// not denied must be allowed, too.
    pub(crate) fn read_closed(
        context: &mut Context<'_>,
        owner: &Owner<'_>,
        place: Node<'_>,
    ) -> Self {
        Self::read_by(context, place, |context, root| {
            let mut policy = Self::of_document(context, owner, root);
            policy.guards.extend(allowed(context, owner, root));
            policy
        })
    }

    fn read_by(
        context: &mut Context<'_>,
        place: Node<'_>,
        read: impl FnOnce(&mut Context<'_>, Node<'_>) -> Self,
    ) -> Self {
        let Some(text) = place.as_str() else { return read(context, place) };
        let file = place.span().file;
        let limits = &context.options.limits;
        // API Gateway prints its policies with their quotation marks escaped once more.
        let tree = parsed(file, text, limits)
            .or_else(|| parsed(file, &text.replace("\\\"", "\""), limits));
        match tree {
            Some(tree) => read(context, tree.root()),
            None => Self::unread(context),
        }
    }

    fn of_document(context: &mut Context<'_>, owner: &Owner<'_>, root: Node<'_>) -> Self {
        let mut policy = Self::default();
        for (at, statement) in statements(root).enumerate() {
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

fn statements(root: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let listed = root.get("Statement");
    let single = listed.filter(|one| one.get("Effect").is_some());
    single.into_iter().chain(listed.into_iter().flat_map(Node::items))
}

/// The guard that a policy is by what it allows: it admits the ways that its statements allow
/// everybody. None where one of them allows everybody whatever the way.
///
/// Statements that allow some callers, or under conditions that are not about the way, could admit
/// any way.
fn allowed(context: &mut Context<'_>, owner: &Owner<'_>, root: Node<'_>) -> Option<OriginGuard> {
    let mut admits = Vec::new();
    let mut unread = None;
    for statement in statements(root) {
        if statement.get("Effect").and_then(Node::as_str) != Some("Allow") {
            continue;
        }
        if !is_for_everybody(statement) || !is_every_action(statement, owner) {
            unread = unread.or(Some(context.name("it names who may call what")));
            continue;
        }
        let conditions = statement.get("Condition").into_iter().flat_map(Node::entries);
        let listed: Vec<_> = conditions
            .flat_map(|operator| operator.value.entries().map(move |one| (operator.key, one)))
            .map(|(operator, one)| (operator, one.key, one.value))
            .collect();
        let why = match listed.as_slice() {
            [] => return None,
            [(operator, key, values)] => {
                if let Some(ways) = ways_allowed(context, operator, key, *values) {
                    admits.extend(ways);
                    continue;
                }
                format!("it depends on `{key}`")
            }
            _ => "it depends on several conditions".to_owned(),
        };
        unread = unread.or(Some(context.name(&why)));
    }
    Some(OriginGuard { name: context.name("what its policy allows"), admits, unread })
}

/// The ways that one condition of an allowance is about; none where it is about something else.
fn ways_allowed(
    context: &Context<'_>,
    operator: &str,
    key: &str,
    values: Node<'_>,
) -> Option<Vec<Origin>> {
    let plain = texts(values).all(|one| !one.contains(['*', '?', '$']));
    match (operator, key.to_ascii_lowercase().as_str()) {
        (
            "StringEquals" | "StringEqualsIgnoreCase" | "StringLike",
            "aws:sourcevpce" | "aws:sourcevpc",
        ) if plain => Some(texts(values).flat_map(|id| ways_of(context, id)).collect()),
        _ => None,
    }
}

/// Whether a statement denies all of a store to everybody, save for its conditions.
fn is_about_everything(statement: Node<'_>, owner: &Owner<'_>) -> bool {
    let denies = statement.get("Effect").and_then(Node::as_str) == Some("Deny");
    let everybody = is_for_everybody(statement);
    let every_action = is_every_action(statement, owner);
    let mut resources = statement.get("Resource").into_iter().flat_map(texts);
    // In a bucket, what is stored; elsewhere, the resource itself.
    let whole = |resource: &str| {
        let own = resource.strip_prefix(owner.arn);
        resource == "*"
            || resource.strip_prefix(owner.service) == Some(":/*")
            || matches!(own, Some("/*" | "*"))
            || (own == Some("") && !owner.is_bucket())
    };
    let everything = resources.any(whole) || statement.get("Resource").is_none();
    denies && everybody && every_action && everything
}

fn is_for_everybody(statement: Node<'_>) -> bool {
    statement.get("Principal").is_some_and(|principal| {
        let listed = principal.get("AWS").into_iter().flat_map(texts);
        texts(principal).chain(listed).any(|one| one == "*")
    })
}

/// Whether a statement is about all that can be asked of a service. An API can only be invoked, and
/// a search domain is asked by HTTP methods.
fn is_every_action(statement: Node<'_>, owner: &Owner<'_>) -> bool {
    let all: &[&str] = match owner.service {
        "execute-api" => &["execute-api:*", "execute-api:Invoke"],
        "es" => &["es:*", "es:ESHttp*"],
        "sqs" => &["sqs:*"],
        _ => &["s3:*"],
    };
    let mut actions = statement.get("Action").into_iter().flat_map(texts);
    actions.any(|one| one == "*" || all.iter().any(|all| one.eq_ignore_ascii_case(all)))
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
