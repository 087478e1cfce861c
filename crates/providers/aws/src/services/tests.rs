mod caches;
mod containers;
mod databases;
mod files;
mod functions;
mod kubernetes;
mod stores;
pub(crate) mod support;
