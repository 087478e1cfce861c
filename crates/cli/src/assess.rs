//! `watertight assess`: how far breaches spread, and what would stop them.

mod needs;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use watertight_assess::{
    AssessmentLimits, DeriveOptions, Kept, LikelihoodTable, Needs, Verified, assess_keeping,
    derive, verify,
};
use watertight_model::Name;
use watertight_reach::{Reach, exposure, front_legs};
use watertight_report::assessment::{self, Severity, View};
use watertight_report::{Assessed, Facts};

use crate::args::{AssessArguments, AssessFormat, FailOn};
use crate::estate_folder::{self, Loaded};
use crate::exit::{Failure, Outcome};
use crate::output;

/// Assesses an estate, prints the summary and writes the files.
pub(crate) fn run(arguments: &AssessArguments) -> Result<Outcome, Failure> {
    let loaded = estate_folder::load(&arguments.estate)?;
    let options = DeriveOptions {
        likelihoods: likelihoods(arguments)?,
        ..arguments.jewels.options(&loaded.estate)?
    };
    let (needs, alone) = needs::needs(&loaded.estate, &arguments.policy)?;
    let alone = alone.map(|alone| alone.estate_only);
    let view = view(&loaded, (&needs, alone), &options)?;
    if let Some(folder) = &arguments.out {
        write_files(folder, &view)?;
    }
    let data = match arguments.format {
        AssessFormat::Table => assessment::text(&view, &output::layout(None)),
        AssessFormat::Json => output::json(&assessment::json(&view)),
        AssessFormat::Sarif => output::json(&assessment::sarif(&view)),
    };
    output::write(None, &data)?;
    let found = severity(arguments.fail_on).is_some_and(|least| view.findings_at_least(least) > 0);
    Ok(if found { Outcome::Found } else { Outcome::Fine })
}

/// Everything that is known about an estate.
fn view(
    loaded: &Loaded,
    (needs, estate_only): (&Needs, Option<u64>),
    options: &DeriveOptions,
) -> Result<View, Failure> {
    let estate = &loaded.estate;
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let exposure = exposure(&estate.network, &matrix);
    let survey = reach.survey(&matrix);
    let legs = front_legs(&estate.network, &matrix);
    let mut derived = derive(estate, &reach, &matrix, &legs, Some(&survey), options)
        .map_err(|error| Failure::Estate(error.to_string()))?;
    let limits = AssessmentLimits::default();
    let Kept { assessment: found, withheld, unheld } =
        assess_keeping(estate, &mut derived, needs, &limits);
    if !unheld.is_empty() {
        crate::exit::say(&format!("{}\n", told_of(&unheld)));
    }
    let verified = verify(estate, &derived, &found.cut_set, limits.cut.likelihood_min, options)
        .map_err(|error| Failure::Estate(error.to_string()))?;
    crate::exit::say(&format!("{}\n", told(&verified)));
    if options.likelihoods.overrides().next().is_some() {
        crate::exit::say(&format!("likelihoods: {}\n", options.likelihoods.version()));
    }
    Ok(assessment::view(&Facts {
        estate,
        matrix: &matrix,
        exposure: &exposure,
        survey: &survey,
        sources: Some(&loaded.sources),
        diagnostics: &loaded.diagnostics,
        estate_only,
        assessed: Some(Assessed {
            graph: &derived.graph,
            actions: &derived.actions,
            assessment: &found,
            withheld: &withheld,
        }),
    }))
}

/// Which assertions protect nothing.
fn told_of(unheld: &[Name]) -> String {
    let names: Vec<&str> = unheld.iter().map(|name| &**name).collect();
    format!("not held today, so that no action is kept from breaking it: {}", names.join(", "))
}

/// What the changed estate says of the cut.
fn told(verified: &Verified) -> String {
    let left = verified.found.len();
    if verified.holds() {
        return format!(
            "the cut set was applied to the estate and the estate asked again: {left} likely ways to \
             crown jewels are left, none that the cut set claims to close"
        );
    }
    let open: Vec<String> = verified
        .found
        .difference(&verified.claimed)
        .take(5)
        .map(|(from, to)| format!("{from} to {to}"))
        .collect();
    format!("the cut set does not close all that it claims: {} stay open", open.join(", "))
}

fn write_files(folder: &Path, view: &View) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|source| Failure::File {
        path: folder.to_path_buf(),
        action: "written",
        source,
    })?;
    let files = [
        ("assessment.html", assessment::html(view)),
        ("assessment.json", output::json(&assessment::json(view))),
        ("assessment.sarif", output::json(&assessment::sarif(view))),
    ];
    for (name, data) in files {
        output::write(Some(&folder.join(name)), &data)?;
    }
    Ok(())
}

/// The published likelihoods with the user's own: those of the file, then those of arguments.
fn likelihoods(arguments: &AssessArguments) -> Result<LikelihoodTable, Failure> {
    let mut table = LikelihoodTable::v1();
    if let Some(path) = &arguments.likelihoods {
        let text = fs::read_to_string(path).map_err(|source| Failure::File {
            path: path.clone(),
            action: "read",
            source,
        })?;
        for (number, line) in text.lines().map(str::trim).enumerate() {
            if !line.is_empty() && !line.starts_with('#') {
                set(&mut table, line).map_err(|problem| Failure::Argument {
                    flag: "likelihoods",
                    problem: format!("`{}`, line {}: {problem}", path.display(), number + 1),
                })?;
            }
        }
    }
    for setting in &arguments.likelihood {
        set(&mut table, setting)
            .map_err(|problem| Failure::Argument { flag: "likelihood", problem })?;
    }
    Ok(table)
}

/// Takes a setting such as `net/known-listener=0.2` into a table.
fn set(table: &mut LikelihoodTable, setting: &str) -> Result<(), String> {
    let parts = setting.split_once('=').and_then(|(hop, number)| {
        let (kind, variant) = hop.trim().split_once('/')?;
        Some((kind, variant, number.trim().parse::<f64>().ok()?))
    });
    let Some((kind, variant, number)) = parts else {
        return Err(format!("`{setting}` is no setting: write one like `net/known-listener=0.2`"));
    };
    table.set(kind, variant, number).map_err(|error| error.to_string())
}

fn severity(fail_on: FailOn) -> Option<Severity> {
    match fail_on {
        FailOn::Critical => Some(Severity::Critical),
        FailOn::High => Some(Severity::High),
        FailOn::Medium => Some(Severity::Medium),
        FailOn::Low => Some(Severity::Low),
        FailOn::Never => None,
    }
}
