//! The legs that a question is about, and what is decided about each.

use std::collections::BTreeSet;
use std::net::IpAddr;

use watertight_model::network::EndpointId;
use watertight_model::{ArenaId, Estate, Name, WorkloadId};
use watertight_net::{Flow, FlowPart, FlowSet};
use watertight_policy::decide::{
    Decider, Deciding, Decision, End, InShare, Leg, NearMiss, Outcome, Question, Reason, Request,
    Side, Who,
};
use watertight_reach::ends;

use super::ends::end_of;
use super::fronts::{Hop, Hops};
use crate::can::{self, Arrival, Today};
use crate::estate_folder::Loaded;
use crate::exit::Failure;

/// Near misses that one leg prints.
const NEAR_MAX: usize = 5;

/// What every leg is asked with.
pub(super) struct Asking<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) decider: &'a Decider<'a>,
    pub(super) deciding: &'a Deciding<'a>,
    pub(super) request: Option<&'a Request>,
}

/// An end with its name.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) end: ends::End,
    /// The groups of who is signed in there, where the question tells.
    pub(super) groups: Option<Vec<Name>>,
}

/// A way from one end to the other.
pub(super) struct Way {
    /// The front that it goes through, or behind which its last leg is.
    pub(super) through: Option<String>,
    /// Whether it goes on from the second end, which is a front.
    pub(super) is_beyond: bool,
    pub(super) legs: Vec<Answered>,
}

/// One leg with both answers, which are about different things.
pub(super) struct Answered {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) over: FlowSet,
    /// What is dialled, where that is not the address at which it is accepted.
    pub(super) via: BTreeSet<IpAddr>,
    /// What the policy decides.
    pub(super) decision: Decision,
    /// Of the segments of which a share alone is on, which hold an end, and whether the share does.
    pub(super) shares: Vec<(Side, InShare)>,
    /// The rules that would have allowed it, but for one attribute.
    pub(super) near: Vec<NearMiss>,
    /// What the network does.
    pub(super) today: Today,
}

impl Way {
    /// What comes of the whole way: the strictest of its legs.
    pub(super) fn outcome(&self) -> Outcome {
        let outcomes = self.legs.iter().map(|leg| leg.decision.outcome);
        outcomes.max_by_key(|outcome| strictness(*outcome)).unwrap_or(Outcome::Deny)
    }
}

/// How strict an outcome is.
pub(super) const fn strictness(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Allow => 0,
        Outcome::Inspect => 1,
        Outcome::Deny => 2,
    }
}

/// The packet that a text names, which must be one protocol and one port, or one type.
pub(super) fn one_flow(text: &str) -> Result<(Flow, FlowSet), String> {
    let flows: FlowSet = text.parse().map_err(|error| format!("{error}"))?;
    let parts: Vec<FlowPart> = flows.parts().collect();
    let is_one = match &*parts {
        [FlowPart::Ports { destination, .. }] => destination.first() == destination.last(),
        [FlowPart::Icmp { types, .. }] => types.first() == types.last(),
        [FlowPart::Other { .. }] => true,
        _ => false,
    };
    match flows.sample().filter(|_| is_one) {
        Some(flow) => Ok((flow, flows)),
        None => Err(format!(
            "a decision is about one protocol and port, and `{text}` is not: write one as `tcp/5432`"
        )),
    }
}

