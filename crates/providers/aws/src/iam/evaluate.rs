//! Whether policies allow a request.
//!
//! IAM User Guide, "Policy evaluation logic", "How AWS enforcement code logic evaluates requests to
//! allow or deny access" and "Cross-account policy evaluation logic": an explicit deny in any policy
//! is final; then every level of service control policies must allow; then the resource policy, the
//! permissions boundary and the identity policies decide, in one account by either the resource's
//! side or the caller's, across accounts by both. Session policies are chosen by who assumes a role,
//! so that they keep nobody from anything.
//!
//! Every part is three-valued. What stays unknown makes the outcome unknown only where it decides.
//!
//! One evaluation takes time in the number of statements that are about the action's service, since
//! documents keep an index by service.

use watertight_model::Evidence;

use super::policy::{Document, Effect, Parties, Party, Statement};
use super::request::{Caller, CallerKind, Request};
use super::truth::Truth;

/// What is known about the policy of a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ResourcePolicy<'p> {
    /// It has none.
    Absent,
    /// It may have one that was not read; what is known of it.
    Unread(&'p Evidence),
    /// This one.
    Read(&'p Document),
}

/// Which sides must allow a request within one account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sides {
    /// Either side is enough: most services.
    Either,
    /// The resource's side must: trust policies of roles and key policies. It allows a caller, or
    /// passes the decision on to the caller's side by naming the account.
    Resource,
}

/// The service control policies over an account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guardrails<'p> {
    /// From the root of the organization down to the account: at each level one must allow.
    pub(crate) levels: Vec<Vec<&'p Document>>,
    /// Policies of which it is not known whether they apply.
    pub(crate) doubtful: Vec<&'p Document>,
}

/// The policies that decide about a request.
#[derive(Clone, Debug)]
pub(crate) struct Policies<'p> {
    /// The caller's own, those of its groups among them.
    pub(crate) identity: &'p [&'p Document],
    /// The caller's permissions boundary.
    pub(crate) boundary: Option<&'p Document>,
    /// The service control policies over the caller's account.
    pub(crate) guardrails: &'p Guardrails<'p>,
    /// The resource control policies over the resource's account.
    pub(crate) over_resource: Option<&'p Guardrails<'p>>,
    /// The resource's.
    pub(crate) resource: ResourcePolicy<'p>,
    /// Which sides must allow.
    pub(crate) sides: Sides,
}

/// What came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    /// Whether the request is allowed.
    pub(crate) allowed: Truth,
    /// The statements that decide, in the order of evaluation.
    pub(crate) evidence: Vec<Evidence>,
}

impl Outcome {
    /// Not allowed.
    pub(crate) const fn no() -> Self {
        Self { allowed: Truth::No, evidence: Vec::new() }
    }

    /// Both are allowed.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.allowed = self.allowed.and(other.allowed);
        for evidence in other.evidence {
            if !self.evidence.contains(&evidence) {
                self.evidence.push(evidence);
            }
        }
        self
    }
}

/// A truth and the statement that gives it.
type Found<'p> = (Truth, Option<&'p Statement>);

/// How a statement of a resource policy addresses a caller.
#[derive(Clone, Copy, Debug)]
struct Address {
    /// By its role's or user's ARN, or as anybody.
    direct: Truth,
    /// By the ARN of a session of its role.
    session: Truth,
    /// By its account.
    account: Truth,
}

impl Address {
    const fn direct(truth: Truth) -> Self {
        Self { direct: truth, session: Truth::No, account: Truth::No }
    }

    fn any(self) -> Truth {
        self.direct.or(self.session).or(self.account)
    }
}

