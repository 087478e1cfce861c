//! The calls that change something: a table of its own, beside that of the reads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_aws::{ASPECTS, Aspect, MANAGED, RuleUnit, Service, UnitPeer};
use watertight_compile::{Action, EdgeEntry, Plan, Template};

use super::{edges, services, templates, ways};
use crate::request::{Wire, encoded};

/// The key of the tag that tells which plan made a group.
pub(crate) const PLAN: &str = "watertight.io/plan";

/// One change of the provider's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Write {
    /// Makes a group, tagged from its first moment.
    CreateGroup {
        /// Its name.
        name: String,
        /// Where it is.
        vpc: String,
        /// What it is for.
        description: String,
        /// The plan that makes it.
        plan: String,
    },
    /// Makes a group that was there before, with the tags that it had.
    CreateAgain {
        /// Its name.
        name: String,
        /// Where it is.
        vpc: String,
        /// What it is for.
        description: String,
        /// Its tags, ours among them.
        tags: BTreeMap<String, String>,
    },
    /// Deletes a group.
    DeleteGroup {
        /// Its id.
        id: String,
    },
    /// Adds rules to a group, about what goes out or comes in.
    Authorize {
        /// The group's id.
        id: String,
        /// Whether they are about what goes out.
        is_egress: bool,
        /// The rules; peers by id.
        rules: BTreeSet<RuleUnit>,
    },
    /// Takes rules off a group.
    Revoke {
        /// The group's id.
        id: String,
        /// Whether they are about what goes out.
        is_egress: bool,
        /// The rules; peers by id.
        rules: BTreeSet<RuleUnit>,
    },
    /// Has a resource put groups on its interfaces in place of what they carry.
    SetThrough {
        /// The resource: its kind and id.
        through: (Service, String),
        /// The groups' ids.
        groups: BTreeSet<String>,
        /// Those that it has and is not to keep.
        taken: BTreeSet<String>,
        /// What it is given again with them, as it was read.
        settings: Value,
    },
    /// Makes a version of a launch template that differs from another one in its groups alone.
    CreateVersion {
        /// The version that it is made after.
        template: Template,
        /// What it is called.
        description: String,
        /// The groups' ids.
        groups: BTreeSet<String>,
    },
    /// Deletes a version of a launch template.
    DeleteVersion {
        /// The template's id.
        template: String,
        /// The version's number.
        version: String,
    },
    /// Has a scaling group make machines from another version of its template.
    SetVersion {
        /// The scaling group's name.
        owner: String,
        /// The template's id.
        template: String,
        /// The version: a number, or a word for the newest or the default one.
        version: String,
    },
    /// Makes a network ACL that refuses everything, tagged from its first moment.
    CreateEdge {
        /// Its name.
        name: String,
        /// Where it is.
        vpc: String,
        /// The network ACL that it stands in for.
        base: String,
        /// The plan that makes it.
        plan: String,
    },
    /// Deletes a network ACL.
    DeleteEdge {
        /// Its id.
        acl: String,
    },
    /// Gives a network ACL an entry.
    CreateEntry {
        /// Its id.
        acl: String,
        /// The entry.
        entry: EdgeEntry,
    },
    /// Puts a network ACL at the edge of a subnet in place of what is there.
    SetEdge {
        /// The id of the association of what is there.
        association: String,
        /// The id of what comes in its place.
        acl: String,
    },
    /// Puts groups on an interface in place of what it carries.
    SetGroups {
        /// The interface's id.
        interface: String,
        /// The groups' ids.
        groups: BTreeSet<String>,
    },
}

/// The operations of the table, in order.
const OPERATIONS: [&str; 7] = [
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "AuthorizeSecurityGroupEgress",
    "ModifyNetworkInterfaceAttribute",
    "RevokeSecurityGroupIngress",
    "RevokeSecurityGroupEgress",
    "DeleteSecurityGroup",
];

