//! Hops by the network for estates with too many pairs of classes to ask about one by one.
//!
//! The matrix tells what each class sends to another, and the rules of the guards at both ends tell
//! by which of them: a rule matches the same senders whoever asks, so that all receivers with one
//! rule share a fan. What fits no rule is asked pair by pair, as far as a limit allows, and beyond
//! it counts as standing whatever is removed, which never makes a cut look better than it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use watertight_model::Bounds;
use watertight_net::FlowSet;
use watertight_reach::{Class, ClassIndex, RuleAt};

use super::actions::{rule_name, rule_text};
use super::columns::{Columns, FlowsId};
use super::hops::{Goal, Source, goal_hop, goals};
use super::rules::{RuleId, Rules, Side, SideId};
use super::subjects::Subjects;
use super::{Building, Change, Input};
use crate::csr::{index, number};
use crate::fact::Fact;
use crate::graph::{Arm, Fan, NONE, Shared};
use crate::hop::{Evidence, Removable, Status, Variant};

/// A sender with the rules that let it out: numbers of a class and of an [`Outs`] entry.
type Sender = (u32, u32);

/// What makes hops part of one fan: their kind, and the number of the list of their senders.
type FanKey = (Variant, Status, u32);

/// What is known of whether flows meet what is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Met {
    Unasked,
    Never,
    As(Status),
}

/// A receiver of a fan: its fact, and the rule by which it lets senders in.
type Receiver = (Fact, Option<RuleId>);

/// Adds the hops of every pair of classes; gives the pairs that have to be asked one by one.
pub(super) fn add(
    input: &Input<'_>,
    subjects: &Subjects,
    building: &mut Building,
) -> BTreeSet<(ClassIndex, ClassIndex)> {
    let columns = Columns::new(input.matrix);
    let sources = sources(input, subjects);
    let rules = Rules::new(input, &sources);
    let mut work = Work {
        input,
        sources: &sources,
        columns: &columns,
        rules: &rules,
        counts: sources.iter().map(|source| members(subjects, source.as_ref())).collect(),
        met: BTreeMap::new(),
        kinds: BTreeMap::new(),
        lists: Lists::default(),
        outs: Outs::default(),
        out_peers: rules.egress_peers(),
        outs_known: HashMap::new(),
        fans: BTreeMap::new(),
        closed: vec![0; rules.len()],
        left: BTreeSet::new(),
    };
    let goals = goals(input, subjects);
    for (class, goals) in &goals {
        work.column(building, *class, goals);
    }
    let Work { lists, outs, fans, closed, left, .. } = work;
    let mut writer = Writer { input, rules: &rules, outs: &outs, arms: BTreeMap::new() };
    writer.write(building, &sources, &lists, fans);
    for (rule, pairs) in closed.into_iter().enumerate().filter(|(_, pairs)| *pairs > 0) {
        for thing in things(input, &rules, building, number(rule)) {
            *building.closed.entry(thing).or_default() += pairs;
        }
    }
    left
}

/// Who sends, by class; none for what sends nothing of its own or from outside.
fn sources(input: &Input<'_>, subjects: &Subjects) -> Vec<Option<Source>> {
    let inside = |class: &Class| matches!(class, Class::Endpoints(_));
    let classes = input.matrix.classes.iter().enumerate();
    classes
        .map(|(place, class)| inside(class).then(|| Source::of(input, subjects, place)).flatten())
        .collect()
}

/// How many workloads are behind goals.
fn receiving(goals: &[Goal]) -> u64 {
    let members: BTreeMap<_, u32> = goals.iter().map(|goal| (goal.subject, goal.members)).collect();
    members.values().map(|members| u64::from(*members)).sum()
}

/// How many workloads send.
fn members(subjects: &Subjects, source: Option<&Source>) -> u64 {
    let facts = source.map(|source| source.facts.iter());
    facts.into_iter().flatten().map(|(subject, _)| u64::from(subjects.members_of(*subject))).sum()
}

