//! Hops that grants give: secret, assume, control, data, tamper.

use std::collections::BTreeSet;

use watertight_model::network::{GatewayKind, RealmId};
use watertight_model::{Certainty, Grant, Name, Power, Scope, WorkloadId, WorkloadKind};

use super::subjects::Subjects;
use super::{Building, Change, Input, origin};
use crate::fact::{Fact, Subject};
use crate::hop::{Evidence, Hop, Removable, Status, Variant};

/// The most workloads in the networks of a guard that is offered: each is a hop of its own for each
/// grant that the guard is about.
const ADMITTED_MAX: usize = 1_000;

/// Adds the hops of every grant.
pub(crate) fn add(input: &Input<'_>, subjects: &Subjects, building: &mut Building) {
    for (place, grant) in input.estate.grants.iter().enumerate() {
        let Some(holder) = subjects.credential(grant.holder) else { continue };
        let removable = building.removable(&Change::RemoveGrant(place), || describe(input, grant));
        let adding = Adding { input, subjects, grant, removable };
        let held = Fact::hold(holder);
        match &grant.power {
            Power::ReadData { store, scope } => adding.read(building, held, *store, scope),
            Power::ReadSecret(secret) => {
                if let Some(secret) = subjects.credential(*secret) {
                    adding.hop(building, Variant::SecretReadable, &[held], Fact::hold(secret));
                }
            }
            Power::Assume(role) => {
                if let Some(role) = subjects.credential(*role) {
                    adding.hop(building, Variant::AssumeRole, &[held], Fact::hold(role));
                }
            }
            Power::RunCode(workload) => adding.control(building, held, *workload),
            Power::ChangeGuards(account) => adding.tamper(building, held, account),
        }
    }
}

struct Adding<'a> {
    input: &'a Input<'a>,
    subjects: &'a Subjects,
    grant: &'a Grant,
    removable: Removable,
}

