//! Requests: what a leg carries, as far as clauses ask about it.

use std::collections::BTreeSet;

use watertight_model::{Name, Truth};

use crate::checked::{Clause, HttpMatch, PathMatch};
use crate::normal_path;

/// One request on a leg.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Request {
    /// Whether the first bytes of the connection are a TLS `ClientHello`.
    pub tls: bool,
    /// The HTTP request, within TLS where there is TLS; `None` for bytes that are none.
    pub http: Option<Http>,
}

/// An HTTP request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Http {
    /// The method.
    pub method: Name,
    /// The path as it was sent.
    pub path: Name,
}

/// Whether a request fits a clause. Bytes that do not parse as what the clause asks about are maybe.
pub(super) fn fits(clause: &Clause, request: &Request) -> Truth {
    let mut all = Truth::Yes;
    if clause.tls && !request.tls {
        all = Truth::Maybe;
    }
    if !clause.http.is_empty() {
        // Within TLS there is no HTTP for who does not expect TLS.
        let readable = clause.tls || !request.tls;
        all = all.and(match &request.http {
            Some(http) if readable => {
                let path = normal_path(&http.path);
                let path = path.as_deref();
                Truth::any(clause.http.iter().map(|matches| http_fits(matches, http, path)))
            }
            _ => Truth::Maybe,
        });
    }
    all
}

fn http_fits(matches: &HttpMatch, http: &Http, path: Option<&str>) -> Truth {
    let methods = &matches.methods;
    let method = methods.is_empty() || methods.iter().any(|method| method.value == http.method);
    let path = match (&matches.path, path) {
        (None, _) => Truth::Yes,
        (Some(_), None) => Truth::Maybe,
        (Some(wanted), Some(path)) => Truth::from(path_fits(&wanted.value, path)),
    };
    Truth::from(method).and(path)
}

fn path_fits(wanted: &PathMatch, path: &str) -> bool {
    match wanted {
        PathMatch::Exact(exact) => **exact == *path,
        PathMatch::Prefix(prefix) => {
            let whole = prefix.strip_suffix('/').unwrap_or(prefix);
            path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    }
}

/// One request of each sort that the clauses tell apart.
pub(super) fn sorts<'c>(clauses: impl Iterator<Item = &'c Clause>) -> Vec<Request> {
    let mut methods: BTreeSet<Name> = BTreeSet::new();
    let mut paths: BTreeSet<Name> = BTreeSet::new();
    for matches in clauses.flat_map(|clause| &*clause.http) {
        methods.extend(matches.methods.iter().map(|method| method.value.clone()));
        match matches.path.as_ref().map(|path| &path.value) {
            None => {}
            Some(PathMatch::Exact(path)) => {
                paths.insert(path.clone());
            }
            Some(PathMatch::Prefix(path)) => {
                let whole = path.strip_suffix('/').unwrap_or(path);
                paths.insert(if whole.is_empty() { Name::from("/") } else { Name::from(whole) });
                paths.insert(Name::from(format!("{whole}/")));
                paths.insert(Name::from(format!("{whole}/~")));
            }
        }
    }
    // One that no clause names, and one that has no normal form.
    methods.insert(unused("~", &methods));
    paths.insert(unused("/~", &paths));
    paths.insert(Name::from("/%"));
    let mut sorts = Vec::new();
    for tls in [false, true] {
        sorts.push(Request { tls, http: None });
        for method in &methods {
            for path in &paths {
                let http = Http { method: method.clone(), path: path.clone() };
                sorts.push(Request { tls, http: Some(http) });
            }
        }
    }
    sorts
}

fn unused(start: &str, used: &BTreeSet<Name>) -> Name {
    let mut text = start.to_owned();
    while used.iter().any(|one| one.starts_with(&text)) {
        text.push('~');
    }
    Name::from(text)
}
