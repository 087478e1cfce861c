//! Databases that a permission alone opens: by the data API, or with a token for a password.
//!
//! Amazon RDS User Guide, "IAM database authentication" (`rds-db:connect` on
//! `dbuser:<resource id>/<user>`) and "Using the Amazon RDS Data API" (`rds-data:ExecuteStatement`
//! on the cluster, for clusters whose HTTP endpoint is enabled).

use watertight_model::{Name, WorkloadId};

use crate::context::Context;
use crate::index::Item;
use crate::scope::arn_scope;
use crate::shapes::Kind;

use super::catalog::{Catalog, Resource};
use super::facts::Facts;

/// Adds databases with a data API and with logins by token.
pub(crate) fn read(context: &mut Context<'_>, facts: &Facts, catalog: &mut Catalog) {
    let kinds = [
        (Kind::DbClusters, "DBClusterArn", "DBClusterIdentifier", "DbClusterResourceId"),
        (Kind::DbInstances, "DBInstanceArn", "DBInstanceIdentifier", "DbiResourceId"),
    ];
    for (kind, arn, name, resource_id) in kinds {
        for item in context.index.of(kind) {
            let arn = context.fields.text(item.node, arn).unwrap_or_default();
            let name = context.fields.text(item.node, name).unwrap_or_default();
            let Some(workload) = workload_of(context, arn, name) else { continue };
            if context.fields.flag(item.node, "HttpEndpointEnabled") == Some(true) {
                catalog.data_apis.push(resource(facts, arn.to_owned(), workload));
            }
            if context.fields.flag(item.node, "IAMDatabaseAuthenticationEnabled") == Some(true)
                && let Some(users) = users_of(context, item, arn, resource_id)
            {
                let mut login = resource(facts, users, workload);
                login.is_open = true;
                let labels = &context.estate.workloads[workload].labels;
                login.network = labels.get("aws.vpc").cloned();
                catalog.logins.push(login);
            }
        }
    }
}

fn resource(facts: &Facts, arn: String, workload: WorkloadId) -> Resource {
    let account = arn_scope(&arn).0.map(Name::from);
    let mut resource = Resource::new(facts, arn, account);
    resource.workload = Some(workload);
    resource
}

/// The beginning of the ARNs of all users of a database.
fn users_of(context: &mut Context<'_>, item: &Item<'_>, arn: &str, field: &str) -> Option<String> {
    let id = context.fields.text(item.node, field)?;
    let (Some(account), Some(region)) = arn_scope(arn) else { return None };
    let partition = arn.split(':').nth(1)?;
    Some(format!("arn:{partition}:rds-db:{region}:{account}:dbuser:{id}/"))
}

/// The workload of a database, whichever of its names is the workload's id.
fn workload_of(context: &Context<'_>, arn: &str, name: &str) -> Option<WorkloadId> {
    context.workloads.get(arn).or_else(|| context.workloads.get(name))
}
