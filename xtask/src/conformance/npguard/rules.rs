//! Compares an explanation with our way: verdict, guards in order, and the rules that decide.

use std::net::IpAddr;

use watertight_model::Disposition;
use watertight_model::network::{Direction, EndpointId, GuardId, Peer};
use watertight_net::{AddressSet, Family, FlowSet, Protocol};
use watertight_reach::ends::internet_atoms;
use watertight_reach::{End, Part, Path, Reach, Start, Step};

use super::dump::Dump;
use super::explain::{Explanation, GuardLine, Pair, RuleLine};
use super::flows::{tcp, universe};
use super::listing::Name;

/// Whether a dump has the VPC and the ends that an explanation names.
pub(super) fn fits(explanation: &Explanation, dump: &Dump) -> bool {
    explanation.pairs.iter().all(|pair| {
        [&pair.from, &pair.to].into_iter().all(|name| match name {
            Name::Internet(_) => true,
            Name::Inside(name) => end_of(explanation, dump, name).is_some(),
        })
    })
}

/// The end of a name in the explanation's VPC, or in the one VPC that has it.
fn end_of(explanation: &Explanation, dump: &Dump, name: &str) -> Option<EndpointId> {
    let realm = match &explanation.realm {
        Some(realm) => Some(dump.realm(realm).ok()?),
        None => None,
    };
    let ends = dump.ends();
    let mut named = ends
        .iter()
        .filter(|((of, one), _)| one == name && realm.is_none_or(|realm| realm == *of))
        .map(|(_, id)| *id);
    let found = named.next();
    if named.next().is_some() { None } else { found }
}

/// In what our answers differ from an explanation.
pub(super) fn differences(explanation: &Explanation, dump: &Dump) -> Result<Vec<String>, String> {
    let reach = Reach::new(&dump.estate.network);
    let asked = explanation.asked.clone().unwrap_or_else(universe);
    let mut found = Vec::new();
    for pair in &explanation.pairs {
        let question = Question { explanation, dump, reach: &reach, asked: &asked };
        found.extend(question.differences(pair)?);
    }
    Ok(found)
}

struct Question<'q> {
    explanation: &'q Explanation,
    dump: &'q Dump,
    reach: &'q Reach<'q>,
    asked: &'q FlowSet,
}

/// A guard on our way, in the words of explanations.
#[derive(Debug)]
struct Met {
    direction: Direction,
    guard: String,
    id: GuardId,
    allows: bool,
    /// The step's position, to know which guards decide together.
    step: usize,
}

