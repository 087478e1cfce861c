//! `watertight can`: does one end reach another, and why.

mod ahead;
mod apart;
mod ask;
mod explain;
mod json;
mod print;

use std::collections::BTreeSet;
use std::net::IpAddr;

use watertight_model::network::EndpointId;
use watertight_net::FlowSet;
use watertight_reach::ends::{End, resolve_destination, resolve_start};

use crate::args::{CanArguments, TextFormat};
use crate::estate_folder::{self, Loaded};
use crate::exit::{Failure, Outcome};
use crate::manifests;
use crate::output;
use crate::text::one_line;
use ask::{Question, Result};

/// Answers the question and prints the answer.
pub(crate) fn run(arguments: &CanArguments) -> std::result::Result<Outcome, Failure> {
    let over = ask::Over::parse(&arguments.over)
        .map_err(|problem| Failure::Argument { flag: "over", problem })?;
    let from = &arguments.estate;
    let loaded = match &from.estate {
        Some(root) => estate_folder::load_with_services(root, &from.input)?,
        None => manifests::load_with_services(&from.manifests, &from.input)?,
    };
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

/// What the network does with a connection, in words.
#[derive(Debug, Clone)]
pub(crate) struct Today {
    /// The answer, as `can` gives it.
    pub(crate) answer: &'static str,
    /// Every disposition that some part of it has.
    pub(crate) dispositions: Vec<&'static str>,
}

impl Today {
    /// Of what a provider carries between its own services nothing tells which guards see it.
    pub(crate) const fn carried() -> Self {
        Self { answer: "unknown", dispositions: Vec::new() }
    }

    /// What a person reads.
    pub(crate) fn text(&self) -> String {
        let others: Vec<&str> =
            self.dispositions.iter().copied().filter(|one| *one != self.answer).collect();
        if others.is_empty() {
            return self.answer.to_owned();
        }
        format!("{} ({})", self.answer, others.join(", "))
    }
}

/// What the network does with what clients send from one end to another.
///
/// # Errors
/// When the ends have too many pairs of addresses.
pub(crate) fn today(
    loaded: &Loaded,
    (from, to): (&End, &End),
    flows: &FlowSet,
) -> std::result::Result<Today, Failure> {
    let over = ask::Over::parse(&flows.any_source().to_string())
        .map_err(|problem| Failure::Argument { flag: "over", problem })?;
    let question = Question { from: from.clone(), to: to.clone(), over };
    let result = Result::of(loaded, &question)?;
    let dispositions = result.dispositions.iter().map(|one| one.word()).collect();
    Ok(Today { answer: result.answer.word(), dispositions })
}

/// Where something is delivered that is dialled elsewhere, or at another port, without that a leg ends on
/// the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrival {
    /// Who gets it.
    pub(crate) endpoint: EndpointId,
    /// At which address.
    pub(crate) address: IpAddr,
    /// As what.
    pub(crate) flows: FlowSet,
    /// What is dialled; the address itself, where that is not another one.
    pub(crate) via: IpAddr,
    /// Whether it comes by way of a machine of whose it sees the address.
    pub(crate) is_translated: bool,
}

/// Who gets what is sent from one end to another, by what is dialled, whether or not guards let it through.
///
/// # Errors
/// When the ends have too many pairs of addresses.
pub(crate) fn arrivals(
    loaded: &Loaded,
    (from, to): (&End, &End),
    flows: &FlowSet,
) -> std::result::Result<BTreeSet<Arrival>, Failure> {
    let over = ask::Over::parse(&flows.any_source().to_string())
        .map_err(|problem| Failure::Argument { flag: "over", problem })?;
    let question = Question { from: from.clone(), to: to.clone(), over };
    ask::arrivals(&loaded.estate, &question)
}