struct Work<'a> {
    input: &'a Input<'a>,
    sources: &'a [Option<Source>],
    columns: &'a Columns,
    rules: &'a Rules,
    /// How many workloads send from each class.
    counts: Vec<u64>,
    /// Whether what a pair sends meets a rule's flows and a goal's: never, perhaps or for sure.
    met: BTreeMap<(Option<u32>, u32), Vec<Met>>,
    kinds: BTreeMap<FlowSet, u32>,
    lists: Lists,
    outs: Outs,
    /// The peers of rules that let senders out.
    out_peers: BTreeSet<u32>,
    /// What lets senders out, by which of these peers mean the receiver.
    outs_known: HashMap<Vec<bool>, Rc<[u32]>>,
    fans: BTreeMap<FanKey, BTreeSet<Receiver>>,
    /// How many pairs of workloads each rule lets connect.
    closed: Vec<u64>,
    left: BTreeSet<(ClassIndex, ClassIndex)>,
}

impl Work<'_> {
    /// Adds what is sent to one class.
    fn column(&mut self, building: &mut Building, to: ClassIndex, goals: &[Goal]) {
        let flows = self.columns.dense(to);
        let receiving = receiving(goals);
        let Side::Rules(ingress) = self.rules.ingress(to) else {
            return self.leave(to, &flows);
        };
        let ways_in: Vec<Option<RuleId>> = match ingress.as_slice() {
            [] => vec![None],
            rules => rules.iter().map(|rule| Some(*rule)).collect(),
        };
        let outs = self.outs_towards(to);
        let occurring = self.columns.occurring(to);
        let mut covered = vec![false; flows.len()];
        let mut counted: Vec<u32> = Vec::new();
        for goal in goals {
            let kind = self.kind(goal);
            let (ways_in, flows) = (&ways_in, &flows);
            let (outs, occurring) = (&outs, &occurring);
            let column = Column { to, goal, kind, ways_in, flows, occurring, outs };
            if goal.key.is_some() {
                for from in 0..number(flows.len()) {
                    self.apart(building, from, &column);
                }
                continue;
            }
            for way_in in ways_in {
                let (lists, met) = self.senders(&column, *way_in);
                for (status, list) in lists {
                    let list = self.lists.number(list);
                    let key = (goal.variant, status, list);
                    self.fans.entry(key).or_default().insert((goal.conclusion, *way_in));
                }
                let mut let_in = 0;
                for from in met {
                    let_in += self.counts[index(from)];
                    if !std::mem::replace(&mut covered[index(from)], true) {
                        counted.push(from);
                    }
                }
                if let Some(rule) = way_in {
                    self.closed[index(*rule)] += let_in * receiving.max(1);
                }
            }
            if goal.members > 1 {
                self.apart(building, number(to), &column);
            }
        }
        for from in counted {
            if let Some(out) = outs.get(index(self.rules.side(from))).filter(|out| **out != NONE) {
                for rule in self.outs.rules(*out) {
                    self.closed[index(*rule)] += self.counts[index(from)] * receiving.max(1);
                }
            }
        }
        self.leave_uncovered(to, goals, &occurring, &covered);
    }

    /// For each side of senders the rules that let something out towards a class: the same towards all
    /// classes that the same peers of rules mean.
    fn outs_towards(&mut self, to: ClassIndex) -> Rc<[u32]> {
        let rules = self.rules;
        let is_meant: BTreeMap<u32, bool> =
            self.out_peers.iter().map(|peer| (*peer, rules.is_peer(*peer, to))).collect();
        let key: Vec<bool> = is_meant.values().copied().collect();
        if let Some(known) = self.outs_known.get(&key) {
            return Rc::clone(known);
        }
        let mut found = Vec::new();
        for content in rules.egress_sides() {
            let out = match content {
                Side::Rules(all) => {
                    let is_out = |rule: &&RuleId| is_meant.get(&rules.peer(**rule)) == Some(&true);
                    let meant: Vec<RuleId> = all.iter().filter(is_out).copied().collect();
                    let open = all.is_empty() || !meant.is_empty();
                    open.then(|| self.outs.number(meant))
                }
                Side::Other => None,
            };
            found.push(out.unwrap_or(NONE));
        }
        let found: Rc<[u32]> = found.into();
        self.outs_known.insert(key, Rc::clone(&found));
        found
    }

    /// The senders that a rule lets in for a goal, by status, and who of them is met.
    fn senders(
        &mut self,
        column: &Column<'_>,
        way_in: Option<RuleId>,
    ) -> (BTreeMap<Status, Vec<Sender>>, Vec<u32>) {
        let rules = self.rules;
        let (mut sure, mut possible) = (Vec::new(), Vec::new());
        let mut met = Vec::new();
        let mut own = None;
        let key = self.met_key(way_in, column);
        // Out of the map while it is read, so that nothing is looked up for each sender.
        let mut table = self.met.remove(&key).unwrap_or_default();
        let mut occurring = column.occurring.iter();
        // Most rules are about flows that most goals do not want.
        if !occurring.any(|flows| self.meets(*flows, way_in, column, &mut table).is_some()) {
            self.met.insert(key, table);
            return (BTreeMap::new(), met);
        }
        for from in rules.senders(way_in) {
            let Some(out) = column.out(rules.side(*from)) else { continue };
            if index(*from) == column.to && self.is_single(column.to) {
                own = Some((*from, out));
            }
            let flows = column.flows.get(index(*from)).copied().unwrap_or(NONE);
            match self.meets(flows, way_in, column, &mut table) {
                Some(Status::Sure) => sure.push((*from, out)),
                Some(Status::Possible) => possible.push((*from, out)),
                None => continue,
            }
            met.push(*from);
        }
        self.met.insert(key, table);
        let mut lists = BTreeMap::new();
        for (status, mut list) in [(Status::Sure, sure), (Status::Possible, possible)] {
            if list.is_empty() {
                continue;
            }
            // A class has no hop to itself by a fan; with it in the list, other classes share the
            // list.
            if let Some(own) = own
                && let Err(place) = list.binary_search(&own)
            {
                list.insert(place, own);
            }
            lists.insert(status, list);
        }
        (lists, met)
    }

    /// Whether a class has one endpoint, so that the matrix says nothing of it towards itself.
    fn is_single(&self, class: ClassIndex) -> bool {
        let class = self.input.matrix.classes.get(class);
        matches!(class, Some(Class::Endpoints(members)) if members.len() == 1)
    }

    /// What a table of what meets what is about: a rule's flows, and what a goal wants.
    fn met_key(&self, way_in: Option<RuleId>, column: &Column<'_>) -> (Option<u32>, u32) {
        (way_in.map(|rule| self.rules.flows_id(rule)), column.kind)
    }

    /// Whether flows, by their number, meet a goal by a rule.
    fn meets(
        &self,
        flows: FlowsId,
        way_in: Option<RuleId>,
        column: &Column<'_>,
        table: &mut Vec<Met>,
    ) -> Option<Status> {
        let sent = self.columns.flows(flows)?;
        let (goal, rules) = (column.goal, self.rules);
        if table.is_empty() {
            table.resize(self.columns.flows_len(), Met::Unasked);
        }
        let met = table.get_mut(index(flows))?;
        if *met == Met::Unasked {
            let wanted = match way_in {
                Some(rule) => goal.flows.intersection(rules.flows(rule)),
                None => goal.flows.clone(),
            };
            *met = if !sent.possible.intersects(&wanted) {
                Met::Never
            } else if sent.sure.intersects(&wanted) {
                Met::As(Status::Sure)
            } else {
                Met::As(Status::Possible)
            };
        }
        match met {
            Met::As(status) => Some(if goal.known { *status } else { Status::Possible }),
            Met::Unasked | Met::Never => None,
        }
    }

    /// The number of what a goal wants.
    fn kind(&mut self, goal: &Goal) -> u32 {
        let next = number(self.kinds.len());
        *self.kinds.entry(goal.flows.clone()).or_insert(next)
    }

    /// Adds hops that no fan holds: with a key, or between workloads that nothing tells apart.
    fn apart(&self, building: &mut Building, from: u32, column: &Column<'_>) {
        let goal = column.goal;
        let Some(out) = column.out(self.rules.side(from)) else { return };
        let sent = column.flows.get(index(from)).and_then(|flows| self.columns.flows(*flows));
        let (Some(sent), Some(Some(source))) = (sent, self.sources.get(index(from))) else {
            return;
        };
        for way_in in column.ways_in {
            let wanted = match way_in {
                Some(rule) if !self.rules.matches(*rule, index(from)) => continue,
                Some(rule) => goal.flows.intersection(self.rules.flows(*rule)),
                None => goal.flows.clone(),
            };
            if !sent.possible.intersects(&wanted) {
                continue;
            }
            let mut things = |rule: &RuleId| things(self.input, self.rules, building, *rule);
            let inward: BTreeSet<Removable> = way_in.iter().flat_map(&mut things).collect();
            let mut support: Vec<BTreeSet<Removable>> = Vec::new();
            for out in self.outs.rules(out) {
                support.push(inward.union(&things(out)).copied().collect());
            }
            if support.is_empty() && !inward.is_empty() {
                support.push(inward);
            }
            for (subject, premise) in &source.facts {
                let itself = *subject == goal.subject;
                let wanted_itself = goal.key.is_none();
                if itself != wanted_itself || (itself && goal.members == 1) {
                    continue;
                }
                let sure = sent.sure.intersects(&wanted);
                let mut hop = goal_hop(self.input, goal, *premise, sure);
                hop.support.clone_from(&support);
                building.graph.hop(hop);
            }
        }
    }

    /// Leaves every pair towards a class to be asked.
    fn leave(&mut self, to: ClassIndex, flows: &[FlowsId]) {
        for (from, flows) in flows.iter().enumerate() {
            if self.columns.flows(*flows).is_some() {
                self.left.insert((from, to));
            }
        }
    }

    /// Leaves those pairs to be asked that no rule accounts for.
    fn leave_uncovered(
        &mut self,
        to: ClassIndex,
        goals: &[Goal],
        occurring: &[FlowsId],
        covered: &[bool],
    ) {
        for goal in goals.iter().filter(|goal| goal.key.is_none()) {
            let kind = self.kind(goal);
            let (ways_in, flows, outs) = (&[], &[], &[]);
            let column = Column { to, goal, kind, ways_in, flows, occurring, outs };
            let key = self.met_key(None, &column);
            let mut table = self.met.remove(&key).unwrap_or_default();
            for (senders, flows) in self.columns.runs(to) {
                if self.meets(flows, None, &column, &mut table).is_none() {
                    continue;
                }
                let uncovered = senders.filter(|from| !covered.get(*from).is_none_or(|one| *one));
                let asked = uncovered.filter(|from| *from != to).map(|from| (from, to));
                self.left.extend(asked);
            }
            self.met.insert(key, table);
        }
    }
}

