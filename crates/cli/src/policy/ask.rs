//! `watertight policy ask`: what the policy decides about a leg, and beside it what the network does.

mod ends;
mod fronts;
mod legs;
mod print;
mod words;

use std::path::PathBuf;

use clap::Args;
use watertight_model::Name;
use watertight_policy::decide::{Http, Outcome, Request};
use watertight_policy::is_many;
use watertight_reach::ends::{resolve_destination, resolve_start};

use super::loaded::AskedArguments;
use crate::args::TextFormat;
use crate::exit::{self, Failure};
use crate::output;
use legs::{Asking, Named};

pub(super) const EXAMPLES: &str = "\
Examples:
  watertight policy ask policies/ --estate estate/ --from web-1 --to orders-db --over tcp/5432
  watertight policy ask policies/ --estate estate/ --from internet --to web-alb --over tcp/443 \\
      --request 'tls GET /checkout' --under promote:public

Exit code 0: the leg is allowed, or each leg of a way through a front. Exit code 2: it is denied, or depends on the
request. What the network does today is told beside it and decides nothing.";

/// The arguments of `policy ask`.
#[derive(Debug, Args)]
pub(crate) struct AskArguments {
    /// Who opens the leg: an end as `can` names them
    #[arg(long, value_name = "END")]
    from: String,
    /// Who accepts it
    #[arg(long, value_name = "END")]
    to: String,
    /// One protocol and port, as in `tcp/5432`
    #[arg(long, value_name = "FLOW")]
    over: String,
    /// A request on the leg: `GET /path`, `tls GET /path`, or `tls` alone; every request where it is
    /// left out
    #[arg(long, value_name = "REQUEST")]
    request: Option<String>,
    /// A group of the person who is signed in at `--from`; several where it is repeated, and nobody is where it
    /// is empty. Left out, it may be anybody
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    #[command(flatten)]
    asked: AskedArguments,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = TextFormat::Table)]
    format: TextFormat,
    /// Write the answer to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// Answers the question and prints the answer.
pub(super) fn run(arguments: &AskArguments) -> Result<exit::Outcome, Failure> {
    let over = legs::one_flow(&arguments.over)
        .map_err(|problem| Failure::Argument { flag: "over", problem })?;
    let request = arguments.request.as_deref().map(request).transpose()?;
    for (flag, text) in [("from", &arguments.from), ("to", &arguments.to)] {
        if text.parse().is_ok_and(is_many) {
            let problem = format!(
                "`{text}` is many at once: no policy decides about multicast and broadcast"
            );
            return Err(Failure::Argument { flag, problem });
        }
    }
    let asked = arguments.asked.load_with_services()?;
    let estate = &asked.loaded;
    let from = resolve_start(&estate.estate, &arguments.from)
        .map_err(|source| Failure::End { flag: "from", source })?;
    let to = resolve_destination(&estate.estate, &arguments.to)
        .map_err(|source| Failure::End { flag: "to", source })?;
    let decider = asked.decider();
    let deciding = decider.under(&asked.modes, asked.now);
    let asking = Asking {
        loaded: estate,
        decider: &decider,
        deciding: &deciding,
        request: request.as_ref(),
    };
    let groups = arguments.group.iter().filter(|group| !group.is_empty());
    let groups = groups.map(|group| Name::from(&**group)).collect();
    let groups = (!arguments.group.is_empty()).then_some(groups);
    let from = Named { name: arguments.from.clone(), end: from, groups };
    let to = Named { name: arguments.to.clone(), end: to, groups: None };
    let ways = asking.ways(&from, &to, &over)?;
    let answer = print::Answer {
        from: &arguments.from,
        to: &arguments.to,
        over: &over.1,
        under: &arguments.asked.under.under,
        at: asked.now,
        outcome: best(&ways),
        ways: &ways,
        policy: &asked.policy,
    };
    let data = match arguments.format {
        TextFormat::Table => print::text(&answer),
        TextFormat::Json => output::json(&print::json(&answer, &estate.estate)),
    };
    output::write(arguments.out.as_deref(), &data)?;
    Ok(if answer.outcome == Outcome::Allow { exit::Outcome::Fine } else { exit::Outcome::Found })
}

/// What comes of the best way from end to end. Where what is dialled leads to several, nobody chooses among
/// them: the strictest counts.
fn best(ways: &[legs::Way]) -> Outcome {
    let counting = || ways.iter().filter(|way| !way.is_beyond);
    let dialled = counting().filter(|way| way.through.is_none()).map(legs::Way::outcome);
    let through = counting().filter(|way| way.through.is_some()).map(legs::Way::outcome);
    let outcomes: Vec<Outcome> = dialled
        .max_by_key(|outcome| legs::strictness(*outcome))
        .into_iter()
        .chain(through)
        .collect();
    outcomes.into_iter().min_by_key(|outcome| legs::strictness(*outcome)).unwrap_or(Outcome::Deny)
}

/// Reads `--request`.
fn request(text: &str) -> Result<Request, Failure> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let tls = words.first() == Some(&"tls");
    if tls {
        words.remove(0);
    }
    let http = match *words {
        [] if tls => None,
        [method, path] if path.starts_with('/') => {
            Some(Http { method: Name::from(method), path: Name::from(path) })
        }
        _ => {
            let problem =
                format!("`{text}` is no request: write `GET /path`, `tls GET /path` or `tls`");
            return Err(Failure::Argument { flag: "request", problem });
        }
    };
    Ok(Request { tls, http })
}