impl Adding<'_> {
    fn hop(&self, building: &mut Building, variant: Variant, premises: &[Fact], conclusion: Fact) {
        self.hop_unless(building, variant, premises, conclusion, None);
    }

    /// A hop that a guard, where one is added, takes away as well.
    fn hop_unless(
        &self,
        building: &mut Building,
        variant: Variant,
        premises: &[Fact],
        conclusion: Fact,
        guard: Option<Removable>,
    ) {
        if premises.contains(&conclusion) {
            return;
        }
        let table = &self.input.options.likelihoods;
        let mut hop = Hop::new(variant, premises.iter().copied(), conclusion, table);
        hop.status = match self.grant.certainty {
            Certainty::Sure => Status::Sure,
            Certainty::Possible => Status::Possible,
        };
        hop.evidence = self.grant.evidence.iter().map(evidence_of).collect();
        let things = [self.removable].into_iter().chain(guard);
        building.graph.hop(hop.supported_by(things));
    }

    /// Data by API: from anywhere, or with code at a place that the origin guard admits.
    fn read(&self, building: &mut Building, held: Fact, store: WorkloadId, scope: &Scope) {
        let Some(data) = self.subjects.workload(store) else { return };
        let read = Fact::read(data);
        match scope {
            Scope::Anywhere => {
                let guard = self.guarded(building, held, store, data);
                self.hop_unless(building, Variant::DataApi, &[held], read, guard);
                // Who may read it from anywhere reads it outside.
                let (outside, premises) = (Fact::out(data), [held, read]);
                let variant = Variant::ExfilProviderApi;
                self.hop_unless(building, variant, &premises, outside, guard);
            }
            Scope::Only(places) => self.read_at(building, held, read, &self.admitted(places)),
        }
    }

    fn read_at(&self, building: &mut Building, held: Fact, read: Fact, at: &BTreeSet<Subject>) {
        for subject in at {
            self.hop(building, Variant::DataApi, &[held, Fact::exec(*subject)], read);
        }
    }

    /// The guard that could be added to a jewel, with what would still be possible then: to read it
    /// with code in a network that the guard admits.
    fn guarded(
        &self,
        building: &mut Building,
        held: Fact,
        store: WorkloadId,
        data: Subject,
    ) -> Option<Removable> {
        let estate = self.input.estate;
        let realms = origin::private_networks(estate, store);
        if realms.is_empty() || !self.subjects.is_jewel(data) {
            return None;
        }
        let names: Vec<Name> =
            realms.iter().map(|realm| estate.network.realms[*realm].name.clone()).collect();
        let admitted = self.admitted(&names);
        if admitted.len() > ADMITTED_MAX {
            return None;
        }
        self.read_at(building, held, Fact::read(data), &admitted);
        let name = || format!("ways past private networks to {}", estate.workloads[store].name);
        Some(building.removable(&Change::GuardOrigin(store), name))
    }

    /// The subjects with code at a place that an origin guard admits: in a network that it names,
    /// or in one from which a private endpoint that it names is routed to.
    fn admitted(&self, places: &[Name]) -> BTreeSet<Subject> {
        let network = &self.input.estate.network;
        let private = network.endpoints.values().filter(|endpoint| {
            let workload = &self.input.estate.workloads[endpoint.workload];
            workload.kind == WorkloadKind::PrivateService && places.contains(&workload.id)
        });
        let behind: BTreeSet<RealmId> =
            private.filter_map(|one| Some(network.subnets[one.subnet?].realm)).collect();
        let mut found = BTreeSet::new();
        for endpoint in network.endpoints.values() {
            let Some(subject) = self.subjects.workload(endpoint.workload) else { continue };
            let Some(subnet) = endpoint.subnet.map(|id| &network.subnets[id]) else { continue };
            if self.subjects.is_store(subject) {
                continue;
            }
            let realm = &network.realms[subnet.realm];
            let routed = subnet.table.is_some_and(|table| {
                network.tables[table].routes.iter().any(|route| match &route.hop {
                    watertight_model::network::Hop::Gateway(id) => {
                        let gateway = &network.gateways[*id];
                        matches!(gateway.kind, GatewayKind::Service { .. })
                            && places.contains(&gateway.name)
                    }
                    watertight_model::network::Hop::Local
                    | watertight_model::network::Hop::Endpoint(_)
                    | watertight_model::network::Hop::Attachment(_)
                    | watertight_model::network::Hop::Blackhole(_)
                    | watertight_model::network::Hop::Unread(_) => false,
                })
            });
            let private = behind.contains(&subnet.realm);
            let addressed = endpoint.public.iter().any(|(_, public)| {
                places.iter().any(|place| {
                    place.parse::<watertight_net::Prefix>().is_ok_and(|one| one.contains(*public))
                })
            });
            if places.contains(&realm.name) || routed || private || addressed {
                found.insert(subject);
            }
        }
        found
    }

    fn control(&self, building: &mut Building, held: Fact, workload: WorkloadId) {
        let Some(target) = self.subjects.workload(workload) else { return };
        if self.subjects.is_store(target) {
            return;
        }
        let variant = match self.input.estate.workloads[workload].kind {
            WorkloadKind::Function => Variant::ControlFunction,
            WorkloadKind::Task | WorkloadKind::Pod => Variant::ControlContainer,
            _ => Variant::ControlCommand,
        };
        self.hop(building, variant, &[held], Fact::exec(target));
    }

    /// Every leg that routes carry and guards refuse, in an account whose guards can be changed.
    ///
    /// Where legs are too many to be kept one by one, the holder counts as being wherever one begins:
    /// nothing looks better for it.
    fn tamper(&self, building: &mut Building, held: Fact, account: &Name) {
        let Some(survey) = self.input.survey else { return };
        let pairs_max = u64::try_from(self.input.options.pairs_max).unwrap_or(u64::MAX);
        let several = survey.totals().pairs > pairs_max;
        let mut opened: BTreeSet<(Option<Fact>, Fact)> = BTreeSet::new();
        for to in 0..survey.classes_len() {
            let targets: Vec<Fact> = self.changed(to, account).collect();
            if targets.is_empty() {
                continue;
            }
            let legs = survey.onto(to);
            let refused =
                legs.iter().filter(|leg| !leg.is_ungoverned() && leg.arrives().is_empty());
            for from in refused.flat_map(|leg| leg.from.clone()) {
                opened.extend(self.opened(from, &targets, several));
            }
        }
        for (code, conclusion) in opened {
            let premises: Vec<Fact> = [held].into_iter().chain(code).collect();
            self.hop(building, Variant::TamperOpen, &premises, conclusion);
        }
    }

    /// What somebody in a class gains of targets that are opened to it, and what it needs there: its
    /// own code, unless legs are too many.
    fn opened(
        &self,
        from: watertight_reach::ClassIndex,
        targets: &[Fact],
        several: bool,
    ) -> Vec<(Option<Fact>, Fact)> {
        let mut opened = Vec::new();
        for source in self.subjects.in_class(from) {
            let runs = self.input.estate.workloads[source].kind.runs_code();
            let source = self.subjects.workload(source).filter(|_| runs);
            let Some(source) = source.filter(|one| !self.subjects.is_store(*one)) else { continue };
            let code = (!several).then(|| Fact::exec(source));
            let others = targets.iter().filter(|target| target.subject != source);
            opened.extend(others.map(|target| (code, *target)));
        }
        opened
    }

    /// What is gained of a class's workloads of an account by reaching them.
    fn changed<'s>(
        &'s self,
        class: watertight_reach::ClassIndex,
        account: &'s Name,
    ) -> impl Iterator<Item = Fact> + 's {
        let workloads = self.subjects.in_class(class);
        let own = workloads
            .filter(|id| self.input.estate.workloads[*id].account.as_ref() == Some(account));
        own.filter_map(|id| self.subjects.workload(id)).map(|target| {
            if self.subjects.is_store(target) { Fact::read(target) } else { Fact::exec(target) }
        })
    }
}

pub(super) fn evidence_of(evidence: &watertight_model::Evidence) -> Evidence {
    Evidence {
        resource: evidence.resource.to_string(),
        rule: evidence.rule.to_string(),
        text: evidence.text.to_string(),
    }
}

fn describe(input: &Input<'_>, grant: &Grant) -> String {
    let estate = input.estate;
    let holder = &estate.credentials[grant.holder].name;
    match &grant.power {
        Power::ReadData { store, .. } => {
            format!("{holder} may read {}", estate.workloads[*store].name)
        }
        Power::ReadSecret(secret) => {
            format!("{holder} may read secret {}", estate.credentials[*secret].name)
        }
        Power::Assume(role) => format!("{holder} may assume {}", estate.credentials[*role].name),
        Power::RunCode(workload) => {
            format!("{holder} may run code on {}", estate.workloads[*workload].name)
        }
        Power::ChangeGuards(account) => format!("{holder} may change guards of {account}"),
    }
}