/// Whether `policies` allow `request`.
pub(crate) fn evaluate(request: &Request<'_>, policies: &Policies<'_>) -> Outcome {
    let identity = allowed_by(policies.identity.iter().copied(), request);
    let (resource, resource_doubt) = resource_side(request, policies.resource);
    let boundary = match policies.boundary {
        None => (Truth::Yes, None),
        Some(document) => allowed_by([document], request),
    };
    // Nothing on either side names the request: the common case, before anything is denied.
    let sides = [identity.0, resource.direct.0, resource.session.0, resource_doubt];
    if Truth::any(sides) == Truth::No {
        return Outcome::no();
    }
    let own = identity.0.and(boundary.0);
    let is_same = request.target.account.map(|account| account == request.caller.account.as_str());
    let within =
        within_account(request, policies.sides, own, &resource, boundary.0, resource_doubt);
    let across = own.and(
        Truth::any([resource.direct.0, resource.session.0, resource.account.0]).or(resource_doubt),
    );
    let sides = match is_same {
        Some(true) => within,
        Some(false) => across,
        None => within.or(across).and(Truth::Unknown),
    };
    let guardrails = guardrails_allow(request, policies.guardrails);
    let allowed = sides.and(guardrails);
    if allowed == Truth::No {
        return Outcome::no();
    }
    let denials = denials(request, policies);
    let denied = Truth::any(denials.iter().map(|(truth, _)| *truth));
    let mut evidence: Vec<Evidence> =
        denials.iter().map(|(_, statement)| statement.evidence.clone()).collect();
    if denied == Truth::Yes {
        return Outcome { allowed: Truth::No, evidence };
    }
    let mut allowed = allowed.and(denied.not());
    if let ResourcePolicy::Unread(unread) = policies.resource {
        allowed = allowed.and(Truth::Unknown);
        evidence.push(unread.clone());
    }
    let needs_resource =
        is_same != Some(true) || policies.sides == Sides::Resource || own != Truth::Yes;
    if needs_resource {
        evidence.extend(best(&[resource.direct, resource.session, resource.account]));
    }
    if own != Truth::No {
        evidence.extend(boundary.1.map(|statement| statement.evidence.clone()));
        evidence.extend(identity.1.map(|statement| statement.evidence.clone()));
    }
    Outcome { allowed, evidence }
}

/// One account: "Policy evaluation within a single account", with what it says about boundaries
/// and implicit denies. A resource policy that names a user is not limited by the user's boundary;
/// one that names a role is; one that names a session of it is not.
fn within_account(
    request: &Request<'_>,
    sides: Sides,
    own: Truth,
    resource: &ResourceSide<'_>,
    boundary: Truth,
    doubt: Truth,
) -> Truth {
    let direct = match request.caller.kind {
        CallerKind::Role => resource.direct.0.and(boundary),
        CallerKind::User => resource.direct.0,
    };
    let by_resource = direct.or(resource.session.0);
    match sides {
        Sides::Either => own.or(by_resource),
        Sides::Resource => by_resource.or(own.and(resource.account.0.or(doubt))),
    }
}

#[derive(Clone, Copy, Debug)]
struct ResourceSide<'p> {
    direct: Found<'p>,
    session: Found<'p>,
    account: Found<'p>,
}

/// What the resource's side allows, and whether it is in doubt because its policy was not read.
///
/// A policy that was not read could deny, which [`denials`] cannot say without a statement; the
/// doubt is told apart here for callers whose own side allows nothing.
fn resource_side<'p>(
    request: &Request<'_>,
    policy: ResourcePolicy<'p>,
) -> (ResourceSide<'p>, Truth) {
    let mut side = ResourceSide {
        direct: (Truth::No, None),
        session: (Truth::No, None),
        account: (Truth::No, None),
    };
    let document = match policy {
        ResourcePolicy::Absent => return (side, Truth::No),
        ResourcePolicy::Unread(_) => return (side, Truth::Unknown),
        ResourcePolicy::Read(document) => document,
    };
    for statement in document.about(request.action) {
        if statement.effect != Effect::Allow {
            continue;
        }
        let truth = matches(statement, request);
        if truth == Truth::No {
            continue;
        }
        let address = address(&statement.parties, request.caller, Effect::Allow);
        take(&mut side.direct, truth.and(address.direct), statement);
        take(&mut side.session, truth.and(address.session), statement);
        take(&mut side.account, truth.and(address.account), statement);
    }
    (side, Truth::No)
}

