mod databases;
mod functions;
mod stores;
pub(crate) mod support;