impl Asking<'_> {
    /// The ways from one end to the other over a flow: the leg itself, those through fronts, and
    /// what lies beyond the second end where that is a front.
    pub(super) fn ways(
        &self,
        from: &Named,
        to: &Named,
        over: &(Flow, FlowSet),
    ) -> Result<Vec<Way>, Failure> {
        let mut ways = self.direct(from, to, over)?;
        let ends::End::Endpoints { workload, .. } = &to.end else { return Ok(ways) };
        let hops = Hops::of(&self.loaded.estate);
        for chain in hops.leading_to(workload.index(), over.0) {
            ways.push(self.through(&chain, (from, to), over)?);
        }
        for hop in hops.behind(workload.index(), over.0) {
            let (front, behind) = (self.named(hop.workload), self.named(hop.target));
            let Some(flow) = hop.sent.sample() else { continue };
            let own = if hop.sent.is_all() { over.clone() } else { (flow, hop.sent.clone()) };
            let leg = self.opened(hop, (&front, &behind), &own)?;
            ways.push(Way { through: Some(front.name), is_beyond: true, legs: vec![leg] });
        }
        ways.dedup_by(|one, other| one.key() == other.key());
        Ok(ways)
    }

    /// The way through some fronts, one behind the other: a leg to the first, and those that they open.
    fn through(
        &self,
        chain: &[&Hop],
        (from, to): (&Named, &Named),
        over: &(Flow, FlowSet),
    ) -> Result<Way, Failure> {
        let fronts: Vec<Named> = chain.iter().map(|hop| self.named(hop.workload)).collect();
        let mut legs = Vec::new();
        for (place, hop) in chain.iter().enumerate() {
            let Some(front) = fronts.get(place) else { continue };
            if place == 0
                && let Some(flow) = hop.listens.sample()
            {
                legs.push(self.answer(from, front, &(flow, hop.listens.clone()))?);
            }
            match (fronts.get(place + 1), chain.get(place + 1)) {
                (Some(next), Some(onward)) => {
                    let heard = hop.sent.intersection(&onward.listens);
                    let Some(flow) = heard.sample() else { continue };
                    legs.push(self.opened(hop, (front, next), &(flow, heard))?);
                }
                _ => legs.push(self.opened(hop, (front, to), over)?),
            }
        }
        let names: Vec<&str> = fronts.iter().map(|front| &*front.name).collect();
        Ok(Way { through: Some(names.join(" and ")), is_beyond: false, legs })
    }

    /// A leg that a front opens.
    fn opened(
        &self,
        hop: &Hop,
        (from, to): (&Named, &Named),
        over: &(Flow, FlowSet),
    ) -> Result<Answered, Failure> {
        if hop.is_carried {
            return Ok(self.decided(self.side(from), self.side(to), over, Today::carried()));
        }
        self.answer(from, to, over)
    }

    /// The leg from one end to the other; where what is dialled ends no leg and leads elsewhere, one to each
    /// who accepts it. A rule sees the end, the address and the port at which it is accepted.
    fn direct(
        &self,
        from: &Named,
        to: &Named,
        over: &(Flow, FlowSet),
    ) -> Result<Vec<Way>, Failure> {
        let way = |leg| Way { through: None, is_beyond: false, legs: vec![leg] };
        let estate = &self.loaded.estate;
        let arrivals = can::arrivals(self.loaded, (&from.end, &to.end), &over.1)?;
        let keeps_port = |one: &Arrival| one.flows.contains_flow(over.0);
        let is_moved = |one: &&Arrival| one.address != one.via || !keeps_port(one);
        if !arrivals.iter().any(|one| is_moved(&one)) {
            return Ok(vec![way(self.answer(from, to, over)?)]);
        }
        let today = can::today(self.loaded, (&from.end, &to.end), &over.1)?;
        if arrivals.iter().any(|one| one.is_translated) {
            return Ok(self.by_node(from, over, &arrivals, &today));
        }
        let is_whole = |one: &Arrival| match &to.end {
            ends::End::Endpoints { endpoints, address: None, .. } => {
                keeps_port(one) && endpoints.contains(&one.endpoint)
            }
            _ => false,
        };
        if arrivals.iter().all(is_whole) {
            let via = arrivals.iter().filter(is_moved).map(|one| one.via).collect();
            let places: BTreeSet<(EndpointId, IpAddr)> =
                arrivals.iter().map(|one| (one.endpoint, one.address)).collect();
            let only = arrivals.first().filter(|_| places.len() == 1);
            let end = only.and_then(|one| accepting(estate, one)).map(|one| one.end);
            let to = end.map_or_else(|| to.clone(), |end| Named { end, ..to.clone() });
            let leg = self.answer(from, &to, over)?;
            return Ok(vec![way(Answered { via, today, ..leg })]);
        }
        let mut ways: Vec<Way> = Vec::new();
        let mut known: Vec<&Arrival> = Vec::new();
        for one in &arrivals {
            let key = |one: &Arrival| (one.endpoint, one.address, one.flows.clone());
            if let Some(place) = known.iter().position(|other| key(other) == key(one)) {
                let leg = ways.get_mut(place).and_then(|way| way.legs.first_mut());
                if let Some(leg) = leg {
                    leg.via.insert(one.via);
                }
                continue;
            }
            let Some(mut accepting) = accepting(estate, one) else { continue };
            let shares_name = |other: &&Arrival| {
                let other_end = (other.endpoint, other.address);
                other_end != (one.endpoint, one.address)
                    && self::accepting(estate, other)
                        .is_some_and(|other| other.name == accepting.name)
            };
            if arrivals.iter().any(|other| shares_name(&other)) {
                accepting.name = format!("{} at {}", accepting.name, one.address);
            }
            let over = if keeps_port(one) {
                over.clone()
            } else {
                let Some(flow) = one.flows.sample() else { continue };
                (flow, one.flows.clone())
            };
            let via = is_moved(&one).then_some(one.via).into_iter().collect();
            let leg = self.answer(from, &accepting, &over)?;
            known.push(one);
            ways.push(way(Answered { via, today: today.clone(), ..leg }));
        }
        Ok(ways)
    }

    /// Where what is dialled comes by way of a node that translates the source, the node ends the leg. Which node it
    /// is nothing tells, so that it is an end that is not known.
    fn by_node(
        &self,
        from: &Named,
        over: &(Flow, FlowSet),
        arrivals: &BTreeSet<Arrival>,
        today: &Today,
    ) -> Vec<Way> {
        let node = || {
            let end = End { who: Who::Unknown, places: Vec::new(), groups: None };
            (String::from("some node"), end)
        };
        let mut ways = Vec::new();
        for one in arrivals {
            let Some(accepting) = accepting(&self.loaded.estate, one) else { continue };
            let to_node = self.decided(self.side(from), node(), over, today.clone());
            let Some(flow) = one.flows.sample() else { continue };
            let arrives = (flow, one.flows.clone());
            let onward = self.decided(node(), self.side(&accepting), &arrives, today.clone());
            let via = BTreeSet::from([one.via]);
            let legs = vec![Answered { via, ..to_node }, onward];
            ways.push(Way { through: None, is_beyond: false, legs });
        }
        ways
    }

    fn answer(
        &self,
        from: &Named,
        to: &Named,
        over: &(Flow, FlowSet),
    ) -> Result<Answered, Failure> {
        let today = can::today(self.loaded, (&from.end, &to.end), &over.1)?;
        Ok(self.decided(self.side(from), self.side(to), over, today))
    }

    /// A name and the end as decisions take it.
    fn side(&self, named: &Named) -> (String, End) {
        let end = end_of(&self.loaded.estate, self.decider, &named.end);
        (named.name.clone(), End { groups: named.groups.clone(), ..end })
    }

    fn decided(
        &self,
        (from, source): (String, End),
        (to, destination): (String, End),
        over: &(Flow, FlowSet),
        today: Today,
    ) -> Answered {
        let leg = Leg { source, destination, flow: over.0 };
        let question = Question { leg: &leg, request: self.request, bindings: &[] };
        let decision = self.deciding.decide(&question);
        let by_default =
            decision.reasons.iter().any(|reason| matches!(reason, Reason::Default(..)));
        let mut near = Vec::new();
        if decision.outcome == Outcome::Deny && by_default {
            near = self.deciding.near_misses(&question);
            near.truncate(NEAR_MAX);
        }
        let sides = [(Side::Source, &leg.source), (Side::Destination, &leg.destination)];
        let shares = sides.into_iter().flat_map(|(side, end)| {
            self.deciding.shares_at(end).into_iter().map(move |share| (side, share))
        });
        let (via, shares) = (BTreeSet::new(), shares.collect());
        Answered { from, to, over: over.1.clone(), via, decision, shares, near, today }
    }

    fn named(&self, workload: usize) -> Named {
        named(&self.loaded.estate, workload)
    }
}

