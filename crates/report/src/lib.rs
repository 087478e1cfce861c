//! What answers look like: tables for a terminal, JSON, CSV, SARIF, SVG, and one page of HTML.
//!
//! Values go in and text comes out: the crate reads nothing, writes nothing, and computes no
//! reachability. Names and tags come from whoever may write a tag, so every text is taken as
//! hostile: it is escaped for where it goes, and characters that steer a terminal or turn the
//! direction of text are replaced.
//!
//! **Invariants.** The same values give the same bytes. The page asks for nothing from outside, runs
//! no script but the one whose hash its policy names, and reads without any script. No label of a
//! picture lies over another: places are computed from a table of widths that no usual font exceeds.

pub mod assessment;
pub mod blast;
pub mod coverage;
mod csv;
pub mod diagnostics;
pub mod diff;
pub mod drift;
mod ends;
pub mod exposure;
mod heat;
mod openness;
mod places;
mod plan;
pub mod reach;
pub mod reconcile;
mod rows;
mod sarif;
mod segments;
mod table;
mod text;
mod width;

pub use assessment::{Assessed, Facts};
pub use plan::plan;
pub use sarif::uri;
pub use table::Layout;