/// What is sent to one class, and what it would be good for.
struct Column<'c> {
    to: ClassIndex,
    goal: &'c Goal,
    /// The number of what the goal wants.
    kind: u32,
    ways_in: &'c [Option<RuleId>],
    flows: &'c [FlowsId],
    /// The numbers among these, each once.
    occurring: &'c [FlowsId],
    /// By the number of their guards, the rules that let senders out; [`NONE`] where none does.
    outs: &'c [u32],
}

impl Column<'_> {
    /// The rules that let senders with some guards out.
    fn out(&self, side: SideId) -> Option<u32> {
        self.outs.get(index(side)).copied().filter(|out| *out != NONE)
    }
}

/// Lists of senders, each once.
#[derive(Default)]
struct Lists {
    lists: Vec<Vec<Sender>>,
    /// By a sum of what is in them: they are long, and looked up for every rule of every receiver.
    by_sum: HashMap<u64, Vec<u32>>,
}

impl Lists {
    fn number(&mut self, list: Vec<Sender>) -> u32 {
        let alike = self.by_sum.entry(sum(&list)).or_default();
        let known = alike.iter().find(|known| self.lists.get(index(**known)) == Some(&list));
        if let Some(known) = known {
            return *known;
        }
        let next = number(self.lists.len());
        self.lists.push(list);
        alike.push(next);
        next
    }
}

