//! What the input says about who there is and which policies hold for whom.

use std::collections::BTreeMap;

use watertight_model::{Credential, CredentialId, Evidence, Name};
use watertight_source::Node;

use crate::context::Context;
use crate::index::Item;
use crate::scope::arn_scope;
use crate::shapes::Kind;

use super::evaluate::Guardrails;
use super::organization::{self, Organization, PolicyType};
use super::policy::Document;
use super::read;
use super::request::{Caller, CallerKind};

/// The position of a document in [`Facts::documents`].
pub(crate) type DocumentAt = usize;

/// The policy of the provider that allows everything (AWS Managed Policy Reference).
const ADMINISTRATOR: &str = "policy/AdministratorAccess";

/// A role or user with the policies that hold for it.
#[derive(Debug)]
pub(crate) struct Holder {
    /// Its credential.
    pub(crate) credential: CredentialId,
    /// It as the caller of requests.
    pub(crate) caller: Caller,
    /// Its identity policies and those of its groups.
    pub(crate) identity: Vec<DocumentAt>,
    /// Its permissions boundary.
    pub(crate) boundary: Option<DocumentAt>,
    /// Who may assume it, for a role.
    pub(crate) trust: Option<DocumentAt>,
    /// The managed policies attached to it, without those of its groups.
    pub(crate) attached: Vec<Name>,
    /// Whether service control policies pass it by: the management account's roles and users, and
    /// service-linked roles.
    pub(crate) is_exempt: bool,
    /// Whether it is a role that belongs to a service of the provider.
    pub(crate) is_linked: bool,
}

/// Everything that is known about who may do what.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// All policy documents.
    pub(crate) documents: Vec<Document>,
    /// Roles and users, ordered by ARN.
    pub(crate) holders: Vec<Holder>,
    /// The position of each holder by its ARN.
    pub(crate) by_arn: BTreeMap<Name, usize>,
    /// The holders of each account.
    pub(crate) by_account: BTreeMap<Name, Vec<usize>>,
    /// The organization of the accounts, with its policies.
    pub(crate) organization: Organization,
    /// Roles by the ARN of the instance profile that hands them out.
    pub(crate) profiles: BTreeMap<Name, Name>,
    managed: BTreeMap<Name, DocumentAt>,
}

impl Facts {
    /// Reads accounts, roles, users, groups and policies; their credentials go into the estate.
    pub(crate) fn read(context: &mut Context<'_>) -> Self {
        let mut facts = Self::default();
        facts.organization = organization::read(context, &mut facts);
        facts.read_managed(context);
        let groups = facts.read_groups(context);
        for item in context.index.of(Kind::RoleDetails) {
            facts.read_role(context, item);
        }
        for item in context.index.of(Kind::UserDetails) {
            facts.read_user(context, item, &groups);
        }
        facts.read_profiles(context);
        facts
    }

    /// Adds a document.
    pub(crate) fn add(&mut self, document: Document) -> DocumentAt {
        self.documents.push(document);
        self.documents.len().saturating_sub(1)
    }

    /// Reads a document at a place and adds it.
    pub(crate) fn read_document(
        &mut self,
        context: &mut Context<'_>,
        id: &Name,
        place: Node<'_>,
    ) -> DocumentAt {
        let limits = &context.options.limits;
        let document = read::document(&mut context.fields, limits, id, place);
        self.add(document)
    }

    /// A document.
    pub(crate) fn document(&self, at: DocumentAt) -> Option<&Document> {
        self.documents.get(at)
    }

    /// The identity policies of a holder.
    pub(crate) fn identity(&self, holder: &Holder) -> Vec<&Document> {
        holder.identity.iter().filter_map(|at| self.document(*at)).collect()
    }

