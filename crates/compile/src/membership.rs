//! Who is to carry which groups, where the groups are there already: the part of a plan that changes no
//! group and no rule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use watertight_model::Name;

use crate::artifact::{Artifacts, Attachment, Group};
use crate::compiler::Compiled;
use crate::drift::told;
use crate::held::HeldGroup;
use crate::intent::Intent;
use crate::plan::{Occasion, Plan, PlannedGroup};
use crate::plane::{Plane, RenderedBody};
use crate::step::{Carrier, beside, by_name, new, old, steps};
use crate::validate::{Breach, InTurn, Kept, Proof, Within};

/// Where all cannot go over together, it is looked so often who can before whom; the others wait for the
/// next time.
const LOOKS_MAX: u32 = 48;

/// Why somebody is left for whom it was not looked.
const NOT_LOOKED: &str = "too many cannot go over together: it is looked at in the next pass";

/// A group that is not as the policy needs it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Need {
    /// Its name.
    pub group: String,
    /// What is wrong with it, as text for people.
    pub how: String,
}

/// An endpoint that goes over to other groups.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moved {
    /// The endpoint, by the provider's id.
    pub endpoint: String,
    /// Its workload.
    pub workload: String,
    /// What it carries: ours by name, others' by id.
    pub from: Vec<String>,
    /// What it is to carry.
    pub to: Vec<String>,
}

/// An endpoint that does not carry what it is to, and is left as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Left {
    /// The endpoint, by the provider's id.
    pub endpoint: String,
    /// Its workload.
    pub workload: String,
    /// Why.
    pub why: String,
}

/// The part of a plan that is about membership alone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Membership {
    /// The groups that are as they are to be.
    groups: Vec<Arc<Group>>,
    /// The endpoints that go over together, one lot after the other.
    lots: Vec<Vec<Attachment>>,
    /// The endpoints that go over, ordered.
    pub moved: Vec<Moved>,
    /// The endpoints that are left, ordered.
    pub left: Vec<Left>,
    /// The groups that are not as the policy needs them, ordered.
    pub needs: Vec<Need>,
    /// How many endpoints carry already what they are to.
    pub settled: usize,
    /// How many pairs were compared.
    pub compared: u64,
    /// Whether what no rule asks for may become possible.
    widen: bool,
}

/// The plan of which a part is wanted: what was compiled, what it is rendered to, and its proof.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'w> {
    /// What was compiled.
    pub compiled: &'w Compiled,
    /// What the provider would hold after all of it.
    pub rendered: &'w [RenderedBody],
    /// The proof of all of it; it must hold.
    pub proof: &'w Proof,
}

/// The part of a plan that is about membership alone, as far as it is covered by what was proved.
///
/// An endpoint goes over where all of its groups are there with exactly the rules that the policy needs.
/// The rest of the plan stays undone, so the part is read back by itself: at every pair of ends at least
/// what is possible both now and after the whole plan stays so, and at most what is possible now or after
/// the whole plan is; in the middle too. Those who cannot go over together go one after the other, where
/// that is covered; who cannot is left, and told. With `widen`, what no rule asks for may become possible,
/// as in the plan. `kept` says what an estate breaks that holds in the one that is there: who would bring that about is
/// left.
pub fn membership(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    whole: &Whole<'_>,
    widen: bool,
    kept: Kept<'_>,
) -> Membership {
    let Whole { compiled, rendered, proof } = *whole;
    let held = plane.held();
    let needs = needs(&compiled.artifacts, &held);
    let mut found = Membership { compared: proof.compared, widen, ..Membership::default() };
    let mut ready: Vec<Carrier<'_>> = Vec::new();
    let limits = plane.limits();
    let most = usize::try_from(limits.groups_per_endpoint).unwrap_or(usize::MAX);
    for carrier in Carrier::of(&compiled.artifacts) {
        let set = |names: Vec<String>| -> BTreeSet<String> { names.into_iter().collect() };
        if set(old(carrier.first)) == set(new(carrier.first)) {
            found.settled = found.settled.saturating_add(carrier.endpoints.len());
            continue;
        }
        let mut names = carrier.first.groups.iter();
        if let Some(why) = names.find_map(|name| Some(format!("{name} {}", needs.get(&name.0)?))) {
            found.leave(&compiled.artifacts, &carrier, &why);
        } else if beside(carrier.first).len() > most {
            let why = "it has no room for old and new groups at once";
            found.leave(&compiled.artifacts, &carrier, why);
        } else {
            ready.push(carrier);
        }
    }
    let groups = compiled.artifacts.groups.iter();
    found.groups = groups.filter(|group| !needs.contains_key(&group.name.0)).cloned().collect();
    if !ready.is_empty() {
        let within = Within::new(intent, compiled, plane, (rendered, kept), widen);
        let part = Part { artifacts: &compiled.artifacts, groups: &found.groups, held: &held };
        let mut search = Search { within, part, looks: LOOKS_MAX, compared: 0 };
        let (lots, left) = search.lots(ready);
        found.compared = found.compared.saturating_add(search.compared);
        for (carrier, why) in &left {
            found.leave(&compiled.artifacts, carrier, why);
        }
        for one in lots.iter().flatten() {
            let endpoint = one.endpoint.to_string();
            let workload = one.workload.to_string();
            found.moved.push(Moved { endpoint, workload, from: old(one), to: new(one) });
        }
        found.lots = lots;
    }
    let each = needs.into_iter().map(|(group, how)| Need { group, how });
    found.needs = each.collect();
    found.moved.sort();
    found.left.sort();
    found
}

