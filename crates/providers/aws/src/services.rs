//! Services of the provider: what runs without a machine of one's own.
//!
//! Runs after interfaces: each service claims those that are its own, and gets inferred endpoints
//! where the input hides them.

mod access;
mod analytics;
mod caches;
mod containers;
mod databases;
mod files;
mod functions;
mod kubernetes;
mod opaque;
pub(crate) mod place;
pub(crate) mod service;
pub(crate) mod stores;

#[cfg(test)]
pub(crate) mod tests;

use crate::context::Context;

/// Converts services.
pub(crate) fn convert(context: &mut Context<'_>) {
    databases::convert(context);
    caches::convert(context);
    analytics::convert(context);
    files::convert(context);
    functions::convert(context);
    containers::convert(context);
    kubernetes::convert(context);
    stores::convert(context);
    access::convert(context);
    opaque::convert(context);
}

/// Adds the tags that tagging calls list by ARN; runs after everything that makes workloads.
pub(crate) fn convert_tags(context: &mut Context<'_>) {
    stores::tag_by_arn(context);
}
