//! Who may take on which role, and who may make it so.
//!
//! IAM User Guide, "Roles terms and concepts" and "Cross-account policy evaluation logic": a trust
//! policy that names the caller is enough in one account; one that names the account leaves it to
//! the caller's own policies; across accounts both are needed.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Evidence, Name, Power};

use super::actor::Actor;
use super::direct::holders;
use super::evaluate::{Outcome, ResourcePolicy, Sides};
use super::facts::{Facts, Holder};
use super::grants::{Grants, remark};
use super::pattern::Subject;
use super::policy::{Document, Effect, Parties, Party};
use super::request::{CallerKind, Tags, Target};
use super::truth::Truth;

const ASSUME: &str = "sts:assumerole";

/// Ways to start something that acts with a role: the service that takes the role, the action, and
/// what a person would call it.
const LAUNCHES: [(&str, &str, &str); 5] = [
    ("ec2.amazonaws.com", "ec2:runinstances", "starts a machine with it"),
    ("lambda.amazonaws.com", "lambda:createfunction", "makes a function with it"),
    ("ecs-tasks.amazonaws.com", "ecs:runtask", "runs a task with it"),
    ("cloudformation.amazonaws.com", "cloudformation:createstack", "makes a stack with it"),
    ("codebuild.amazonaws.com", "codebuild:createproject", "makes a build with it"),
];

/// Adds which roles each holder may assume.
///
/// Goes out from the trust policies: each names few callers one by one; where it names an account,
/// those of its holders come into question whose own policies allow to assume anything. The time
/// goes with the pairs that are named so.
pub(crate) fn add(facts: &Facts, actors: &[Actor<'_>], grants: &mut Grants) -> Assumed {
    let mut assumed = Assumed::new();
    let mut assumers: BTreeMap<&Name, Vec<usize>> = BTreeMap::new();
    for (at, actor) in actors.iter().enumerate() {
        if actor.is_allowed_any(ASSUME) {
            assumers.entry(&actor.holder.caller.account).or_default().push(at);
        }
    }
    for (role_at, role) in facts.holders.iter().enumerate() {
        let Some(trust) = role.trust.and_then(|at| facts.document(at)) else { continue };
        for caller in callers(facts, &assumers, role, trust) {
            let Some(actor) = actors.get(caller).filter(|_| caller != role_at) else { continue };
            let policy = ResourcePolicy::Read(trust);
            let outcome = actor.may(ASSUME, target_of(role), policy, Sides::Resource);
            if outcome.allowed != Truth::No {
                assumed.entry(caller).or_default().push((role_at, outcome.allowed));
            }
            let power = Power::Assume(role.credential);
            grants.add(actor.holder.credential, power, outcome.allowed, outcome.evidence);
        }
    }
    assumed
}

/// The roles that each holder may assume, by their positions.
pub(crate) type Assumed = BTreeMap<usize, Vec<(usize, Truth)>>;

/// The holders that a trust policy could be about.
fn callers(
    facts: &Facts,
    assumers: &BTreeMap<&Name, Vec<usize>>,
    role: &Holder,
    trust: &Document,
) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for statement in trust.about(ASSUME) {
        if statement.effect != Effect::Allow || statement.concerns(ASSUME) == Truth::No {
            continue;
        }
        let Parties::These(parties) = &statement.parties else {
            found.extend(everybody(facts, assumers, role));
            continue;
        };
        for party in parties {
            match party {
                Party::Anyone => found.extend(everybody(facts, assumers, role)),
                Party::Account(account) => {
                    found.extend(assumers.get(&Name::from(account.as_str())).into_iter().flatten());
                }
                other => found.extend(holders(facts, other)),
            }
        }
    }
    found
}

fn everybody(
    facts: &Facts,
    assumers: &BTreeMap<&Name, Vec<usize>>,
    role: &Holder,
) -> BTreeSet<usize> {
    let own = facts.by_account.get(&role.caller.account).into_iter().flatten();
    own.chain(assumers.values().flatten()).copied().collect()
}

fn target_of(role: &Holder) -> Target<'_> {
    let caller = &role.caller;
    Target {
        organization: caller.organization.as_deref(),
        tags: caller.tags.as_ref().map_or(Tags::Unknown, Tags::All),
        ..Target::new(Subject::exact(&caller.arn), Some(caller.account.as_str()))
    }
}

