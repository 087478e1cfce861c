//! Security groups that can be changed: as strict as the provider documents it, and as late.
//!
//! Sources: Amazon EC2 API reference (the actions, "Error codes", "Eventual consistency"), Amazon VPC
//! user guide ("Security group rules", "Amazon VPC quotas").

mod acls;
mod describe;
mod domains;
mod functions;
mod rules;
mod services;
mod state;
mod tasks;
mod templates;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::call::Asked;
use super::http::{Request, Response};
use super::recording::Recording;
use state::Held;

/// What an account holds at most, and how late changes are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strictness {
    /// Rules of a group in one direction, for each family. Default 60.
    pub rules_max: usize,
    /// Groups on an interface. Default 5.
    pub groups_max: usize,
    /// So many lists that are asked for after a change do not show it yet. Default 0.
    pub unseen: usize,
    /// So many lists long a service is about a change of groups, where it takes time. Default 0.
    pub busy: usize,
    /// What takes time fails, and is as it was before. Default no.
    pub fails: bool,
}

impl Default for Strictness {
    fn default() -> Self {
        Self { rules_max: 60, groups_max: 5, unseen: 0, busy: 0, fails: false }
    }
}

/// A request that would change something, as it came and ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The service that was asked, as requests are signed for it.
    pub service: String,
    /// The action: `CreateSecurityGroup`.
    pub action: String,
    /// The account that asked.
    pub account: String,
    /// Whether it asked only whether it might.
    pub dry_run: bool,
    /// The code of the error that it ended with, or nothing where it was done.
    pub error: Option<String>,
}

/// Why an action is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    status: u16,
    code: &'static str,
}

impl Fault {
    pub(super) const fn new(code: &'static str) -> Self {
        Self { status: 400, code }
    }

    /// The refusal in a service's protocol.
    pub(super) fn response(&self, protocol: &str) -> Response {
        Response::error(protocol, self.status, self.code)
    }
}

/// One account's groups in one region: as they are, and as lists still show them.
#[derive(Debug, Clone)]
struct Place {
    actual: Held,
    shown: Held,
    unseen: usize,
}

impl Place {
    /// Lets services go on with what they are about, and lists show more of it.
    fn go_on(&mut self, linger: usize) {
        services::go_on(&mut self.actual);
        tasks::go_on(&mut self.actual);
        functions::go_on(&mut self.actual, linger);
        domains::go_on(&mut self.actual);
        if self.unseen > 0 {
            self.unseen -= 1;
        } else {
            self.shown = self.actual.clone();
        }
    }
}

/// The groups and interfaces of every account and region of a recording.
#[derive(Debug)]
pub(super) struct Groups {
    strictness: Strictness,
    places: Mutex<BTreeMap<(String, String), Place>>,
    log: Mutex<Vec<Written>>,
}

impl Groups {
    pub(super) fn new(recording: &Recording, strictness: Strictness) -> Self {
        let held = recording.places().map(|(account, region)| {
            let body = |call: &str| recording.body((account, region), call).cloned();
            let mut held = Held::new(
                account,
                body("ec2-describe-security-groups").unwrap_or_default(),
                body("ec2-describe-network-interfaces").unwrap_or_default(),
            );
            held.resources = services::read(recording, (account, region), &held);
            held.clusters = tasks::Clusters::read(recording, (account, region));
            held.functions = functions::Functions::read(recording, (account, region));
            held.domains = domains::Domains::read(recording, (account, region));
            held.acls = acls::read(recording, (account, region));
            held.templates = templates::Templates::read(recording, (account, region));
            let place = Place { actual: held.clone(), shown: held, unseen: 0 };
            ((account.to_owned(), region.to_owned()), place)
        });
        Self { strictness, places: Mutex::new(held.collect()), log: Mutex::default() }
    }

    /// The requests that would change something, in order.
    pub(super) fn log(&self) -> Vec<Written> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All groups and what interfaces carry, with names in place of the ids of groups: nothing that
    /// the provider made up is in it. What is tagged is told for groups alone.
    pub(super) fn canonical(&self) -> Value {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let each = places.iter().map(|((account, region), place)| {
            (format!("{account}/{region}"), describe::canonical(&place.actual))
        });
        Value::Object(each.collect())
    }