/// The groups that are not as artifacts need them, by name.
fn needs(artifacts: &Artifacts, held: &[HeldGroup]) -> BTreeMap<String, String> {
    let known = by_name(held);
    let mut needs = BTreeMap::new();
    for group in &artifacts.groups {
        let name = group.name.to_string();
        let Some(there) = known.get(name.as_str()) else {
            needs.insert(name, String::from("is not there"));
            continue;
        };
        let (lacking, surplus) = there.differences(&PlannedGroup::of(group).rules());
        let said = [told("lacks", &lacking), told("has beside", &surplus)].concat();
        if !said.is_empty() {
            needs.insert(name, said.join("; "));
        }
    }
    needs
}

/// Makes attachments of carriers.
struct Part<'p> {
    artifacts: &'p Artifacts,
    groups: &'p [Arc<Group>],
    held: &'p [HeldGroup],
}

impl Part<'_> {
    /// The attachments of some carriers. Groups of ours that no plan of these holds stand by their ids.
    fn of(&self, carriers: &[Carrier<'_>]) -> Vec<Attachment> {
        let planned: BTreeSet<&str> = self.groups.iter().map(|group| &*group.name.0).collect();
        let known = by_name(self.held);
        let named = |name: &Name| match known.get(&**name) {
            Some(held) if !planned.contains(&**name) => Name::from(held.id.clone()),
            _ => name.clone(),
        };
        let endpoints: BTreeSet<&str> =
            carriers.iter().flat_map(|one| &one.endpoints).map(String::as_str).collect();
        let own = self.artifacts.attachments.iter();
        let own = own.filter(|one| endpoints.contains(&*one.endpoint));
        own.map(|one| Attachment { before: one.before.iter().map(named).collect(), ..one.clone() })
            .collect()
    }
}

/// Looks who can go over with whom.
struct Search<'s, 'a> {
    within: Within<'s, 'a>,
    part: Part<'s>,
    looks: u32,
    compared: u64,
}

/// Who waits, each with the reason.
type Waiting<'c> = Vec<(Carrier<'c>, String)>;

