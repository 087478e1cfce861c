//! What every sender may send to one receiver, and who of them is worth a look.

use watertight_reach::{ClassIndex, Matrix};

use super::alike::{Alike, LookedFor};
use super::scene::Scene;

/// What of a sender every receiver is looked at with: there are many of both.
pub(super) struct Sender {
    /// The places of its classes among those of all; past their end where it has none.
    places: [u32; 3],
    pub(super) intent: usize,
    pub(super) is_governed: bool,
    pub(super) is_outside: bool,
}

/// What each of some senders may send to one, as numbers of cells.
pub(super) struct Columns {
    /// The classes of the senders, ascending, in each of the three.
    classes: [Vec<ClassIndex>; 3],
    pub(super) senders: Vec<Sender>,
    /// For each of the classes, the number of the cell.
    numbers: [Vec<u32>; 3],
    /// Whose columns those are.
    receiver: Option<[Option<u32>; 3]>,
}

impl Columns {
    pub(super) fn new(senders: &[Alike]) -> Self {
        let classes = [0, 1, 2].map(|at: usize| {
            let all = senders.iter().filter_map(|one| one.classes.get(at).copied().flatten());
            let mut all: Vec<ClassIndex> = all.collect();
            all.sort_unstable();
            all.dedup();
            all
        });
        let place = |one: &Alike, at: usize| {
            let class = one.classes.get(at).copied().flatten()?;
            let place = classes.get(at)?.binary_search(&class).ok()?;
            u32::try_from(place).ok()
        };
        let senders = senders.iter().map(|one| Sender {
            places: [0, 1, 2].map(|at| place(one, at).unwrap_or(u32::MAX)),
            intent: one.intent,
            is_governed: one.is_governed,
            is_outside: one.is_outside,
        });
        let senders = senders.collect();
        Self { classes, senders, numbers: [Vec::new(), Vec::new(), Vec::new()], receiver: None }
    }

    /// Reads what is sent to others.
    pub(super) fn turn_to(&mut self, scene: &Scene<'_, '_>, to: &Alike) {
        let class = |at: usize| to.classes.get(at).copied().flatten();
        let number = |at: usize| scene.matrix(at).receivers_alike(class(at)?);
        let receiver = [number(0), number(1), number(2)];
        let before = self.receiver.replace(receiver);
        let all = self.classes.iter().zip(&mut self.numbers).enumerate();
        for (at, (classes, numbers)) in all {
            let is_same = before.is_some_and(|before| before.get(at) == receiver.get(at));
            if !is_same {
                scene.matrix(at).numbers(class(at), classes, numbers);
            }
        }
    }

    /// What a sender may send, before, after and with our guards open.
    pub(super) fn cells(&self, sender: &Sender) -> [u32; 3] {
        let [before, after, open] = &self.numbers;
        let cell = |numbers: &Vec<u32>, place: u32| {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            numbers.get(place).copied().unwrap_or(Matrix::NOTHING)
        };
        let [first, second, third] = sender.places;
        [cell(before, first), cell(after, second), cell(open, third)]
    }
}

/// The senders who are worth a look with one receiver.
pub(super) struct Candidates {
    sought: LookedFor,
    /// For each of the three, the places of the senders by that of their class.
    by_class: [Vec<Vec<u32>>; 3],
    /// The same by what the policy sees in them.
    by_intent: Vec<Vec<u32>>,
    /// One bit for each sender.
    words: Vec<u64>,
}

impl Candidates {
    /// `sights` is how many things the policy sees in senders.
    pub(super) fn new(sought: LookedFor, columns: &Columns, sights: usize) -> Self {
        let mut by_class = [0, 1, 2].map(|at: usize| {
            let classes = columns.classes.get(at).map_or(0, Vec::len);
            vec![Vec::new(); classes]
        });
        let mut by_intent = vec![Vec::new(); sights];
        for (at, sender) in (0_u32..).zip(&columns.senders) {
            if let Some(all) = by_intent.get_mut(sender.intent) {
                all.push(at);
            }
            for (by_class, place) in by_class.iter_mut().zip(sender.places) {
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                if let Some(all) = by_class.get_mut(place) {
                    all.push(at);
                }
            }
        }
        let words = vec![0; columns.senders.len().div_ceil(BITS)];
        Self { sought, by_class, by_intent, words }
    }

    /// The places of the senders, ascending, with whom a receiver may show what is looked for. `columns` are
    /// turned to it; to those in `allowing` something may be allowed.
    ///
    /// Where nothing passes after a plan and nothing is intended, all is as it is to be, whatever was before; but
    /// between ends that no segment holds nothing may have passed before either.
    pub(super) fn of(
        &mut self,
        to: &Alike,
        columns: &Columns,
        allowing: &[usize],
    ) -> impl Iterator<Item = usize> {
        let passing: &[usize] = match self.sought {
            LookedFor::Differences if to.is_governed => &[1],
            LookedFor::Differences => &[0, 1],
            LookedFor::Opened => &[2],
            LookedFor::Anything => &[0, 1, 2],
        };
        let Self { by_class, by_intent, words, .. } = self;
        words.fill(0);
        let mut mark = |senders: &[u32]| {
            for sender in senders {
                let sender = usize::try_from(*sender).unwrap_or(usize::MAX);
                if let Some(word) = words.get_mut(sender / BITS) {
                    *word |= 1 << (sender % BITS);
                }
            }
        };
        for at in passing {
            let numbers = columns.numbers.get(*at).map_or(&[][..], Vec::as_slice);
            let by_class = by_class.get(*at).map_or(&[][..], Vec::as_slice);
            for (senders, number) in by_class.iter().zip(numbers) {
                if *number != Matrix::NOTHING {
                    mark(senders);
                }
            }
        }
        if self.sought == LookedFor::Differences {
            allowing.iter().filter_map(|seen| by_intent.get(*seen)).for_each(|all| mark(all));
        }
        words.iter().enumerate().flat_map(|(at, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = usize::try_from(word.trailing_zeros()).ok().filter(|bit| *bit < BITS)?;
                word &= word.wrapping_sub(1);
                Some(at * BITS + bit)
            })
        })
    }
}

/// How many senders one word of bits holds.
const BITS: usize = 64;
