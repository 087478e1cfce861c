//! Hops by the network for estates with too many pairs of classes to ask about one by one.
//!
//! The matrix tells what each class sends to another, and the rules of the guards at both ends tell
//! by which of them: a rule matches the same senders whoever asks, so that all receivers with one
//! rule share a fan. What fits no rule is asked pair by pair, as far as a limit allows, and beyond
//! it counts as standing whatever is removed, which never makes a cut look better than it is.
//!
//! Senders are never gone through for a receiver: whom a rule means and who is let out is one list for
//! all receivers of whom that holds, and what they send is told by runs of classes, so that what is
//! worked out are stretches of such a list.

mod candidates;
mod lists;
mod writer;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use watertight_model::Bounds;
use watertight_net::FlowSet;
use watertight_reach::{Class, ClassIndex, RuleAt};

use super::actions::rule_text;
use super::columns::{Columns, FlowsId, Run};
use super::hops::{Goal, Source, goal_hop};
use super::rules::{RuleId, Rules, Side, SideId};
use super::subjects::Subjects;
use super::{Building, Change, Input};
use crate::csr::{index, number};
use crate::fact::Fact;
use crate::graph::NONE;
use crate::hop::{Removable, Status, Variant};
use candidates::{Admitted, Candidates, Stretch, joined, outside, with_place};
use lists::{Lists, Outs};
use writer::Writer;

/// What makes hops part of one fan: their kind, and the number of the list of their senders.
type FanKey = (Variant, Status, u32);

/// A receiver of a fan: its fact, and the rule by which it lets senders in.
type Receiver = (Fact, Option<RuleId>);

/// Whether what a pair sends meets what is wanted, by the number of what is sent.
struct Wanted {
    /// What is wanted.
    flows: FlowSet,
    met: Vec<Met>,
}

/// What is known of whether flows meet what is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Met {
    Unasked,
    Never,
    As(Status),
}

/// Adds the hops of every pair of classes; gives the pairs that have to be asked one by one.
pub(super) fn add(
    input: &Input<'_>,
    subjects: &Subjects,
    goals: &BTreeMap<ClassIndex, Vec<Goal>>,
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
        wanted: HashMap::new(),
        kinds: BTreeMap::new(),
        lists: Lists::default(),
        outs: Outs::default(),
        meant: rules.peers_let_out_to(),
        towards: Vec::new(),
        towards_known: HashMap::new(),
        candidates: HashMap::new(),
        kept: 0,
        fans: BTreeMap::new(),
        closed: vec![0; rules.len()],
        left: BTreeSet::new(),
    };
    for (class, goals) in goals {
        work.column(building, *class, goals);
    }
    work.close_outs();
    let Work { lists, outs, fans, closed, left, .. } = work;
    Writer::new(input, &rules, &outs).write(building, &sources, &lists, fans);
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

/// What lets senders out towards some receivers.
struct Towards {
    /// By the number of their guards, the rules that let senders out; [`NONE`] where none does.
    outs: Rc<[u32]>,
    /// How many workloads are reached from each class, as what each has more than the one before;
    /// nothing where none is.
    reached: Vec<u64>,
}

struct Work<'a> {
    input: &'a Input<'a>,
    sources: &'a [Option<Source>],
    columns: &'a Columns,
    rules: &'a Rules,
    /// How many workloads send from each class.
    counts: Vec<u64>,
    /// What rules and goals want, by the numbers of the flows of both.
    wanted: HashMap<(Option<u32>, u32), Wanted>,
    kinds: BTreeMap<FlowSet, u32>,
    lists: Lists,
    outs: Outs,
    /// For each class the peers of rules that let senders out to it.
    meant: Vec<Vec<u32>>,
    towards: Vec<Towards>,
    /// The same by which of these peers mean the receiver.
    towards_known: HashMap<Vec<u32>, u32>,
    /// Whom a rule means, by the number of its peers, and who is let out.
    candidates: HashMap<(Option<u32>, u32), Candidates>,
    /// How many senders are in these lists.
    kept: usize,
    fans: BTreeMap<FanKey, BTreeSet<Receiver>>,
    /// How many pairs of workloads each rule lets connect.
    closed: Vec<u64>,
    left: BTreeSet<(ClassIndex, ClassIndex)>,
}

