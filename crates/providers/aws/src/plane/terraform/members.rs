//! Who carries groups: what a configuration can add, and what has to be set elsewhere.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use watertight_compile::{Holds, Plan, PlannedAttachment, PlannedOwner, Through};

use super::names::{identifier, literal};
use super::{ATTACHMENT, File, TerraformError, provider_of};
use crate::plane::{SCALING_GROUP, Service};

/// What one carrier is to carry.
struct Wanted {
    /// All that it carries then, as a configuration writes it.
    carried: Vec<String>,
    /// What it carries now and not then.
    off: Vec<String>,
}

/// Writes attachments, and what nothing in the configuration sets: as outputs.
pub(super) fn write(file: &mut File<'_>, plan: &Plan) -> Result<Value, TerraformError> {
    let mut interfaces = Map::new();
    let mut services: BTreeMap<&Through, (Value, Vec<&str>)> = BTreeMap::new();
    let (mut kept, mut full) = (0_u64, 0_u64);
    let most = usize::try_from(plan.limits.groups_per_endpoint).unwrap_or(usize::MAX);
    for one in &plan.attachments {
        let Wanted { carried, off } = wanted(file, one)?;
        if let Some(through) = &one.through {
            let own = services.entry(through).or_insert_with(|| {
                let value = json!({
                    "kind": through.kind,
                    "argument": argument(&through.kind),
                    "security_groups": carried,
                    "take_off": off,
                });
                (value, Vec::new())
            });
            own.1.push(&one.endpoint);
            continue;
        }
        attach(file, one)?;
        kept = kept.saturating_add(u64::from(!off.is_empty()));
        full = full.saturating_add(u64::from(carried.len().saturating_add(off.len()) > most));
        let value = json!({
            "workload": literal(&one.workload), "security_groups": carried, "take_off": off,
        });
        interfaces.insert(literal(&one.endpoint), value);
    }
    notes(file, (kept, full, u64::try_from(services.len()).unwrap_or(u64::MAX)));
    let services: Map<String, Value> = services
        .into_iter()
        .map(|(through, (mut value, endpoints))| {
            let endpoints: Vec<String> = endpoints.into_iter().map(literal).collect();
            value["interfaces"] = json!(endpoints);
            (literal(&format!("{} {}", through.kind, through.id)), value)
        })
        .collect();
    let mut groups = Map::new();
    for group in &plan.groups {
        groups.insert(literal(&group.name), json!(file.id_of(&group.name, &group.name)?));
    }
    let templates = templates(file, plan)?;
    let mut outputs = json!({
        "watertight_security_groups": {
            "description": "The ids of the groups, by name.",
            "value": groups,
        },
        "watertight_interfaces": {
            "description": "What each interface is to carry, and what has to be taken off where the \
                            interface is configured: attachments only add.",
            "value": interfaces,
        },
        "watertight_services": {
            "description": "What each resource of a service has to be given where it is configured: \
                            nothing here gives it.",
            "value": services,
        },
    });
    if !templates.is_empty() {
        outputs["watertight_templates"] = json!({
            "description": "The groups with which each scaling group is to make machines: to be told \
                            where its launch template is configured.",
            "value": templates,
        });
    }
    Ok(outputs)
}

/// With which groups what makes replicas is to make them, where it does not yet: attachments are to the
/// interfaces that are there.
fn templates(file: &mut File<'_>, plan: &Plan) -> Result<Map<String, Value>, TerraformError> {
    let mut templates = Map::new();
    // What is set at a resource is told with it.
    let wanting = |one: &&PlannedOwner| {
        one.holds != Holds::Already && !one.groups.is_empty() && one.kind == SCALING_GROUP
    };
    for one in plan.owners.iter().filter(wanting) {
        let whose = format!("`{}`", one.id);
        let ids: Result<Vec<String>, TerraformError> =
            one.groups.iter().map(|name| file.id_of(name, &whose)).collect();
        let id = one.template.as_ref().map(|template| literal(&template.id));
        let is_of_interface = one.template.as_ref().is_some_and(|one| one.interface.is_some());
        let argument = if is_of_interface {
            "aws_launch_template.network_interfaces.security_groups"
        } else {
            "aws_launch_template.vpc_security_group_ids"
        };
        let value = json!({
            "kind": one.kind, "template": id, "argument": argument, "security_groups": ids?,
        });
        let place = format!("{} {} {}", one.account, one.region, one.id);
        templates.insert(literal(&place), value);
    }
    if !templates.is_empty() {
        file.notes.push(format!(
            "groups have to be told in the launch {} of {}: the output `watertight_templates` tells \
             which; until then what they make carries other groups",
            if templates.len() == 1 { "template" } else { "templates" },
            counted(u64::try_from(templates.len()).unwrap_or(u64::MAX), "scaling group"),
        ));
    }
    Ok(templates)
}

