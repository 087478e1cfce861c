//! What an editor shows about a place in a policy's text: whom it selects, and what it decides.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Name, Truth};
use watertight_source::{FileId, Span};

use crate::checked::{CheckedPolicy, End, Peer, Segment, SelectorId, ShareOf, Tier};
use crate::decide::World;
use crate::decide::labels::{Known, Labelled, labels_of, look};
use crate::syntax::{Action, Mode};

/// How many names are listed.
const NAMED_MAX: usize = 12;

/// A text about a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hover {
    /// What the text is about.
    pub span: Span,
    /// Sentences for people.
    pub text: String,
}

/// The workloads of an estate, those with the same labels together. It stays as it is as long as the labelings
/// and the estate do.
#[derive(Clone, Debug)]
pub struct Labels(Vec<(Labelled, Vec<usize>)>);

impl Labels {
    /// Asks the labelings of a policy about every workload.
    pub fn new(policy: &CheckedPolicy, world: &World) -> Self {
        let mut same: BTreeMap<Labelled, Vec<usize>> = BTreeMap::new();
        for (place, member) in world.workloads.iter().enumerate() {
            same.entry(labels_of(policy, member)).or_default().push(place);
        }
        Self(same.into_iter().collect())
    }

    /// The labels that there are, each with its values.
    pub fn known(&self) -> BTreeMap<Name, BTreeSet<Name>> {
        let mut known: BTreeMap<Name, BTreeSet<Name>> = BTreeMap::new();
        for (key, label) in self.0.iter().flat_map(|(labels, _)| labels) {
            let values = known.entry(key.clone()).or_default();
            if let Known::Value(value) = &label.value {
                values.insert(value.clone());
            }
        }
        known
    }
}

/// What stands at a place: the narrowest of peer, rule and segment; `None` where nothing of these
/// does. The policy need hold no more than [`Documents::around`](crate::Documents::around) the place.
pub fn hover(
    policy: &CheckedPolicy,
    estate: Option<(&World, &Labels)>,
    (file, offset): (FileId, u32),
) -> Option<Hover> {
    let holds = |span: Span| span.file == file && span.start <= offset && offset <= span.end;
    let estate = estate.map(|(world, labels)| Estate { policy, world, labels });
    let all = policy;
    for policy in &all.policies {
        if let Some(rule) = policy.rules.iter().find(|rule| holds(rule.span)) {
            let peers = rule.from.iter().chain(&rule.to).chain(&rule.through);
            if let Some(peer) = peers.clone().find(|peer| holds(peer.span)) {
                return Some(Hover { span: peer.span, text: of_peer(peer, estate.as_ref()) });
            }
            let binds = match policy.mode {
                Mode::Disabled => "It is disabled and takes part in nothing.",
                Mode::Monitor => "It is in monitor: it is reported on and binds nobody.",
                Mode::Enforce => "It is enforced where a segment that is enforced holds an end.",
            };
            let asked = match (policy.tier, rule.action) {
                (Tier::Guardrail, Action::Pass) => "leaves what it matches to the standard tier",
                (Tier::Guardrail, _) => "decides before the standard tier, in order",
                (Tier::Standard, Action::Deny) => "goes before every allow of the standard tier",
                (Tier::Standard, _) => "decides where no denial of the tier matches",
                (Tier::Baseline, _) => "decides where nothing before it did, in order",
            };
            let mut text = format!("This {} of `{}` {asked}. {binds}", rule.action, policy.name);
            if let Some(estate) = &estate {
                let [from, to] = [&rule.from, &rule.to].map(|peers| estate.of_peers(peers).len());
                text = format!(
                    "{text}\n\nIn the estate: {from} of its workloads as sources, {to} as destinations."
                );
            }
            return Some(Hover { span: rule.span, text });
        }
    }
    let segments = all.segments.iter();
    let mut spans = segments.filter_map(|segment| Some((segment, segment.span?)));
    let (segment, span) = spans.find(|(_, span)| holds(*span))?;
    let mut text = format!(
        "The segment `{}` is in {}. What no rule decides: ingress {}, egress {}, intra {}.",
        segment.name, segment.mode, segment.ingress, segment.egress, segment.intra
    );
    if let Some(share) = segment.enforced_share() {
        text = format!("{text} A share of it is enforced: {share}; the rest stays as in monitor.");
    }
    if let Some(estate) = &estate {
        let members = estate.of(&[segment.members]);
        text = format!("{text}\n\n{}", estate.told(&members));
        if let Some(share) = segment.enforced_share() {
            let held = estate.shared(&members, segment, share);
            text = format!("{text}\n\nIn the share: {}", estate.told(&held));
        }
    }
    Some(Hover { span, text })
}

