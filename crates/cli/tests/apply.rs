//! `apply` and `rollback` on the command line, against a server as strict as the provider.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]
#![expect(clippy::panic, reason = "a helper that fails fails its test")]

#[path = "apply/carriers.rs"]
mod carriers;
#[path = "apply/confirmed.rs"]
mod confirmed;
#[path = "apply/edges.rs"]
mod edges;
#[path = "apply/gc.rs"]
mod gc;
#[path = "apply/governed.rs"]
mod governed;
#[path = "apply/interrupted.rs"]
mod interrupted;
#[path = "apply/lists.rs"]
mod lists;
#[path = "apply/moto.rs"]
mod moto;
#[path = "apply/quarantine.rs"]
mod quarantine;
#[path = "apply/reconcile.rs"]
mod reconcile;
#[path = "apply/refused.rs"]
mod refused;
#[path = "apply/serverless.rs"]
mod serverless;
#[path = "apply/services.rs"]
mod services;
#[path = "apply/shares.rs"]
mod shares;
#[path = "apply/support.rs"]
mod support;
#[path = "apply/templates.rs"]
mod templates;
#[path = "apply/ways.rs"]
mod ways;
#[path = "apply/whole.rs"]
mod whole;