impl Write {
    /// The operation that makes the change; always one that the printed policy permits.
    pub(crate) const fn operation(&self) -> &'static str {
        let [create, add_in, add_out, set, take_in, take_out, delete] = OPERATIONS;
        match self {
            Self::CreateGroup { .. } | Self::CreateAgain { .. } => create,
            Self::Authorize { is_egress: false, .. } => add_in,
            Self::Authorize { is_egress: true, .. } => add_out,
            Self::SetGroups { .. } => set,
            Self::SetThrough { through: (service, _), .. } => services::call(*service).operation,
            Self::Revoke { is_egress: false, .. } => take_in,
            Self::Revoke { is_egress: true, .. } => take_out,
            Self::DeleteGroup { .. } => delete,
            Self::CreateVersion { .. } => "CreateLaunchTemplateVersion",
            Self::DeleteVersion { .. } => "DeleteLaunchTemplateVersions",
            Self::SetVersion { .. } => "UpdateAutoScalingGroup",
            Self::CreateEdge { .. } => "CreateNetworkAcl",
            Self::DeleteEdge { .. } => "DeleteNetworkAcl",
            Self::CreateEntry { .. } => "CreateNetworkAclEntry",
            Self::SetEdge { .. } => "ReplaceNetworkAclAssociation",
        }
    }

    /// A call of the service that makes the change.
    pub(crate) const fn service(&self) -> &'static str {
        match self {
            Self::SetThrough { through: (service, _), .. } => services::call(*service).read,
            Self::SetVersion { .. } => templates::GROUPS,
            _ => "ec2-describe-security-groups",
        }
    }

    /// Whether it is sent once, and what is there read before it is sent again: a second one would write
    /// over what somebody else has set in between, or make one more of what is there.
    pub(crate) const fn replaces(&self) -> bool {
        matches!(
            self,
            Self::SetGroups { .. }
                | Self::SetThrough { .. }
                | Self::SetVersion { .. }
                | Self::CreateVersion { .. }
                | Self::CreateEdge { .. }
                | Self::SetEdge { .. }
        )
    }

    /// Whether it comes to the same as another one, whatever else a resource is given again with it.
    pub(crate) fn is_again(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::SetThrough { through, groups, .. },
                Self::SetThrough { through: of, groups: others, .. },
            ) => through == of && groups == others,
            _ => self == other,
        }
    }

    /// Whether it makes one more each time that it is sent.
    pub(crate) const fn repeats(&self) -> bool {
        matches!(self, Self::CreateVersion { .. } | Self::CreateEdge { .. })
    }

    /// The request. `owners` tells the accounts of groups that rules name.
    pub(crate) fn wire(&self, version: &str, owners: &BTreeMap<String, String>) -> Wire {
        if let Self::SetThrough { through: (service, id), groups, taken, settings } = self {
            return services::wire((*service, id), version, (groups, taken), settings);
        }
        form(self.operation(), version, &self.pairs(owners))
    }

    fn pairs(&self, owners: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        match self {
            Self::CreateGroup { name, vpc, description, plan } => vec![
                pair("GroupName", name),
                pair("GroupDescription", description),
                pair("VpcId", vpc),
                pair("TagSpecification.1.ResourceType", "security-group"),
                pair("TagSpecification.1.Tag.1.Key", MANAGED),
                pair("TagSpecification.1.Tag.1.Value", "true"),
                pair("TagSpecification.1.Tag.2.Key", PLAN),
                pair("TagSpecification.1.Tag.2.Value", plan),
            ],
            Self::CreateAgain { name, vpc, description, tags } => {
                let mut pairs = vec![
                    pair("GroupName", name),
                    pair("GroupDescription", description),
                    pair("VpcId", vpc),
                    pair("TagSpecification.1.ResourceType", "security-group"),
                ];
                for (number, (key, value)) in (1..).zip(tags) {
                    pairs.push(pair(&format!("TagSpecification.1.Tag.{number}.Key"), key));
                    pairs.push(pair(&format!("TagSpecification.1.Tag.{number}.Value"), value));
                }
                pairs
            }
            Self::DeleteGroup { id } => vec![pair("GroupId", id)],
            Self::Authorize { id, rules, .. } | Self::Revoke { id, rules, .. } => {
                let mut pairs = vec![pair("GroupId", id)];
                for (number, rule) in (1..).zip(rules) {
                    let at = |key: &str| format!("IpPermissions.{number}.{key}");
                    pairs.extend(rule.wire().into_iter().map(|(key, value)| (at(&key), value)));
                    if let UnitPeer::Group(id) = &rule.peer
                        && let Some(owner) = owners.get(id)
                    {
                        pairs.push((at("Groups.1.UserId"), owner.clone()));
                    }
                }
                pairs
            }
            Self::SetGroups { interface, groups } => {
                let mut pairs = vec![pair("NetworkInterfaceId", interface)];
                let each = (1..).zip(groups);
                pairs.extend(
                    each.map(|(number, id)| pair(&format!("SecurityGroupId.{number}"), id)),
                );
                pairs
            }
            Self::CreateVersion { template, description, groups } => {
                version(template, description, groups)
            }
            Self::DeleteVersion { template, version } => {
                vec![pair("LaunchTemplateId", template), pair("LaunchTemplateVersion.1", version)]
            }
            Self::SetVersion { owner, template, version } => vec![
                pair("AutoScalingGroupName", owner),
                pair("LaunchTemplate.LaunchTemplateId", template),
                pair("LaunchTemplate.Version", version),
            ],
            Self::CreateEdge { name, vpc, base, plan } => edges::create((name, vpc), (base, plan)),
            Self::DeleteEdge { acl } => vec![pair("NetworkAclId", acl)],
            Self::CreateEntry { acl, entry } => edges::entry(acl, entry),
            Self::SetEdge { association, acl } => {
                vec![pair("AssociationId", association), pair("NetworkAclId", acl)]
            }
            // It has a request of its own.
            Self::SetThrough { .. } => Vec::new(),
        }
    }
}

