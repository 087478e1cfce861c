//! Questions about whole estates: the engines answer, `report` prints.

use std::collections::BTreeSet;
use std::path::PathBuf;

use watertight_model::Estate;
use watertight_reach::ends::{End, resolve};
use watertight_reach::{Graph, Matrix, Reach};
use watertight_report as report;

use crate::args::{
    BlastArguments, DiffArguments, ListArguments, ListFormat, MatrixFormat, OutputArguments,
    ReachArguments,
};
use crate::estate_folder;
use crate::exit::{Failure, Outcome};
use crate::manifests;
use crate::output;

/// Prints the connectivity matrix.
pub(crate) fn reach(arguments: &ReachArguments) -> Result<Outcome, Failure> {
    let estate = estate_folder::load(&arguments.estate)?.estate;
    let matrix = matrix(&estate);
    let out = arguments.out.as_deref();
    let data = match arguments.format {
        MatrixFormat::Table => report::reach::table(&estate, &matrix, &output::layout(out)),
        MatrixFormat::Json => output::json(&report::reach::json(&estate, &matrix)),
        MatrixFormat::Csv => report::reach::csv(&estate, &matrix),
        MatrixFormat::Svg => report::reach::svg(&estate, &matrix),
    };
    output::write(out, &data)?;
    Ok(Outcome::Fine)
}

/// Prints what the internet reaches, and what reaches it.
pub(crate) fn exposure(arguments: &ListArguments) -> Result<Outcome, Failure> {
    let from = &arguments.estate;
    let estate = match &from.estate {
        Some(_) => estate_folder::load(from)?,
        None => manifests::load_with_services(&from.manifests, &from.input)?,
    };
    let estate = estate.estate;
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let exposure = watertight_reach::exposure(&estate.network, &matrix);
    let led = reach.led(&matrix);
    print(&arguments.output, |format, layout| match format {
        ListFormat::Table => report::exposure::table(&estate, &matrix, (&exposure, &led), layout),
        ListFormat::Json => {
            output::json(&report::exposure::json(&estate, &matrix, (&exposure, &led)))
        }
        ListFormat::Csv => report::exposure::csv(&estate, &matrix, (&exposure, &led)),
    })?;
    Ok(Outcome::Fine)
}

/// Prints what a breach of a workload reaches.
pub(crate) fn blast(arguments: &BlastArguments) -> Result<Outcome, Failure> {
    let estate = estate_folder::load(&arguments.estate)?.estate;
    let from = resolve(&estate, &arguments.from)
        .map_err(|source| Failure::End { flag: "from", source })?;
    let End::Endpoints { workload, .. } = from else {
        let problem = format!("`{}` is no workload: name one that is breached", arguments.from);
        return Err(Failure::Argument { flag: "from", problem });
    };
    let matrix = matrix(&estate);
    let blast = Graph::new(&estate, &matrix).blast(&estate, workload);
    print(&arguments.output, |format, layout| match format {
        ListFormat::Table => report::blast::table(&estate, &blast, layout),
        ListFormat::Json => output::json(&report::blast::json(&estate, &blast)),
        ListFormat::Csv => report::blast::csv(&estate, &blast),
    })?;
    Ok(Outcome::Fine)
}

/// Prints what two estates differ in.
pub(crate) fn diff(arguments: &DiffArguments) -> Result<Outcome, Failure> {
    let load = |path: &PathBuf| {
        if arguments.manifests {
            return manifests::load_with_services(std::slice::from_ref(path), &arguments.input);
        }
        estate_folder::load_folder(path, &arguments.input)
    };
    let before = load(&arguments.before)?.estate;
    let after = load(&arguments.after)?.estate;
    let changes = watertight_reach::diff(&before, &after);
    let (old, new) = (matrix(&before), matrix(&after));
    let compared = report::diff::Compared {
        before: (&before, &old),
        after: (&after, &new),
        changes: &changes,
    };
    print(&arguments.output, |format, layout| match format {
        ListFormat::Table => report::diff::table(&compared, layout),
        ListFormat::Json => output::json(&report::diff::json(&compared)),
        ListFormat::Csv => report::diff::csv(&compared),
    })?;
    Ok(if changes.is_empty() { Outcome::Fine } else { Outcome::Found })
}

/// Prints which control decides each path.
pub(crate) fn coverage(arguments: &ListArguments) -> Result<Outcome, Failure> {
    let estate = estate_folder::load(&arguments.estate)?.estate;
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let survey = reach.survey(&matrix);
    let most = report::coverage::PAIRS_LISTED_MAX;
    print(&arguments.output, |format, layout| match format {
        ListFormat::Table => report::coverage::table(&estate, &matrix, &survey, most, layout),
        ListFormat::Json => output::json(&report::coverage::json(&estate, &matrix, &survey, most)),
        ListFormat::Csv => report::coverage::csv(&estate, &matrix, &survey, most),
    })?;
    Ok(Outcome::Fine)
}

fn matrix(estate: &Estate) -> Matrix {
    Reach::new(&estate.network).matrix(&BTreeSet::new())
}

fn print(
    arguments: &OutputArguments,
    render: impl Fn(ListFormat, &report::Layout) -> String,
) -> Result<(), Failure> {
    let out = arguments.out.as_deref();
    output::write(out, &render(arguments.format, &output::layout(out)))
}
