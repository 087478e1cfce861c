use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use watertight_net::AddressSet;

use crate::Timestamp;
use crate::checked::{Action, CheckedPolicy, Clause, Peer, Rule, Tier};
use crate::decide::class::{Class, Classes};
use crate::decide::fronts::{FrontPart, expanded};
use crate::decide::internet::public_space;
use crate::decide::labels::{Labelled, labels_of};
use crate::decide::types::{Essentials, RuleId};
use crate::decide::under::{Deciding, Modes};
use crate::decide::world::World;

/// A policy, prepared for a world.
///
/// Workloads that no selector tells apart are one class, and each class knows which rules can match
/// it, so that a decision looks at the few rules that can match both ends.
#[derive(Debug)]
pub struct Decider<'p> {
    pub(super) policy: &'p CheckedPolicy,
    pub(super) world: &'p World,
    /// The rules of the tiers, in the order in which they are asked.
    pub(super) rules: Vec<Prepared<'p>>,
    /// The rules of the essentials.
    pub(super) essentials: Vec<Prepared<'p>>,
    pub(super) classes: Classes,
    /// The labels of each workload after the labelings.
    pub(super) labels: Vec<Labelled>,
    pub(super) internet: AddressSet,
    /// Public addresses that are no named service's and no workload's: a service whose addresses
    /// nobody tells may be there.
    pub(super) unnamed: AddressSet,
    pub(super) everywhere: AddressSet,
}

/// One leg of one rule.
#[derive(Debug)]
pub(super) struct Prepared<'p> {
    pub(super) id: RuleId,
    pub(super) action: Action,
    pub(super) tier: Tier,
    pub(super) from: &'p [Peer],
    pub(super) to: &'p [Peer],
    pub(super) over: Over<'p>,
    pub(super) is_failsafe: bool,
}

/// What a leg of a rule is about.
#[derive(Debug)]
pub(super) enum Over<'p> {
    /// The rule's clauses.
    Clauses(&'p [Clause]),
    /// The rule's clauses, where a front leads.
    Front(&'p [Clause], FrontPart),
}

impl Prepared<'_> {
    pub(super) fn clauses(&self) -> &[Clause] {
        match &self.over {
            Over::Clauses(clauses) | Over::Front(clauses, _) => clauses,
        }
    }
}

impl<'p> Decider<'p> {
    /// Prepares a policy for a world. `essentials` says which of its policies are essentials.
    pub fn new(policy: &'p CheckedPolicy, world: &'p World, essentials: &Essentials) -> Self {
        let labels: Vec<Labelled> =
            world.workloads.iter().map(|member| labels_of(policy, member)).collect();
        let public = public_space().difference(&world.public_addresses());
        let named =
            world.services.values().fold(AddressSet::empty(), |all, space| all.union(space));
        let mut decider = Self {
            policy,
            world,
            rules: Vec::new(),
            essentials: Vec::new(),
            classes: Classes::default(),
            labels,
            internet: public.difference(&world.service_space).difference(&named),
            unnamed: public.difference(&named),
            everywhere: AddressSet::all(),
        };
        decider.classes = Classes::of_selectors(policy, world, &decider.labels);
        for (place, one) in policy.policies.iter().enumerate() {
            let is_essential = essentials.policies.contains(&one.name);
            let is_failsafe = essentials.failsafe.contains(&one.name);
            for (index, rule) in one.rules.iter().enumerate() {
                let id = |part| RuleId { policy: number(place), rule: number(index), part };
                for (part, from, to, over) in decider.legs(rule) {
                    let (id, action, tier) = (id(part), rule.action, one.tier);
                    let prepared = Prepared { id, action, tier, from, to, over, is_failsafe };
                    if is_essential {
                        decider.essentials.push(prepared);
                    } else {
                        decider.rules.push(prepared);
                    }
                }
            }
        }
        // Within standard a deny goes before an allow; elsewhere the order of the text holds.
        decider.rules.sort_by_key(|rule| {
            (rule.tier, rule.tier == Tier::Standard && rule.action != Action::Deny)
        });
        let mut classes = std::mem::take(&mut decider.classes);
        classes.prepare(&decider);
        decider.classes = classes;
        decider
    }

    fn legs(&self, rule: &'p Rule) -> Vec<crate::decide::fronts::LegOf<'p>> {
        expanded(self, rule)
    }

    /// Says what is on, and when.
    pub fn under(&self, modes: &Modes, now: Timestamp) -> Deciding<'_> {
        Deciding::new(self, modes, now)
    }

    /// The policy that this was prepared from.
    pub const fn policy(&self) -> &'p CheckedPolicy {
        self.policy
    }

    /// The world that this was prepared for.
    pub const fn world(&self) -> &'p World {
        self.world
    }

    /// The labels of a workload after the labelings.
    pub fn labels(&self, workload: usize) -> Option<&Labelled> {
        self.labels.get(workload)
    }

    /// The addresses that `internet` means.
    pub const fn internet(&self) -> &AddressSet {
        &self.internet
    }

    /// How many classes of workloads the policy tells apart.
    pub fn class_count(&self) -> usize {
        self.classes.len()
    }

    /// The places of the policies that are generated essentials: not those that somebody listed.
    pub fn generated_policies(&self) -> BTreeSet<u32> {
        let generated = self.essentials.iter().filter(|rule| !rule.is_failsafe);
        generated.map(|rule| rule.id.policy).collect()
    }

    /// The number of a workload's class, below [`class_count`](Self::class_count).
    pub fn class_number(&self, workload: usize) -> Option<usize> {
        self.classes.number_of(workload)
    }

    pub(super) fn class_of(&self, workload: usize) -> Option<&Arc<Class>> {
        self.classes.of_workload(workload)
    }
}

pub(super) fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Interned by value: the place of each value in the order of first sight.
pub(super) fn interned<K: Ord + Clone, T>(
    seen: &mut BTreeMap<K, usize>,
    list: &mut Vec<T>,
    key: K,
    make: impl FnOnce() -> T,
) -> usize {
    *seen.entry(key).or_insert_with(|| {
        list.push(make());
        list.len() - 1
    })
}