    /// Answers an action that would change something; nothing for any other request.
    pub(super) fn write(&self, request: &Request) -> Option<Response> {
        let form = request.form();
        let (_, region, service) = request.signature();
        let account = request.account();
        let through = services::asked(request, &form);
        let action =
            form.get("Action").and_then(|name| Some((name.as_str(), write::action(name)?)));
        let deployed = tasks::is_asked(request)
            .or_else(|| functions::is_asked(request))
            .or_else(|| domains::is_asked(request));
        let name = through.as_ref().map(|asked| asked.action).or(deployed);
        let name = name.or_else(|| action.map(|(name, _)| name))?.to_owned();
        let dry_run = form.get("DryRun").is_some_and(|value| value == "true");
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.get_mut(&(account.clone(), region.to_owned()));
        let ended = match place {
            None => Err(Fault::new("AuthFailure")),
            Some(place) => {
                let mut next = place.actual.clone();
                let ended =
                    match (&through, action) {
                        (Some(asked), _) => services::set(&mut next, asked, &self.strictness)
                            .map(|()| String::new()),
                        (None, Some((_, write))) => write(&mut next, &form, &self.strictness),
                        (None, None) if functions::is_asked(request).is_some() => {
                            functions::update(&mut next, request, &self.strictness)
                                .map(|()| String::new())
                        }
                        (None, None) if domains::is_asked(request).is_some() => {
                            domains::update(&mut next, request, &self.strictness)
                                .map(|()| String::new())
                        }
                        (None, None) => tasks::update(&mut next, request, &self.strictness)
                            .map(|()| String::new()),
                    };
                match ended {
                    // What would have been done is not.
                    Ok(_) if dry_run => Err(Fault { status: 412, code: "DryRunOperation" }),
                    Ok(inner) => {
                        place.actual = next;
                        place.unseen = self.strictness.unseen;
                        if place.unseen == 0 {
                            place.shown = place.actual.clone();
                        }
                        Ok(inner)
                    }
                    Err(fault) => Err(fault),
                }
            }
        };
        let error = ended.as_ref().err().map(|fault| fault.code.to_owned());
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let (service, action) = (service.to_owned(), name.clone());
        log.push(Written { service: service.clone(), action, account, dry_run, error });
        Some(match ended {
            Ok(inner) => done(&service, &name, &inner),
            Err(fault) => Response::error(protocol(&service), fault.status, fault.code),
        })
    }

    /// The body of a list of groups, of their rules or of interfaces; nothing for any other call.
    pub(super) fn list(&self, asked: &Asked, request: &Request) -> Option<Result<Value, Fault>> {
        let list = describe::call(&asked.call).or_else(|| templates::call(&asked.call));
        let key = (asked.account.clone(), asked.region.clone());
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.get_mut(&key)?;
        let list = list.or_else(|| acls::call(&place.shown, &asked.call));
        let is_service = services::list(&place.shown, &asked.call, ("", &BTreeMap::new()));
        let is_task = tasks::list(&place.shown, asked).is_some()
            || functions::list(&place.shown, &asked.call).is_some()
            || domains::list(&place.shown, asked).is_some();
        if list.is_none() && is_service.is_none() && !is_task {
            return None;
        }
        place.go_on(self.strictness.busy);
        let form = request.form();
        match list {
            Some(list) => Some(list(&place.shown, &form)),
            None => services::list(&place.shown, &asked.call, (&request.path, &form))
                .or_else(|| tasks::list(&place.shown, asked))
                .or_else(|| functions::list(&place.shown, &asked.call))
                .or_else(|| domains::list(&place.shown, asked)),
        }
    }

    /// Answers what is asked about the configuration of one function; nothing for any other request.
    pub(super) fn configuration(&self, request: &Request) -> Option<Response> {
        let (_, region, _) = request.signature();
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.get_mut(&(request.account(), region.to_owned()))?;
        let _is_asked = functions::configuration(&place.shown, request)?;
        place.go_on(self.strictness.busy);
        Some(match functions::configuration(&place.shown, request)? {
            Ok(body) => Response::good("application/json", body.to_string()),
            Err(fault) => fault.response("rest-json"),
        })
    }

    /// Has a body of any other call tell the groups that interfaces carry.
    pub(super) fn refresh(&self, asked: &Asked, body: &mut Value) {
        let key = (asked.account.clone(), asked.region.clone());
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(&key) {
            describe::refresh(&place.shown, body);
            tasks::refresh(&place.shown, body);
        }
    }
}

/// The protocol of a service.
fn protocol(service: &str) -> &'static str {
    match service {
        "ec2" => "ec2",
        "elasticfilesystem" | "es" | "lambda" => "rest-json",
        "ecs" => "json",
        _ => "query",
    }
}

/// The answer to an action that was done.
fn done(service: &str, action: &str, inner: &str) -> Response {
    let name_space = "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"";
    match protocol(service) {
        "ec2" => Response::good(
            "text/xml",
            format!(
                "<{action}Response {name_space}><requestId>r</requestId>{inner}</{action}Response>"
            ),
        ),
        "query" => Response::good(
            "text/xml",
            format!(
                "<{action}Response><{action}Result>{inner}</{action}Result><ResponseMetadata>\
                 <RequestId>r</RequestId></ResponseMetadata></{action}Response>"
            ),
        ),
        _ => Response::good("application/json", String::new()),
    }
}
