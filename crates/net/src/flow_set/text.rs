//! Text form of a [`FlowSet`]; the grammar is in `docs/reference/flowset.md`.

use std::fmt::{self, Write};
use std::str::FromStr;

use super::FlowSet;
use crate::interval::{ByteSet, IntervalError, PortSet};
use crate::protocol::{Layer, Protocol, ProtocolError};

/// Why a text is not a [`FlowSet`], and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in `{term}` at column {column}: {problem}")]
pub struct ParseFlowSetError {
    /// Where the term starts: the first character of the text is column 1.
    pub column: usize,
    /// The term that is wrong, as given.
    pub term: String,
    /// What is wrong with it.
    #[source]
    pub problem: FlowSetProblem,
}

/// What is wrong with a term of a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowSetProblem {
    /// Nothing where a term should be.
    #[error(
        "a term is missing: write terms separated by `;`, as in `tcp/443; udp/53`, or `all`, or `none`"
    )]
    Missing,
    /// The protocol is unknown.
    #[error("{0}")]
    Protocol(ProtocolError),
    /// The ports are not ports.
    #[error("{0}: write ports as in `tcp/80,443,8000-8999`")]
    Ports(IntervalError),
    /// The types or codes are not types or codes.
    #[error("{0}: write a type as in `icmp/8`, or a type and a code as in `icmp/8/0`")]
    Types(IntervalError),
    /// More slashes than the protocol has dimensions.
    #[error("`{extra}` is one part too many: {example}")]
    Extra {
        /// What is too much.
        extra: String,
        /// What to write instead.
        example: &'static str,
    },
    /// Source ports for a protocol that has none.
    #[error(
        "`{protocol}` has no source ports: only tcp, udp, dccp, sctp and udplite take `from`, as in `tcp/443 from 1024-65535`"
    )]
    From {
        /// The protocol.
        protocol: Protocol,
    },
    /// A word that belongs nowhere.
    #[error(
        "unexpected `{word}`: write one term as in `tcp/443 from 1024-65535`, and separate terms by `;`"
    )]
    Word {
        /// The word.
        word: String,
    },
}

/// `all`, `none`, the [parts](FlowSet::parts) joined by `; `, or `all except` and the complement's
/// parts when that is shorter. Parses back to the same set.
impl fmt::Display for FlowSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        if self.is_all() {
            return f.write_str("all");
        }
        let text = join(self)?;
        // A set with few of the other protocols has a complement that names most of them.
        let opaque: u32 = self.opaque.iter().map(|bits| bits.count_ones()).sum();
        if opaque > 100 {
            let except = format!("all except {}", join(&self.complement())?);
            if except.len() < text.len() {
                return f.write_str(&except);
            }
        }
        f.write_str(&text)
    }
}

fn join(set: &FlowSet) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for part in set.parts() {
        if !text.is_empty() {
            text.push_str("; ");
        }
        write!(text, "{part}")?;
    }
    Ok(text)
}

/// Case and white space around terms do not matter.
impl FromStr for FlowSet {
    type Err = ParseFlowSetError;

    fn from_str(text: &str) -> Result<Self, ParseFlowSetError> {
        match after_all_except(text) {
            Some(removed) => {
                let skipped = text.chars().count() - removed.chars().count();
                Ok(parse_terms(removed, skipped)?.complement())
            }
            None => parse_terms(text, 0),
        }
    }
}

/// The text after `all except`, if it starts with these words.
fn after_all_except(text: &str) -> Option<&str> {
    after_word(after_word(text, "all")?, "except")
}

fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let end = text.find(|letter: char| letter.is_whitespace() || letter == ';');
    let end = end.unwrap_or(text.len());
    let (head, rest) = text.split_at_checked(end)?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}

/// The union of the terms; `skipped` characters of the whole text come before them.
fn parse_terms(text: &str, skipped: usize) -> Result<FlowSet, ParseFlowSetError> {
    let mut union = FlowSet::none();
    let mut column = skipped + 1;
    for piece in text.split(';') {
        let term = piece.trim();
        let set = parse_term(term).map_err(|problem| ParseFlowSetError {
            column: column + piece.chars().take_while(|letter| letter.is_whitespace()).count(),
            term: term.to_owned(),
            problem,
        })?;
        union = union.union(&set);
        column += piece.chars().count() + 1;
    }
    Ok(union)
}

fn parse_term(term: &str) -> Result<FlowSet, FlowSetProblem> {
    let mut words = term.split_whitespace();
    let head = words.next().ok_or(FlowSetProblem::Missing)?;
    let source = match words.next() {
        None => None,
        Some(word) if word.eq_ignore_ascii_case("from") => {
            Some(words.next().ok_or(FlowSetProblem::Ports(IntervalError::Missing))?)
        }
        Some(word) => return Err(FlowSetProblem::Word { word: word.to_owned() }),
    };
    if let Some(word) = words.next() {
        return Err(FlowSetProblem::Word { word: word.to_owned() });
    }
    if source.is_none() && head.eq_ignore_ascii_case("all") {
        return Ok(FlowSet::all());
    }
    if source.is_none() && head.eq_ignore_ascii_case("none") {
        return Ok(FlowSet::none());
    }
    parse_part(head, source)
}

fn parse_part(head: &str, source: Option<&str>) -> Result<FlowSet, FlowSetProblem> {
    let mut fields = head.split('/');
    let protocol: Protocol =
        fields.next().unwrap_or_default().parse().map_err(FlowSetProblem::Protocol)?;
    let (first, second, third) = (fields.next(), fields.next(), fields.next());
    if source.is_some() && !protocol.has_ports() {
        return Err(FlowSetProblem::From { protocol });
    }
    let (extra, example) = match protocol.layer() {
        Layer::Ports(_) => (second, "write the source ports after `from`, as in `tcp/443 from 53`"),
        Layer::Types(_) => (third, "write a type and a code, as in `icmp/8/0`"),
        Layer::Opaque => (first, "write the protocol alone, as in `gre`"),
    };
    if let Some(extra) = extra {
        return Err(FlowSetProblem::Extra { extra: extra.to_owned(), example });
    }
    match protocol.layer() {
        Layer::Ports(_) => Ok(FlowSet::ports(protocol, ports(source)?, ports(first)?)),
        Layer::Types(_) => Ok(FlowSet::icmp(protocol, types(first)?, types(second)?)),
        Layer::Opaque => Ok(FlowSet::protocol(protocol)),
    }
}

fn ports(field: Option<&str>) -> Result<PortSet, FlowSetProblem> {
    field.map_or_else(
        || Ok(PortSet::full()),
        |text| PortSet::parse_list(text).map_err(FlowSetProblem::Ports),
    )
}

fn types(field: Option<&str>) -> Result<ByteSet, FlowSetProblem> {
    field.map_or_else(
        || Ok(ByteSet::full()),
        |text| ByteSet::parse_list(text).map_err(FlowSetProblem::Types),
    )
}