fn of_peer(peer: &Peer, estate: Option<&Estate<'_>>) -> String {
    match (&peer.end, estate) {
        (End::Any, _) => String::from("Everything, inside and outside."),
        (End::Internet, _) => String::from(
            "Public addresses, without those of the estate's workloads and of providers' services.",
        ),
        (End::Conditions(conditions), Some(estate)) if conditions.workloads.is_some() => {
            estate.told(&estate.of_peers(std::slice::from_ref(peer)))
        }
        (End::Conditions(conditions), None) if conditions.workloads.is_some() => {
            String::from("Workloads. Which ones is told with an estate.")
        }
        _ => String::from("An address, a name, a person or a service outside of the selectors."),
    }
}

/// The workloads of an estate with their labels.
struct Estate<'l> {
    policy: &'l CheckedPolicy,
    world: &'l World,
    labels: &'l Labels,
}

impl Estate<'_> {
    /// Who is, or may be, in one of these sets.
    fn of(&self, ids: &[SelectorId]) -> BTreeSet<usize> {
        let parts = self.policy.parts_of(ids);
        let mut all = BTreeSet::new();
        for (labels, workloads) in &self.labels.0 {
            let truths = self.policy.memberships_among(&parts, &|key: &Name| look(labels, key));
            if ids.iter().any(|id| truths.get(id).is_some_and(|one| *one != Truth::No)) {
                all.extend(workloads);
            }
        }
        all
    }

    fn of_peers(&self, peers: &[Peer]) -> BTreeSet<usize> {
        let mut ids = Vec::new();
        for peer in peers {
            match &peer.end {
                End::Any => return (0..self.world.workloads.len()).collect(),
                End::Conditions(conditions) => ids.extend(conditions.workloads),
                End::Internet => {}
            }
        }
        if ids.is_empty() { BTreeSet::new() } else { self.of(&ids) }
    }

    /// Those of some workloads whom a share of a segment holds, or may.
    fn shared(
        &self,
        among: &BTreeSet<usize>,
        segment: &Segment,
        share: &ShareOf,
    ) -> BTreeSet<usize> {
        let mut held = BTreeSet::new();
        for (labels, workloads) in &self.labels.0 {
            for place in workloads.iter().filter(|place| among.contains(*place)) {
                let Some(member) = self.world.workloads.get(*place) else { continue };
                let label = |key: &Name| look(labels, key);
                if share.holds((&segment.name, &member.id), &label) != Truth::No {
                    held.insert(*place);
                }
            }
        }
        held
    }

    fn told(&self, workloads: &BTreeSet<usize>) -> String {
        let (count, of) = (workloads.len(), self.world.workloads.len());
        let named =
            workloads.iter().take(NAMED_MAX).filter_map(|one| self.world.workloads.get(*one));
        let names: Vec<String> = named.map(|member| format!("`{}`", member.name)).collect();
        let more = count.saturating_sub(names.len());
        match (count, more) {
            (0, _) => format!("None of the estate's {of} workloads."),
            (_, 0) => format!("{count} of {of} workloads: {}.", names.join(", ")),
            _ => format!("{count} of {of} workloads: {}, and {more} more.", names.join(", ")),
        }
    }
}