/// A number that lists of other senders seldom share.
fn sum(list: &[Sender]) -> u64 {
    list.iter().fold(0, |sum: u64, (class, out)| {
        let one = u64::from(*class) << 32 | u64::from(*out);
        (sum.rotate_left(5) ^ one).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

/// Sets of rules that let senders out, each once.
#[derive(Default)]
struct Outs {
    sets: Vec<Vec<RuleId>>,
    numbers: BTreeMap<Vec<RuleId>, u32>,
}

impl Outs {
    fn number(&mut self, rules: Vec<RuleId>) -> u32 {
        let next = number(self.sets.len());
        let known = *self.numbers.entry(rules.clone()).or_insert(next);
        if known == next {
            self.sets.push(rules);
        }
        known
    }

    fn rules(&self, set: u32) -> &[RuleId] {
        self.sets.get(index(set)).map_or(&[], Vec::as_slice)
    }
}

/// Writes fans into a graph.
struct Writer<'a> {
    input: &'a Input<'a>,
    rules: &'a Rules,
    outs: &'a Outs,
    arms: BTreeMap<Vec<RuleId>, Shared>,
}

impl Writer<'_> {
    fn write(
        &mut self,
        building: &mut Building,
        sources: &[Option<Source>],
        lists: &Lists,
        fans: BTreeMap<FanKey, BTreeSet<Receiver>>,
    ) {
        for ((variant, status, list), receivers) in fans {
            let mut senders = Vec::new();
            for (class, out) in &lists.lists[index(list)] {
                let Some(Some(source)) = sources.get(index(*class)) else { continue };
                let shared = self.share(building, self.outs.rules(*out).to_vec());
                senders.extend(source.facts.iter().map(|(_, fact)| Arm { fact: *fact, shared }));
            }
            let mut targets = Vec::new();
            for (fact, rule) in receivers {
                let shared = self.share(building, rule.into_iter().collect());
                targets.push(Arm { fact, shared });
            }
            let likelihood = self.input.options.likelihoods.get(variant);
            building.graph.fan(Fan { variant, likelihood, status, sources: senders, targets });
        }
    }

    /// What arms have in common that stand while one of some rules does.
    fn share(&mut self, building: &mut Building, rules: Vec<RuleId>) -> Shared {
        if let Some(known) = self.arms.get(&rules) {
            return *known;
        }
        let mut evidence = Vec::new();
        let mut support = Vec::new();
        for rule in &rules {
            for at in self.rules.at(*rule) {
                let one = Evidence {
                    resource: self.input.estate.network.guards[at.guard].name.to_string(),
                    rule: rule_name(self.input, *at),
                    text: rule_text(self.input, *at),
                };
                if !evidence.contains(&one) {
                    evidence.push(one);
                }
            }
            support.push(things(self.input, self.rules, building, *rule));
        }
        let shared = building.graph.share(evidence, support);
        self.arms.insert(rules, shared);
        shared
    }
}

/// What can be taken away of a way: each of its rules closes it, but for those that nobody wrote.
fn things(
    input: &Input<'_>,
    rules: &Rules,
    building: &mut Building,
    rule: RuleId,
) -> BTreeSet<Removable> {
    let written = |at: &&RuleAt| input.estate.network.guards[at.guard].is_written();
    let removable =
        |at: &RuleAt| building.removable(&Change::RemoveRule(*at), || rule_text(input, *at));
    rules.at(rule).iter().filter(written).map(removable).collect()
}

/// What is sent, for comparisons.
pub(super) type Sent = Bounds<FlowSet>;
