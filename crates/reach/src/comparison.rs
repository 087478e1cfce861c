//! One estate under two sets of guards, compared class by class, so that what differs is counted
//! without being listed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use watertight_model::{Bounds, Estate, Name};
use watertight_net::FlowSet;

use crate::answer::Reach;
use crate::classes::{Boundaries, Class, classes, common_classes};
use crate::diff::{Called, Change, Pairs, add_led, ends_of};
use crate::matrix::{ClassIndex, Matrix, place};
use crate::runs::sweep;

/// An estate before and after a change of layers, guards and lists; endpoints and routes are the same.
#[derive(Debug)]
pub struct Comparison<'e> {
    before: Side<'e>,
    after: Side<'e>,
    /// Classes whose connections from others may differ: by the ranges of classes that send otherwise,
    /// those to which the same ones do.
    differing: Vec<Differing>,
}

/// Classes that differ alike in who sends to them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Differing {
    /// Who sends otherwise: ascending ranges of classes.
    pub from: Vec<Range<ClassIndex>>,
    /// Who receives. A class with one member is in no pair with itself, also where it is in a range.
    pub to: Vec<ClassIndex>,
}

#[derive(Debug)]
struct Side<'e> {
    estate: &'e Estate,
    matrix: Matrix,
}

/// The classes that two estates have in common: neither tells members of one apart.
#[derive(Clone, Debug)]
pub struct CommonClasses(Vec<Class>);

impl CommonClasses {
    /// The classes of an estate before and after a change of layers, guards and lists.
    pub fn new(before: &Estate, after: &Estate) -> Self {
        Self(common_classes(&before.network, &after.network))
    }

    /// The connectivity of one of the two, by these classes.
    pub fn matrix(&self, estate: &Estate) -> Matrix {
        Reach::new(&estate.network).matrix_of(self.0.clone())
    }
}

impl<'e> Comparison<'e> {
    /// Compares what can be established.
    pub fn new(before: &'e Estate, after: &'e Estate) -> Self {
        let classes = CommonClasses::new(before, after);
        let side = |estate: &'e Estate| (estate, classes.matrix(estate));
        Self::of(side(before), side(after))
    }

