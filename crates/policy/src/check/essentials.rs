//! What no policy closes: failsafe tuples as policies of allows, and where control planes are.

use watertight_model::Name;
use watertight_net::AddressSet;
use watertight_source::Diagnostics;

use crate::checked::{Action, ControlPlane, Lowering, Mode, Narrowed, Policy, Rule, Tier};
use crate::codes;
use crate::read::Documents;
use crate::syntax::{self, Document, Object};

use super::ends::Ends;
use super::over::Services;
use super::{error, text};

/// What the documents list.
pub(super) struct Listed {
    /// The failsafe tuples, one policy for each document, by name.
    pub(super) failsafe: Vec<Policy>,
    /// The control planes, by the place in the text.
    pub(super) control_planes: Vec<ControlPlane>,
    /// Between whom essentials are needed, likewise.
    pub(super) narrowed: Vec<Narrowed>,
}

/// What all documents list.
pub(super) fn essentials(
    documents: &Documents,
    services: &Services<'_>,
    ends: &mut Ends<'_>,
    diagnostics: &mut Diagnostics,
) -> Listed {
    let mut failsafe = Vec::new();
    let mut planes = Vec::new();
    let mut narrowed = Vec::new();
    let found = documents.of(|object| match object {
        Object::Essentials(essentials) => Some(essentials),
        _ => None,
    });
    for (document, essentials) in found {
        let mut rules = Vec::with_capacity(essentials.failsafe.len());
        for one in &essentials.failsafe {
            rules.push(rule(one, services, ends, diagnostics));
        }
        if !rules.is_empty() {
            failsafe.push(policy(document, rules));
        }
        for one in &essentials.control_planes {
            planes.push(ControlPlane {
                span: one.span,
                cluster: one.cluster.value.clone(),
                account: text(one.account.as_ref()),
                region: text(one.region.as_ref()),
                addresses: ends
                    .address_items(&one.addresses, diagnostics)
                    .unwrap_or_else(|| AddressSet::empty().into()),
                network: text(one.network.as_ref()),
            });
        }
        narrowed.extend(essentials.narrowed.iter().map(|one| Narrowed {
            span: one.span,
            essential: one.essential.value,
            from: ends.peers(&one.from, diagnostics),
            to: ends.peers(&one.to, diagnostics),
        }));
    }
    failsafe.sort_by(|a, b| a.name.cmp(&b.name));
    planes.sort_by_key(|one| one.span);
    narrowed.sort_by_key(|one| one.span);
    Listed { failsafe, control_planes: planes, narrowed }
}

fn rule(
    one: &syntax::Failsafe,
    services: &Services<'_>,
    ends: &mut Ends<'_>,
    diagnostics: &mut Diagnostics,
) -> Rule {
    let rule = Rule {
        span: one.span,
        name: text(one.name.as_ref()),
        action: Action::Allow,
        from: ends.peers(&one.from, diagnostics),
        to: ends.peers(&one.to, diagnostics),
        through: Vec::new(),
        over: services.clauses(Some(&one.over), one.span, diagnostics),
    };
    // A clause of its own is refused where it is read; one may come by a service.
    for clause in rule.over.iter().filter(|clause| clause.has_conditions()) {
        let is_own = one.over.clauses.iter().any(|own| own.span == clause.span);
        if !is_own {
            let message = "a failsafe tuple is about packets, and this service asks about requests";
            let help = "write the ports in the tuple";
            let found = error(codes::NOT_TOGETHER, one.over.span, message, help);
            diagnostics.push(found.with_related(clause.span, "this asks about requests"));
        }
    }
    rule
}

/// No policy can have this name, since names have no blanks.
fn policy(document: &Document, rules: Vec<Rule>) -> Policy {
    let metadata = &document.metadata;
    Policy {
        name: Name::from(format!("failsafe {}", metadata.name.value)),
        name_span: metadata.name.span,
        owner: text(metadata.owner.as_ref()),
        ticket: text(metadata.ticket.as_ref()),
        tier: Tier::Standard,
        order: 0,
        mode: Mode::Enforce,
        expires: None,
        lowering: Lowering::WIDEN,
        rules,
    }
}
