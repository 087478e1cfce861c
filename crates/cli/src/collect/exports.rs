//! `collect aws --from-…`: an estate folder out of what another tool exported.

use std::fmt::Write as _;
use std::path::Path;

use watertight_aws::{ExportError, Exported};
use watertight_source::{Diagnostics, Limits, Sources, Tree};

use super::{AwsArguments, NAMED_MAX, summary};
use crate::diagnostics;
use crate::estate_folder::read_file;
use crate::exit::{Failure, Outcome, say};
use crate::output;

/// What turns a document into bodies.
type Reader = fn(&Tree) -> Result<Exported, ExportError>;

/// Reads every export and writes the folder; with an error in one, nothing is written.
pub(super) fn import(arguments: &AwsArguments, out: &Path, now: &str) -> Result<Outcome, Failure> {
    let limits = Limits::default();
    let mut sources = Sources::with_limits(limits.clone());
    let mut problems = Diagnostics::new(&limits);
    let mut whole = Exported::default();
    let readers: [(&[_], &'static str, Reader); 2] = [
        (&arguments.from_terraform_state, "from-terraform-state", watertight_aws::terraform_state),
        (&arguments.from_config, "from-config", watertight_aws::config_snapshot),
    ];
    for (paths, flag, reader) in readers {
        for path in paths {
            let shown = path.display().to_string();
            for tree in read_file(path, &shown, &mut sources, &limits, &mut problems)? {
                let export = reader(&tree).map_err(|error| {
                    let problem = format!("`{shown}`: {error}");
                    Failure::Argument { flag, problem }
                })?;
                whole.merge(export);
            }
        }
    }
    let errors = problems.errors();
    if errors > 0 {
        diagnostics::errors(&problems.into_sorted(), &sources, arguments.verbose);
        return Err(Failure::Reported { errors });
    }
    if whole.bodies.is_empty() {
        let problem = "nothing in it is of AWS and read: see the guide for what is".to_owned();
        return Err(Failure::Estate(problem));
    }
    let report = watertight_live_aws::import(out, &whole.bodies, now)?;
    tell(&whole, arguments.verbose);
    output::write(None, &summary(&report))?;
    Ok(Outcome::Fine)
}

/// Says of which resources no body was made.
fn tell(export: &Exported, verbose: bool) {
    let mut text = String::new();
    let shown = if verbose { usize::MAX } else { NAMED_MAX };
    for (kind, count) in export.passed_over.iter().take(shown) {
        let noun = if *count == 1 { "resource" } else { "resources" };
        let line = format!("note: {count} {noun} of the type `{kind}` not read");
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{}", crate::text::one_line(&line));
    }
    let rest = export.passed_over.len().saturating_sub(shown);
    if rest > 0 {
        let _written = writeln!(text, "note: {rest} more types not read; `--verbose` names them");
    }
    say(&text);
}
