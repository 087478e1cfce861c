//! The hops of a graph laid out for the engines.

use std::collections::{BTreeMap, BTreeSet};

use super::{HopGraph, HopRow, NONE};
use crate::csr::{Rows, number};
use crate::fact::Fact;
use crate::hop::{Removable, Status};
use crate::likelihood::Likelihood;

/// Supports that are known so far, each once.
#[derive(Default)]
struct Supports {
    list: Vec<Vec<BTreeSet<Removable>>>,
    numbers: BTreeMap<Vec<BTreeSet<Removable>>, u32>,
}

impl Supports {
    fn number(&mut self, support: &[BTreeSet<Removable>]) -> u32 {
        if let Some(known) = self.numbers.get(support) {
            return *known;
        }
        let next = number(self.list.len());
        let stored = if support.is_empty() { vec![BTreeSet::new()] } else { support.to_vec() };
        self.list.push(stored);
        self.numbers.insert(support.to_vec(), next);
        next
    }
}

impl HopGraph {
    /// Makes the rows: one for each hop, then one for each arm of each fan.
    pub(super) fn lay_out(&mut self) {
        let mut supports = Supports::default();
        let mut rows = Vec::with_capacity(self.hops.len());
        for hop in &self.hops {
            let sure = hop.status == Status::Sure;
            let support = supports.number(&hop.support);
            let row = self.row(&hop.premises, hop.conclusion, hop.likelihood, sure, support);
            if hop.premises.len() > 1 {
                self.several.push(number(rows.len()));
            }
            rows.push(row);
        }
        let shared: Vec<u32> =
            self.shared.iter().map(|content| supports.number(&content.support)).collect();
        for (place, fan) in self.fans.iter().enumerate() {
            self.fan_rows.push(number(rows.len()));
            let middle = number(self.facts.len() + place);
            let sure = fan.status == Status::Sure;
            let support = |arm: &super::Arm| {
                shared.get(crate::csr::index(arm.shared.0)).copied().unwrap_or_default()
            };
            for arm in &fan.sources {
                let premise = self.number(arm.fact).unwrap_or(NONE);
                rows.push(HopRow {
                    premises: [premise, NONE, NONE],
                    count: 1,
                    conclusion: middle,
                    cost: 0,
                    sure,
                    silent: true,
                    support: support(arm),
                });
            }
            for arm in &fan.targets {
                rows.push(HopRow {
                    premises: [middle, NONE, NONE],
                    count: 1,
                    conclusion: self.number(arm.fact).unwrap_or(NONE),
                    cost: fan.likelihood.cost(),
                    sure,
                    silent: false,
                    support: support(arm),
                });
            }
        }
        self.supports = supports.list;
        let mut resting: Vec<(u32, u32)> = Vec::new();
        for (place, support) in self.supports.iter().enumerate() {
            let things: BTreeSet<u32> = support.iter().flatten().map(|thing| thing.0).collect();
            resting.extend(things.into_iter().map(|thing| (thing, number(place))));
        }
        self.resting = Rows::gather(self.removables.len(), &resting);
        self.rows = rows;
    }

    fn row(
        &self,
        facts: &[Fact],
        conclusion: Fact,
        likelihood: Likelihood,
        sure: bool,
        support: u32,
    ) -> HopRow {
        let mut premises = [NONE; 3];
        let mut count = 0;
        for (place, fact) in premises.iter_mut().zip(facts) {
            *place = self.number(*fact).unwrap_or(NONE);
            count += 1;
        }
        HopRow {
            premises,
            count,
            conclusion: self.number(conclusion).unwrap_or(NONE),
            cost: likelihood.cost(),
            sure,
            silent: false,
            support,
        }
    }
}
