//! Who is to carry which groups, where the groups are there already: the part of a plan that changes no
//! group and no rule.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;

use crate::artifact::{Artifacts, Attachment, Group, GroupName};
use crate::compiler::Compiled;
use crate::drift::told;
use crate::held::HeldGroup;
use crate::intent::Intent;
use crate::plan::{Occasion, Plan, PlannedGroup};
use crate::plane::{Plane, RenderedBody};
use crate::step::{Carrier, beside, new, old};
use crate::validate::{Proof, Within};

/// Where all cannot go over together, so many are tried one by one; the others wait for the next time.
const TRIED_MAX: usize = 24;

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
    /// The groups that are as they are to be, and the endpoints that go over to some of them.
    pub artifacts: Artifacts,
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
/// the whole plan is; in the middle too. What would break that is left, and told. With `widen`, what no
/// rule asks for may become possible, as in the plan.
pub fn membership(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    whole: &Whole<'_>,
    widen: bool,
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
    let right = groups.filter(|group| !needs.contains_key(&group.name.0)).cloned().collect();
    let mut part = Part { artifacts: &compiled.artifacts, groups: right, held: &held };
    if !ready.is_empty() {
        let within = Within::new(intent, compiled, plane, rendered, widen);
        let taken = found.covered(&within, &mut part, ready);
        found.artifacts = part.of(&taken);
        for one in taken.iter().flat_map(|carrier| part.attachments(carrier)) {
            let endpoint = one.endpoint.to_string();
            let workload = one.workload.to_string();
            found.moved.push(Moved { endpoint, workload, from: old(one), to: new(one) });
        }
    }
    let each = needs.into_iter().map(|(group, how)| Need { group, how });
    found.needs = each.collect();
    found.moved.sort();
    found.left.sort();
    found
}

/// The groups that are not as artifacts need them, by name.
fn needs(artifacts: &Artifacts, held: &[HeldGroup]) -> BTreeMap<String, String> {
    let mut needs = BTreeMap::new();
    for group in &artifacts.groups {
        let name = group.name.to_string();
        let Some(there) = held.iter().find(|one| one.name == name) else {
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

/// Makes artifacts of some carriers.
struct Part<'p> {
    artifacts: &'p Artifacts,
    groups: Vec<Group>,
    held: &'p [HeldGroup],
}

impl<'p> Part<'p> {
    /// What is about a carrier.
    fn attachments(&self, carrier: &Carrier<'_>) -> impl Iterator<Item = &'p Attachment> {
        let endpoints: BTreeSet<String> = carrier.endpoints.iter().cloned().collect();
        let all = self.artifacts.attachments.iter();
        all.filter(move |one| endpoints.contains(&*one.endpoint))
    }

    /// The artifacts of some carriers. Groups of ours that are not in them stand by their ids.
    fn of(&self, carriers: &[Carrier<'_>]) -> Artifacts {
        let known = |name: &Name| self.groups.iter().any(|group| *group.name.0 == **name);
        let id = |name: &Name| {
            let held = self.held.iter().find(|one| *one.name == **name);
            held.map_or_else(|| name.clone(), |one| Name::from(one.id.clone()))
        };
        let named = |name: &Name| {
            let is_ours = name.starts_with(GroupName::PREFIX);
            if is_ours && !known(name) { id(name) } else { name.clone() }
        };
        let each = carriers.iter().flat_map(|carrier| self.attachments(carrier));
        let mut attachments: Vec<Attachment> = each
            .map(|one| Attachment { before: one.before.iter().map(named).collect(), ..one.clone() })
            .collect();
        attachments.sort();
        Artifacts { groups: self.groups.clone(), attachments }
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
        let part = Compiled { artifacts: self.artifacts.clone(), ..compiled.clone() };
        let surprises = if self.widen { proof.surprises.clone() } else { Vec::new() };
        let (gaps, compared) = (proof.gaps.clone(), self.compared);
        let proof = Proof { gaps, surprises, compared, ..Proof::default() };
        let mut plan = Plan::new(occasion, plane, &part, &proof);
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

    /// The carriers that can go over without anybody else; the others are left.
    fn covered<'c>(
        &mut self,
        within: &Within<'_, '_>,
        part: &mut Part<'_>,
        ready: Vec<Carrier<'c>>,
    ) -> Vec<Carrier<'c>> {
        let mut taken = ready;
        let mut suspects: Vec<(Carrier<'c>, String)> = Vec::new();
        while !taken.is_empty() {
            let (breaches, compared) = within.breaches(&part.of(&taken));
            self.compared = self.compared.saturating_add(compared);
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
        // One that was alone was tried already.
        let is_alone = taken.is_empty() && suspects.len() == 1;
        for (number, (carrier, why)) in suspects.into_iter().enumerate() {
            taken.push(carrier);
            let is_covered = number < TRIED_MAX && !is_alone && {
                let (breaches, compared) = within.breaches(&part.of(&taken));
                self.compared = self.compared.saturating_add(compared);
                breaches.is_empty()
            };
            if !is_covered && let Some(carrier) = taken.pop() {
                self.leave(part.artifacts, &carrier, &why);
            }
        }
        taken
    }
}