/// What asks for a version after another one. It has no token that would keep a second one from being
/// made: one that was deleted when the plan was taken back would never be made again.
fn version(
    template: &Template,
    description: &str,
    groups: &BTreeSet<String>,
) -> Vec<(String, String)> {
    let pair = |key: String, value: &str| (key, value.to_owned());
    let text = |key: &str| key.to_owned();
    let mut pairs = vec![
        pair(text("LaunchTemplateId"), &template.id),
        pair(text("SourceVersion"), &template.number),
        pair(text("VersionDescription"), description),
    ];
    let data = "LaunchTemplateData";
    let Some(interface) = &template.interface else {
        let each = (1..).zip(groups);
        pairs.extend(each.map(|(number, id)| pair(format!("{data}.SecurityGroupId.{number}"), id)));
        return pairs;
    };
    // A list is taken as a whole: what the interface was to be beside its groups is told again.
    let first = format!("{data}.NetworkInterface.1");
    pairs.extend(interface.iter().map(|(key, value)| pair(format!("{first}.{key}"), value)));
    let each = (1..).zip(groups);
    pairs.extend(each.map(|(number, id)| pair(format!("{first}.SecurityGroupId.{number}"), id)));
    pairs
}

/// A request whose arguments are a form.
pub(super) fn form(operation: &str, version: &str, pairs: &[(String, String)]) -> Wire {
    let mut body = format!("Action={operation}&Version={version}");
    for (key, value) in pairs {
        body.push('&');
        body.push_str(&encoded(key));
        body.push('=');
        body.push_str(&encoded(value));
    }
    let content = "application/x-www-form-urlencoded; charset=utf-8";
    Wire {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: vec![("content-type".to_owned(), content.to_owned())],
        body,
    }
}

