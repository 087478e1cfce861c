//! Where data goes: standard output, or the file that `--out` names.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::exit::Failure;

/// Writes data, whole, to the file or to standard output.
pub(crate) fn write(out: Option<&Path>, data: &str) -> Result<(), Failure> {
    if let Some(path) = out {
        return fs::write(path, data).map_err(|source| Failure::File {
            path: path.to_path_buf(),
            action: "written",
            source,
        });
    }
    let mut output = io::stdout().lock();
    output.write_all(data.as_bytes()).and_then(|()| output.flush()).map_err(Failure::Output)
}

/// A JSON document as output prints it, with a line feed at the end.
pub(crate) fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
