//! The draft: a segment around whatever the cut protects, the rules that keep what goes on, and what
//! must hold then.
//!
//! A segment denies what comes in and no rule allows. Rules allow what connects today and the cut
//! leaves, and nothing that it closes: where it closes for one workload of a group what it leaves to
//! another, workloads are named one by one. What it closes stands in policies that are disabled: the
//! cut knows nothing of what is needed, and whoever does can turn a policy on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use watertight_model::{Estate, Name, WorkloadId};
use watertight_net::{FlowSet, Prefix};

use super::groups::{Group, Groups, named};
use super::over::clauses;
use super::paths::{From, Paths, Sent};

/// The longest name of the language.
const NAME_MAX: usize = 63;

/// A draft.
pub(super) struct Draft {
    documents: Vec<Value>,
    pub(super) segments: usize,
    pub(super) rules: usize,
    pub(super) assertions: usize,
    /// The workloads that the segments hold.
    pub(super) held: BTreeSet<WorkloadId>,
    /// What the draft says nothing about, and why.
    pub(super) left_out: Vec<String>,
}

/// Who opens connections, as the draft names them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    Group(Group),
    One(WorkloadId),
    Internet,
    Addresses(Vec<Prefix>),
}

/// What may go on between two sides: the peers of each, and the flows.
type Kept = BTreeMap<(Peer, Peer), FlowSet>;

struct Drafting<'a> {
    paths: &'a Paths,
    groups: Groups<'a>,
    names: BTreeSet<String>,
    draft: Draft,
}

impl Draft {
    /// Drafts segments `by` a label, without those of groups that hold one of some workloads: rules do not keep all that
    /// connects to them.
    pub(super) fn new(
        estate: &Estate,
        paths: &Paths,
        (by, without): (&Name, &BTreeSet<WorkloadId>),
    ) -> Self {
        let draft = Self {
            documents: Vec::new(),
            segments: 0,
            rules: 0,
            assertions: 0,
            held: BTreeSet::new(),
            left_out: Vec::new(),
        };
        let groups = Groups::by(estate, by);
        let mut drafting = Drafting { paths, groups, names: BTreeSet::new(), draft };
        let targets: BTreeSet<Group> =
            paths.sent.keys().map(|target| drafting.groups.group(*target)).collect();
        for target in &targets {
            if drafting.groups.members(target).any(|one| without.contains(&one)) {
                let words = drafting.groups.words(target);
                let line = format!("{words}: rules do not keep all that connects there");
                drafting.draft.left_out.push(line);
                continue;
            }
            drafting.segment(target);
        }
        drafting.draft
    }

    /// Leaves assertions out.
    pub(super) fn leave_out(&mut self, assertions: &BTreeSet<Name>) {
        for name in assertions {
            let is_it = |one: &Value| {
                one["kind"] == "Assertion" && one["metadata"]["name"].as_str() == Some(name)
            };
            self.documents.retain(|one| !is_it(one));
            self.assertions = self.assertions.saturating_sub(1);
            self.left_out.push(format!("the assertion {name}: it is not known to hold"));
        }
    }

    /// The text, document by document; not yet in its form.
    pub(super) fn text(&self) -> String {
        let each = self.documents.iter().map(Value::to_string);
        each.collect::<Vec<String>>().join("\n---\n")
    }
}

