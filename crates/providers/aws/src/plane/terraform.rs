//! A plan as a configuration of Terraform, in its JSON syntax.
//!
//! Sources: Terraform language, "JSON Configuration Syntax" and "Import"; the documentation of Terraform's
//! AWS provider, at the resources that are named here. What follows of it is told in
//! `docs/reference/plan.md`.

mod edges;
mod members;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use thiserror::Error;
use watertight_compile::{Action, Plan, PlannedEdge, PlannedGroup, PlannedRule, ThereRule};

use super::render::{MANAGED, description_of};
use super::units::{RuleUnit, UnitError, UnitPeer};
use names::{alias, identifier, literal, of_rule};

/// The type of groups.
const GROUP: &str = "aws_security_group";
/// The types of rules about what comes in and what goes out: one peer each.
const RULES: [&str; 2] =
    ["aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"];
/// The type of what takes rules off a group that are not in the configuration.
const EXCLUSIVE: &str = "aws_vpc_security_group_rules_exclusive";
/// The type of what adds a group to an interface.
const ATTACHMENT: &str = "aws_network_interface_sg_attachment";
/// The variable that holds the roles to assume, by account.
const ROLES: &str = "watertight_roles";

/// The first version of Terraform that imports by blocks.
const TERRAFORM: &str = ">= 1.5.0";
/// Versions of the provider with the types that every plan needs, and with [`EXCLUSIVE`].
const PROVIDER: [&str; 2] = [">= 5.0.0", ">= 6.29.0"];

/// A configuration, and what it does not do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TerraformFile {
    /// The text of a file whose name ends in `.tf.json`.
    pub text: String,
    /// What the plan does and the configuration does not, one line each.
    pub notes: Vec<String>,
}

/// Why a plan has no configuration.
#[derive(Debug, Error)]
pub enum TerraformError {
    /// It takes groups or network ACLs away.
    #[error(
        "the plan takes `{group}` away, and a configuration only holds what is there: take its resources \
         out of the configuration that made it, or take it away with `apply`"
    )]
    TakesAway {
        /// The first of them.
        group: String,
    },
    /// A rule cannot be read.
    #[error("a rule of `{group}`: {source}")]
    Rule {
        /// The group.
        group: String,
        /// What is wrong with the rule.
        source: UnitError,
    },
    /// A group is named that the plan does not hold.
    #[error("{whose} names the group `{group}`, which the plan does not hold; plan anew")]
    NoGroup {
        /// Who names it.
        whose: String,
        /// The name.
        group: String,
    },
    /// Two resources would have one name.
    #[error(
        "two resources of the type `{kind}` would be called `{name}`; rename a segment, and plan anew"
    )]
    Alike {
        /// The type.
        kind: &'static str,
        /// The name.
        name: String,
    },
}

/// A plan as a configuration: all of what it wants, and not its steps.
///
/// # Errors
/// When the plan takes groups away, or does not hold what its parts name.
pub fn terraform_file(plan: &Plan) -> Result<TerraformFile, TerraformError> {
    let taken = plan.steps.iter().find_map(|step| match &step.action {
        Action::DeleteGroup { group } => Some(group.clone()),
        Action::DeleteEdge { edge } => Some(edge.clone()),
        _ => None,
    });
    if let Some(group) = taken {
        return Err(TerraformError::TakesAway { group });
    }
    let mut file = File::new(plan);
    for group in &plan.groups {
        file.group(group)?;
    }
    edges::write(&mut file, plan)?;
    let outputs = members::write(&mut file, plan)?;
    Ok(file.finish(outputs))
}

/// A configuration in the making.
struct File<'p> {
    groups: BTreeMap<&'p str, &'p PlannedGroup>,
    edges: &'p [PlannedEdge],
    resources: BTreeMap<&'static str, Map<String, Value>>,
    imports: Vec<Value>,
    notes: Vec<String>,
    /// Rules that are there, and of which no id is known.
    nameless: u64,
}

impl<'p> File<'p> {
    fn new(plan: &'p Plan) -> Self {
        Self {
            groups: plan.groups.iter().map(|group| (group.name.as_str(), &**group)).collect(),
            edges: &plan.edges,
            resources: BTreeMap::new(),
            imports: Vec::new(),
            notes: Vec::new(),
            nameless: 0,
        }
    }