/// Whether each level of the service control policies allows. One that may be attached there may be
/// what allows.
fn guardrails_allow(request: &Request<'_>, guardrails: &Guardrails<'_>) -> Truth {
    if guardrails.levels.is_empty() {
        return Truth::Yes;
    }
    let perhaps = allowed_by(guardrails.doubtful.iter().copied(), request).0.and(Truth::Unknown);
    let levels = guardrails.levels.iter();
    Truth::all(levels.map(|level| allowed_by(level.iter().copied(), request).0.or(perhaps)))
}

/// The statements that deny for sure (then only the first of them) or may.
fn denials<'p>(request: &Request<'_>, policies: &Policies<'p>) -> Vec<(Truth, &'p Statement)> {
    let mut found = Vec::new();
    let guardrails = policies.guardrails;
    let sure = guardrails.levels.iter().flatten().map(|document| (Truth::Yes, *document));
    let doubtful = guardrails.doubtful.iter().map(|document| (Truth::Unknown, *document));
    let own = policies.identity.iter().copied().chain(policies.boundary);
    let own = own.map(|document| (Truth::Yes, document));
    let applies = reaches_resources(request.action);
    let over_resource = policies.over_resource.into_iter().filter(|_| applies != Truth::No);
    let over_resource = over_resource.flat_map(|guardrails| guardrails.levels.iter().flatten());
    let over_resource = over_resource.map(|document| (applies, *document));
    for (applies, document) in sure.chain(doubtful).chain(over_resource).chain(own) {
        for statement in document.about(request.action).filter(|one| one.effect == Effect::Deny) {
            let truth = matches(statement, request).and(applies);
            if push(&mut found, truth, statement) {
                return found;
            }
        }
    }
    if let ResourcePolicy::Read(document) = policies.resource {
        for statement in document.about(request.action).filter(|one| one.effect == Effect::Deny) {
            let address = address(&statement.parties, request.caller, Effect::Deny).any();
            let truth = address.and(matches(statement, request));
            if push(&mut found, truth, statement) {
                return found;
            }
        }
    }
    found
}

/// Whether resource control policies over a resource deny a request, whoever makes it.
pub(crate) fn denied_over_resource(request: &Request<'_>, over: &Guardrails<'_>) -> Truth {
    let applies = reaches_resources(request.action);
    let documents = over.levels.iter().flatten();
    let about = documents.flat_map(|document| document.about(request.action));
    let denials = about.filter(|statement| statement.effect == Effect::Deny);
    Truth::any(denials.map(|statement| matches(statement, request).and(applies)))
}

/// Whether resource control policies reach the service of an action.
///
/// Source: AWS Organizations User Guide, "List of AWS services that support RCPs"; the services that
/// were added since the first ones depend on the time and the region.
fn reaches_resources(action: &str) -> Truth {
    match action.split_once(':').map_or(action, |(service, _)| service) {
        "s3" | "sts" | "kms" | "sqs" | "secretsmanager" => Truth::Yes,
        "dynamodb" | "logs" | "ecr" | "aoss" | "cognito-idp" => Truth::Unknown,
        _ => Truth::No,
    }
}

/// Keeps a denial; one for sure replaces all others and ends the search.
fn push<'p>(
    found: &mut Vec<(Truth, &'p Statement)>,
    truth: Truth,
    statement: &'p Statement,
) -> bool {
    match truth {
        Truth::No => false,
        Truth::Unknown => {
            found.push((truth, statement));
            false
        }
        Truth::Yes => {
            *found = vec![(truth, statement)];
            true
        }
    }
}