impl Drafting<'_> {
    /// A name that nothing else has.
    fn name(&mut self, wanted: &str) -> String {
        let mut name = named(wanted);
        let mut number = 2;
        while !self.names.insert(name.clone()) {
            let end = format!("-{number}");
            let start: String =
                named(wanted).chars().take(NAME_MAX.saturating_sub(end.len())).collect();
            name = format!("{start}{end}");
            number += 1;
        }
        name
    }

    /// The segment of a group, its rules and what must hold about it.
    fn segment(&mut self, target: &Group) {
        let Some(selector) = self.groups.selector(target) else {
            let words = self.groups.words(target);
            let label = self.groups.label();
            let line =
                format!("{words}: it has no label `{label}` by which a segment could hold it");
            self.draft.left_out.push(line);
            return;
        };
        let members: BTreeSet<WorkloadId> = self.groups.members(target).collect();
        if let Some(one) = members.iter().find(|one| self.groups.is_unaddressed(**one)) {
            let words = self.groups.words(target);
            let line =
                format!("{words}: not every address of {} is known", self.groups.title(*one));
            self.draft.left_out.push(line);
            return;
        }
        let is_jewel = members.iter().any(|one| self.paths.jewels.contains(one));
        let own = self.groups.name(target);
        let name = self.name(&own);
        let mut spec = json!({
            "members": selector,
            "mode": "monitor",
            "defaults": { "ingress": "deny", "egress": "allow", "intra": "deny" },
        });
        if is_jewel {
            spec["criticality"] = json!("crown-jewel");
        }
        let description = self.why(&members);
        self.document("Segment", &name, &description, spec);
        self.draft.segments += 1;
        self.draft.held.extend(&members);
        let kept = self.kept(target, &members);
        for ((to, flows), from) in by_target(&kept) {
            self.rule(target, &name, (&from, &to), (&flows, "monitor"));
        }
        for ((to, flows), from) in by_target(&self.closed(target, &members)) {
            self.rule(target, &name, (&from, &to), (&flows, "disabled"));
        }
        self.assertion(&name, kept.keys().map(|(from, _)| from).collect());
    }

    /// What the cut closes, group by group.
    fn closed(&self, target: &Group, members: &BTreeSet<WorkloadId>) -> Kept {
        let mut closed = Kept::new();
        for (from, sent) in members.iter().filter_map(|to| self.paths.sent.get(to)).flatten() {
            if !sent.closed.is_empty() {
                let key = (self.source(from), Peer::Group(target.clone()));
                let known = closed.entry(key).or_insert_with(FlowSet::none);
                *known = known.union(&sent.closed);
            }
        }
        closed
    }

    /// Who opens connections, as a group.
    fn source(&self, from: &From) -> Peer {
        match from {
            From::Workload(id) => Peer::Group(self.groups.group(*id)),
            From::Internet(_) => Peer::Internet,
            From::Outside(prefixes) => Peer::Addresses(prefixes.clone()),
        }
    }

    /// Why there is a segment: the actions of the cut that close something in it, and a chain.
    fn why(&self, members: &BTreeSet<WorkloadId>) -> String {
        let closers = members.iter().filter_map(|one| self.paths.closers.get(one)).flatten();
        let closers: BTreeSet<usize> = closers.copied().collect();
        let actions = closers.into_iter().filter_map(|place| self.paths.actions.get(place));
        let actions: Vec<&str> = actions.map(String::as_str).collect();
        let chain = members.iter().find_map(|one| self.paths.chains.get(one));
        let mut text = match actions[..] {
            [] if members.iter().any(|one| self.paths.jewels.contains(one)) => {
                "A crown jewel.".to_owned()
            }
            [] => "The cut set closes nothing here.".to_owned(),
            _ => format!("Closes what the cut set closes: {}.", actions.join("; ")),
        };
        if let Some(chain) = chain {
            // Writing to a String cannot fail.
            let _written = write!(text, " On the chain {chain}.");
        }
        text
    }

    fn document(&mut self, kind: &str, name: &str, description: &str, spec: Value) {
        self.draft.documents.push(json!({
            "apiVersion": watertight_policy::API_VERSION,
            "kind": kind,
            "metadata": { "name": name, "description": one_line(description) },
            "spec": spec,
        }));
    }

    /// What goes on, group by group where that opens nothing that is closed.
    fn kept(&mut self, target: &Group, members: &BTreeSet<WorkloadId>) -> Kept {
        let mut by_source: BTreeMap<Peer, Vec<(WorkloadId, From, Sent)>> = BTreeMap::new();
        for to in members {
            for (from, sent) in self.paths.sent.get(to).into_iter().flatten() {
                by_source.entry(self.source(from)).or_default().push((
                    *to,
                    from.clone(),
                    sent.clone(),
                ));
            }
        }
        let mut kept = Kept::new();
        for (peer, all) in by_source {
            let union = |of: &dyn Fn(&Sent) -> &FlowSet| {
                all.iter().fold(FlowSet::none(), |sum, (_, _, sent)| sum.union(of(sent)))
            };
            let open = union(&|sent| &sent.kept);
            let closed = union(&|sent| &sent.closed);
            let apart = open.intersection(&closed);
            // A part of the internet that sends nothing is no reason to keep it out: the others may.
            let common = open.difference(&closed);
            if !common.is_empty() && self.is_whole(&peer, &all, &common) {
                kept.insert((peer.clone(), Peer::Group(target.clone())), common);
                one_by_one(&all, &apart, &mut kept);
            } else {
                one_by_one(&all, &open, &mut kept);
            }
        }
        kept
    }

    /// Whether a peer may be named as a whole: of the internet, every part must send the same.
    fn is_whole(&self, peer: &Peer, all: &[(WorkloadId, From, Sent)], flows: &FlowSet) -> bool {
        if *peer != Peer::Internet {
            return true;
        }
        let parts: BTreeSet<&Vec<Prefix>> = all
            .iter()
            .filter(|(_, _, sent)| sent.kept.contains(flows))
            .filter_map(|(_, from, _)| match from {
                From::Internet(prefixes) => Some(prefixes),
                From::Workload(_) | From::Outside(_) => None,
            })
            .collect();
        parts.len() == self.paths.internet.len()
    }

    /// A peer in the language; nothing where its addresses are not known.
    fn peer(&self, peer: &Peer) -> Option<Value> {
        match peer {
            Peer::Group(group) => self.groups.peer(group),
            Peer::One(id) => self.groups.alone(*id),
            Peer::Internet => Some(json!("internet")),
            Peer::Addresses(prefixes) => {
                let prefixes: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
                Some(json!({ "addresses": prefixes }))
            }
        }
    }

    fn words(&self, peer: &Peer) -> String {
        match peer {
            Peer::Group(group) => self.groups.words(group),
            Peer::One(id) => self.groups.title(*id),
            Peer::Internet => "the internet".to_owned(),
            Peer::Addresses(prefixes) => {
                let first = prefixes.first().map(ToString::to_string).unwrap_or_default();
                match prefixes.len() {
                    1 => first,
                    number => format!("{first} and {} more prefixes", number.saturating_sub(1)),
                }
            }
        }
    }

    /// A policy of one rule, which says where it comes from.
    fn rule(
        &mut self,
        target: &Group,
        segment: &str,
        (from, to): (&[Peer], &Peer),
        (flows, mode): (&FlowSet, &str),
    ) {
        let words: Vec<String> = from.iter().map(|one| self.words(one)).collect();
        let told = format!("{} to {} over {flows}", words.join(", "), self.words(to));
        let to = match to {
            Peer::Group(group) if group == target => Some(json!({ "segment": segment })),
            other => self.peer(other),
        };
        let peers: Vec<Value> = from.iter().filter_map(|one| self.peer(one)).collect();
        for (one, words) in from.iter().zip(&words) {
            if self.peer(one).is_none() && mode != "disabled" {
                let line =
                    format!("{words} to {segment} over {flows}: its addresses are not known");
                self.draft.left_out.push(line);
            }
        }
        let Some(to) = to.filter(|_| !peers.is_empty()) else { return };
        let over = clauses(flows);
        if over.as_ref().is_some_and(Vec::is_empty) {
            let line = format!("{told}: no policy speaks of port 0");
            self.draft.left_out.push(line);
            return;
        }
        let mut rule = Map::new();
        rule.insert("action".to_owned(), json!("allow"));
        rule.insert("from".to_owned(), Value::Array(peers));
        rule.insert("to".to_owned(), json!([to]));
        if let Some(over) = over {
            rule.insert("over".to_owned(), Value::Array(over));
        }
        let (name, description) = match mode {
            "disabled" => (
                self.name(&format!("{segment}-closed")),
                format!(
                    "Connects today, and the cut set closes it: {told}. Set the mode to monitor if it is needed."
                ),
            ),
            _ => (
                self.name(&format!("{segment}-kept")),
                format!("Connects today, and the cut set leaves it: {told}."),
            ),
        };
        let spec = json!({ "tier": "standard", "mode": mode, "rules": [rule] });
        self.document("Policy", &name, &description, spec);
        self.draft.rules += 1;
    }

    /// Nothing but what the rules name reaches the segment.
    fn assertion(&mut self, segment: &str, peers: BTreeSet<&Peer>) {
        let from: Vec<Value> = peers.into_iter().filter_map(|peer| self.peer(peer)).collect();
        let to = json!([{ "segment": segment }]);
        let name = self.name(&format!("{segment}-only-from"));
        let (description, spec) = if from.is_empty() {
            let claim = json!({ "from": ["any"], "to": to });
            let text =
                format!("Nothing reaches the segment {segment}: the cut set leaves nothing.");
            (text, json!({ "never": claim, "reach": "direct" }))
        } else {
            let text = format!(
                "What the rules of the segment {segment} name reaches it, and nothing else."
            );
            (text, json!({ "onlyFrom": { "from": from, "to": to }, "reach": "direct" }))
        };
        self.document("Assertion", &name, &description, spec);
        self.draft.assertions += 1;
    }
}

/// What goes on by who accepts it and what is sent.
fn by_target(kept: &Kept) -> BTreeMap<(Peer, FlowSet), Vec<Peer>> {
    let mut found: BTreeMap<(Peer, FlowSet), Vec<Peer>> = BTreeMap::new();
    for ((from, to), flows) in kept {
        found.entry((to.clone(), flows.clone())).or_default().push(from.clone());
    }
    found
}

/// Text on one line: names come from whoever may write a tag.
fn one_line(text: &str) -> String {
    crate::text::one_line(text)
}

/// Names the ends of some flows one by one.
fn one_by_one(all: &[(WorkloadId, From, Sent)], flows: &FlowSet, kept: &mut Kept) {
    for (to, from, sent) in all {
        let flows = sent.kept.intersection(flows);
        if flows.is_empty() {
            continue;
        }
        let from = match from {
            From::Workload(id) => Peer::One(*id),
            From::Internet(prefixes) | From::Outside(prefixes) => Peer::Addresses(prefixes.clone()),
        };
        let known = kept.entry((from, Peer::One(*to))).or_insert_with(FlowSet::none);
        *known = known.union(&flows);
    }
}