impl Question<'_> {
    fn differences(&self, pair: &Pair) -> Result<Vec<String>, String> {
        let (start, destination) = self.ends(pair)?;
        let parts = self.reach.answer(&start, destination, self.asked);
        let mut found = Vec::new();
        if let Some(unknown) = parts.iter().find(|part| part.disposition == Disposition::Unknown) {
            found.push(format!("ours is unknown: {}", unknown.why));
        }
        let delivered = || parts.iter().filter(|part| part.disposition.is_delivered());
        let flows: FlowSet = delivered().map(|part| part.flows.clone()).collect();
        if flows != pair.flows {
            found.push(format!("ours is `{flows}`, theirs is `{}`", pair.flows));
        }
        if pair.enabled.is_some_and(|enabled| enabled == flows.is_empty()) {
            found.push(format!("the way is {:?} there", pair.enabled));
        }
        let established: FlowSet =
            delivered().map(|part| part.established.sure.intersection(&tcp())).collect();
        let replied = pair.flows.difference(&pair.no_reply).intersection(&tcp());
        if established != replied {
            found.push(format!("replies: ours is `{established}`, theirs is `{replied}`"));
        }
        let Some(part) = parts.iter().max_by_key(|part| part.path.steps.len()) else {
            found.push("we have no way".to_owned());
            return Ok(found);
        };
        found.extend(self.guards(&part.path, self.asked, &pair.guards));
        found.extend(summary(pair));
        if let Some(stop) = &pair.stops_at {
            found.extend(self.stop(&parts, stop));
        }
        if !pair.reply_guards.is_empty() {
            match delivered().find_map(|part| part.reply.as_ref()) {
                Some(reply) => found.extend(self.reply(reply, &pair.reply_guards)),
                None => found.push("we follow no reply".to_owned()),
            }
        }
        Ok(found)
    }

    fn ends(&self, pair: &Pair) -> Result<(Start, IpAddr), String> {
        let network = self.reach.network();
        let inside = |name: &str| {
            end_of(self.explanation, self.dump, name).ok_or_else(|| format!("`{name}` is nothing"))
        };
        let private = |end: EndpointId| {
            let address = network.endpoints[end].address(Family::V4);
            address.ok_or_else(|| "an end has no IPv4 address".to_owned())
        };
        let outside = |addresses: &Option<AddressSet>| {
            let atoms =
                internet_atoms(network).into_iter().map(|(set, _)| set.of_family(Family::V4));
            let mut within = atoms.map(|set| match addresses {
                Some(addresses) => set.intersection(addresses),
                None => set,
            });
            let found = within.find_map(|set| set.first());
            found.ok_or_else(|| "none of the addresses is on the internet".to_owned())
        };
        match (&pair.from, &pair.to) {
            (Name::Inside(from), Name::Inside(to)) => {
                let (from, to) = (inside(from)?, inside(to)?);
                Ok((Start::Endpoint { endpoint: from, address: private(from)? }, private(to)?))
            }
            (Name::Inside(from), Name::Internet(to)) => {
                let from = inside(from)?;
                Ok((Start::Endpoint { endpoint: from, address: private(from)? }, outside(to)?))
            }
            (Name::Internet(from), Name::Inside(to)) => {
                let to = inside(to)?;
                let public = network.endpoints[to].public_of(private(to)?);
                let address = outside(from)?;
                Ok((Start::Internet { address }, public.map_or_else(|| private(to), Ok)?))
            }
            (Name::Internet(_), Name::Internet(_)) => Err("both ends are outside".to_owned()),
        }
    }

    /// The guards on a way, each asked by itself; guards of one layer by name.
    fn met(&self, path: &Path, flows: &FlowSet) -> Vec<Met> {
        let network = self.reach.network();
        let mut met = Vec::new();
        for (position, step) in path.steps.iter().enumerate() {
            let Step::Guards(check) = step else { continue };
            let decisions = self.reach.deciding(step, flows);
            for layer in &check.layers {
                let mut guards: Vec<Met> = network.layers[*layer]
                    .guards
                    .iter()
                    .map(|id| Met {
                        direction: check.direction,
                        guard: self.name(*id),
                        id: *id,
                        allows: decisions.iter().any(|one| one.guard == *id && one.accepts),
                        step: position,
                    })
                    .collect();
                guards.sort_by(|a, b| a.guard.cmp(&b.guard));
                met.extend(guards);
            }
        }
        met
    }

    fn name(&self, id: GuardId) -> String {
        let guard = &self.reach.network().guards[id];
        format!("{} {}", guard.kind, self.dump.name(&guard.name))
    }

    /// Compares guards, what they do and their rules. Where our way ends before the other end it
    /// meets fewer guards: what it meets must be what comes first there.
    fn guards(&self, path: &Path, flows: &FlowSet, theirs: &[GuardLine]) -> Vec<String> {
        let ours = self.met(path, flows);
        let theirs = sorted(theirs);
        let ends_early = matches!(path.end, End::Stopped { .. });
        if ours.len() > theirs.len() || (ours.len() < theirs.len() && !ends_early) {
            let ours: Vec<&str> = ours.iter().map(|met| met.guard.as_str()).collect();
            let theirs: Vec<&str> = theirs.iter().map(|line| line.guard.as_str()).collect();
            return vec![format!("guards: ours are {ours:?}, theirs are {theirs:?}")];
        }
        let mut found = Vec::new();
        for (met, line) in ours.iter().zip(theirs) {
            let same = met.guard == line.guard
                && met.direction == line.way.direction()
                && met.allows == line.allows;
            if !same {
                found.push(format!(
                    "guards: ours is {} {:?} allows={}, theirs is {} {:?} allows={}",
                    met.guard, met.direction, met.allows, line.guard, line.way, line.allows
                ));
                continue;
            }
            found.extend(self.rules(path, flows, met, line));
        }
        found
    }

    /// The rules that decide at one guard, each way.
    fn rules(&self, path: &Path, flows: &FlowSet, met: &Met, line: &GuardLine) -> Vec<String> {
        let network = self.reach.network();
        let Some(step) = path.steps.get(met.step) else { return Vec::new() };
        let stages = network.guards[met.id].stages(met.direction);
        let mut ours: Vec<RuleLine> = Vec::new();
        for decision in self.reach.deciding(step, flows) {
            let (Some((stage, rule)), true) = (decision.rule, decision.guard == met.id) else {
                continue;
            };
            let Some(rule) = stages.get(stage).and_then(|stage| stage.rules.get(rule)) else {
                continue;
            };
            ours.push(RuleLine {
                direction: decision.direction,
                number: Some(if *rule.name == *"*" {
                    "32767".into()
                } else {
                    rule.name.to_string()
                }),
                allows: decision.accepts,
                target: self.target(&rule.peer),
                flows: rule.flows.intersection(&universe()),
            });
        }
        let mut found = Vec::new();
        for their in &line.rules {
            if !ours.iter().any(|our| is_same(our, their)) {
                found.push(format!("{}: theirs is {their:?}, ours are {ours:?}", met.guard));
            }
        }
        let told = |our: &&RuleLine| our.allows || (line.tells_denials && !line.allows);
        for our in ours.iter().filter(told) {
            if !line.rules.iter().any(|their| is_same(our, their)) {
                found.push(format!("{}: ours is {our:?}, theirs are {:?}", met.guard, line.rules));
            }
        }
        found
    }

    /// The IPv4 addresses that a peer stands for.
    fn target(&self, peer: &Peer) -> AddressSet {
        let network = self.reach.network();
        match peer {
            Peer::Any => AddressSet::all_v4(),
            Peer::Prefix(prefix) => AddressSet::from(*prefix),
            Peer::List(list) => match &network.lists[*list].content {
                watertight_model::network::ListContent::Known(prefixes) => {
                    AddressSet::from_prefixes(prefixes.iter().copied())
                }
                watertight_model::network::ListContent::Unread(_) => AddressSet::empty(),
            },
            Peer::Members(guard) => {
                let has = |layers: &[watertight_model::network::LayerId]| {
                    layers.iter().any(|layer| network.layers[*layer].guards.contains(guard))
                };
                let members = network.endpoints.values().filter(|one| has(&one.layers));
                let addresses = members.filter_map(|one| one.address(Family::V4));
                addresses.map(watertight_net::Prefix::host).collect()
            }
            Peer::Unread(_) => AddressSet::empty(),
        }
    }

    /// The guard at which the way ends.
    fn stop(&self, parts: &[Part], theirs: &str) -> Vec<String> {
        let mut ours: Vec<String> = Vec::new();
        for part in parts.iter().filter(|part| !part.disposition.is_delivered()) {
            let met = self.met(&part.path, self.asked);
            ours.extend(
                met.into_iter().filter(|met| met.step == part.ends_at_step).map(|met| met.guard),
            );
        }
        // Several groups: `security group[a, b]`. What is no guard is no layer of ours.
        let is_guard =
            ["security group", "network ACL"].iter().any(|kind| theirs.starts_with(kind));
        let fits = |our: &String| match theirs.split_once('[') {
            Some((kind, names)) => {
                let mut names = names.trim_end_matches(']').split(", ");
                names.any(|name| *our == format!("{kind} {name}"))
            }
            None => our == theirs,
        };
        if !is_guard || ours.iter().any(fits) {
            return Vec::new();
        }
        vec![format!("ours ends at {ours:?}, theirs at `{theirs}`")]
    }

    /// The reply's guards that keep no state; others let it pass unasked.
    fn reply(&self, reply: &watertight_reach::Reply, theirs: &[GuardLine]) -> Vec<String> {
        let mut path = reply.path.clone();
        let network = self.reach.network();
        for step in &mut path.steps {
            if let Step::Guards(check) = step {
                check.layers.retain(|layer| {
                    network.layers[*layer].guards.iter().all(|id| !network.guards[*id].stateful)
                });
            }
        }
        let found = self.guards(&path, &reply.flows.intersection(&tcp()), theirs);
        found.into_iter().map(|difference| format!("reply: {difference}")).collect()
    }
}