/// The policy of a role that may apply plans and take them back, and nothing else: groups are made
/// with our tag alone, and none without it is changed or deleted. With a plan, only the services
/// through which it sets groups take part, and all of them else. With `assume`, also the permission to
/// become the role of that name in other accounts.
pub fn apply_policy(assume: Option<&str>, plan: Option<&Plan>) -> Value {
    let ours = |key: &str| json!({"StringEquals": {format!("aws:{key}/{MANAGED}"): "true"}});
    let action = |operation: &str| format!("ec2:{operation}");
    let [create, add_in, add_out, set, take_in, take_out, delete] = OPERATIONS;
    let changes = [add_in, add_out, take_in, take_out, delete].map(action);
    let groups = "arn:*:ec2:*:*:security-group/*";
    let mut statements = vec![
        json!({
            "Sid": "WatertightApplyRead",
            "Effect": "Allow",
            "Action": looked_at(plan),
            "Resource": "*",
        }),
        json!({
            "Sid": "WatertightApplyMake",
            "Effect": "Allow",
            "Action": action(create),
            "Resource": groups,
            "Condition": ours("RequestTag"),
        }),
        json!({
            "Sid": "WatertightApplyMakeThere",
            "Effect": "Allow",
            "Action": action(create),
            "Resource": "arn:*:ec2:*:*:vpc/*",
        }),
        json!({
            "Sid": "WatertightApplyTag",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": groups,
            "Condition": {"StringEquals": {"ec2:CreateAction": create}},
        }),
        json!({
            "Sid": "WatertightApplyOurs",
            "Effect": "Allow",
            "Action": changes,
            "Resource": groups,
            "Condition": ours("ResourceTag"),
        }),
        json!({
            "Sid": "WatertightApplyCarry",
            "Effect": "Allow",
            "Action": action(set),
            "Resource": ["arn:*:ec2:*:*:network-interface/*", groups],
        }),
    ];
    statements.extend(through_services(plan));
    statements.extend(through_templates(plan));
    statements.extend(at_edges(plan));
    if let Some(role) = assume {
        statements.push(json!({
            "Sid": "WatertightApplyAccounts",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": format!("arn:*:iam::*:role/{}", role.trim_start_matches('/')),
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What must be permitted so that what a plan read is read again.
fn looked_at(plan: Option<&Plan>) -> BTreeSet<String> {
    let always = ["NetworkAcls", "NetworkInterfaces", "RouteTables", "SecurityGroups"].into_iter();
    let always = always.map(|list| format!("ec2:Describe{list}"));
    let is_read = |aspect: &&Aspect| {
        plan.is_none_or(|plan| plan.reads.iter().any(|read| ways::is_told(read, aspect)))
    };
    let ways = ASPECTS.iter().filter(is_read).map(|aspect| ways::permission(aspect.call));
    always.chain(ways).collect()
}

/// What services must permit that groups are set through: reading, and changing their resources.
/// Which groups are set, none of them lets a policy limit by our tag.
fn through_services(plan: Option<&Plan>) -> Vec<Value> {
    let is_used = |service: &Service| {
        plan.is_none_or(|plan| {
            plan.steps.iter().any(|step| match &step.action {
                Action::SetGroupsThrough { through, .. } => through.kind == service.word(),
                _ => false,
            })
        })
    };
    let used: Vec<Service> = Service::ALL.into_iter().filter(is_used).collect();
    if used.is_empty() {
        return Vec::new();
    }
    let mut reads: BTreeSet<&str> =
        used.iter().map(|service| services::call(*service).reads).collect();
    if used.contains(&Service::Function) {
        // Who sets a function's network must be permitted to see what it names (AWS Lambda developer guide,
        // "Giving Lambda functions access to resources in an Amazon VPC").
        reads.extend(["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]);
    }
    let mut statements = vec![json!({
        "Sid": "WatertightApplyServicesRead",
        "Effect": "Allow",
        "Action": reads,
        "Resource": "*",
    })];
    for service in used {
        let services::Call { operation, permission: (prefix, resources), .. } =
            services::call(service);
        let groups = "arn:*:ec2:*:*:security-group/*";
        let resources = if prefix == "ec2" { json!([resources, groups]) } else { json!(resources) };
        let name: String = service.word().split('-').map(capitalized).collect();
        statements.push(json!({
            "Sid": format!("WatertightApply{name}"),
            "Effect": "Allow",
            "Action": format!("{prefix}:{operation}"),
            "Resource": resources,
        }));
    }
    statements
}

/// What must be permitted so that scaling groups make machines from other versions of their templates.
/// Who updates one with a template must be permitted to run machines from templates, and to pass them
/// their role (Amazon EC2 Auto Scaling user guide, "Control Amazon EC2 launch template usage").
fn through_templates(plan: Option<&Plan>) -> Vec<Value> {
    let is_used =
        |plan: &Plan| plan.steps.iter().any(|step| matches!(step.action, Action::SetTemplate(_)));
    if plan.is_some_and(|plan| !is_used(plan)) {
        return Vec::new();
    }
    vec![
        json!({
            "Sid": "WatertightApplyTemplatesRead",
            "Effect": "Allow",
            "Action": [
                "autoscaling:DescribeAutoScalingGroups",
                "ec2:DescribeLaunchTemplateVersions",
            ],
            "Resource": "*",
        }),
        json!({
            "Sid": "WatertightApplyTemplates",
            "Effect": "Allow",
            "Action": ["ec2:CreateLaunchTemplateVersion", "ec2:DeleteLaunchTemplateVersions"],
            "Resource": "arn:*:ec2:*:*:launch-template/*",
        }),
        json!({
            "Sid": "WatertightApplyScalingGroups",
            "Effect": "Allow",
            "Action": "autoscaling:UpdateAutoScalingGroup",
            "Resource": "arn:*:autoscaling:*:*:autoScalingGroup:*",
        }),
        json!({
            "Sid": "WatertightApplyRunFromTemplates",
            "Effect": "Allow",
            "Action": "ec2:RunInstances",
            "Resource": "*",
            "Condition": {"Bool": {"ec2:IsLaunchTemplateResource": "true"}},
        }),
        json!({
            "Sid": "WatertightApplyPassRole",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        }),
    ]
}

/// What must be permitted so that network ACLs come to the edges of subnets. What is there before is somebody
/// else's, so that no tag limits which one gives way to which.
fn at_edges(plan: Option<&Plan>) -> Vec<Value> {
    let is_edge = |action: &Action| {
        matches!(
            action,
            Action::CreateEdge { .. } | Action::DeleteEdge { .. } | Action::SetEdge { .. }
        )
    };
    if plan.is_some_and(|plan| !plan.steps.iter().any(|step| is_edge(&step.action))) {
        return Vec::new();
    }
    let acls = "arn:*:ec2:*:*:network-acl/*";
    let ours = |key: &str| json!({"StringEquals": {format!("aws:{key}/{MANAGED}"): "true"}});
    vec![
        json!({
            "Sid": "WatertightApplyEdgesMake",
            "Effect": "Allow",
            "Action": "ec2:CreateNetworkAcl",
            "Resource": acls,
            "Condition": ours("RequestTag"),
        }),
        json!({
            "Sid": "WatertightApplyEdgesMakeThere",
            "Effect": "Allow",
            "Action": "ec2:CreateNetworkAcl",
            "Resource": "arn:*:ec2:*:*:vpc/*",
        }),
        json!({
            "Sid": "WatertightApplyEdgesTag",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": acls,
            "Condition": {"StringEquals": {"ec2:CreateAction": "CreateNetworkAcl"}},
        }),
        json!({
            "Sid": "WatertightApplyEdgesOurs",
            "Effect": "Allow",
            "Action": ["ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAcl"],
            "Resource": acls,
            "Condition": ours("ResourceTag"),
        }),
        json!({
            "Sid": "WatertightApplyEdgesSet",
            "Effect": "Allow",
            "Action": "ec2:ReplaceNetworkAclAssociation",
            "Resource": [acls, "arn:*:ec2:*:*:subnet/*"],
        }),
    ]
}

pub(super) fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
