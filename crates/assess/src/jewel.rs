//! How likely each entry reaches each jewel.

mod forward;

use std::collections::BinaryHeap;

use forward::{Forward, LANES};

use crate::csr::{index, number};
use crate::graph::{Entry, HopGraph};
use crate::view::{Value, View};

/// The value of one jewel fact from one entry. The order is that of the best chain between them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Pair {
    pub(crate) value: Value,
    /// The entry, as a place in the graph's entries.
    pub(crate) entry: u32,
    /// The jewel fact, as a fact number.
    pub(crate) target: u32,
}

/// The first few pairs of many.
#[derive(Clone, Debug)]
pub(crate) struct BestPairs {
    most: usize,
    kept: BinaryHeap<Pair>,
    /// Whether there were more.
    pub(crate) dropped: bool,
}

impl BestPairs {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: BinaryHeap::new(), dropped: false }
    }

    pub(crate) fn offer(&mut self, pair: Pair) {
        if self.kept.len() == self.most && self.kept.peek().is_none_or(|last| *last <= pair) {
            self.dropped = true;
            return;
        }
        self.kept.push(pair);
        if self.kept.len() > self.most {
            self.kept.pop();
            self.dropped = true;
        }
    }

    /// The pairs that were kept, likeliest first.
    pub(crate) fn into_sorted(self) -> Vec<Pair> {
        self.kept.into_sorted_vec()
    }
}

/// On which supports the values of which entries rest.
#[derive(Clone, Debug)]
pub(crate) struct Critical {
    entries: usize,
    /// For each support the entries, as places in the graph's; `None` for all of them.
    of: Vec<Option<Vec<u32>>>,
}

impl Critical {
    pub(crate) fn new(graph: &HopGraph) -> Self {
        Self { entries: graph.entries.len(), of: vec![Some(Vec::new()); graph.supports.len()] }
    }

    fn add_all(&mut self, support: u32) {
        self.of[index(support)] = None;
    }

    fn add(&mut self, support: u32, entry: u32) {
        if let Some(entries) = &mut self.of[index(support)] {
            entries.push(entry);
        }
    }

    /// The entries whose values may change when these supports go; `None` where there is none.
    pub(crate) fn touched(&self, gone: &[u32]) -> Option<Vec<bool>> {
        let mut touched: Option<Vec<bool>> = None;
        for support in gone {
            match &self.of[index(*support)] {
                None => return Some(vec![true; self.entries]),
                Some(entries) => {
                    for entry in entries {
                        touched.get_or_insert_with(|| vec![false; self.entries])[index(*entry)] =
                            true;
                    }
                }
            }
        }
        touched
    }
}

/// Whether a breach of this entry is a breach of the jewel to begin with.
pub(crate) fn is_own(graph: &HopGraph, entry: Entry, jewel: usize) -> bool {
    entry.workload().is_some_and(|subject| subject == graph.jewels[jewel].subject)
}

/// Tells `sink` the values of each jewel's facts from each entry that reaches one of them: the
/// place of the entry, that of the jewel, and a value per target of the jewel. `joined` says from
/// which entries a hop of several premises takes part.
///
/// From such entries values are searched forwards. For the others one backward search per target
/// serves all entries, which is far less work where jewels are few.
///
/// With `asked`, only for the entries for which it is set. `critical` is told on which supports the
/// values of an entry rest: taking away what has other supports changes none of them.
pub(crate) fn jewel_values(
    view: &View<'_>,
    joined: &[bool],
    asked: Option<&[bool]>,
    mut critical: Option<&mut Critical>,
    sink: &mut impl FnMut(usize, usize, &[Value]),
) {
    let graph = view.graph;
    let is_asked = |place: usize| asked.is_none_or(|asked| asked[place]);
    let targets: Vec<u32> =
        graph.jewels.iter().flat_map(|jewel| jewel.targets.iter().copied()).collect();
    let any_joined = joined.contains(&true);
    let searches = targets.len().saturating_mul(if any_joined { 3 } else { 1 });
    let forwards = if graph.entries.len() / LANES <= searches {
        vec![true; graph.entries.len()]
    } else if any_joined {
        let forwards = joint_matters(view, joined);
        let except: Vec<bool> =
            (0..forwards.len()).map(|place| forwards[place] || !is_asked(place)).collect();
        backwards(view, &except, critical.as_deref_mut(), sink);
        forwards
    } else {
        let except: Vec<bool> =
            (0..joined.len()).map(|place| joined[place] || !is_asked(place)).collect();
        backwards(view, &except, critical, sink);
        return;
    };
    let places = (0..graph.entries.len()).filter(|place| forwards[*place] && is_asked(*place));
    let places: Vec<usize> = places.collect();
    if places.is_empty() {
        return;
    }
    let mut forward = Forward::new(view, &targets);
    for batch in places.chunks(LANES) {
        let held: Vec<Vec<u32>> =
            batch.iter().map(|place| graph.held_numbers(graph.entries[*place])).collect();
        forward.run(&held);
        if let Some(critical) = critical.as_deref_mut() {
            forward.mark(&targets, batch, critical);
        }
        for (lane, place) in batch.iter().enumerate() {
            for (jewel, facts) in graph.jewels.iter().enumerate() {
                if is_own(graph, graph.entries[*place], jewel) {
                    continue;
                }
                let values: Vec<Value> =
                    facts.targets.iter().map(|target| forward.value(*target, lane)).collect();
                tell(sink, *place, jewel, &values);
            }
        }
    }
}