    /// The service control policies over a holder.
    pub(crate) fn guardrails_of(&self, holder: &Holder) -> Guardrails<'_> {
        if holder.is_exempt {
            return Guardrails::default();
        }
        let account = &holder.caller.account;
        self.organization.guardrails(self, account, PolicyType::ServiceControl)
    }

    /// The resource control policies over the resources of each account of the organization.
    pub(crate) fn resource_guardrails(&self) -> BTreeMap<Name, Guardrails<'_>> {
        let accounts = self.organization.accounts.keys();
        let guardrails = accounts.map(|account| {
            let kind = PolicyType::ResourceControl;
            (account.clone(), self.organization.guardrails(self, account, kind))
        });
        guardrails.filter(|(_, guardrails)| !guardrails.levels.is_empty()).collect()
    }

    /// The organization of an account that is listed in one.
    pub(crate) fn organization_of(&self, account: &str) -> Option<&Name> {
        self.organization.accounts.get(account)
    }

    /// Managed policies; those of the organization are listed as `Policies` too.
    fn read_managed(&mut self, context: &mut Context<'_>) {
        for item in context.index.of(Kind::PolicyDetails) {
            let id = context.name(item.id);
            if item.id.contains(":organizations:") {
                continue;
            }
            let default = context.fields.text(item.node, "DefaultVersionId");
            let versions = context.fields.objects(item.node, "PolicyVersionList");
            let version = versions.into_iter().find(|version| {
                let is_default = version.get("IsDefaultVersion").and_then(Node::as_bool);
                let is_named =
                    default.is_some() && version.get("VersionId").and_then(Node::as_str) == default;
                is_default.unwrap_or(is_named)
            });
            if let Some(place) = version.and_then(|version| version.get("Document")) {
                let at = self.read_document(context, &id, place);
                self.managed.insert(id, at);
            }
        }
    }

    /// The documents of groups by account and name.
    fn read_groups(
        &mut self,
        context: &mut Context<'_>,
    ) -> BTreeMap<(Name, Name), Vec<DocumentAt>> {
        let mut groups = BTreeMap::new();
        for item in context.index.of(Kind::GroupDetails) {
            let Some(name) = context.fields.required_text(item.node, "GroupName") else { continue };
            let id = context.name(item.id);
            let (documents, _) = self.read_own(context, item, &id, "GroupPolicyList");
            let account = account_of(context, item);
            groups.insert((account, context.name(name)), documents);
        }
        groups
    }

    /// Inline policies, and managed ones by their ARNs.
    fn read_own(
        &mut self,
        context: &mut Context<'_>,
        item: &Item<'_>,
        id: &Name,
        list: &str,
    ) -> (Vec<DocumentAt>, Vec<Name>) {
        let mut documents = Vec::new();
        for policy in context.fields.objects(item.node, list) {
            let name = context.fields.text(policy, "PolicyName").unwrap_or_default();
            let Some(place) = policy.get("PolicyDocument") else { continue };
            let id = Name::from(format!("{id}/{name}"));
            documents.push(self.read_document(context, &id, place));
        }
        let mut attached = Vec::new();
        for policy in context.fields.objects(item.node, "AttachedManagedPolicies") {
            let Some(arn) = context.fields.required_text(policy, "PolicyArn") else { continue };
            documents.push(self.managed_document(context, policy, arn));
            attached.push(context.name(arn));
        }
        (documents, attached)
    }

    /// The document of a managed policy; one that is not in the input is in doubt as a whole.
    fn managed_document(
        &mut self,
        context: &mut Context<'_>,
        place: Node<'_>,
        arn: &str,
    ) -> DocumentAt {
        if let Some(at) = self.managed.get(arn) {
            return *at;
        }
        let id = context.name(arn);
        let (account, _) = arn_scope(arn);
        let document = if account == Some("aws") && arn.ends_with(ADMINISTRATOR) {
            everything(&id)
        } else {
            context.warn_missing(place, "policy", arn);
            Document::unread(&id, Some(place.span()))
        };
        let at = self.add(document);
        self.managed.insert(id, at);
        at
    }

    fn read_role(&mut self, context: &mut Context<'_>, item: &Item<'_>) {
        let Some(name) = context.fields.required_text(item.node, "RoleName") else { return };
        let id = context.name(item.id);
        let (identity, attached) = self.read_own(context, item, &id, "RolePolicyList");
        let trust = item.node.get("AssumeRolePolicyDocument").filter(|place| !place.is_null());
        let trust = trust.map(|place| self.read_document(context, &id, place));
        for profile in context.fields.objects(item.node, "InstanceProfileList") {
            if let Some(arn) = context.fields.text(profile, "Arn") {
                let arn = context.name(arn);
                self.profiles.insert(arn, id.clone());
            }
        }
        let path = context.fields.text(item.node, "Path").unwrap_or_default();
        let is_linked = path.starts_with("/aws-service-role/");
        let holder = self.holder(context, item, CallerKind::Role, name, "RoleId");
        self.push(Holder {
            identity,
            trust,
            attached,
            is_exempt: is_linked || holder.is_exempt,
            is_linked,
            ..holder
        });
    }

    fn read_user(
        &mut self,
        context: &mut Context<'_>,
        item: &Item<'_>,
        groups: &BTreeMap<(Name, Name), Vec<DocumentAt>>,
    ) {
        let Some(name) = context.fields.required_text(item.node, "UserName") else { return };
        let id = context.name(item.id);
        let (mut identity, attached) = self.read_own(context, item, &id, "UserPolicyList");
        let account = account_of(context, item);
        for group in context.fields.texts(item.node, "GroupList") {
            if let Some(documents) = groups.get(&(account.clone(), context.name(group))) {
                identity.extend(documents);
            } else {
                context.warn_missing(item.node, "group", group);
                identity.push(self.add(Document::unread(&id, Some(item.node.span()))));
            }
        }
        let holder = self.holder(context, item, CallerKind::User, name, "UserId");
        self.push(Holder { identity, attached, ..holder });
    }

    /// What roles and users have in common.
    fn holder(
        &mut self,
        context: &mut Context<'_>,
        item: &Item<'_>,
        kind: CallerKind,
        name: &str,
        unique_id: &str,
    ) -> Holder {
        let boundary = context.fields.object(item.node, "PermissionsBoundary");
        let boundary = boundary.and_then(|boundary| {
            let arn = context.fields.required_text(boundary, "PermissionsBoundaryArn")?;
            Some(self.managed_document(context, boundary, arn))
        });
        let tags = item.node.get("Tags").map(|_| context.fields.tags(item.node, "Tags"));
        let tags = tags.map(|tags| {
            tags.into_iter().map(|(key, value)| (context.name(key), context.name(value))).collect()
        });
        let account = account_of(context, item);
        let unique_id = context.fields.text(item.node, unique_id);
        let caller = Caller {
            arn: context.name(item.id),
            account: account.clone(),
            kind,
            name: context.name(name),
            unique_id: unique_id.map(|id| context.name(id)),
            organization: self.organization_of(&account).cloned(),
            tags,
        };
        let word = if kind == CallerKind::Role { "role" } else { "user" };
        let credential = Credential {
            id: caller.arn.clone(),
            name: caller.name.clone(),
            kind: context.name(word),
            account: Some(account.clone()),
            origin: Some(item.node.span()),
        };
        let credential = context.estate.credentials.push(credential);
        let is_exempt = self.organization.is_management(&account);
        Holder {
            credential,
            caller,
            identity: Vec::new(),
            boundary,
            trust: None,
            attached: Vec::new(),
            is_exempt,
            is_linked: false,
        }
    }

    fn push(&mut self, holder: Holder) {
        let at = self.holders.len();
        self.by_arn.insert(holder.caller.arn.clone(), at);
        self.by_account.entry(holder.caller.account.clone()).or_default().push(at);
        self.holders.push(holder);
    }

    fn read_profiles(&mut self, context: &mut Context<'_>) {
        for item in context.index.of(Kind::InstanceProfiles) {
            for role in context.fields.objects(item.node, "Roles") {
                if let Some(arn) = context.fields.text(role, "Arn") {
                    let role = context.name(arn);
                    self.profiles.insert(context.name(item.id), role);
                }
            }
        }
    }
}

/// The account of an identity: its ARN's, else that of the folder.
fn account_of(context: &mut Context<'_>, item: &Item<'_>) -> Name {
    let account = arn_scope(item.id).0.or(item.scope.account.as_deref()).unwrap_or_default();
    context.name(account)
}

/// A document that allows everything, such as `AdministratorAccess` where it is not in the input.
pub(crate) fn everything(id: &Name) -> Document {
    use super::policy::{Choice, Effect, Parties, Statement};
    Document::new(vec![Statement {
        effect: Effect::Allow,
        parties: Parties::Unnamed,
        actions: Choice::everything(),
        resources: Choice::everything(),
        conditions: Vec::new(),
        is_doubtful: false,
        evidence: Evidence {
            resource: id.clone(),
            rule: Name::from("statement 1"),
            text: Name::from("Allow * on *"),
            origin: None,
        },
    }])
}
