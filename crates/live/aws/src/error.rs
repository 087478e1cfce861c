//! Why a collection does not come to an end.

use std::io;
use std::path::PathBuf;

/// Why nothing was collected. A call that is denied or fails is none of these: the collection goes
/// on without its answer and says so.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The program's own table of calls is wrong.
    #[error("the table of calls: {0}")]
    Table(String),
    /// No credentials, or none that the provider takes.
    #[error("no credentials of AWS: {0}")]
    Credentials(String),
    /// It is not known which region to ask.
    #[error("no region: name one with `--region`, or set one in the profile")]
    Region,
    /// A list that says where to collect was not answered.
    #[error("`{call}` was not answered (`{error}`), so it is not known where to collect")]
    Listing {
        /// The call.
        call: String,
        /// The provider's error.
        error: String,
    },
    /// A file or folder.
    #[error("`{}` cannot be {action}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// The folder holds what this program does not write over.
    #[error("`{}` {problem}", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why it is not used.
        problem: &'static str,
    },
    /// The runtime cannot start.
    #[error("the runtime cannot start: {0}")]
    Runtime(io::Error),
    /// A part of it stopped by a defect of the program; what was collected is kept.
    #[error("stopped before the end: the same command goes on where this one stopped")]
    Interrupted,
}