/// Adds the roles and users that each holder may make its own by changing permissions: "Privilege
/// escalation" by `iam:UpdateAssumeRolePolicy`, `iam:PutRolePolicy` and the like, access keys, and
/// passing a role to something that it starts.
pub(crate) fn add_escalations(
    facts: &Facts,
    actors: &[Actor<'_>],
    assumed: &Assumed,
    regions: &BTreeMap<Name, Name>,
    grants: &mut Grants,
) {
    let escalation = Escalation::new(facts, actors, regions);
    for (at, actor) in actors.iter().enumerate() {
        let assumed = assumed.get(&at).map(Vec::as_slice).unwrap_or_default();
        escalation.add(at, actor, assumed, grants);
    }
}

struct Escalation<'f, 'a> {
    facts: &'f Facts,
    actors: &'a [Actor<'f>],
    regions: &'a BTreeMap<Name, Name>,
    arns: Vec<&'f str>,
    /// The holder at each position of `arns`.
    positions: Vec<usize>,
    anything: Document,
}

impl<'f, 'a> Escalation<'f, 'a> {
    fn new(facts: &'f Facts, actors: &'a [Actor<'f>], regions: &'a BTreeMap<Name, Name>) -> Self {
        Self {
            facts,
            actors,
            regions,
            arns: facts.by_arn.keys().map(Name::as_str).collect(),
            positions: facts.by_arn.values().copied().collect(),
            anything: super::facts::everything(&Name::from("any permission")),
        }
    }

    fn add(&self, at: usize, actor: &Actor<'_>, assumed: &[(usize, Truth)], grants: &mut Grants) {
        let direct = [
            ("iam:updateassumerolepolicy", CallerKind::Role, "lets itself assume the role"),
            ("iam:createaccesskey", CallerKind::User, "makes an access key of the user"),
        ];
        for (action, kind, how) in direct {
            for (other_at, other) in self.candidates(actor, action) {
                if other.caller.kind == kind && other_at != at && !is_protected(other) {
                    let outcome = actor.may_simply(action, target_of(other));
                    grant(actor, other, outcome, how, grants);
                }
            }
        }
        self.add_passed(actor, grants);
        let own = own_change(actor);
        if own.allowed != Truth::No {
            self.add_all(actor, actor, &own, grants);
        }
        for (role_at, truth) in assumed {
            let Some(role) = self.actors.get(*role_at) else { continue };
            let mut change = change(actor, role.holder);
            change.allowed = change.allowed.and(*truth);
            if change.allowed != Truth::No {
                self.add_all(actor, role, &change, grants);
            }
        }
    }

    /// The holders of the actor's account that its policies may allow an action on.
    fn candidates(&self, actor: &Actor<'_>, action: &str) -> Vec<(usize, &'f Holder)> {
        if !actor.is_allowed_any(action) {
            return Vec::new();
        }
        let named = actor.named(action, &self.arns, usize::MAX).into_iter();
        let positions = named.filter_map(|at| self.positions.get(at).copied());
        let holders = positions.filter_map(|at| Some((at, self.facts.holders.get(at)?)));
        let account = &actor.holder.caller.account;
        holders.filter(|(_, other)| other.caller.account == *account).collect()
    }

    /// Who may give itself (or a role that it may assume) any permission may assume every role of
    /// the account, as far as boundary and service control policies let it.
    fn add_all(
        &self,
        actor: &Actor<'_>,
        through: &Actor<'_>,
        change: &Outcome,
        grants: &mut Grants,
    ) {
        let mut identity = through.identity.clone();
        identity.push(&self.anything);
        let able = Actor {
            holder: through.holder,
            identity,
            boundary: through.boundary,
            guardrails: through.guardrails.clone(),
            over_resources: through.over_resources,
        };
        let own = self.facts.by_account.get(&through.holder.caller.account).into_iter().flatten();
        for other in own.filter_map(|at| self.facts.holders.get(*at)) {
            let is_own = other.credential == actor.holder.credential;
            if is_own || other.caller.kind != CallerKind::Role || is_protected(other) {
                continue;
            }
            let action = "iam:updateassumerolepolicy";
            let then = able.may_simply(action, target_of(other)).allowed;
            let outcome =
                Outcome { allowed: change.allowed.and(then), evidence: change.evidence.clone() };
            let how = if through.holder.credential == actor.holder.credential {
                "gives itself the permission to assume the role"
            } else {
                "gives a role that it may assume the permission to assume this one"
            };
            grant(actor, other, outcome, how, grants);
        }
    }

    /// Roles that may be passed to a service that the actor may make run something.
    fn add_passed(&self, actor: &Actor<'_>, grants: &mut Grants) {
        for (_, role) in self.candidates(actor, "iam:passrole") {
            let Some(trust) = role.trust.and_then(|at| self.facts.document(at)) else { continue };
            if role.caller.kind != CallerKind::Role || is_protected(role) {
                continue;
            }
            for (service, action, how) in LAUNCHES {
                if !takes(trust, service) || !actor.is_allowed_any(action) {
                    continue;
                }
                let target = Target { passed_to: Some(service), ..target_of(role) };
                let pass = actor.may_simply("iam:passrole", target);
                if pass.allowed == Truth::No {
                    continue;
                }
                let outcome = pass.and(self.launch(actor, action));
                if outcome.allowed != Truth::No {
                    let how = format!("passes the role and {how} ({action})");
                    grant(actor, role, outcome, &how, grants);
                    break;
                }
            }
        }
    }

    /// Whether the actor may start something, in the region of its account.
    fn launch(&self, actor: &Actor<'_>, action: &str) -> Outcome {
        let account = &actor.holder.caller.account;
        let service = action.split(':').next().unwrap_or_default();
        let region = self.regions.get(account).map_or("us-east-1", Name::as_str);
        let partition = super::catalog::partition_of(Some(region));
        let arn = format!("arn:{partition}:{service}:{region}:{account}:");
        let target =
            Target { region: Some(region), ..Target::new(Subject::open(&arn), Some(account)) };
        actor.may_simply(action, target)
    }
}

fn grant(actor: &Actor<'_>, other: &Holder, mut outcome: Outcome, how: &str, grants: &mut Grants) {
    if outcome.allowed == Truth::No {
        return;
    }
    outcome.evidence.push(remark(&other.caller.arn, "escalation", how));
    let power = Power::Assume(other.credential);
    grants.add(actor.holder.credential, power, outcome.allowed, outcome.evidence);
}

/// Whether the actor may change what itself may do.
fn own_change(actor: &Actor<'_>) -> Outcome {
    let own = change(actor, actor.holder);
    if own.allowed == Truth::Yes {
        return own;
    }
    let mut best = own;
    for arn in &actor.holder.attached {
        let account = Some(actor.holder.caller.account.as_str());
        if arn.split(':').nth(4) != account {
            continue;
        }
        let target = Target::new(Subject::exact(arn), account);
        let outcome = actor.may_simply("iam:createpolicyversion", target);
        if outcome.allowed > best.allowed {
            best = outcome;
        }
    }
    best
}

/// Whether the actor may give a holder any permission.
fn change(actor: &Actor<'_>, holder: &Holder) -> Outcome {
    let actions = match holder.caller.kind {
        CallerKind::Role => ["iam:putrolepolicy", "iam:attachrolepolicy"],
        CallerKind::User => ["iam:putuserpolicy", "iam:attachuserpolicy"],
    };
    let mut best = Outcome::no();
    if is_protected(holder) || holder.caller.account != actor.holder.caller.account {
        return best;
    }
    for action in actions {
        let outcome = actor.may_simply(action, target_of(holder));
        if outcome.allowed > best.allowed {
            best = outcome;
        }
    }
    best
}

/// Whether a trust policy lets a service take the role.
fn takes(trust: &Document, service: &str) -> bool {
    trust.about(ASSUME).any(|statement| {
        let Parties::These(parties) = &statement.parties else { return false };
        statement.effect == Effect::Allow
            && parties.iter().any(|party| matches!(party, Party::Service(name) if name == service))
    })
}

/// Whether only the provider may change a role: "Using service-linked roles" and the roles of IAM
/// Identity Center.
fn is_protected(holder: &Holder) -> bool {
    let arn = holder.caller.arn.as_str();
    arn.contains(":role/aws-service-role/") || arn.contains(":role/aws-reserved/")
}

/// Statements as the evidence of a grant are kept once.
pub(crate) fn merge(evidence: &mut Vec<Evidence>, more: Vec<Evidence>) {
    for line in more {
        if !evidence.contains(&line) {
            evidence.push(line);
        }
    }
}
