//! `watertight can`: does one end reach another, and why.

mod ask;
mod explain;
mod json;
mod print;

use watertight_reach::ends::{resolve_destination, resolve_start};

use crate::args::{CanArguments, TextFormat};
use crate::estate_folder;
use crate::exit::{Failure, Outcome};
use crate::output;
use crate::text::one_line;
use ask::{Question, Result};

/// Answers the question and prints the answer.
pub(crate) fn run(arguments: &CanArguments) -> std::result::Result<Outcome, Failure> {
    let over = ask::Over::parse(&arguments.over)
        .map_err(|problem| Failure::Argument { flag: "over", problem })?;
    let loaded = estate_folder::load(&arguments.estate)?;
    let question = Question {
        from: resolve_start(&loaded.estate, &arguments.from)
            .map_err(|source| Failure::End { flag: "from", source })?,
        to: resolve_destination(&loaded.estate, &arguments.to)
            .map_err(|source| Failure::End { flag: "to", source })?,
        over,
    };
    let result = Result::of(&loaded, &question)?;
    let (from, to) = (one_line(&arguments.from), one_line(&arguments.to));
    let names = (from.as_str(), to.as_str());
    let data = match arguments.format {
        TextFormat::Table => print::text(&result, &question, names),
        TextFormat::Json => output::json(&json::value(&loaded.estate, &result, &question, names)),
    };
    output::write(arguments.out.as_deref(), &data)?;
    Ok(if result.holds() { Outcome::Fine } else { Outcome::Found })
}
