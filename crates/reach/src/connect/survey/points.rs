//! What each layer decides of a whole estate, without telling pairs apart.

use std::collections::BTreeMap;

use watertight_model::network::{Direction, LayerId};

use super::Survey;
use crate::survey::{Side, Who};

/// One layer in one direction, with how many pairs of classes it decides about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Point {
    /// The layer.
    pub layer: LayerId,
    /// In which direction.
    pub direction: Direction,
    /// Whether it stands at a subnet's edge.
    pub at_subnet: bool,
    /// Pairs of which it refuses something.
    pub pairs: u64,
    /// Pairs that it refuses everything of, as nothing beside it does: no other layer decides there.
    pub refused_alone: u64,
}

type Key = (LayerId, Direction, bool);

/// How often something is counted about each class, as differences between one and the next.
#[derive(Debug, Default)]
struct Changes(Vec<i64>);

impl Changes {
    fn add(&mut self, from: &std::ops::Range<usize>, classes: usize) {
        self.0.resize(classes + 1, 0);
        if let Some(slot) = self.0.get_mut(from.start) {
            *slot += 1;
        }
        if let Some(slot) = self.0.get_mut(from.end) {
            *slot -= 1;
        }
    }

    /// The counts themselves.
    fn counts(self) -> impl Iterator<Item = u64> {
        self.0.into_iter().scan(0_i64, |count, change| {
            *count += change;
            Some(u64::try_from(*count).unwrap_or(0))
        })
    }
}

impl Survey {
    /// What each layer decides: those that never refuse anything are left out.
    pub fn points(&self) -> Vec<Point> {
        let classes = self.classes_len();
        let mut found: BTreeMap<Key, [u64; 2]> = BTreeMap::new();
        // Which layer it is differs from sender to sender: added up when all is counted.
        let mut own: BTreeMap<(usize, Side, Direction), [Changes; 2]> = BTreeMap::new();
        for to in 0..classes {
            for leg in self.onto(to) {
                let pairs = u64::try_from(leg.from.len()).unwrap_or(u64::MAX);
                let alone = leg.refusing_len() == 1 && leg.arrives().is_empty();
                for one in &leg.judged.refusing {
                    match one.who {
                        Who::Layer(layer) => {
                            let key = (layer, one.direction, one.side.is_subnet());
                            let [decides, refuses] = found.entry(key).or_default();
                            *decides += pairs;
                            *refuses += if alone { pairs } else { 0 };
                        }
                        Who::Sender(rank) => {
                            let key = (rank, one.side, one.direction);
                            let [decides, refuses] = own.entry(key).or_default();
                            decides.add(&leg.from, classes);
                            if alone {
                                refuses.add(&leg.from, classes);
                            }
                        }
                    }
                }
            }
        }
        for ((rank, side, direction), [decides, refuses]) in own {
            for (number, counted) in [decides, refuses].into_iter().enumerate() {
                for (class, count) in counted.counts().enumerate().filter(|(_, count)| *count > 0) {
                    let Some(layer) = self.layers_of(class).get(rank) else { continue };
                    let counts = found.entry((*layer, direction, side.is_subnet())).or_default();
                    if let Some(slot) = counts.get_mut(number) {
                        *slot += count;
                    }
                }
            }
        }
        let point = |((layer, direction, at_subnet), [pairs, refused_alone]): (Key, [u64; 2])| {
            Point { layer, direction, at_subnet, pairs, refused_alone }
        };
        found.into_iter().map(point).collect()
    }
}
