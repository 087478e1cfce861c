//! What an editor shows about a place in a policy's text: whom it selects, and what it decides.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Name, Truth};
use watertight_source::{FileId, Span};

use crate::checked::{End, Peer, SelectorId, Tier};
use crate::decide::World;
use crate::decide::labels::{Known, Labelled, labels_of, look};
use crate::lint::Linted;
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

/// What stands at a place: the narrowest of peer, rule and segment; `None` where nothing of these
/// does.
pub fn hover(linted: &Linted<'_>, file: FileId, offset: u32) -> Option<Hover> {
    let holds = |span: Span| span.file == file && span.start <= offset && offset <= span.end;
    let estate = linted.world.map(|world| Estate::new(linted, world));
    for policy in &linted.policy.policies {
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
    let segments = linted.policy.segments.iter();
    let mut spans = segments.filter_map(|segment| Some((segment, segment.span?)));
    let (segment, span) = spans.find(|(_, span)| holds(*span))?;
    let mut text = format!(
        "The segment `{}` is in {}. What no rule decides: ingress {}, egress {}, intra {}.",
        segment.name, segment.mode, segment.ingress, segment.egress, segment.intra
    );
    if let Some(estate) = &estate {
        text.push_str("\n\n");
        text.push_str(&estate.told(&estate.of(segment.members)));
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
    world: &'l World,
    classes: Vec<(Vec<Truth>, Vec<usize>)>,
}

impl<'l> Estate<'l> {
    fn new(linted: &Linted<'_>, world: &'l World) -> Self {
        let mut same: BTreeMap<Labelled, Vec<usize>> = BTreeMap::new();
        for (place, member) in world.workloads.iter().enumerate() {
            same.entry(labels_of(linted.policy, member)).or_default().push(place);
        }
        let classes = same.into_iter().map(|(labels, workloads)| {
            (linted.policy.memberships_where(&|key: &Name| look(&labels, key)), workloads)
        });
        Self { world, classes: classes.collect() }
    }

    fn of(&self, id: SelectorId) -> BTreeSet<usize> {
        let holds = |truths: &[Truth]| truths.get(id.index()).is_some_and(|one| *one != Truth::No);
        let found = self.classes.iter().filter(|(truths, _)| holds(truths));
        found.flat_map(|(_, workloads)| workloads).copied().collect()
    }

    fn of_peers(&self, peers: &[Peer]) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        for peer in peers {
            match &peer.end {
                End::Any => all.extend(0..self.world.workloads.len()),
                End::Conditions(conditions) => {
                    all.extend(conditions.workloads.iter().flat_map(|id| self.of(*id)));
                }
                End::Internet => {}
            }
        }
        all
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

/// The labels that workloads of an estate have, each with its values.
pub fn known_labels(linted: &Linted<'_>) -> BTreeMap<Name, BTreeSet<Name>> {
    let mut known: BTreeMap<Name, BTreeSet<Name>> = BTreeMap::new();
    for member in linted.world.iter().flat_map(|world| &world.workloads) {
        for (key, label) in labels_of(linted.policy, member) {
            let values = known.entry(key).or_default();
            if let Known::Value(value) = label.value {
                values.insert(value);
            }
        }
    }
    known
}
