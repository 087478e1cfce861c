//! Single flows over raw `describe-*` bodies: what becomes of each, and where it stops.

mod ask;
mod claim;
mod row;

use std::path::Path;

use super::{Case, Options, Suite, estate};
use crate::workspace::Error;
use ask::Asked;
use row::Row;

/// Runs every row of every snapshot's `expected.csv`.
pub(super) fn run(folder: &Path, options: &Options) -> Result<Suite, Error> {
    let folder = folder.join("batfish");
    let mut suite = Suite { name: "aws/batfish", held: 0, cases: Vec::new(), broken: Vec::new() };
    if !folder.is_dir() {
        return Ok(suite);
    }
    for snapshot in estate::entries(&folder)? {
        let path = folder.join(&snapshot);
        let table = path.join("expected.csv");
        if !table.is_file() {
            suite.held += 1;
            suite.broken.push(format!("{snapshot}: no `expected.csv`"));
            continue;
        }
        let text = estate::read(&table)?;
        run_snapshot(&mut suite, &path, &snapshot, &text, options)?;
    }
    Ok(suite)
}

fn run_snapshot(
    suite: &mut Suite,
    path: &Path,
    snapshot: &str,
    text: &str,
    options: &Options,
) -> Result<(), Error> {
    let mut lines = text.lines();
    if lines.next().map(str::trim) != Some(row::HEADING) {
        suite.broken.push(format!("{snapshot}: the table does not begin with `{}`", row::HEADING));
    }
    let lines: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    let wanted: Vec<&str> =
        lines.into_iter().filter(|line| options.wants(row::id_of(line))).collect();
    suite.held += wanted.len();
    if wanted.is_empty() {
        return Ok(());
    }
    let bodies = estate::read_folder(&path.join("aws_configs"))?;
    let estate = match estate::estate_of(&bodies) {
        Ok(estate) => estate,
        Err(error) => {
            suite.broken.push(format!("{snapshot}: {error}"));
            return Ok(());
        }
    };
    let asked = Asked::new(&estate);
    for line in wanted {
        let differences = match Row::parse(line) {
            Ok(row) => asked.differences(&row),
            Err(error) => vec![error],
        };
        suite.cases.push(Case { id: row::id_of(line).to_owned(), differences });
    }
    Ok(())
}
