//! Where data goes: standard output, or the file that `--out` names.

use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use watertight_report::Layout;

use crate::exit::Failure;
use crate::staged;

/// Narrower terminals are treated as if they were this wide.
const WIDTH_MIN: usize = 60;
/// Bytes that are written at once.
const PIECE: usize = 1 << 18;

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

/// What is written, as pieces of [`PIECE`] bytes.
pub(crate) type Pieces<'w> = BufWriter<&'w mut dyn Write>;

/// Writes what is told piece by piece to the file or to standard output, without holding all of it. A file is written
/// whole or not at all.
pub(crate) fn write_with(
    out: Option<&Path>,
    tell: impl FnOnce(&mut Pieces<'_>) -> io::Result<()>,
) -> Result<(), Failure> {
    let whole = |out: &mut dyn Write| {
        let mut out = Pieces::with_capacity(PIECE, out);
        tell(&mut out)?;
        out.flush()
    };
    let Some(path) = out else { return whole(&mut io::stdout().lock()).map_err(Failure::Output) };
    staged::stream(path, |file| whole(file))
}

/// A JSON document as output prints it, with a line feed at the end.
pub(crate) fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// How text for people is laid out: as wide as the terminal, with colours only where somebody sees
/// them and wants them.
pub(crate) fn layout(out: Option<&Path>) -> Layout {
    let usual = Layout::default();
    if out.is_some() || !io::stdout().is_terminal() {
        return usual;
    }
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    Layout { width: width.unwrap_or(usual.width).max(WIDTH_MIN), colour: colours_wanted() }
}

/// Whether `NO_COLOR` leaves colours on (<https://no-color.org>).
pub(crate) fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
