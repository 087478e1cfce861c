//! `estate.json`: who was asked, when, for what, and what was refused.

use std::collections::BTreeSet;

use watertight_model::{Coverage, CoverageState, Estate, Name, SourceRecord};
use watertight_source::{Diagnostic, Diagnostics, FieldError, Node, Span, Tree};

use super::{BAD_MANIFEST, BODY_ABSENT, Found};

/// The one version of the format that is read.
const FORMAT: &str = "watertight.estate/v1";

/// What `estate.json` says.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    sources: Vec<SourceRecord>,
    calls: Vec<Call>,
    denied: Vec<Coverage>,
}

/// A call that the description says was made, with the path of its body or bodies.
#[derive(Debug)]
struct Call {
    path: String,
    span: Span,
}

impl Manifest {
    /// Reads the description; what is wrong with it is an error.
    pub(super) fn read(tree: &Tree, diagnostics: &mut Diagnostics) -> Option<Self> {
        let root = tree.root();
        match root.req_str("format") {
            Ok(FORMAT) => {}
            Ok(other) => {
                let message = format!("the format `{other}` is not known, expected `{FORMAT}`");
                let span = root.get("format").map_or(root.span(), Node::span);
                diagnostics.push(Diagnostic::error(BAD_MANIFEST, message).with_label(span, ""));
                return None;
            }
            Err(error) => {
                diagnostics.push(error);
                return None;
            }
        }
        let mut manifest = Self::default();
        match manifest.fill(root) {
            Ok(()) => Some(manifest),
            Err(error) => {
                diagnostics.push(error);
                None
            }
        }
    }

    fn fill(&mut self, root: Node<'_>) -> Result<(), FieldError> {
        for source in root.array_field("sources")?.into_iter().flatten() {
            let mut regions = Vec::new();
            for region in source.array_field("regions")?.into_iter().flatten() {
                regions.push(Name::from(region.to_str()?));
            }
            self.sources.push(SourceRecord {
                provider: Name::from(source.req_str("provider")?),
                account: source.str_field("account")?.map(Name::from),
                regions,
                collected: source.str_field("collected")?.map(Name::from),
            });
        }
        for line in root.array_field("coverage")?.into_iter().flatten() {
            let mut folder = format!("raw/{}", line.req_str("provider")?);
            for field in ["account", "region"] {
                if let Some(name) = line.str_field(field)? {
                    folder.push('/');
                    folder.push_str(name);
                }
            }
            for call in line.array_field("calls")?.into_iter().flatten() {
                let path = format!("{folder}/{}", call.to_str()?);
                self.calls.push(Call { path, span: call.span() });
            }
        }
        for line in root.array_field("denied")?.into_iter().flatten() {
            let call = line.req_str("call")?;
            let what = match line.str_field("argument")? {
                Some(argument) => format!("{call} {argument}"),
                None => call.to_owned(),
            };
            self.denied.push(Coverage {
                account: line.str_field("account")?.map(Name::from),
                region: line.str_field("region")?.map(Name::from),
                what: Name::from(what),
                state: CoverageState::Denied,
            });
        }
        Ok(())
    }

    /// Says which bodies should be there and are not.
    pub(super) fn check(&self, bodies: &[Found], diagnostics: &mut Diagnostics) {
        let mut there: BTreeSet<&str> = BTreeSet::new();
        for body in bodies {
            let stem = body.relative.strip_suffix(".json").unwrap_or(&body.relative);
            there.insert(stem);
            // One call with an argument has one body for each argument, in a folder of its own.
            there.extend(body.relative.rsplit_once('/').map(|(folder, _)| folder));
        }
        for call in &self.calls {
            if !there.contains(call.path.as_str()) {
                let message = format!("there is no body `{}.json`", call.path);
                let diagnostic = Diagnostic::warning(BODY_ABSENT, message);
                let help = "collect it again, or take the call out of `coverage`";
                diagnostics.push(diagnostic.with_label(call.span, "").with_help(help));
            }
        }
    }

    /// Adds what only the description knows: times, and what was refused.
    pub(super) fn apply(self, estate: &mut Estate) {
        for source in self.sources {
            let same = estate
                .sources
                .iter_mut()
                .find(|known| known.provider == source.provider && known.account == source.account);
            match same {
                Some(known) => {
                    known.collected = source.collected;
                    let regions: BTreeSet<Name> =
                        known.regions.drain(..).chain(source.regions).collect();
                    known.regions = regions.into_iter().collect();
                }
                None => estate.sources.push(source),
            }
        }
        estate.sources.sort();
        estate.coverage.extend(self.denied);
        estate.coverage.sort();
    }
}