    fn add(
        &mut self,
        kind: &'static str,
        name: String,
        value: Value,
    ) -> Result<(), TerraformError> {
        let all = self.resources.entry(kind).or_default();
        if all.contains_key(&name) {
            return Err(TerraformError::Alike { kind, name });
        }
        all.insert(name, value);
        Ok(())
    }

    /// Has something that is there become a resource of the configuration.
    fn import(&mut self, kind: &str, name: &str, id: &str) {
        self.imports.push(json!({"to": format!("{kind}.{name}"), "id": literal(id)}));
    }

    /// What stands for the id of a group: of ours by name, of others by id.
    fn id_of(&self, group: &str, whose: &str) -> Result<String, TerraformError> {
        if self.groups.contains_key(group) {
            return Ok(format!("${{{GROUP}.{}.id}}", identifier(group)));
        }
        if group.starts_with("sg-") {
            return Ok(literal(group));
        }
        Err(TerraformError::NoGroup { whose: whose.to_owned(), group: group.to_owned() })
    }

    fn group(&mut self, group: &PlannedGroup) -> Result<(), TerraformError> {
        let name = identifier(&group.name);
        let provider = provider_of(group);
        let mut value = json!({
            "provider": provider,
            "name": literal(&group.name),
            "description": literal(&description_of(&group.segments)),
            "vpc_id": literal(&group.realm),
            "tags": {MANAGED: "true"},
        });
        // Where no resource of a rule says what the rules are, the group does: there are none.
        let is_empty = group.rules().is_empty();
        if is_empty {
            value["ingress"] = json!([]);
            value["egress"] = json!([]);
        }
        self.add(GROUP, name.clone(), value)?;
        if let Some(there) = &group.there {
            self.import(GROUP, &name, &there.id);
        }
        let mut ids: [Vec<String>; 2] = [Vec::new(), Vec::new()];
        let mut is_surplus = false;
        for (side, (kind, ids)) in RULES.into_iter().zip(&mut ids).enumerate() {
            let (direction, rules, held) = match side {
                0 => ("in", &group.ingress, group.there.as_ref().map(|there| &there.ingress)),
                _ => ("out", &group.egress, group.there.as_ref().map(|there| &there.egress)),
            };
            let wrong = |source| TerraformError::Rule { group: group.name.clone(), source };
            let held = held_units(held).map_err(wrong)?;
            let units = RuleUnit::all_planned(rules).map_err(wrong)?;
            is_surplus |= held.keys().any(|unit| !units.contains(unit));
            for unit in units {
                let name = of_rule(&group.name, direction, &unit);
                ids.push(format!("${{{kind}.{name}.id}}"));
                match held.get(&unit) {
                    Some(Some(id)) => self.import(kind, &name, id),
                    Some(None) => self.nameless = self.nameless.saturating_add(1),
                    None => {}
                }
                let value = self.rule(group, &unit)?;
                self.add(kind, name, value)?;
            }
        }
        if is_surplus && !is_empty {
            let [ingress, egress] = ids;
            let value = json!({
                "provider": provider,
                "security_group_id": self.id_of(&group.name, &group.name)?,
                "ingress_rule_ids": ingress,
                "egress_rule_ids": egress,
            });
            self.add(EXCLUSIVE, name, value)?;
        }
        Ok(())
    }

    fn rule(&self, group: &PlannedGroup, unit: &RuleUnit) -> Result<Value, TerraformError> {
        let mut value = Map::new();
        let mut put = |key: &str, inner: Value| value.insert(key.to_owned(), inner);
        put("provider", json!(provider_of(group)));
        put("security_group_id", json!(self.id_of(&group.name, &group.name)?));
        put("ip_protocol", json!(unit.protocol));
        if let Some((from, to)) = unit.ports {
            put("from_port", json!(from));
            put("to_port", json!(to));
        }
        match &unit.peer {
            UnitPeer::V4(prefix) => put("cidr_ipv4", json!(prefix)),
            UnitPeer::V6(prefix) => put("cidr_ipv6", json!(prefix)),
            UnitPeer::List(list) => put("prefix_list_id", json!(literal(list))),
            UnitPeer::Group(peer) => {
                let id = self.id_of(peer, &format!("a rule of `{}`", group.name))?;
                // A group of another account is named with it ("ReferencedSecurityGroup", Amazon EC2
                // API reference: the id of the account of the group).
                let other = self.groups.get(peer.as_str()).map(|one| &one.account);
                let other = other.filter(|account| **account != group.account);
                let id = other.map_or(id.clone(), |account| format!("{}/{id}", literal(account)));
                put("referenced_security_group_id", json!(id))
            }
        };
        Ok(Value::Object(value))
    }

