//! The actions that change something.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::{self, Rule};
use super::state::{Group, Held};
use super::{Fault, Strictness, acls, templates};

type Form = BTreeMap<String, String>;
/// What is in the answer of an action, or why it is refused. A state after a refusal is dropped.
type Ended = Result<String, Fault>;
/// An action.
pub(super) type Action = fn(&mut Held, &Form, &Strictness) -> Ended;

const DONE: &str = "<return>true</return>";

/// Rules that one request names at most.
const RULES_PER_REQUEST_MAX: usize = 1000;

/// The action of a name.
pub(super) fn action(name: &str) -> Option<Action> {
    Some(match name {
        "CreateSecurityGroup" => create,
        "DeleteSecurityGroup" => delete,
        "AuthorizeSecurityGroupIngress" => |held, form, most| authorize(held, form, most, false),
        "AuthorizeSecurityGroupEgress" => |held, form, most| authorize(held, form, most, true),
        "RevokeSecurityGroupIngress" => |held, form, _| revoke(held, form, false),
        "RevokeSecurityGroupEgress" => |held, form, _| revoke(held, form, true),
        "ModifyNetworkInterfaceAttribute" => modify,
        "CreateTags" => |held, form, _| tag(held, form, true),
        "CreateLaunchTemplateVersion" => templates::create,
        "DeleteLaunchTemplateVersions" => templates::delete,
        "UpdateAutoScalingGroup" => templates::update,
        "CreateNetworkAcl" => acls::create,
        "CreateNetworkAclEntry" => acls::enter,
        "DeleteNetworkAcl" => acls::delete,
        "ReplaceNetworkAclAssociation" => acls::replace,
        "DeleteTags" => |held, form, _| tag(held, form, false),
        _ => return None,
    })
}

pub(super) fn given<'f>(form: &'f Form, key: &str) -> Result<&'f str, Fault> {
    let value = form.get(key).map(String::as_str).filter(|value| !value.is_empty());
    value.ok_or_else(|| Fault::new("MissingParameter"))
}

/// The values of `key.1`, `key.2` and so on.
pub(super) fn numbered<'f>(form: &'f Form, key: &str) -> Vec<&'f str> {
    (1..).map_while(|number| form.get(&format!("{key}.{number}")).map(String::as_str)).collect()
}

/// Tags below a key: `key.1.Key`, `key.1.Value`.
pub(super) fn tags(form: &Form, key: &str) -> Vec<(String, String)> {
    let each = (1..).map_while(|number| {
        let name = form.get(&format!("{key}.{number}.Key"))?;
        Some((
            name.clone(),
            form.get(&format!("{key}.{number}.Value")).cloned().unwrap_or_default(),
        ))
    });
    each.collect()
}

/// What names and descriptions of groups may hold.
fn is_text(text: &str) -> bool {
    let may = |one: char| one.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(one);
    text.len() <= 255 && text.chars().all(may)
}

fn create(held: &mut Held, form: &Form, _most: &Strictness) -> Ended {
    let name = given(form, "GroupName")?;
    let description = given(form, "GroupDescription")?;
    let vpc = given(form, "VpcId")?;
    if !is_text(name) || !is_text(description) || name.starts_with("sg-") {
        return Err(Fault::new("InvalidParameterValue"));
    }
    let is_known = held.groups.values().any(|group| group.vpc == vpc)
        || held.interfaces.values().any(|interface| interface.vpc == vpc);
    if !is_known {
        return Err(Fault::new("InvalidVpcID.NotFound"));
    }
    if held.groups.values().any(|group| group.vpc == vpc && group.name == name) {
        return Err(Fault::new("InvalidGroup.Duplicate"));
    }
    let mut own = BTreeMap::new();
    for number in
        (1..).take_while(|one| form.contains_key(&format!("TagSpecification.{one}.ResourceType")))
    {
        if form
            .get(&format!("TagSpecification.{number}.ResourceType"))
            .is_none_or(|kind| kind != "security-group")
        {
            return Err(Fault::new("InvalidParameterValue"));
        }
        own.extend(tags(form, &format!("TagSpecification.{number}.Tag")));
    }
    // An id is never given twice, nor one that a recording has.
    let mut id = String::new();
    while id.is_empty() || held.groups.contains_key(&id) {
        held.made += 1;
        id = format!("sg-0fee1{:012x}", held.made);
    }
    // A new group lets everything out.
    let everything = serde_json::json!([
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
    ]);
    let group = Group {
        name: name.to_owned(),
        description: description.to_owned(),
        vpc: vpc.to_owned(),
        owner: held.account.clone(),
        tags: own,
        ingress: BTreeSet::new(),
        egress: rules::rules_of(&everything),
    };
    held.groups.insert(id.clone(), group);
    Ok(format!("{DONE}<groupId>{id}</groupId><tagSet/>"))
}

