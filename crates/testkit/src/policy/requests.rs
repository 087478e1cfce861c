//! Requests against clauses.

use std::collections::BTreeSet;

use watertight_policy::syntax::{Clause, Document, HttpMatch, Object, Over, PathMatch, Transport};

use super::{Request, Truth, all, any};

/// A clause with what carries it: services are replaced by their clauses.
#[derive(Clone)]
pub(crate) struct Carried<'c> {
    pub(crate) clause: &'c Clause,
    /// The conditions of the clauses that named the service.
    pub(crate) outer: Vec<&'c Clause>,
}

/// The clauses of a rule, none where it does not say.
pub(crate) fn clauses<'c>(documents: &'c [Document], over: &'c Over) -> Vec<Carried<'c>> {
    let mut found = Vec::new();
    for clause in &over.clauses {
        let Transport::Service(name) = &clause.transport else {
            found.push(Carried { clause, outer: Vec::new() });
            continue;
        };
        for document in documents {
            if let Object::Service(service) = &document.object
                && document.metadata.name.value == name.value
            {
                for mut inner in clauses(documents, &service.over) {
                    inner.outer.push(clause);
                    found.push(inner);
                }
            }
        }
    }
    found
}

impl Carried<'_> {
    /// Whether it is about this packet.
    pub(crate) fn carries(&self, flow: watertight_net::Flow) -> bool {
        match &self.clause.transport {
            Transport::Flows(flows) => flows.contains_flow(flow),
            Transport::Tls(ports) => match flow {
                watertight_net::Flow::Ports { protocol, destination_port, .. } => {
                    protocol == watertight_net::Protocol::TCP && ports.contains(destination_port)
                }
                _ => false,
            },
            Transport::Service(_) => false,
        }
    }

    /// Whether a request fits.
    pub(crate) fn fits(&self, request: &Request) -> Truth {
        let is_tls = matches!(self.clause.transport, Transport::Tls(_));
        let mut parts = Vec::new();
        if is_tls && !request.tls {
            parts.push(None);
        }
        for clause in self.outer.iter().copied().chain([self.clause]) {
            if clause.http.is_empty() {
                continue;
            }
            parts.push(match &request.http {
                Some((method, path)) if is_tls || !request.tls => {
                    any(clause.http.iter().map(|one| http_fits(one, method, path)))
                }
                _ => None,
            });
        }
        all(parts)
    }

    /// Whether it asks nothing of requests.
    pub(crate) fn takes_all(&self) -> bool {
        let mut all = self.outer.iter().copied().chain([self.clause]);
        !matches!(self.clause.transport, Transport::Tls(_)) && all.all(|one| one.http.is_empty())
    }
}

fn http_fits(wanted: &HttpMatch, method: &str, path: &str) -> Truth {
    let fits = wanted.methods.is_empty() || wanted.methods.iter().any(|one| *one.value == *method);
    let path = match &wanted.path {
        None => Some(true),
        Some(wanted) => normalised(path).map(|path| path_fits(&wanted.value, &path)),
    };
    all([Some(fits), path])
}

/// By whole segments: the segments of the prefix are the first of the path.
fn path_fits(wanted: &PathMatch, path: &str) -> bool {
    match wanted {
        PathMatch::Exact(exact) => **exact == *path,
        PathMatch::Prefix(prefix) => {
            let segments = |text: &str| -> Vec<String> {
                text.split('/').skip(1).map(str::to_owned).collect()
            };
            let (mut prefix, path) = (segments(prefix), segments(path));
            if prefix.last().is_some_and(String::is_empty) {
                prefix.pop();
            }
            path.starts_with(&prefix)
        }
    }
}

/// The one normal form of a path; none where servers disagree about it.
fn normalised(path: &str) -> Option<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if !path.starts_with('/') || path.contains('\\') || path.chars().any(char::is_control) {
        return None;
    }
    let mut decoded = String::new();
    let mut rest = path;
    while let Some(next) = rest.chars().next() {
        if next == '%' {
            let byte = u8::from_str_radix(rest.get(1..3)?, 16).ok()?;
            let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            match byte {
                b'/' | b'\\' | 0 => return None,
                _ if is_plain => decoded.push(char::from(byte)),
                _ => decoded.extend(format!("%{byte:02X}").chars()),
            }
            rest = rest.get(3..)?;
        } else {
            decoded.push(next);
            rest = rest.get(next.len_utf8()..)?;
        }
    }
    let mut kept: Vec<&str> = Vec::new();
    let parts: Vec<&str> = decoded.split('/').collect();
    for part in &parts {
        match *part {
            "" | "." => {}
            ".." => {
                kept.pop()?;
            }
            other => kept.push(other),
        }
    }
    let is_open = matches!(parts.last(), Some(&("" | "." | "..")));
    let end = if is_open && !kept.is_empty() { "/" } else { "" };
    Some(format!("/{}{end}", kept.join("/")))
}

/// Requests of every sort that any clause of any document could tell apart.
pub(crate) fn sorts(documents: &[Document]) -> Vec<Request> {
    let mut methods = BTreeSet::from(["~ANY".to_owned()]);
    let mut paths = BTreeSet::from(["/~none/at/all".to_owned(), "/%zz".to_owned()]);
    let overs = documents.iter().flat_map(|document| -> Vec<&Over> {
        match &document.object {
            Object::Policy(policy) => {
                policy.rules.iter().filter_map(|rule| rule.over.as_ref()).collect()
            }
            Object::Service(service) => vec![&service.over],
            _ => Vec::new(),
        }
    });
    for wanted in overs.flat_map(|over| &over.clauses).flat_map(|clause| &clause.http) {
        methods.extend(wanted.methods.iter().map(|method| method.value.to_string()));
        if let Some(path) = &wanted.path {
            let (PathMatch::Exact(path) | PathMatch::Prefix(path)) = &path.value;
            let path = path.trim_end_matches('/');
            paths.insert(if path.is_empty() { "/".to_owned() } else { path.to_owned() });
            paths.insert(format!("{path}/"));
            paths.insert(format!("{path}/~below"));
        }
    }
    let mut sorts = Vec::new();
    for tls in [false, true] {
        sorts.push(Request { tls, http: None });
        for method in &methods {
            for path in &paths {
                sorts.push(Request { tls, http: Some((method.clone(), path.clone())) });
            }
        }
    }
    sorts
}
