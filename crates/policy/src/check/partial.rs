//! Documents that have errors of their own: what else is wrong with them is found in the same run.

use watertight_model::Name;
use watertight_source::Diagnostics;

use crate::ESTATE;
use crate::read::Documents;
use crate::syntax::{
    AddressItem, DomainItem, Excused, Kind, Object, Over, Peer, PeerEnd, Spanned, Transport,
};

use super::names::Names;
use super::policies;

/// Finds what names in them lead nowhere, and what does not fit a tier.
pub(super) fn partial(documents: &Documents, names: &Names, diagnostics: &mut Diagnostics) {
    let mut looking = Looking { names, diagnostics };
    for document in &documents.partial {
        match &document.object {
            Object::Segment(_)
            | Object::Addresses(_)
            | Object::Domains(_)
            | Object::Labeling(_) => {}
            Object::Group(group) => looking.peers(&group.members),
            Object::Service(service) => looking.over(Some(&service.over)),
            Object::Users(users) => looking.addresses(&users.pools),
            Object::Policy(policy) => {
                for rule in &policy.rules {
                    looking.peers(rule.from.iter().chain(&rule.to).chain(&rule.through));
                    looking.over(rule.over.as_ref());
                }
                policies::check_alone(policy, &document.metadata, looking.diagnostics);
            }
            Object::Assertion(assertion) => {
                let claim = &assertion.claim;
                looking.peers(claim.from.iter().chain(&claim.to));
                looking.over(claim.over.as_ref());
            }
            Object::Exception(exception) => {
                if let Excused::Assertion(name) = &exception.excused {
                    looking.name(Kind::Assertion, name);
                }
            }
            Object::Essentials(essentials) => {
                for one in &essentials.failsafe {
                    looking.peers(one.from.iter().chain(&one.to));
                    looking.over(Some(&one.over));
                }
                for one in &essentials.control_planes {
                    looking.addresses(&one.addresses);
                }
                for one in &essentials.narrowed {
                    looking.peers(one.from.iter().chain(&one.to));
                }
            }
        }
    }
}

struct Looking<'l> {
    names: &'l Names,
    diagnostics: &'l mut Diagnostics,
}

impl Looking<'_> {
    fn name(&mut self, kind: Kind, name: &Spanned<Name>) {
        self.names.resolve(kind, name, self.diagnostics);
    }

    fn peers<'p>(&mut self, peers: impl IntoIterator<Item = &'p Peer>) {
        for peer in peers {
            let PeerEnd::Conditions(conditions) = &peer.end else { continue };
            let segment = conditions.segment.iter().filter(|name| *name.value != *ESTATE);
            segment.for_each(|name| self.name(Kind::Segment, name));
            conditions.group.iter().for_each(|name| self.name(Kind::Group, name));
            conditions.users.iter().for_each(|name| self.name(Kind::Users, name));
            self.addresses(&conditions.addresses);
            for item in &conditions.domains {
                if let DomainItem::Named(name) = &item.value {
                    self.name(Kind::Domains, &Spanned::new(name.clone(), item.span));
                }
            }
        }
    }

    fn addresses(&mut self, items: &[Spanned<AddressItem>]) {
        for item in items {
            if let AddressItem::Named(name) = &item.value {
                self.name(Kind::Addresses, &Spanned::new(name.clone(), item.span));
            }
        }
    }

    fn over(&mut self, over: Option<&Over>) {
        for clause in over.into_iter().flat_map(|over| &over.clauses) {
            if let Transport::Service(name) = &clause.transport {
                self.name(Kind::Service, name);
            }
        }
    }
}
