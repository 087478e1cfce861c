//! Origin guards: from which places a request is admitted.
//!
//! "Controlling access from VPC endpoints with bucket policies" (Amazon S3 User Guide) and the
//! global keys `aws:SourceVpce`, `aws:SourceVpc` and `aws:SourceIp`. A request is tried from
//! elsewhere and from each place that the policies name; where it passes only from some of them,
//! these are the scope of the grant.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Certainty, Evidence, Name, Scope};
use watertight_net::Prefix;

use crate::context::Context;
use crate::shapes::Kind;

use super::evaluate::{Outcome, admits};
use super::facts::{DocumentAt, Facts};
use super::pattern::Pattern;
use super::policy::Document;
use super::request::{Caller, Place, Request, Target};
use super::truth::Truth;

/// Places that are tried for one request; the rest makes the grant possible from anywhere.
const PLACES_MAX: usize = 1000;

/// A private endpoint of the estate.
#[derive(Clone, Debug)]
pub(crate) struct PrivateEndpoint {
    network: Option<Name>,
    /// The last word of the service's name: `s3`, `dynamodb`.
    service: String,
    policy: Option<DocumentAt>,
}

/// The private endpoints of the estate by id.
#[derive(Debug, Default)]
pub(crate) struct PrivateEndpoints(BTreeMap<Name, PrivateEndpoint>);

impl PrivateEndpoints {
    /// Reads endpoints with their policies.
    pub(crate) fn read(context: &mut Context<'_>, facts: &mut Facts) -> Self {
        let mut endpoints = BTreeMap::new();
        for item in context.index.of(Kind::VpcEndpoints) {
            let id = context.name(item.id);
            let network = context.fields.text(item.node, "VpcId").map(Name::from);
            let service = context.fields.text(item.node, "ServiceName").unwrap_or_default();
            let service = service.rsplit('.').next().unwrap_or_default().to_owned();
            let place = item.node.get("PolicyDocument").filter(|place| !place.is_null());
            let policy = place.map(|place| facts.read_document(context, &id, place));
            endpoints.insert(id, PrivateEndpoint { network, service, policy });
        }
        Self(endpoints)
    }

    fn of_service<'e>(
        &'e self,
        service: &'e str,
    ) -> impl Iterator<Item = (&'e Name, &'e PrivateEndpoint)> {
        self.0.iter().filter(move |(_, endpoint)| endpoint.service == service)
    }
}

/// A request that may depend on the place.
#[derive(Debug)]
pub(crate) struct Guarded<'r> {
    /// All facts.
    pub(crate) facts: &'r Facts,
    /// The private endpoints.
    pub(crate) endpoints: &'r PrivateEndpoints,
    /// The service as names of endpoints end: `s3`.
    pub(crate) service: &'r str,
    /// Who asks.
    pub(crate) caller: &'r Caller,
    /// The action, in lower case.
    pub(crate) action: &'r str,
    /// What it is about.
    pub(crate) target: Target<'r>,
}

/// A part of what is allowed: from where, how surely, and by which statements.
pub(crate) type Part = (Scope, Certainty, Vec<Evidence>);