    fn finish(mut self, outputs: Value) -> TerraformFile {
        let is_exclusive = self.resources.contains_key(EXCLUSIVE);
        let version = if is_exclusive { PROVIDER[1] } else { PROVIDER[0] };
        let places: BTreeSet<(&str, &str)> = self
            .groups
            .values()
            .map(|group| (group.account.as_str(), group.region.as_str()))
            .chain(self.edges.iter().map(|edge| (edge.account.as_str(), edge.region.as_str())))
            .collect();
        let providers: Vec<Value> =
            places.into_iter().map(|(account, region)| provider(account, region)).collect();
        let resources = std::mem::take(&mut self.resources).into_iter();
        let resources: Map<String, Value> =
            resources.map(|(kind, all)| (kind.to_owned(), Value::Object(all))).collect();
        let parts = [
            (
                "//",
                json!(
                    "Written by Watertight from a plan: what it wants, and not its steps. What Terraform does \
                     not do of it is told by `watertight show` and in docs/reference/plan.md."
                ),
            ),
            (
                "terraform",
                json!({
                    "required_version": TERRAFORM,
                    "required_providers": {"aws": {"source": "hashicorp/aws", "version": version}},
                }),
            ),
            (
                "variable",
                json!({ROLES: {
                    "type": "map(string)",
                    "default": {},
                    "description": "The role to assume in an account, by the account's number.",
                }}),
            ),
            ("provider", json!({ "aws": providers })),
            ("import", Value::Array(self.imports)),
            ("resource", Value::Object(resources)),
            ("output", outputs),
        ];
        let is_told = |key: &str, value: &Value| match key {
            "provider" => value["aws"] != json!([]),
            "import" => *value != json!([]),
            "resource" => *value != json!({}),
            _ => true,
        };
        let parts = parts.into_iter().filter(|(key, value)| is_told(key, value));
        let root: Map<String, Value> = parts.map(|(key, value)| (key.to_owned(), value)).collect();
        let mut notes = self.notes;
        if self.nameless > 0 {
            notes.push(format!(
                "{} rules are there already and the estate does not tell their ids: import them, or \
                 Terraform fails at each; with the answers of `ec2 describe-security-group-rules` in the \
                 estate, a new plan does it",
                self.nameless
            ));
        }
        TerraformFile { text: format!("{:#}\n", Value::Object(root)), notes }
    }
}

/// The rules that are there, with their ids where they are known.
fn held_units(
    held: Option<&Vec<ThereRule>>,
) -> Result<BTreeMap<RuleUnit, Option<String>>, UnitError> {
    let each = held.into_iter().flatten().map(|one| {
        let rule = PlannedRule { peer: one.peer.clone(), over: one.over.clone() };
        Ok((RuleUnit::planned(&rule)?, one.id.clone()))
    });
    each.collect()
}

fn provider_of(group: &PlannedGroup) -> String {
    format!("aws.{}", alias(&group.account, &group.region))
}

/// The provider's configuration for an account and a region. It refuses another account than this.
fn provider(account: &str, region: &str) -> Value {
    let has_role = format!("contains(keys(var.{ROLES}), \"{account}\")");
    let role = format!("var.{ROLES}[\"{account}\"]");
    let mut value = json!({ "alias": alias(account, region), "region": literal(region) });
    if account.len() == 12 && account.chars().all(|letter| letter.is_ascii_digit()) {
        value["allowed_account_ids"] = json!([account]);
        value["dynamic"] = json!({"assume_role": {
            "for_each": format!("${{{has_role} ? [{role}] : []}}"),
            "content": {"role_arn": "${assume_role.value}"},
        }});
    }
    value
}
