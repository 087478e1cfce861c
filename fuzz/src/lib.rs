//! Fuzz targets as functions.
//!
//! A target takes any bytes and fails an assertion when a property does not hold; that it does not
//! crash is the least of them. `tests/replay.rs` runs each target over its folder in `corpus/`;
//! `README.md` says how to let a fuzzer grow the folders. To add a target, write a function, name it
//! in [`targets`], and put some inputs into `corpus/<name>/`.

mod bodies;
mod description;
mod policy;
mod positions;
mod trees;

pub use bodies::bodies;
pub use description::description;
pub use policy::policy;
pub use positions::positions;
pub use trees::{json, yaml};

/// A target: it returns when every property holds for the bytes, and panics otherwise.
pub type Target = fn(&[u8]);

/// Every target with the name of its corpus folder.
pub const fn targets() -> [(&'static str, Target); 6] {
    [
        ("bodies", bodies),
        ("description", description),
        ("json", json),
        ("policy", policy),
        ("positions", positions),
        ("yaml", yaml),
    ]
}