/// The entries for which hops of several premises may better some value.
fn joint_matters(view: &View<'_>, joined: &[bool]) -> Vec<bool> {
    let graph = view.graph;
    let mut matters = vec![false; graph.entries.len()];
    for (jewel, facts) in graph.jewels.iter().enumerate() {
        for target in &facts.targets {
            let strict = view.backwards(&[*target], false);
            let relaxed = view.backwards(&[*target], true);
            for (place, entry) in graph.entries.iter().enumerate() {
                if joined[place] && !matters[place] && !is_own(graph, *entry, jewel) {
                    let held = graph.held_numbers(*entry);
                    matters[place] = least(&strict, &held) != least(&relaxed, &held);
                }
            }
        }
    }
    matters
}

fn backwards(
    view: &View<'_>,
    except: &[bool],
    mut critical: Option<&mut Critical>,
    sink: &mut impl FnMut(usize, usize, &[Value]),
) {
    let graph = view.graph;
    let held: Vec<Vec<u32>> =
        graph.entries.iter().map(|entry| graph.held_numbers(*entry)).collect();
    for (jewel, facts) in graph.jewels.iter().enumerate() {
        let searches: Vec<Vec<Value>> =
            facts.targets.iter().map(|target| view.backwards(&[*target], false)).collect();
        if let Some(critical) = critical.as_deref_mut() {
            for values in &searches {
                mark(view, values, critical);
            }
        }
        for (place, entry) in graph.entries.iter().enumerate() {
            if except[place] || is_own(graph, *entry, jewel) {
                continue;
            }
            let values: Vec<Value> =
                searches.iter().map(|search| least(search, &held[place])).collect();
            tell(sink, place, jewel, &values);
        }
    }
}

/// Marks the supports of the hops by which the least values towards a target come about.
fn mark(view: &View<'_>, values: &[Value], critical: &mut Critical) {
    for (hop, row) in view.graph.rows.iter().enumerate() {
        let after = values[index(row.conclusion)];
        if after == Value::NEVER || !view.stands(number(hop)) {
            continue;
        }
        if let [premise] = view.reduced(number(hop)).premises()
            && values[index(*premise)] == after.plus(row.adds())
        {
            critical.add_all(row.support);
        }
    }
}

fn tell(
    sink: &mut impl FnMut(usize, usize, &[Value]),
    entry: usize,
    jewel: usize,
    values: &[Value],
) {
    if values.iter().any(|value| *value != Value::NEVER) {
        sink(entry, jewel, values);
    }
}

fn least(values: &[Value], held: &[u32]) -> Value {
    held.iter().map(|fact| values[index(*fact)]).min().unwrap_or(Value::NEVER)
}

/// The pairs of one entry and one jewel.
pub(crate) fn pairs<'a>(
    graph: &'a HopGraph,
    entry: usize,
    jewel: usize,
    values: &'a [Value],
) -> impl Iterator<Item = Pair> + 'a {
    let targets = graph.jewels[jewel].targets.iter().zip(values);
    targets.filter(|(_, value)| **value != Value::NEVER).map(move |(target, value)| Pair {
        value: *value,
        entry: number(entry),
        target: *target,
    })
}