/// The ends of a leg, and over what.
type LegKey<'w> = (&'w str, &'w str, &'w FlowSet, &'w Decision);

impl Way {
    fn key(&self) -> (Option<&str>, bool, Vec<LegKey<'_>>) {
        // Names are not of one alone: what is decided tells those apart that share them.
        let legs = self.legs.iter().map(|leg| (&*leg.from, &*leg.to, &leg.over, &leg.decision));
        (self.through.as_deref(), self.is_beyond, legs.collect())
    }
}

/// Who accepts something, as an end at that address.
fn accepting(estate: &Estate, one: &Arrival) -> Option<Named> {
    let id = estate.network.endpoints.get(one.endpoint)?.workload;
    let name = estate.workloads.get(id)?.name.to_string();
    let (endpoints, address) = (vec![one.endpoint], Some(one.address));
    let end = ends::End::Endpoints { workload: id, endpoints, address };
    Some(Named { name, end, groups: None })
}

/// A workload of a world as an end.
fn named(estate: &Estate, workload: usize) -> Named {
    let id =
        u32::try_from(workload).map_or(WorkloadId::from_index(u32::MAX), WorkloadId::from_index);
    let known = estate.workloads.get(id);
    let name = known.map_or_else(String::new, |one| one.name.to_string());
    let endpoints = known.map_or_else(Vec::new, |one| one.endpoints.clone());
    let end = ends::End::Endpoints { workload: id, endpoints, address: None };
    Named { name, end, groups: None }
}
