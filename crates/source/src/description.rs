//! `estate.json`: who was asked for an estate's bodies, for what, and what was not answered.
//!
//! `docs/reference/estate-folder.md` defines the format.

#[cfg(test)]
mod tests;

use crate::{Diagnostic, Diagnostics, FieldError, Kind, Node, Span, Timestamp, Tree, codes};

/// The one version of the format that is read.
const FORMAT: &str = "watertight.estate/v1";

/// What an estate's description says, in its own order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EstateDescription {
    /// Who was asked.
    pub sources: Vec<DescribedSource>,
    /// The calls that were answered: each should have a body.
    pub answered: Vec<AnsweredCall>,
    /// Answers that are older than their collection.
    pub kept: Vec<KeptAnswer>,
    /// The calls that were denied, then those that failed.
    pub unanswered: Vec<UnansweredCall>,
}

/// One collection of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedSource {
    /// The provider, for example `aws`.
    pub provider: String,
    /// The account, where it says.
    pub account: Option<String>,
    /// The regions that were asked.
    pub regions: Vec<String>,
    /// When, as it is written.
    pub collected: Option<String>,
}

/// A call that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredCall {
    /// The path of its body without `.json`, or of the folder of its bodies.
    pub path: String,
    /// Where the description says so.
    pub span: Span,
}

/// An answer that was kept from an earlier collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The provider, for example `aws`.
    pub provider: String,
    /// The account, where it says.
    pub account: Option<String>,
    /// When it was asked for, as it is written.
    pub collected: String,
    /// Where the description says so.
    pub span: Span,
}

/// A call that was denied or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnansweredCall {
    /// The provider, where it says.
    pub provider: Option<String>,
    /// The account, where it says.
    pub account: Option<String>,
    /// The region, where it says; `global` for a call that has none.
    pub region: Option<String>,
    /// The call.
    pub call: String,
    /// What was asked about, for a call that is asked for one resource at a time.
    pub argument: Option<String>,
    /// The provider's error, in its own words.
    pub error: Option<String>,
}

impl EstateDescription {
    /// Reads a description. Fields that the format does not define are passed over.
    ///
    /// Nothing, and an error among the diagnostics, when the format is not the one that is read, or
    /// a field is missing or of another type than the format defines.
    pub fn read(tree: &Tree, diagnostics: &mut Diagnostics) -> Option<Self> {
        let root = tree.root();
        let read = root.req_str("format").and_then(|format| match format {
            FORMAT => Self::fill(root).map(Ok),
            other => Ok(Err(unknown(root, other))),
        });
        let error = match read {
            Ok(Ok(description)) => return Some(description),
            Ok(Err(error)) => error,
            Err(error) => error.into(),
        };
        diagnostics.push(error);
        None
    }

    fn fill(root: Node<'_>) -> Result<Self, FieldError> {
        let mut description = Self::default();
        for source in objects(root, "sources")? {
            description.sources.push(read_source(source?)?);
        }
        for line in objects(root, "coverage")? {
            let line = line?;
            read_answered(line, &mut description.answered)?;
            read_kept(line, &mut description.kept)?;
        }
        for list in ["denied", "failed"] {
            for line in objects(root, list)? {
                description.unanswered.push(read_unanswered(line?)?);
            }
        }
        Ok(description)
    }
}

fn unknown(root: Node<'_>, format: &str) -> Diagnostic {
    let message = format!("the format `{format}` is not known, expected `{FORMAT}`");
    let span = root.get("format").map_or(root.span(), Node::span);
    Diagnostic::error(codes::FORMAT, message).with_label(span, "")
}

/// The items of a list that may be absent.
fn objects<'t>(
    root: Node<'t>,
    key: &str,
) -> Result<impl Iterator<Item = Result<Node<'t>, FieldError>>, FieldError> {
    Ok(root.array_field(key)?.into_iter().flatten().map(Node::to_object))
}

fn read_source(source: Node<'_>) -> Result<DescribedSource, FieldError> {
    let regions = source.array_field("regions")?.into_iter().flatten();
    let regions = regions.map(|region| region.to_str().map(str::to_owned));
    Ok(DescribedSource {
        provider: source.req_str("provider")?.to_owned(),
        account: text(source, "account")?,
        regions: regions.collect::<Result<_, _>>()?,
        collected: source.get("collected").filter(is_told).map(time).transpose()?,
    })
}

/// One line names the calls of one account and region.
fn read_answered(line: Node<'_>, answered: &mut Vec<AnsweredCall>) -> Result<(), FieldError> {
    let mut folder = format!("raw/{}", line.req_str("provider")?);
    for field in ["account", "region"] {
        if let Some(name) = line.str_field(field)? {
            folder.push('/');
            folder.push_str(name);
        }
    }
    for call in line.array_field("calls")?.into_iter().flatten() {
        let path = format!("{folder}/{}", call.to_str()?);
        answered.push(AnsweredCall { path, span: call.span() });
    }
    Ok(())
}

/// The times of answers that are older than their collection, by call or by call and argument.
fn read_kept(line: Node<'_>, kept: &mut Vec<KeptAnswer>) -> Result<(), FieldError> {
    let (provider, account) = (line.req_str("provider")?, text(line, "account")?);
    let mut add = |time: Node<'_>| {
        let collected = self::time(time)?;
        let (provider, account) = (provider.to_owned(), account.clone());
        kept.push(KeptAnswer { provider, account, collected, span: time.span() });
        Ok(())
    };
    let Some(times) = line.get("collected").filter(is_told) else {
        return Ok(());
    };
    for entry in times.to_object()?.entries() {
        match entry.value.kind() {
            Kind::Object => {
                entry.value.entries().try_for_each(|argument| add(argument.value))?;
            }
            _ => add(entry.value)?,
        }
    }
    Ok(())
}

fn read_unanswered(line: Node<'_>) -> Result<UnansweredCall, FieldError> {
    Ok(UnansweredCall {
        provider: text(line, "provider")?,
        account: text(line, "account")?,
        region: text(line, "region")?,
        call: line.req_str("call")?.to_owned(),
        argument: text(line, "argument")?,
        error: text(line, "error")?,
    })
}

fn is_told(node: &Node<'_>) -> bool {
    node.kind() != Kind::Null
}

/// A time as it is written, which is one.
fn time(node: Node<'_>) -> Result<String, FieldError> {
    let text = node.to_str()?;
    match Timestamp::of_rfc3339(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(node.type_error("a time such as `2027-01-31T00:00:00Z`")),
    }
}

fn text(node: Node<'_>, key: &str) -> Result<Option<String>, FieldError> {
    Ok(node.str_field(key)?.map(str::to_owned))
}