fn wanted(file: &File<'_>, one: &PlannedAttachment) -> Result<Wanted, TerraformError> {
    let whose = || format!("`{}`", one.endpoint);
    let stays = |name: &&String| one.groups.contains(*name) || one.others.contains(*name);
    let ids = |names: Vec<&String>| -> Result<Vec<String>, TerraformError> {
        names.into_iter().map(|name| file.id_of(name, &whose())).collect()
    };
    Ok(Wanted {
        carried: ids(one.groups.iter().chain(&one.others).collect())?,
        off: ids(one.before.iter().filter(|name| !stays(name)).collect())?,
    })
}

/// Adds groups of ours to an interface. Those that it carries already are imported: the provider refuses
/// to add them again (documentation of `aws_network_interface_sg_attachment`: the id is that of the
/// group, an underscore, and that of the interface).
fn attach(file: &mut File<'_>, one: &PlannedAttachment) -> Result<(), TerraformError> {
    for name in &one.groups {
        let whose = format!("`{}`", one.endpoint);
        let id = file.id_of(name, &whose)?;
        let own = file.groups.get(name.as_str()).copied();
        let Some(group) = own else {
            return Err(TerraformError::NoGroup { whose, group: name.clone() });
        };
        let label = format!("{}_{}", identifier(&one.endpoint), identifier(name));
        if let Some(there) = group.there.as_ref().filter(|_| one.before.contains(name)) {
            file.import(ATTACHMENT, &label, &format!("{}_{}", there.id, one.endpoint));
        }
        let value = json!({
            "provider": provider_of(group),
            "network_interface_id": literal(&one.endpoint),
            "security_group_id": id,
        });
        file.add(ATTACHMENT, label, value)?;
    }
    Ok(())
}

fn notes(file: &mut File<'_>, (kept, full, services): (u64, u64, u64)) {
    file.notes.push(String::from(
        "Terraform does not take the plan's steps: it does not look whether what was read is still so, and \
         what is possible while it is under way lies within no bounds",
    ));
    if kept > 0 {
        file.notes.push(format!(
            "old groups have to be taken off {} where these are configured, since Terraform's attachments \
             only add: the output `watertight_interfaces` tells which; until then what they permit stays \
             possible",
            counted(kept, "interface")
        ));
    }
    if full > 0 {
        file.notes.push(format!(
            "on {} there is no room for old and new groups: take the old ones off first",
            counted(full, "interface")
        ));
    }
    if services > 0 {
        file.notes.push(format!(
            "groups have to be set at {} where these are configured: the output `watertight_services` \
             tells which",
            counted(services, "resource") + " of services"
        ));
    }
}

fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The argument that sets the groups of a kind of resource, in the words of the provider's documentation.
fn argument(kind: &str) -> &'static str {
    match Service::of(kind) {
        Some(Service::LoadBalancer) => "aws_lb.security_groups",
        Some(Service::ClassicLoadBalancer) => "aws_elb.security_groups",
        Some(Service::DbInstance) => "aws_db_instance.vpc_security_group_ids",
        Some(Service::DbCluster) => "aws_rds_cluster.vpc_security_group_ids",
        Some(Service::MountTarget) => "aws_efs_mount_target.security_groups",
        Some(Service::VpcEndpoint) => "aws_vpc_endpoint.security_group_ids",
        Some(Service::CacheCluster) => "aws_elasticache_cluster.security_group_ids",
        Some(Service::ReplicationGroup) => "aws_elasticache_replication_group.security_group_ids",
        Some(Service::RedshiftCluster) => "aws_redshift_cluster.vpc_security_group_ids",
        Some(Service::SearchDomain) => "aws_opensearch_domain.vpc_options.security_group_ids",
        Some(Service::EcsService) => "aws_ecs_service.network_configuration.security_groups",
        Some(Service::Function) => "aws_lambda_function.vpc_config.security_group_ids",
        None => "",
    }
}
