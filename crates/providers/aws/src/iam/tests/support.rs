//! Bodies, documents and callers for tests.

use std::fmt::Write;

use watertight_model::{Certainty, Estate, Name, Power, Scope};
use watertight_source::{Diagnostics, Limits, Severity, Sources, Tree};

use crate::fields::Fields;
use crate::iam::policy::Document;
use crate::iam::read;
use crate::iam::request::{Caller, CallerKind};
use crate::{Body, Converted, Options, convert};

/// Converts bodies given as path and text.
pub(super) fn converted(bodies: &[(&str, &str)]) -> Converted {
    let limits = Limits::default();
    let mut sources = Sources::new();
    let mut read = Vec::new();
    for (path, text) in bodies {
        let file = sources.add(*path, *text).unwrap();
        let tree = Tree::parse_json(file, sources.contents(file), &limits).unwrap();
        read.push(Body { path: (*path).to_owned(), tree });
    }
    convert(&read, &Options::default())
}

/// Reads a document given as JSON; it must read without a diagnostic.
pub(super) fn document(text: &str) -> Document {
    let (document, diagnostics) = read_document(text);
    assert!(diagnostics.is_empty(), "{text}: {:?}", diagnostics.kept());
    document
}

/// Reads a document given as a JSON value, with what was wrong.
pub(super) fn read_document(text: &str) -> (Document, Diagnostics) {
    let limits = Limits::default();
    let mut sources = Sources::new();
    let file = sources.add("policy.json", text).unwrap();
    let tree = Tree::parse_json(file, sources.contents(file), &limits).unwrap();
    let mut fields = Fields::default();
    let document = read::document(&mut fields, &limits, &Name::from("policy"), tree.root());
    (document, fields.diagnostics)
}

/// The role `app` of account 111111111111.
pub(super) fn role() -> Caller {
    Caller {
        arn: Name::from("arn:aws:iam::111111111111:role/app"),
        account: Name::from("111111111111"),
        kind: CallerKind::Role,
        name: Name::from("app"),
        unique_id: Some(Name::from("AROAAPP")),
        organization: Some(Name::from("o-one")),
        tags: Some([(Name::from("team"), Name::from("web"))].into()),
    }
}

/// The user `bob` of account 111111111111.
pub(super) fn user() -> Caller {
    Caller {
        arn: Name::from("arn:aws:iam::111111111111:user/bob"),
        kind: CallerKind::User,
        name: Name::from("bob"),
        unique_id: Some(Name::from("AIDABOB")),
        tags: Some(std::collections::BTreeMap::new()),
        ..role()
    }
}

/// The grants of an estate, one a line: holder, power, and `?` where it is only possible.
pub(super) fn lines(estate: &Estate) -> Vec<String> {
    let credential = |id| short(&estate.credentials[id].name);
    let workload = |id| short(&estate.workloads[id].name);
    let mut lines = Vec::new();
    for grant in &estate.grants {
        let mut line = format!("{} ", credential(grant.holder));
        let power = match &grant.power {
            Power::ReadData { store, scope: Scope::Anywhere } => {
                format!("reads {}", workload(*store))
            }
            Power::ReadData { store, scope: Scope::Only(places) } => {
                let places: Vec<&str> = places.iter().map(Name::as_str).collect();
                format!("reads {} from {}", workload(*store), places.join(" "))
            }
            Power::ReadSecret(secret) => format!("opens {}", credential(*secret)),
            Power::Assume(role) => format!("assumes {}", credential(*role)),
            Power::RunCode(on) => format!("runs on {}", workload(*on)),
            Power::ChangeGuards(account) => format!("changes {account}"),
        };
        line.push_str(&power);
        if grant.certainty == Certainty::Possible {
            line.push_str(" ?");
        }
        lines.push(line);
    }
    lines
}

fn short(name: &Name) -> &str {
    name.as_str()
}

/// The errors of a conversion, for messages of tests.
pub(super) fn errors(converted: &Converted) -> String {
    let mut text = String::new();
    for diagnostic in converted.diagnostics.kept() {
        if diagnostic.severity == Severity::Error {
            writeln!(text, "{diagnostic:?}").unwrap();
        }
    }
    text
}