    /// The same, with the connectivity of both by the classes that they have in common.
    pub fn of(before: (&'e Estate, Matrix), after: (&'e Estate, Matrix)) -> Self {
        let side = |(estate, matrix): (&'e Estate, Matrix)| Side { estate, matrix };
        let (before, after) = (side(before), side(after));
        let differing = differing(&before.matrix, &after.matrix);
        Self { before, after, differing }
    }

    /// Connectivity before by the classes of the estate before alone.
    pub fn before_alone(&self) -> Matrix {
        self.before.alone()
    }

    /// Connectivity after by the classes of the estate after alone.
    pub fn after_alone(&self) -> Matrix {
        self.after.alone()
    }

    /// The classes of both sides, endpoints first.
    pub fn classes(&self) -> &[Class] {
        &self.before.matrix.classes
    }

    /// Connectivity before, by these classes.
    pub fn before(&self) -> &Matrix {
        &self.before.matrix
    }

    /// Connectivity after, by these classes.
    pub fn after(&self) -> &Matrix {
        &self.after.matrix
    }

    /// Which classes differ in who sends to them.
    pub fn differing(&self) -> &[Differing] {
        &self.differing
    }

    /// How many pairs of ends differ: of endpoints, and of parts of the outside that something tells
    /// apart.
    pub fn pairs_len(&self) -> u64 {
        self.pairs_between(|_| 0).into_values().fold(0, u64::saturating_add)
    }

    /// The same by the groups of the two ends: who sends, and who receives. `group` is asked for each
    /// endpoint, as a class of its own, and for each class of addresses outside.
    pub fn pairs_between<G: Copy + Ord>(
        &self,
        group: impl Fn(&Class) -> G,
    ) -> BTreeMap<(G, G), u64> {
        let by_class: Vec<BTreeMap<G, u64>> =
            self.classes().iter().map(|class| grouped(class, &group)).collect();
        let mut sums: BTreeMap<G, Vec<u64>> = BTreeMap::new();
        for (class, groups) in by_class.iter().enumerate() {
            for (group, weight) in groups {
                // Up to a class: what is in those before it.
                let sums = sums.entry(*group).or_insert_with(|| vec![0]);
                let all = sums.last().copied().unwrap_or(0);
                sums.resize(class + 1, all);
                sums.push(all + weight);
            }
        }
        let upto =
            |sums: &[u64], place: usize| sums.get(place).or(sums.last()).copied().unwrap_or(0);
        let mut pairs: BTreeMap<(G, G), u64> = BTreeMap::new();
        for one in &self.differing {
            let of = |(group, sums): (&G, &Vec<u64>)| {
                let within =
                    one.from.iter().map(|range| upto(sums, range.end) - upto(sums, range.start));
                (*group, within.sum::<u64>())
            };
            let senders: Vec<(G, u64)> = sums.iter().map(of).filter(|(_, all)| *all > 0).collect();
            for to in &one.to {
                let after = one.from.partition_point(|range| range.end <= *to);
                let own = one.from.get(after).is_some_and(|range| range.contains(to));
                for (receiver, weight) in by_class.get(*to).into_iter().flatten() {
                    for (sender, all) in &senders {
                        let mut number = weight.saturating_mul(*all);
                        if own && sender == receiver {
                            // Nobody is in a pair with itself.
                            number = number.saturating_sub(*weight);
                        }
                        let pairs = pairs.entry((*sender, *receiver)).or_default();
                        *pairs = pairs.saturating_add(number);
                    }
                }
            }
        }
        pairs.retain(|_, number| *number > 0);
        pairs
    }

    /// The pairs of ends that differ, as [`diff`](crate::diff) lists them, where there are not too many.
    pub fn changes(&self, pairs_max: u64) -> Option<Vec<Change>> {
        if self.pairs_len() > pairs_max {
            return None;
        }
        let ends = Ends::new(self.before.estate, self.classes());
        let led = [self.before.led(), self.after.led()];
        let mut pairs: BTreeSet<(&Name, &Name)> = BTreeSet::new();
        for one in &self.differing {
            for to in &one.to {
                for from in one.from.iter().flat_map(Clone::clone) {
                    let pair = |source| ends.of(*to).map(move |to| (source, to));
                    pairs.extend(ends.of(from).flat_map(pair));
                }
            }
        }
        pairs.extend(led.iter().flat_map(|side| side.keys().map(|(from, to)| (from, to))));
        let changes = pairs.into_iter().filter_map(|(from, to)| {
            let key = (from.clone(), to.clone());
            let [before, after] = [(&self.before, &led[0]), (&self.after, &led[1])]
                .map(|(side, led)| side.between(ends.classes((from, to)), led.get(&key)));
            let change = Change { from: key.0, to: key.1, before, after };
            (change.before != change.after).then_some(change)
        });
        Some(changes.collect())
    }
}

/// Ends by name.
struct Ends {
    /// By class, with how many of its members have the name.
    names: Vec<BTreeMap<Name, usize>>,
    classes_of: BTreeMap<Name, Vec<ClassIndex>>,
}

impl Ends {
    fn new(estate: &Estate, classes: &[Class]) -> Self {
        let mut found = Self { names: Vec::new(), classes_of: BTreeMap::new() };
        let called = Called::new([estate]);
        for (place, class) in classes.iter().enumerate() {
            let mut names: BTreeMap<Name, usize> = BTreeMap::new();
            let mut count = |class: &Class| {
                for name in ends_of(estate, class, &called) {
                    *names.entry(name).or_default() += 1;
                }
            };
            match class {
                Class::Endpoints(members) => {
                    for member in members {
                        count(&Class::Endpoints(vec![*member]));
                    }
                }
                Class::Internet(_) | Class::Outside(..) => count(class),
            }
            for name in names.keys() {
                found.classes_of.entry(name.clone()).or_default().push(place);
            }
            found.names.push(names);
        }
        found
    }

    fn of(&self, class: ClassIndex) -> impl Iterator<Item = &Name> {
        self.names.get(class).into_iter().flat_map(BTreeMap::keys)
    }

