//! Kubernetes manifests into the model.
//!
//! [`convert`] takes the documents of manifests (what `kubectl`, Helm and kustomize print and take)
//! and lowers them into an [`Estate`]. It is pure: it reads no file, knows no clock, and never fails
//! as a whole. What is wrong or not understood becomes a diagnostic, and an unknown where it could
//! change an answer. `docs/reference/providers/kubernetes.md` says what is read and by which rule.

mod accounts;
mod attachments;
mod codes;
mod convert;
mod fields;
mod flows;
mod fronts;
mod further;
mod implied;
mod known;
mod labels;
mod lower;
mod namespaces;
mod networks;
mod objects;
mod placement;
mod policies;
mod policy;
mod selector;
mod workloads;

use watertight_model::Estate;
use watertight_source::{Diagnostics, Limits, Tree};

pub use codes::{CODES, explain};

/// Bounds and names of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the cluster is called. Default `cluster`: manifests do not tell.
    pub cluster: String,
    /// Rules, peers and ports of one policy; what is beyond is an error. Default 100 000.
    pub parts_max: u32,
    /// Whether services are ends that packets can be sent to. Default no: they have no part in who
    /// reaches whom.
    pub services: bool,
    /// The limits of reading; `diagnostics_max` bounds what [`Converted::diagnostics`] keeps.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cluster: "cluster".to_owned(),
            parts_max: 100_000,
            services: false,
            limits: Limits::default(),
        }
    }
}

/// What [`convert`] returns.
#[derive(Debug)]
pub struct Converted {
    /// The estate. Its id is empty: whoever read the documents sets it.
    pub estate: Estate,
    /// What was wrong, doubtful or not read.
    pub diagnostics: Diagnostics,
}

/// Lowers a cluster's objects into an estate that holds what its nodes run on, and joins the two.
///
/// [`watertight_model::join`] says how. An estate without a network is as none at all: then the
/// cluster stands alone, as [`convert`] makes it.
pub fn convert_into(estate: Estate, documents: &[Tree], options: &Options) -> Converted {
    convert::convert(estate, documents, options)
}

/// Lowers manifests into an estate: one cluster.
///
/// Each tree is one document. A `List`, or a list of one kind (`PodList`), counts as its items. The
/// result depends on the objects only, not on their order or on how they are spread over documents.
pub fn convert(documents: &[Tree], options: &Options) -> Converted {
    convert::convert(Estate::default(), documents, options)
}
