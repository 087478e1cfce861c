//! What the input says about who there is and which policies hold for whom.

use std::collections::BTreeMap;

use watertight_model::{Credential, CredentialId, Evidence, Name};
use watertight_source::Node;

use crate::codes;
use crate::context::Context;
use crate::index::Item;
use crate::scope::arn_scope;
use crate::shapes::Kind;

use super::evaluate::Guardrails;
use super::policy::Document;
use super::read;
use super::request::{Caller, CallerKind};

/// The position of a document in [`Facts::documents`].
pub(crate) type DocumentAt = usize;

/// The policy of the provider that allows everything (AWS Managed Policy Reference).
const ADMINISTRATOR: &str = "policy/AdministratorAccess";
/// The service control policy that allows everything and is attached by default.
const FULL_ACCESS: &str = "p-FullAWSAccess";

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
}

/// A service control policy with where it is attached.
#[derive(Debug)]
struct Guardrail {
    document: DocumentAt,
    /// Accounts and roots; `None` where the input does not tell.
    targets: Option<Vec<Name>>,
    /// Whether it is the one that is attached everywhere unless somebody detaches it.
    is_full: bool,
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
    /// The organization of each account that is listed in one.
    pub(crate) organizations: BTreeMap<Name, Name>,
    /// Roles by the ARN of the instance profile that hands them out.
    pub(crate) profiles: BTreeMap<Name, Name>,
    managed: BTreeMap<Name, DocumentAt>,
    guardrails: Vec<Guardrail>,
}

impl Facts {
    /// Reads accounts, roles, users, groups and policies; their credentials go into the estate.
    pub(crate) fn read(context: &mut Context<'_>) -> Self {
        let mut facts = Self::default();
        facts.read_organizations(context);
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
        let mut guardrails = Guardrails::default();
        if holder.is_exempt || !self.organizations.contains_key(&holder.caller.account) {
            return guardrails;
        }
        let mut levels: BTreeMap<&Name, Vec<&Document>> = BTreeMap::new();
        let mut everywhere = Vec::new();
        for guardrail in &self.guardrails {
            let Some(document) = self.document(guardrail.document) else { continue };
            let Some(targets) = &guardrail.targets else {
                if guardrail.is_full {
                    everywhere.push(document);
                } else {
                    guardrails.doubtful.push(document);
                }
                continue;
            };
            for target in targets {
                if *target == holder.caller.account || target.starts_with("r-") {
                    levels.entry(target).or_default().push(document);
                } else if target.starts_with("ou-") {
                    // Which accounts belong to a unit is not in the input.
                    guardrails.doubtful.push(document);
                }
            }
        }
        // The root comes first: accounts' ids are digits, which order before letters.
        guardrails.levels = levels.into_values().rev().collect();
        for level in &mut guardrails.levels {
            level.extend(&everywhere);
        }
        guardrails
    }

    /// AWS Organizations API reference, `Account`: the ARN names the management account and the
    /// organization.
    fn read_organizations(&mut self, context: &mut Context<'_>) {
        for item in context.index.of(Kind::OrganizationAccounts) {
            let Some(arn) = context.fields.text(item.node, "Arn") else { continue };
            let organization = arn.rsplit_once(':').and_then(|(_, path)| path.split('/').nth(1));
            if let Some(organization) = organization {
                let account = context.name(item.id);
                self.organizations.insert(account, context.name(organization));
            }
        }
    }

    /// Managed policies and service control policies, which both are listed as `Policies`.
    fn read_managed(&mut self, context: &mut Context<'_>) {
        for item in context.index.of(Kind::PolicyDetails) {
            let id = context.name(item.id);
            if item.id.contains(":organizations:") {
                self.read_guardrail(context, item, &id);
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
        let has_accounts = !self.organizations.is_empty();
        if let Some(item) = context.index.of(Kind::OrganizationAccounts).first()
            && has_accounts
            && self.guardrails.is_empty()
        {
            let message = "the service control policies of the organization are not in the input; \
                           grants are computed as if they allowed everything";
            context.fields.note(item.node, codes::UNREAD_CONTENT, item.id, message.to_owned());
        }
    }

    /// AWS Organizations API reference, `Policy` and `PolicySummary`.
    fn read_guardrail(&mut self, context: &mut Context<'_>, item: &Item<'_>, id: &Name) {
        let node = item.node.get("PolicySummary").unwrap_or(item.node);
        let kind = context.fields.text(node, "Type").unwrap_or("SERVICE_CONTROL_POLICY");
        if kind != "SERVICE_CONTROL_POLICY" {
            return;
        }
        let is_full = context.fields.text(node, "Id") == Some(FULL_ACCESS);
        let document = if let Some(place) = item.node.get("Content") {
            self.read_document(context, id, place)
        } else if is_full {
            self.add(everything(id))
        } else {
            let message = format!("the contents of `{id}` are not in the input");
            context.fields.warn(node, codes::UNREAD_CONTENT, id, message);
            self.add(Document::unread(id, Some(node.span())))
        };
        let targets = item.node.get("Targets").map(|_| {
            let targets = context.fields.objects(item.node, "Targets");
            let ids = targets
                .into_iter()
                .filter_map(|target| context.fields.text(target, "TargetId").map(Name::from));
            ids.collect::<Vec<_>>()
        });
        self.guardrails.push(Guardrail { document, targets, is_full });
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
            organization: self.organizations.get(&account).cloned(),
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
        let is_exempt = is_management(context, &account);
        Holder {
            credential,
            caller,
            identity: Vec::new(),
            boundary,
            trust: None,
            attached: Vec::new(),
            is_exempt,
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

/// Whether an account is the management account of its organization: "SCPs don't affect users or
/// roles in the management account" (AWS Organizations User Guide).
fn is_management(context: &Context<'_>, account: &str) -> bool {
    let Some(item) = context.index.find(Kind::OrganizationAccounts, account) else { return false };
    let arn = item.node.get("Arn").and_then(Node::as_str).unwrap_or_default();
    arn_scope(arn).0 == Some(account)
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
