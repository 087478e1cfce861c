//! Fronts: load balancers and what else leads listeners to targets.
//!
//! Runs after machines, interfaces and services, because those are the targets.

mod classic;
mod edges;
mod elastic;
mod gateway;
mod lattice;
mod listeners;
mod rest;
mod targets;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_model::network::FrontId;

use crate::context::Context;
use crate::index::Item;
use crate::shapes::Kind;

pub(crate) use targets::without_qualifier;

/// Converts load balancers.
pub(crate) fn convert(context: &mut Context<'_>) {
    elastic::convert(context);
    gateway::convert(context);
    classic::convert(context);
    edges::convert(context);
    lattice::convert(context);
}

/// Fronts by the provider's id.
pub(crate) fn by_name(context: &Context<'_>) -> BTreeMap<Name, FrontId> {
    context.estate.network.fronts.iter().map(|(id, front)| (front.name.clone(), id)).collect()
}

/// The body of a kind that is about a resource: with its ARN, or in a file that is named after it
/// (`my-targets-73e2d6bc24d8a067`, since a file's name cannot hold what an ARN holds).
fn about<'c, 't>(context: &'c Context<'t>, kind: Kind, arn: &str) -> Option<&'c Item<'t>> {
    if let Some(item) = context.index.find(kind, arn) {
        return Some(item);
    }
    let short = arn.split_once('/').map_or(arn, |(_, short)| short);
    let tail = short.split_once('/').map_or(short, |(_, tail)| tail);
    let is_named = |id: &str| {
        let written = |name: &str| {
            id.len() == name.len()
                && id.bytes().zip(name.bytes()).all(|(one, other)| {
                    one == other || (other == b'/' && matches!(one, b'-' | b'_' | b':'))
                })
        };
        !id.is_empty() && (written(arn) || written(short) || written(tail))
    };
    context.index.of(kind).iter().find(|item| is_named(item.id))
}

/// The value of an attribute (`[{"Key": ..., "Value": ...}]`) in the body of a kind about a
/// resource.
fn attribute<'t>(context: &mut Context<'t>, kind: Kind, arn: &str, key: &str) -> Option<&'t str> {
    let item = *about(context, kind, arn)?;
    for attribute in context.fields.objects(item.node, "Attributes") {
        if context.fields.text(attribute, "Key") == Some(key) {
            return context.fields.text(attribute, "Value");
        }
    }
    None
}
