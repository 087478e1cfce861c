//! The tree of an organization, and the policies that its levels put on accounts.
//!
//! AWS Organizations User Guide, "How SCPs work" and "How RCPs work": a service control policy never
//! grants; an action is allowed only if a policy allows it at every level from the root through the
//! organizational units to the account; the management account and service-linked roles are exempt.
//! Resource control policies deny to whoever asks what an account's resources would allow.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;
use watertight_source::Node;

use crate::codes;
use crate::context::Context;
use crate::index::Item;
use crate::scope::arn_scope;
use crate::shapes::Kind;

use super::evaluate::Guardrails;
use super::facts::{DocumentAt, Facts, everything};
use super::policy::Document;

/// Levels from an account to its root that are followed: "you can nest OUs up to five levels deep".
const LEVELS_MAX: usize = 8;

/// Kinds of policies that an organization puts on its accounts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum PolicyType {
    /// What the account's roles and users may do at most.
    ServiceControl,
    /// What may be done to the account's resources at most.
    ResourceControl,
}

impl PolicyType {
    const ALL: [Self; 2] = [Self::ServiceControl, Self::ResourceControl];

    /// As the provider writes it.
    const fn word(self) -> &'static str {
        match self {
            Self::ServiceControl => "SERVICE_CONTROL_POLICY",
            Self::ResourceControl => "RESOURCE_CONTROL_POLICY",
        }
    }

    /// The policy that allows everything, which each level has unless somebody detaches it.
    const fn full(self) -> &'static str {
        match self {
            Self::ServiceControl => "p-FullAWSAccess",
            Self::ResourceControl => "p-RCPFullAWSAccess",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What is known of one policy.
#[derive(Debug)]
struct Known {
    kind: PolicyType,
    arn: Name,
    document: Option<DocumentAt>,
    /// Whether the input tells all that it is attached to.
    is_told: bool,
}

/// An organization: its accounts, its tree and its policies.
#[derive(Debug, Default)]
pub(crate) struct Organization {
    /// The organization of each account that is listed in one.
    pub(crate) accounts: BTreeMap<Name, Name>,
    management: BTreeSet<Name>,
    /// Kinds that are on, where the input tells; a root says so.
    enabled: Option<BTreeSet<PolicyType>>,
    parents: BTreeMap<Name, Name>,
    root: Option<Name>,
    policies: BTreeMap<Name, Known>,
    attached: BTreeMap<(PolicyType, Name), BTreeSet<Name>>,
    /// Accounts, units and roots of which the input tells all policies of a kind.
    told: BTreeSet<(PolicyType, Name)>,
    /// Kinds of which the input lists the policies.
    listed: BTreeSet<PolicyType>,
    is_denied: bool,
    /// Stands for what is not in the input.
    unread: Option<DocumentAt>,
}

impl Organization {
    /// Whether policies of the organization pass an account by.
    pub(crate) fn is_management(&self, account: &str) -> bool {
        self.management.contains(account)
    }

    /// The policies of a kind over an account.
    pub(crate) fn guardrails<'f>(
        &self,
        facts: &'f Facts,
        account: &Name,
        kind: PolicyType,
    ) -> Guardrails<'f> {
        let mut guardrails = Guardrails::default();
        let is_on = self.enabled.as_ref().map(|enabled| enabled.contains(&kind));
        if is_on == Some(false)
            || !self.accounts.contains_key(account)
            || self.is_management(account)
        {
            return guardrails;
        }
        let own = self.policies.values().filter(|policy| policy.kind == kind);
        let count = own.clone().count();
        let is_known = count > 0 || self.attached.keys().any(|(of, _)| *of == kind);
        let is_only_full =
            self.listed.contains(&kind) && count == 1 && self.policies.contains_key(kind.full());
        // Where nothing tells of policies, there are none; a root that has them switched on tells.
        if is_only_full || !(is_known || self.is_denied || is_on == Some(true)) {
            return guardrails;
        }
        let unread = self.unread.and_then(|at| facts.document(at));
        let (path, is_whole) = self.path(account);
        for target in &path {
            let mut level = self.level(facts, kind, target);
            // A level has one at least that allows, which of resource control policies nobody can
            // detach.
            let is_short = level.is_empty() && kind == PolicyType::ServiceControl;
            if is_short || !self.is_told(kind, target) {
                level.extend(unread);
            }
            guardrails.levels.push(level);
        }
        if !is_whole {
            guardrails.levels.push(unread.into_iter().collect());
        }
        guardrails
    }

    /// From the root to an account, as far as the input tells, and whether that is all.
    fn path(&self, account: &Name) -> (Vec<Name>, bool) {
        let mut path = vec![account.clone()];
        while let Some(parent) = path.last().and_then(|last| self.parents.get(last)) {
            if path.len() >= LEVELS_MAX || path.contains(parent) {
                return (path, false);
            }
            path.push(parent.clone());
        }
        let is_whole = path.last().is_some_and(|last| is_root(last));
        if let (false, Some(root)) = (is_whole, &self.root) {
            path.push(root.clone());
        }
        path.reverse();
        (path, is_whole)
    }

    fn level<'f>(&self, facts: &'f Facts, kind: PolicyType, target: &Name) -> Vec<&'f Document> {
        let attached = self.attached.get(&(kind, target.clone())).into_iter().flatten();
        let known = attached.filter_map(|id| self.policies.get(id));
        known.filter_map(|policy| facts.document(policy.document?)).collect()
    }

    /// Whether the input tells all policies of a kind on a level: by what it lists for the level, or
    /// by the targets of every policy.
    fn is_told(&self, kind: PolicyType, target: &Name) -> bool {
        let mut own = self.policies.values().filter(|policy| policy.kind == kind);
        self.told.contains(&(kind, target.clone()))
            || (self.listed.contains(&kind) && own.all(|policy| policy.is_told))
    }

    /// AWS Organizations API reference, `Account` (its ARN names the management account and the
    /// organization), `Organization` and `Root`.
    fn read_accounts(&mut self, context: &mut Context<'_>) {
        for item in context.index.of(Kind::OrganizationAccounts) {
            let Some(arn) = context.fields.text(item.node, "Arn") else { continue };
            let account = context.name(item.id);
            if arn_scope(arn).0 == Some(item.id) {
                self.management.insert(account.clone());
            }
            let organization = arn.rsplit_once(':').and_then(|(_, path)| path.split('/').nth(1));
            if let Some(organization) = organization {
                self.accounts.insert(account, context.name(organization));
            }
        }
        for item in context.index.of(Kind::Organizations) {
            let account = context.fields.text(item.node, "MasterAccountId");
            self.management.extend(account.map(Name::from));
            if context.fields.text(item.node, "FeatureSet") == Some("CONSOLIDATED_BILLING") {
                self.enabled = Some(BTreeSet::new());
            }
        }
        for item in context.index.of(Kind::OrganizationRoots) {
            self.root = Some(context.name(item.id));
            if item.node.get("PolicyTypes").is_none() {
                continue;
            }
            let mut enabled = BTreeSet::new();
            for of in context.fields.objects(item.node, "PolicyTypes") {
                let status = context.fields.text(of, "Status");
                let kind = context.fields.text(of, "Type").and_then(PolicyType::of);
                enabled.extend(kind.filter(|_| matches!(status, Some("ENABLED") | None)));
            }
            self.enabled.get_or_insert(enabled);
        }
    }

    /// Who is below whom: asked for a child, or for a parent.
    fn read_tree(&mut self, context: &mut Context<'_>) {
        let lists = [
            (Kind::OrganizationParents, "Parents", true),
            (Kind::OrganizationUnits, "OrganizationalUnits", false),
            (Kind::AccountsForParent, "Accounts", false),
        ];
        for (kind, key, is_parent) in lists {
            for item in context.index.of(kind).iter().filter(|item| !item.id.is_empty()) {
                let asked = context.name(item.id);
                for other in context.fields.objects(item.node, key) {
                    let Some(other) = context.fields.required_text(other, "Id") else { continue };
                    let other = context.name(other);
                    let (child, parent) =
                        if is_parent { (asked.clone(), other) } else { (other, asked.clone()) };
                    self.parents.insert(child, parent);
                }
            }
        }
    }

    fn read_policies(&mut self, context: &mut Context<'_>, facts: &mut Facts) {
        for item in context.index.of(Kind::PolicyDetails) {
            if item.id.contains(":organizations:")
                && let Some(kind) = self.add(context, facts, item.node)
            {
                self.listed.insert(kind);
            }
        }
        for item in context.index.of(Kind::OrganizationPolicies) {
            self.add(context, facts, item.node);
        }
        for item in context.index.of(Kind::PoliciesForTarget) {
            self.add_for_target(context, facts, item);
        }
        for item in context.index.of(Kind::PolicyTargets) {
            let id = policy_id(item.id);
            let targets = targets(context, item.node);
            self.attach(id, targets, !is_page(item.node));
        }
        if self.root.is_none() {
            let targets = self.attached.keys().map(|(_, target)| target);
            let parents = self.parents.values();
            self.root = targets.chain(parents).find(|target| is_root(target)).cloned();
        }
    }

    /// A policy with or without its text and targets: `Policy` holds a `PolicySummary`, a list holds
    /// summaries, and collectors join what they asked for.
    fn add(
        &mut self,
        context: &mut Context<'_>,
        facts: &mut Facts,
        node: Node<'_>,
    ) -> Option<PolicyType> {
        let summary = context.fields.object(node, "PolicySummary").unwrap_or(node);
        let word = context.fields.text(summary, "Type").unwrap_or("SERVICE_CONTROL_POLICY");
        let kind = PolicyType::of(word)?;
        let arn = context.fields.text(summary, "Arn").unwrap_or_default();
        let id = context.fields.text(summary, "Id").unwrap_or_else(|| policy_id(arn));
        let id = context.name(id);
        let arn = if arn.is_empty() { id.clone() } else { context.name(arn) };
        let place = node.get("Content").filter(|place| !place.is_null());
        let known = Known { kind, arn: arn.clone(), document: None, is_told: false };
        let known = self.policies.entry(id.clone()).or_insert(known);
        if let (None, Some(place)) = (known.document, place) {
            known.document = Some(facts.read_document(context, &arn, place));
        }
        if node.get("Targets").is_some_and(|targets| !targets.is_null()) {
            let targets = targets(context, node);
            self.attach(&id, targets, true);
        }
        Some(kind)
    }

    fn add_for_target(&mut self, context: &mut Context<'_>, facts: &mut Facts, item: &Item<'_>) {
        if item.id.is_empty() {
            let message = String::from("the body does not say which target it is about");
            context.fields.warn(item.node, codes::NO_PARAMETER, "", message);
            return;
        }
        let target = context.name(item.id);
        for policy in context.fields.objects(item.node, "Policies") {
            let Some(kind) = self.add(context, facts, policy) else { continue };
            let id = context.fields.text(policy, "Id");
            let id = id.or_else(|| policy.get("Arn").and_then(Node::as_str).map(policy_id));
            let at = (kind, target.clone());
            // One answer is about one kind of policies, of which it lists all.
            if !is_page(item.node) {
                self.told.insert(at.clone());
            }
            self.attached.entry(at).or_default().extend(id.map(Name::from));
        }
    }

    fn attach(&mut self, id: &str, targets: Vec<Name>, is_told: bool) {
        let Some(policy) = self.policies.get_mut(id) else { return };
        policy.is_told |= is_told;
        for target in targets {
            self.attached.entry((policy.kind, target)).or_default().insert(Name::from(id));
        }
    }

    /// Gives policies without a text what is known of it.
    fn complete(&mut self, context: &mut Context<'_>, facts: &mut Facts) {
        for (id, policy) in &mut self.policies {
            if policy.document.is_some() {
                continue;
            }
            let document = if id.as_str() == policy.kind.full() {
                everything(&policy.arn)
            } else {
                let message = format!("the contents of `{}` are not in the input", policy.arn);
                context.fields.diagnostics.push(
                    watertight_source::Diagnostic::warning(codes::UNREAD_CONTENT, message)
                        .with_resource(policy.arn.as_str())
                        .with_help("collect `organizations describe-policy` for it"),
                );
                Document::unread(&policy.arn, None)
            };
            policy.document = Some(facts.add(document));
        }
        let name = Name::from("policies of the organization");
        self.unread = Some(facts.add(Document::unread(&name, None)));
        let kinds = [
            Kind::OrganizationPolicies,
            Kind::PoliciesForTarget,
            Kind::PolicyTargets,
            Kind::OrganizationRoots,
        ];
        self.is_denied = kinds.into_iter().any(|kind| context.index.denials.about(kind, None, &[]))
            || context.index.denials.is_denied("organizations-list-policies");
        self.tell_absent(context);
    }

    /// Says what of the policies is not in the input.
    fn tell_absent(&self, context: &mut Context<'_>) {
        let Some(item) = context.index.of(Kind::OrganizationAccounts).first() else { return };
        if self.accounts.is_empty() || self.is_denied {
            return;
        }
        let Some(enabled) = &self.enabled else {
            if self.policies.is_empty() {
                let message = "the service control policies of the organization are not in the \
                               input; grants are computed as if they allowed everything";
                context.fields.note(item.node, codes::UNREAD_CONTENT, item.id, message.to_owned());
            }
            return;
        };
        for kind in enabled {
            if self.policies.values().all(|policy| policy.kind != *kind) {
                let message = format!(
                    "the root has `{}` enabled, and none of these policies is in the input; what \
                     they would refuse is granted as possible only",
                    kind.word()
                );
                context.fields.warn(item.node, codes::UNREAD_CONTENT, item.id, message);
            }
        }
    }
}

/// Reads the organization.
pub(crate) fn read(context: &mut Context<'_>, facts: &mut Facts) -> Organization {
    let mut organization = Organization::default();
    organization.read_accounts(context);
    organization.read_tree(context);
    organization.read_policies(context, facts);
    organization.complete(context, facts);
    organization
}

fn targets(context: &mut Context<'_>, node: Node<'_>) -> Vec<Name> {
    let targets = context.fields.objects(node, "Targets");
    let ids = targets.into_iter().filter_map(|target| context.fields.text(target, "TargetId"));
    ids.map(Name::from).collect()
}

/// The id of a policy in its ARN: the last part.
fn policy_id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn is_root(id: &str) -> bool {
    id.starts_with("r-")
}

/// Whether a body says that another page follows.
fn is_page(node: Node<'_>) -> bool {
    node.get("NextToken").and_then(Node::as_str).is_some_and(|token| !token.is_empty())
}