impl Search<'_, '_> {
    /// Lots that go over one after the other, and who cannot.
    fn lots<'c>(&mut self, ready: Vec<Carrier<'c>>) -> (Vec<Vec<Attachment>>, Waiting<'c>) {
        let mut lots: Vec<Vec<Attachment>> = Vec::new();
        let mut ready = ready;
        loop {
            let done = lots.concat();
            let (taken, waiting) = self.lot(&done, ready);
            if taken.is_empty() {
                return (lots, waiting);
            }
            lots.push(self.part.of(&taken));
            if waiting.is_empty() {
                return (lots, waiting);
            }
            ready = waiting.into_iter().map(|(carrier, _)| carrier).collect();
        }
    }

    /// Those who can go over together when others are over, and who waits.
    fn lot<'c>(
        &mut self,
        done: &[Attachment],
        ready: Vec<Carrier<'c>>,
    ) -> (Vec<Carrier<'c>>, Waiting<'c>) {
        let mut taken = ready;
        let mut suspects: Waiting<'c> = Vec::new();
        while !taken.is_empty() {
            let Some(breaches) = self.look(done, &taken) else {
                let unlooked = taken.into_iter().map(|one| (one, NOT_LOOKED.to_owned()));
                return (Vec::new(), suspects.into_iter().chain(unlooked).collect());
            };
            let Some(first) = breaches.first() else { break };
            let why_of = |carrier: &Carrier<'_>| {
                let is_at = |end: &String| carrier.endpoints.contains(end);
                let own = breaches.iter().find(|breach| breach.ends.iter().any(is_at));
                own.map(|breach| breach.text.clone())
            };
            // Where nobody who goes over is at an end of it, it may be anybody's doing.
            let is_known = taken.iter().any(|carrier| why_of(carrier).is_some());
            let mut rest = Vec::new();
            for carrier in taken {
                match why_of(&carrier).or_else(|| (!is_known).then(|| first.text.clone())) {
                    Some(why) => suspects.push((carrier, why)),
                    None => rest.push(carrier),
                }
            }
            taken = rest;
        }
        // One that was alone was looked at already.
        if taken.is_empty() && suspects.len() == 1 {
            return (taken, suspects);
        }
        let mut waiting = Vec::new();
        for (carrier, why) in suspects {
            taken.push(carrier);
            let is_covered = self.look(done, &taken).is_some_and(|breaches| breaches.is_empty());
            if !is_covered {
                waiting.extend(taken.pop().map(|carrier| (carrier, why)));
            }
        }
        (taken, waiting)
    }

    /// What would come of it; nothing where it was looked too often.
    fn look(&mut self, done: &[Attachment], taken: &[Carrier<'_>]) -> Option<Vec<Breach>> {
        self.looks = self.looks.checked_sub(1)?;
        let (breaches, compared) = self.within.breaches(done, &self.part.of(taken));
        self.compared = self.compared.saturating_add(compared);
        Some(breaches)
    }
}

impl Membership {
    /// Whether everybody who can carry groups carries those that the policy intends, when this is taken.
    pub fn is_whole(&self) -> bool {
        self.left.is_empty() && self.needs.is_empty()
    }

    /// The plan of it. Its gaps are those of the whole plan.
    pub fn plan(&self, occasion: Occasion, plane: &dyn Plane, whole: &Whole<'_>) -> Plan {
        let Whole { compiled, proof, .. } = *whole;
        let groups = || self.groups.clone();
        let attachments = self.lots.concat();
        let artifacts =
            Artifacts { groups: groups(), attachments: attachments.into(), edges: None };
        let part = Compiled { artifacts, ..compiled.clone() };
        let surprises = if self.widen { proof.surprises.clone() } else { Vec::new() };
        let (gaps, compared) = (proof.gaps.clone(), self.compared);
        let proof = Proof { gaps, surprises, compared, ..Proof::default() };
        let mut plan = Plan::new(occasion, plane, (&part, &proof), &InTurn);
        let (held, limits) = (plane.held(), plane.limits());
        let each = self.lots.iter().flat_map(|lot| {
            let attachments = lot.clone();
            let lot = Artifacts { groups: groups(), attachments: attachments.into(), edges: None };
            steps(&lot, &held, &limits)
        });
        plan.steps = each.collect();
        plan.notes.push(String::from(
            "membership alone: no group and no rule changes; gaps are those of the whole plan",
        ));
        let needs = self.needs.iter().map(|need| format!("{} {}", need.group, need.how));
        plan.notes.extend(needs);
        let left = self.left.iter();
        let left = left.map(|one| format!("{} ({}): {}", one.workload, one.endpoint, one.why));
        plan.notes.extend(left);
        plan
    }

    fn leave(&mut self, artifacts: &Artifacts, carrier: &Carrier<'_>, why: &str) {
        for endpoint in &carrier.endpoints {
            let own = artifacts.attachments.iter().find(|one| *one.endpoint == **endpoint);
            let workload = own.map_or(&carrier.first.workload, |one| &one.workload).to_string();
            self.left.push(Left { endpoint: endpoint.clone(), workload, why: why.to_owned() });
        }
    }
}
