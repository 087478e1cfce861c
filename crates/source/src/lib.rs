//! Files, spans, diagnostics, limits; JSON and YAML trees that keep positions.
//!
//! The lowest crate of the workspace. It reads nothing by itself: callers hand over contents, get a
//! [`FileId`] from [`Sources`], parse a [`Tree`], and walk it with [`Node`], a cursor that knows the
//! span of every key and value. Whatever is wrong becomes a [`Diagnostic`] that says where.
//!
//! ```
//! use watertight_source::{Limits, Sources, Tree};
//!
//! let limits = Limits::default();
//! let mut sources = Sources::new();
//! let file = sources.add("vpcs.json", r#"{"Vpcs": [{"VpcId": "vpc-1", "IsDefault": false}]}"#)?;
//! let tree = Tree::parse_json(file, sources.contents(file), &limits)?;
//! for vpc in tree.root().array_field("Vpcs")?.into_iter().flatten() {
//!     assert_eq!(vpc.req_str("VpcId")?, "vpc-1");
//!     assert_eq!(vpc.path(), "$.Vpcs[0]");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codes;
mod description;
mod diagnostic;
mod diagnostics;
mod error;
mod file;
mod limits;
mod span;
mod timestamp;
mod tree;

pub use codes::{CODES, Code, CodeLine, explain};
pub use description::{
    AnsweredCall, DescribedSource, EstateDescription, KeptAnswer, UnansweredCall,
};
pub use diagnostic::{Diagnostic, Severity};
pub use diagnostics::{Diagnostics, render_text};
pub use error::{FieldError, ParseError, ParseReason};
pub use file::{Contents, FileId, Position, SourceError, Sources};
pub use limits::Limits;
pub use span::{Origin, Span};
pub use timestamp::{Timestamp, TimestampError};
pub use tree::{
    Entries, Entry, Items, Kind, Node, Recovered, Tree, YamlComment, is_yaml_string, yaml_comments,
};