/// What the best Allow statement of several documents says.
fn allowed_by<'p>(
    documents: impl IntoIterator<Item = &'p Document>,
    request: &Request<'_>,
) -> Found<'p> {
    let mut found = (Truth::No, None);
    for document in documents {
        for statement in document.about(request.action) {
            if statement.effect == Effect::Allow {
                take(&mut found, matches(statement, request), statement);
            }
            if found.0 == Truth::Yes {
                return found;
            }
        }
    }
    found
}

fn take<'p>(found: &mut Found<'p>, truth: Truth, statement: &'p Statement) {
    if truth > found.0 {
        *found = (truth, Some(statement));
    }
}

fn best(found: &[Found<'_>]) -> Option<Evidence> {
    let best = found.iter().rev().max_by_key(|(truth, _)| *truth)?;
    best.1.map(|statement| statement.evidence.clone())
}

/// Whether action, resource and conditions of a statement match; whom it names is asked apart.
pub(crate) fn matches(statement: &Statement, request: &Request<'_>) -> Truth {
    let mut truth = statement.concerns(request.action);
    if truth != Truth::No {
        truth = truth.and(statement.covers(request.target.subject));
    }
    for condition in &statement.conditions {
        if truth == Truth::No {
            return Truth::No;
        }
        truth = truth.and(condition.holds(&request.value(condition.key())));
    }
    if statement.is_doubtful { truth.and(Truth::Unknown) } else { truth }
}

fn address(parties: &Parties, caller: &Caller, effect: Effect) -> Address {
    match parties {
        Parties::Unnamed => Address::direct(Truth::Yes),
        Parties::These(parties) => named(parties, caller),
        Parties::AllBut(parties) => {
            let named = named(parties, caller);
            // "NotPrincipal" with Deny: who is exempt must be named with its account, a role also
            // with its session; else the deny still reaches it.
            let is_exempt = match (effect, caller.kind) {
                (Effect::Allow, _) => named.any(),
                (Effect::Deny, CallerKind::User) => {
                    named.direct.and(named.account.or(Truth::Unknown))
                }
                (Effect::Deny, CallerKind::Role) => {
                    let all = named.direct.and(named.account).and(named.session);
                    all.or(named.direct.and(Truth::Unknown))
                }
            };
            Address::direct(is_exempt.not())
        }
    }
}

fn named(parties: &[Party], caller: &Caller) -> Address {
    let mut address = Address::direct(Truth::No);
    for party in parties {
        match party {
            Party::Anyone => address.direct = Truth::Yes,
            Party::Account(account) if *account == *caller.account => address.account = Truth::Yes,
            Party::Arn(arn) if *arn == *caller.arn => address.direct = Truth::Yes,
            Party::Arn(arn) if is_session_of(arn, caller) => {
                // The names of sessions are not in the input.
                address.session = address.session.or(Truth::Unknown);
            }
            Party::UniqueId(id) if caller.unique_id.as_deref() == Some(id) => {
                address.direct = Truth::Yes;
            }
            _ => {}
        }
    }
    address
}

/// Whether an ARN is `arn:aws:sts::account:assumed-role/name/session` of the caller's role.
fn is_session_of(arn: &str, caller: &Caller) -> bool {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, _, account, resource) = (parts.next(), parts.next(), parts.next(), parts.next());
    let role = resource.and_then(|resource| resource.strip_prefix("assumed-role/"));
    caller.kind == CallerKind::Role
        && service == Some("sts")
        && account == Some(caller.account.as_str())
        && role.and_then(|role| role.split('/').next()) == Some(caller.name.as_str())
}

/// Whether the policy of a private endpoint lets a request through: what it does not allow, or
/// denies, does not pass.
pub(crate) fn admits(document: &Document, request: &Request<'_>) -> Truth {
    let mut allowed = Truth::No;
    let mut denied = Truth::No;
    for statement in document.about(request.action) {
        let address = address(&statement.parties, request.caller, statement.effect).any();
        let truth = address.and(matches(statement, request));
        match statement.effect {
            Effect::Allow => allowed = allowed.or(truth),
            Effect::Deny => denied = denied.or(truth),
        }
    }
    allowed.and(denied.not())
}
