//! Positions by which of some peers match them.

use std::sync::Arc;

use super::filters::{PeerRuns, View};
use super::positions::{Positions, Shown};
use crate::runs::{Run, push};
use rustc_hash::FxHashMap;

/// From how many peers on a partition is kept for the next one who asks for the same. Guards that name
/// many peers name the same ones, as those of a policy do; partitions by few are found quickly.
const KEPT_FROM: usize = 16;

/// Positions that the same peers match.
#[derive(Debug)]
pub(super) struct Alike {
    /// A bit for each peer.
    pub(super) matching: Box<[u64]>,
    /// One of the positions, of which the address that is meant exists.
    pub(super) sample: u32,
}

/// All positions, by that.
#[derive(Debug)]
pub(super) struct Partition {
    /// The numbers of what is alike, by position.
    pub(super) pieces: Vec<Run<u32>>,
    pub(super) alike: Vec<Alike>,
}

/// What a partition depends on: which address is seen, and where the positions of each peer are kept.
type Key = (Shown, Vec<usize>);

/// A partition with what keeps its key from meaning something else.
type Known = (Arc<Partition>, Vec<Arc<[Run<()>]>>);

/// Partitions that were asked for.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    known: FxHashMap<Key, Known>,
}

impl Partitions {
    /// Positions by which of some peers match them.
    pub(super) fn of(
        &mut self,
        peers: &[PeerRuns<'_>],
        view: View,
        positions: &Positions,
    ) -> Arc<Partition> {
        if peers.len() < KEPT_FROM {
            return Arc::new(Partition::new(peers, view, positions));
        }
        let key = (view.shown, peers.iter().map(|(_, runs)| runs.as_ptr().addr()).collect());
        if let Some((known, _)) = self.known.get(&key) {
            return Arc::clone(known);
        }
        let found = Arc::new(Partition::new(peers, view, positions));
        let runs = peers.iter().map(|(_, runs)| Arc::clone(runs)).collect();
        self.known.insert(key, (Arc::clone(&found), runs));
        found
    }
}

impl Partition {
    fn new(peers: &[PeerRuns<'_>], view: View, positions: &Positions) -> Self {
        let mut edges: Vec<(u32, usize)> = Vec::new();
        for (number, (_, runs)) in peers.iter().enumerate() {
            edges.extend(runs.iter().flat_map(|run| [(run.start, number), (run.end, number)]));
        }
        edges.push((positions.len(), usize::MAX));
        edges.sort_unstable();
        let mut matching = vec![0_u64; peers.len().div_ceil(64)];
        let mut numbers: FxHashMap<Box<[u64]>, u32> = FxHashMap::default();
        let mut found = Self { pieces: Vec::new(), alike: Vec::new() };
        let mut from = 0;
        for (position, number) in edges {
            if position > from {
                let alike = match numbers.get(matching.as_slice()) {
                    Some(known) => Some(*known),
                    None => positions.first_shown(from, position, view.shown).map(|sample| {
                        let next = u32::try_from(found.alike.len()).unwrap_or(u32::MAX);
                        let matching = matching.clone().into_boxed_slice();
                        numbers.insert(matching.clone(), next);
                        found.alike.push(Alike { matching, sample });
                        next
                    }),
                };
                if let Some(alike) = alike {
                    push(&mut found.pieces, from, position, alike);
                }
                from = position;
            }
            if let Some(word) = matching.get_mut(number / 64) {
                *word ^= 1 << (number % 64);
            }
        }
        found
    }
}