impl Work<'_> {
    /// Adds what is sent to one class.
    fn column(&mut self, building: &mut Building, to: ClassIndex, goals: &[Goal]) {
        let rules = self.rules;
        let Some(ingress) = rules.ingress(to) else { return self.leave(to) };
        let receiving = receiving(goals).max(1);
        let only = [None];
        let some: Vec<Option<RuleId>> = ingress.iter().map(|rule| Some(*rule)).collect();
        let ways_in: &[Option<RuleId>] = if some.is_empty() { &only } else { &some };
        let towards = self.towards(to);
        let outs = self.towards.get(index(towards)).map(|one| Rc::clone(&one.outs));
        let outs = outs.unwrap_or_default();
        let runs = self.columns.runs(to);
        let mut covered: Vec<Stretch> = Vec::new();
        for goal in goals {
            let kind = self.kind(goal);
            let column = Column { to, goal, kind, ways_in, runs, outs: &outs };
            if goal.key.is_some() {
                for run in runs {
                    (run.start..run.end).for_each(|from| self.apart(building, from, &column));
                }
                continue;
            }
            for way_in in ways_in {
                let let_in = self.let_in(*way_in, &column, towards, &mut covered);
                if let Some(rule) = way_in {
                    self.closed[index(*rule)] += let_in * receiving;
                }
            }
            if goal.members > 1 {
                self.apart(building, number(to), &column);
            }
        }
        let covered = joined(covered);
        self.count_reached(towards, &covered, receiving);
        self.leave_uncovered(to, goals, &covered);
    }

    /// What lets senders out towards a class: the same towards all classes that the same peers of rules
    /// mean.
    fn towards(&mut self, to: ClassIndex) -> u32 {
        let meant = self.meant.get_mut(to).map(std::mem::take).unwrap_or_default();
        if let Some(known) = self.towards_known.get(&meant) {
            return *known;
        }
        let rules = self.rules;
        let mut is_meant = vec![false; rules.peers_len()];
        for peer in &meant {
            is_meant[index(*peer)] = true;
        }
        let mut found = Vec::new();
        for content in rules.egress_sides() {
            let out = match content {
                Side::Rules(all) => {
                    let is_out = |rule: &&RuleId| is_meant[index(rules.peer(**rule))];
                    let meant: Vec<RuleId> = all.iter().filter(is_out).copied().collect();
                    let open = all.is_empty() || !meant.is_empty();
                    open.then(|| self.outs.number(meant))
                }
                Side::Other => None,
            };
            found.push(out.unwrap_or(NONE));
        }
        let next = number(self.towards.len());
        self.towards.push(Towards { outs: found.into(), reached: Vec::new() });
        self.towards_known.insert(meant, next);
        next
    }

    /// Adds a class as a receiver of those whom one way lets in for a goal; gives from how many workloads
    /// they send, and adds their classes to those that are accounted for.
    fn let_in(
        &mut self,
        way_in: Option<RuleId>,
        column: &Column<'_>,
        towards: u32,
        covered: &mut Vec<Stretch>,
    ) -> u64 {
        let Column { to, goal, .. } = *column;
        // Most rules are about flows that most goals do not want.
        if self.wanted(way_in, column).flows.is_empty() {
            return 0;
        }
        self.prepare(way_in, column, towards);
        let own = self.is_single(to).then(|| number(to));
        let Self { rules, columns, wanted, candidates, lists, fans, .. } = self;
        let of_peers = (way_in.map(|rule| rules.peer(rule)), towards);
        let of_flows = (way_in.map(|rule| rules.flows_id(rule)), column.kind);
        let (Some(candidates), Some(wanted)) =
            (candidates.get_mut(&of_peers), wanted.get_mut(&of_flows))
        else {
            return 0;
        };
        let Admitted { sure, possible } =
            candidates.admitted(column.runs, |flows| wanted.met(flows, goal, columns));
        // A class has no hop to itself by a fan; with it in the list, other classes share the list.
        let own = own.and_then(|own| candidates.place(own));
        let mut let_in = 0;
        for (status, stretches) in [(Status::Sure, sure), (Status::Possible, possible)] {
            if stretches.is_empty() {
                continue;
            }
            let_in += candidates.workloads(&stretches);
            candidates.add_classes(&stretches, covered);
            let stretches = match own {
                Some(own) => with_place(stretches, own),
                None => stretches,
            };
            let key = (goal.variant, status, candidates.list(stretches, lists));
            fans.entry(key).or_default().insert((goal.conclusion, way_in));
        }
        let_in
    }

    /// Finds whom a way may let in where that is not known yet.
    fn prepare(&mut self, way_in: Option<RuleId>, column: &Column<'_>, towards: u32) {
        let rules = self.rules;
        let key = (way_in.map(|rule| rules.peer(rule)), towards);
        if self.candidates.contains_key(&key) {
            return;
        }
        let meant = rules.senders(way_in).iter();
        let out = |from: &u32| column.out(rules.side(*from)).map(|out| (*from, out));
        let found = Candidates::new(meant.filter_map(out).collect(), &self.counts);
        self.kept += found.len();
        if self.kept > self.input.options.senders_max {
            self.candidates.clear();
            self.kept = found.len();
        }
        self.candidates.insert(key, found);
    }

    /// Whether a class has one endpoint, so that the matrix says nothing of it towards itself.
    fn is_single(&self, class: ClassIndex) -> bool {
        let class = self.input.matrix.classes.get(class);
        matches!(class, Some(Class::Endpoints(members)) if members.len() == 1)
    }

    /// What a goal wants by a rule.
    fn wanted(&mut self, way_in: Option<RuleId>, column: &Column<'_>) -> &mut Wanted {
        let (rules, goal) = (self.rules, column.goal);
        let key = (way_in.map(|rule| rules.flows_id(rule)), column.kind);
        self.wanted.entry(key).or_insert_with(|| {
            let flows = match way_in {
                Some(rule) => goal.flows.intersection(rules.flows(rule)),
                None => goal.flows.clone(),
            };
            Wanted { flows, met: Vec::new() }
        })
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
        let sent = column.sent(from).and_then(|flows| self.columns.flows(flows));
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

    /// Counts a class among those that the workloads of some classes reach.
    fn count_reached(&mut self, towards: u32, from: &[Stretch], receiving: u64) {
        let classes = self.counts.len();
        let Some(towards) = self.towards.get_mut(index(towards)) else { return };
        if !from.is_empty() && towards.reached.is_empty() {
            towards.reached = vec![0; classes + 1];
        }
        for one in from {
            let (start, end) = (index(one.start), index(one.end));
            towards.reached[start] = towards.reached[start].wrapping_add(receiving);
            towards.reached[end] = towards.reached[end].wrapping_sub(receiving);
        }
    }

    /// Counts for each rule that lets senders out the pairs that it lets connect.
    fn close_outs(&mut self) {
        for towards in &self.towards {
            let mut reached: u64 = 0;
            for (from, more) in towards.reached.iter().enumerate() {
                reached = reached.wrapping_add(*more);
                if reached == 0 {
                    continue;
                }
                let side = self.rules.side(number(from));
                let out = towards.outs.get(index(side)).filter(|out| **out != NONE);
                for rule in out.into_iter().flat_map(|out| self.outs.rules(*out)) {
                    self.closed[index(*rule)] += self.counts[from] * reached;
                }
            }
        }
    }

    /// Leaves every pair towards a class to be asked.
    fn leave(&mut self, to: ClassIndex) {
        for run in self.columns.runs(to) {
            if self.columns.flows(run.flows).is_some() {
                let senders = index(run.start)..index(run.end);
                self.left.extend(senders.map(|from| (from, to)));
            }
        }
    }

    /// Leaves those pairs to be asked that no rule accounts for.
    fn leave_uncovered(&mut self, to: ClassIndex, goals: &[Goal], covered: &[Stretch]) {
        let columns = self.columns;
        for goal in goals.iter().filter(|goal| goal.key.is_none()) {
            let kind = self.kind(goal);
            let runs = columns.runs(to);
            let column = Column { to, goal, kind, ways_in: &[], runs, outs: &[] };
            let wanted = self.wanted(None, &column);
            let met = runs.iter().filter(|run| wanted.met(run.flows, goal, columns).is_some());
            let senders = met.map(|run| index(run.start)..index(run.end));
            let uncovered = senders.flat_map(|senders| outside(senders, covered)).flatten();
            let asked: Vec<_> =
                uncovered.filter(|from| *from != to).map(|from| (from, to)).collect();
            self.left.extend(asked);
        }
    }
}