fn delete(held: &mut Held, form: &Form, _most: &Strictness) -> Ended {
    let id = given(form, "GroupId")?;
    let group = held.groups.get(id).ok_or_else(|| Fault::new("InvalidGroup.NotFound"))?;
    if group.name == "default" {
        return Err(Fault::new("CannotDelete"));
    }
    if held.is_in_use(id) {
        return Err(Fault::new("DependencyViolation"));
    }
    held.groups.remove(id);
    Ok(format!("{DONE}<groupId>{id}</groupId>"))
}

fn authorize(held: &mut Held, form: &Form, most: &Strictness, is_egress: bool) -> Ended {
    let id = given(form, "GroupId")?;
    let asked = asked(held, form, id)?;
    for rule in asked.iter().filter(|rule| rule.list == 2) {
        if !held.groups.contains_key(&rule.peer) {
            return Err(Fault::new("InvalidGroup.NotFound"));
        }
    }
    let group = held.groups.get_mut(id).ok_or_else(|| Fault::new("InvalidGroup.NotFound"))?;
    let side = group.side_mut(is_egress);
    if asked.iter().any(|rule| side.contains(rule)) {
        return Err(Fault::new("InvalidPermission.Duplicate"));
    }
    side.extend(asked);
    for is_v6 in [false, true] {
        if side.iter().filter(|rule| rule.counts(is_v6)).count() > most.rules_max {
            return Err(Fault::new("RulesPerSecurityGroupLimitExceeded"));
        }
    }
    Ok(format!("{DONE}<securityGroupRuleSet/>"))
}

fn revoke(held: &mut Held, form: &Form, is_egress: bool) -> Ended {
    let id = given(form, "GroupId")?;
    let asked = asked(held, form, id)?;
    let group = held.groups.get_mut(id).ok_or_else(|| Fault::new("InvalidGroup.NotFound"))?;
    let side = group.side_mut(is_egress);
    if asked.iter().any(|rule| !side.contains(rule)) {
        return Err(Fault::new("InvalidPermission.NotFound"));
    }
    side.retain(|rule| !asked.contains(rule));
    Ok(DONE.to_owned())
}

fn asked(held: &Held, form: &Form, id: &str) -> Result<Vec<Rule>, Fault> {
    if !held.groups.contains_key(id) {
        return Err(Fault::new("InvalidGroup.NotFound"));
    }
    let asked = rules::asked(form, &held.account)?;
    if asked.len() > RULES_PER_REQUEST_MAX {
        return Err(Fault::new("RequestLimitExceeded"));
    }
    Ok(asked)
}

fn modify(held: &mut Held, form: &Form, most: &Strictness) -> Ended {
    let id = given(form, "NetworkInterfaceId")?;
    let groups = numbered(form, "SecurityGroupId");
    if groups.is_empty() {
        return Err(Fault::new("InvalidParameterCombination"));
    }
    let unknown = || Fault::new("InvalidNetworkInterfaceID.NotFound");
    let vpc = held.interfaces.get(id).map(|one| one.vpc.clone()).ok_or_else(unknown)?;
    let distinct: BTreeSet<&str> = groups.iter().copied().collect();
    if distinct.len() > most.groups_max {
        return Err(Fault::new("SecurityGroupsPerInterfaceLimitExceeded"));
    }
    for group in &distinct {
        let known = held.groups.get(*group);
        match known {
            None => return Err(Fault::new("InvalidGroup.NotFound")),
            Some(group) if group.vpc != vpc => return Err(Fault::new("InvalidParameter")),
            Some(_) => {}
        }
    }
    let interface = held.interfaces.get_mut(id).ok_or_else(unknown)?;
    // What a service made is the service's to change.
    if interface.is_managed {
        return Err(Fault::new("AuthFailure"));
    }
    interface.groups = distinct.into_iter().map(ToOwned::to_owned).collect();
    Ok(DONE.to_owned())
}

fn tag(held: &mut Held, form: &Form, is_added: bool) -> Ended {
    let resources = numbered(form, "ResourceId");
    let tags = tags(form, "Tag");
    if resources.is_empty() || tags.is_empty() {
        return Err(Fault::new("MissingParameter"));
    }
    for id in resources {
        let group = held.groups.get_mut(id).ok_or_else(|| Fault::new("InvalidGroup.NotFound"))?;
        for (key, value) in &tags {
            if is_added {
                group.tags.insert(key.clone(), value.clone());
            } else {
                group.tags.remove(key);
            }
        }
    }
    Ok(DONE.to_owned())
}