/// The effects of guards as they are told before the details: the same as in these.
fn summary(pair: &Pair) -> Option<String> {
    let details = pair.guards.iter().map(|line| (line.guard.clone(), line.allows));
    let (mut told, mut details) = (pair.summary.clone(), details.collect::<Vec<_>>());
    told.sort();
    details.sort();
    let differs = !told.is_empty() && told != details;
    differs.then(|| format!("the summary {told:?} is not that of the details {details:?}"))
}

/// Lines with neighbours of one kind and direction ordered by name: they decide together.
fn sorted(lines: &[GuardLine]) -> Vec<&GuardLine> {
    let mut sorted: Vec<(usize, &GuardLine)> = Vec::new();
    let mut run = 0_usize;
    let kind = |line: &GuardLine| (line.way, line.guard.starts_with("network ACL"));
    for line in lines {
        if sorted.last().is_some_and(|(_, last)| kind(last) != kind(line)) {
            run = run.saturating_add(1);
        }
        sorted.push((run, line));
    }
    sorted.sort_by(|(a, left), (b, right)| (a, &left.guard).cmp(&(b, &right.guard)));
    sorted.into_iter().map(|(_, line)| line).collect()
}

/// Whether two rules are the same. One permission with several peers is one rule there.
fn is_same(our: &RuleLine, their: &RuleLine) -> bool {
    our.direction == their.direction
        && our.allows == their.allows
        && their.number.as_ref().is_none_or(|number| our.number.as_ref() == Some(number))
        && their.target.contains_set(&our.target)
        && (their.number.is_none() || their.target == our.target)
        && (our.flows == their.flows || tells_no_types(our, their))
}

/// Whether a rule is about ICMP in a network ACL: files leave its types out there.
fn tells_no_types(our: &RuleLine, their: &RuleLine) -> bool {
    let icmp = FlowSet::protocol(Protocol::ICMP);
    their.number.is_some() && their.flows == icmp && icmp.contains(&our.flows)
}