impl Guarded<'_> {
    /// From where the request is admitted; `try_from` evaluates it at a place, `documents` are the
    /// policies that decide.
    pub(crate) fn parts<'d>(
        &self,
        documents: impl Iterator<Item = &'d Document>,
        try_from: impl Fn(&Place) -> Outcome,
    ) -> Vec<Part> {
        let unsaid = try_from(&Place::Unsaid);
        match unsaid.allowed {
            Truth::No => return Vec::new(),
            Truth::Yes => return vec![(Scope::Anywhere, Certainty::Sure, unsaid.evidence)],
            Truth::Unknown => {}
        }
        let named = named_places(documents, self.action);
        let Some(named) = named else {
            return vec![(Scope::Anywhere, Certainty::Possible, unsaid.evidence)];
        };
        let elsewhere = try_from(&Place::Elsewhere);
        if elsewhere.allowed == Truth::Yes {
            return vec![(Scope::Anywhere, Certainty::Sure, elsewhere.evidence)];
        }
        let mut sure = Vec::new();
        let mut possible = Vec::new();
        let mut evidence = Vec::new();
        let places = self.places(named, &try_from);
        let is_cut = places.len() > PLACES_MAX;
        for place in places.into_iter().take(PLACES_MAX) {
            let outcome = try_from(&place);
            let truth = outcome.allowed.and(self.endpoint_admits(&place));
            let list = match truth {
                Truth::No => continue,
                Truth::Unknown => &mut possible,
                Truth::Yes => &mut sure,
            };
            list.extend(name_of(&place));
            for line in outcome.evidence {
                if !evidence.contains(&line) {
                    evidence.push(line);
                }
            }
        }
        // The guard is part of what decides: its statements are in doubt where the place is unsaid.
        for line in unsaid.evidence {
            if !evidence.contains(&line) {
                evidence.push(line);
            }
        }
        let mut parts = Vec::new();
        if !sure.is_empty() {
            parts.push((Scope::Only(sure), Certainty::Sure, evidence.clone()));
        }
        if elsewhere.allowed == Truth::Unknown || is_cut {
            parts.push((Scope::Anywhere, Certainty::Possible, evidence));
        } else if !possible.is_empty() {
            parts.push((Scope::Only(possible), Certainty::Possible, evidence));
        }
        parts
    }

    /// The places to try: those that the policies name, and, where any other endpoint would do, all
    /// endpoints of the service.
    fn places(&self, named: Named, try_from: &impl Fn(&Place) -> Outcome) -> Vec<Place> {
        let mut endpoints = named.endpoints;
        if try_from(&Place::OtherEndpoint).allowed != Truth::No {
            endpoints.extend(self.endpoints.of_service(self.service).map(|(id, _)| id.clone()));
        }
        let mut places = Vec::new();
        for id in endpoints {
            let network = self.endpoints.0.get(&id).and_then(|endpoint| endpoint.network.clone());
            places.push(Place::Endpoint(id, network));
        }
        places.extend(named.networks.into_iter().map(Place::Network));
        places.extend(named.addresses.into_iter().map(Place::Address));
        places
    }

    /// Whether the policy of the endpoint that a place means lets the request through.
    fn endpoint_admits(&self, place: &Place) -> Truth {
        match place {
            Place::Endpoint(id, _) => match self.endpoints.0.get(id) {
                Some(endpoint) => self.admitted(endpoint, place),
                // An endpoint that is not in the input may have any policy.
                None => Truth::Unknown,
            },
            Place::Network(network) => {
                let own = self.endpoints.of_service(self.service);
                let mut own =
                    own.filter(|(_, one)| one.network.as_ref() == Some(network)).peekable();
                if own.peek().is_none() {
                    return Truth::Yes;
                }
                Truth::any(own.map(|(_, endpoint)| self.admitted(endpoint, place)))
            }
            Place::Unsaid | Place::Elsewhere | Place::OtherEndpoint | Place::Address(_) => {
                Truth::Yes
            }
        }
    }

    fn admitted(&self, endpoint: &PrivateEndpoint, place: &Place) -> Truth {
        let document = endpoint.policy.and_then(|at| self.facts.document(at));
        // "If you do not attach a policy, the default policy allows full access" (AWS PrivateLink).
        let Some(document) = document else { return Truth::Yes };
        let (caller, action, target) = (self.caller, self.action, self.target);
        admits(document, &Request { caller, action, target, place })
    }
}

/// Places that policies name.
#[derive(Debug, Default)]
struct Named {
    endpoints: BTreeSet<Name>,
    networks: BTreeSet<Name>,
    addresses: BTreeSet<Prefix>,
}

/// The places that the conditions of statements about an action name; `None` where no condition is
/// about the place.
fn named_places<'d>(documents: impl Iterator<Item = &'d Document>, action: &str) -> Option<Named> {
    let mut named = Named::default();
    let mut is_guarded = false;
    for statement in documents.flat_map(|document| document.about(action)) {
        for condition in &statement.conditions {
            // Whether a key is there names no place.
            let values = if condition.is_presence() { &[] } else { condition.values() };
            let texts = values.iter().filter_map(Pattern::literal);
            match condition.key() {
                "aws:sourcevpce" => named.endpoints.extend(texts.map(Name::from)),
                "aws:sourcevpc" => named.networks.extend(texts.map(Name::from)),
                "aws:sourceip" => {
                    let prefixes = texts.filter_map(|text| Prefix::parse_lenient(&text).ok());
                    named.addresses.extend(prefixes);
                }
                "aws:vpcsourceip" => {}
                _ => continue,
            }
            is_guarded = true;
        }
    }
    is_guarded.then_some(named)
}

fn name_of(place: &Place) -> Option<Name> {
    match place {
        Place::Endpoint(id, _) => Some(id.clone()),
        Place::Network(id) => Some(id.clone()),
        Place::Address(prefix) => Some(Name::from(prefix.to_string())),
        Place::Unsaid | Place::Elsewhere | Place::OtherEndpoint => None,
    }
}
