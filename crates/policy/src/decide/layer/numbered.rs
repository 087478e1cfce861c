//! Ends by number, with what is known of each, so that nothing is found out for every pair anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use watertight_model::Truth;

use super::ends::Alike;
use crate::checked::{self, Peer};
use crate::decide::class::Class;
use crate::decide::ends::{End, Seen};
use crate::decide::under::{Background, Deciding};

/// An end with what decisions look up of it.
pub(super) struct Known {
    pub(super) end: End,
    pub(super) class: Arc<Class>,
    /// What is seen of it where no rule can match both ends: ends with one number get the same decisions
    /// there.
    pub(super) background: usize,
}

/// Such ends.
pub(super) struct Numbered<'d> {
    deciding: &'d Deciding<'d>,
    list: Vec<Known>,
    numbers: BTreeMap<End, usize>,
    backgrounds: BTreeMap<Sight, usize>,
    /// How many backgrounds there are.
    seen: usize,
    is_shared: bool,
}

/// What the essentials and the defaults of segments see of a workload.
type Sight = (Background, Vec<(Truth, Truth)>, Option<usize>);

impl<'d> Numbered<'d> {
    pub(super) fn new(deciding: &'d Deciding<'d>) -> Self {
        let peers =
            deciding.decider.essentials.iter().flat_map(|rule| rule.from.iter().chain(rule.to));
        // Who is behind a name depends on who asks for it.
        let is_shared = !peers.into_iter().any(asks_names);
        Self {
            deciding,
            list: Vec::new(),
            numbers: BTreeMap::new(),
            backgrounds: BTreeMap::new(),
            seen: 0,
            is_shared,
        }
    }

    pub(super) fn get(&self, number: usize) -> Option<&Known> {
        self.list.get(number)
    }

    /// The number of an end.
    pub(super) fn of(&mut self, end: End) -> usize {
        if let Some(number) = self.numbers.get(&end) {
            return *number;
        }
        let background = self.next();
        self.add(end, background)
    }

    /// The number of the end that stands for one group.
    pub(super) fn of_group(&mut self, alike: &Alike, group: usize) -> usize {
        let end = alike.end(&[group]);
        if let Some(number) = self.numbers.get(&end) {
            return *number;
        }
        let sight = alike.sample(group).filter(|_| self.is_shared).map(|place| {
            (
                self.deciding.background(place),
                self.essentials(&end),
                alike.is_alone(group).then_some(group),
            )
        });
        let known = sight.as_ref().and_then(|sight| self.backgrounds.get(sight)).copied();
        let background = known.unwrap_or_else(|| self.next());
        if let Some(sight) = sight {
            self.backgrounds.insert(sight, background);
        }
        self.add(end, background)
    }

    fn next(&mut self) -> usize {
        self.seen += 1;
        self.seen - 1
    }

    fn add(&mut self, end: End, background: usize) -> usize {
        let class = self.deciding.decider.class(&end);
        self.numbers.insert(end.clone(), self.list.len());
        self.list.push(Known { end, class, background });
        self.list.len() - 1
    }

    /// How each essential matches an end, as a source and as a destination.
    fn essentials(&self, end: &End) -> Vec<(Truth, Truth)> {
        let Deciding { decider, now, .. } = self.deciding;
        let class = decider.class(end);
        let seen = Seen { end, selectors: &class.selectors, asker: None, bindings: &[], now: *now };
        let each = decider.essentials.iter();
        each.map(|rule| (decider.any_peer(rule.from, seen), decider.any_peer(rule.to, seen)))
            .collect()
    }
}

fn asks_names(peer: &Peer) -> bool {
    match &peer.end {
        checked::End::Conditions(asks) => !asks.domains.is_empty(),
        checked::End::Any | checked::End::Internet => false,
    }
}