impl Wanted {
    /// Whether flows, by their number, meet what a goal wants.
    fn met(&mut self, flows: FlowsId, goal: &Goal, columns: &Columns) -> Option<Status> {
        let sent = columns.flows(flows)?;
        if self.met.is_empty() {
            self.met.resize(columns.flows_len(), Met::Unasked);
        }
        let met = self.met.get_mut(index(flows))?;
        if *met == Met::Unasked {
            *met = if !sent.possible.intersects(&self.flows) {
                Met::Never
            } else if sent.sure.intersects(&self.flows) {
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
}

/// What is sent to one class, and what it would be good for.
struct Column<'c> {
    to: ClassIndex,
    goal: &'c Goal,
    /// The number of what the goal wants.
    kind: u32,
    ways_in: &'c [Option<RuleId>],
    /// What is sent, by consecutive classes.
    runs: &'c [Run],
    /// By the number of their guards, the rules that let senders out; [`NONE`] where none does.
    outs: &'c [u32],
}

impl Column<'_> {
    /// The rules that let senders with some guards out.
    fn out(&self, side: SideId) -> Option<u32> {
        self.outs.get(index(side)).copied().filter(|out| *out != NONE)
    }

    /// The number of what one class sends.
    fn sent(&self, from: u32) -> Option<FlowsId> {
        let run = self.runs.get(self.runs.partition_point(|run| run.end <= from))?;
        (run.start <= from).then_some(run.flows)
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