    /// The pairs of classes in which there are two ends of these names.
    fn classes(&self, (from, to): (&Name, &Name)) -> Vec<(ClassIndex, ClassIndex)> {
        let classes = |name| self.classes_of.get(name).into_iter().flatten().copied();
        let pairs = classes(from).flat_map(|one| classes(to).map(move |other| (one, other)));
        let several = |class: ClassIndex| {
            let members = self.names.get(class).and_then(|names| names.get(from));
            members.is_some_and(|members| *members > 1)
        };
        pairs.filter(|(one, other)| one != other || from != to || several(*one)).collect()
    }
}

impl Side<'_> {
    /// Connectivity by the classes that this estate alone tells apart.
    fn alone(&self) -> Matrix {
        let network = &self.estate.network;
        let own = classes(network, &Boundaries::default());
        let coarser = self.matrix.coarser(own);
        coarser.unwrap_or_else(|| Reach::new(network).matrix(&BTreeSet::new()))
    }

    /// What services lead clients outside to.
    fn led(&self) -> Pairs {
        let mut found = Pairs::new();
        let reach = Reach::new(&self.estate.network);
        let called = Called::new([self.estate]);
        add_led((self.estate, &called), &reach, &self.matrix, &mut found);
        found
    }

    /// What can be established in any of some pairs of classes, and beside that.
    fn between(
        &self,
        pairs: Vec<(ClassIndex, ClassIndex)>,
        beside: Option<&Bounds<FlowSet>>,
    ) -> Bounds<FlowSet> {
        let cells = pairs.into_iter().filter_map(|(from, to)| self.matrix.cell(from, to));
        let all = cells.map(|cell| &cell.established).chain(beside);
        all.fold(Bounds::exact(FlowSet::none()), |all, more| Bounds {
            sure: all.sure.union(&more.sure),
            possible: all.possible.union(&more.possible),
        })
    }
}

/// How many ends of a class are in each group.
fn grouped<G: Copy + Ord>(class: &Class, group: impl Fn(&Class) -> G) -> BTreeMap<G, u64> {
    let mut found = BTreeMap::new();
    let mut count = |class: &Class| *found.entry(group(class)).or_default() += 1;
    match class {
        Class::Endpoints(members) => {
            for member in members {
                count(&Class::Endpoints(vec![*member]));
            }
        }
        Class::Internet(_) | Class::Outside(..) => count(class),
    }
    found
}

/// Where two matrices of the same classes differ. Classes that share their columns in both are looked at
/// once.
fn differing(before: &Matrix, after: &Matrix) -> Vec<Differing> {
    let mut alike: BTreeMap<(Option<usize>, Option<usize>), Vec<ClassIndex>> = BTreeMap::new();
    for to in 0..before.classes.len() {
        alike.entry((before.column_number(to), after.column_number(to))).or_default().push(to);
    }
    let mut same: HashMap<(Option<u32>, Option<u32>), bool> = HashMap::new();
    let mut found = Vec::new();
    for to in alike.into_values() {
        let Some(one) = to.first().copied() else { continue };
        let mut from: Vec<Range<ClassIndex>> = Vec::new();
        let runs = [(&[][..], before.runs(one)), (&[][..], after.runs(one))];
        let end = u32::try_from(before.classes.len()).unwrap_or(u32::MAX);
        sweep(&runs, (0, end), |start, end, cells| {
            let [was, is] = cells else { return };
            let same = *same.entry((*was, *is)).or_insert_with(|| {
                let of = |matrix: &Matrix, cell: &Option<u32>| {
                    let cell = cell.and_then(|cell| matrix.numbered(cell));
                    cell.map_or_else(
                        || Bounds::exact(FlowSet::none()),
                        |one| one.established.clone(),
                    )
                };
                of(before, was) == of(after, is)
            });
            if same {
                return;
            }
            let (start, end) = (place(start), place(end));
            match from.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => from.push(start..end),
            }
        });
        if !from.is_empty() {
            found.push(Differing { from, to });
        }
    }
    found
}
