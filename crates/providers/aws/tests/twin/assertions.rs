//! Assertions against what the twin's packets say, pair by pair.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::EndpointId;
use watertight_model::{Bounds, WorkloadKind};
use watertight_net::{AddressSet, FlowSet, PortRange, PortSet, Protocol};
use watertight_reach::{Assertion, Claim, Follow, Held, Judge, Party};
use watertight_testkit::generate::{self, Random, Size};
use watertight_testkit::twin::aws::{Estate, Peer, Row, probes};

use crate::engine::Engine;
use crate::flows::Probes;
use crate::setting;

/// How many sets of each claim are tried in each estate.
const TRIED: usize = 6;

/// What reaches what between two interfaces, by the twin.
struct Slow<'p> {
    rows: BTreeMap<Peer, Row>,
    probes: &'p Probes,
}

impl Slow<'_> {
    /// What does harm, and what can be established.
    fn pair(&self, from: &str, to: &str) -> (Bounds<FlowSet>, Bounds<FlowSet>) {
        let peer = |id: &str| Peer::Interface(id.to_owned());
        let found = self.rows.get(&peer(from)).and_then(|row| row.get(&peer(to)));
        let Some(found) = found else { return Default::default() };
        let forward = self.probes.bounds(&found.forward);
        let established = self.probes.bounds(&found.established);
        let tcp = FlowSet::protocol(Protocol::TCP);
        let harm = Bounds {
            sure: established.sure.union(&forward.sure.difference(&tcp)),
            possible: established.possible.union(&forward.possible.difference(&tcp)),
        };
        (harm, established)
    }

    fn held(&self, claim: Claim, from: &[&String], to: &[&String], over: &FlowSet) -> Held {
        let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
        let answers = pairs.filter(|(from, to)| from != to).map(|(from, to)| {
            let (harm, established) = self.pair(from, to);
            let (fails, doubtful) = match claim {
                Claim::Always => {
                    (!established.possible.contains(over), !established.sure.contains(over))
                }
                _ => (harm.sure.intersects(over), harm.possible.intersects(over)),
            };
            match (fails, doubtful) {
                (true, _) => Held::Fails,
                (false, true) => Held::Unknown,
                (false, false) => Held::Holds,
            }
        });
        let all: BTreeSet<Held> = answers.collect();
        let worst = [Held::Fails, Held::Unknown].into_iter().find(|one| all.contains(one));
        worst.unwrap_or(Held::Holds)
    }
}

/// Interfaces that are the only ones of their workload and open connections of their own.
fn plain(engine: &Engine, twin: &Estate) -> Vec<String> {
    let estate = &engine.estate;
    let opens = |id: &&String| {
        let endpoint = engine.endpoint(id);
        let workload = &estate.workloads[estate.network.endpoints[endpoint].workload];
        let forwards = matches!(
            workload.kind,
            WorkloadKind::Gateway | WorkloadKind::PrivateService | WorkloadKind::LoadBalancer
        );
        workload.endpoints.len() == 1 && !forwards
    };
    let ids = twin.interfaces();
    ids.iter().filter(opens).cloned().collect()
}

fn flows(random: &mut Random) -> FlowSet {
    let clients = |protocol| {
        let sources: PortSet = PortRange::new(1024, u16::MAX).into_iter().collect();
        FlowSet::ports(protocol, sources, PortSet::full())
    };
    let port = |port| FlowSet::tcp(PortSet::single(port)).intersection(&clients(Protocol::TCP));
    let all = [
        FlowSet::all(),
        port(443),
        port(22),
        port(5432),
        clients(Protocol::TCP),
        clients(Protocol::UDP),
    ];
    random.pick(&all).cloned().unwrap_or_else(FlowSet::all)
}

fn some<'i>(random: &mut Random, all: &'i [String]) -> Vec<&'i String> {
    let picked = (0..3).filter_map(|_| random.pick(all));
    picked.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Everything outside and every endpoint but some.
fn all_but(engine: &Engine, left_out: &[&String]) -> Party {
    let out: BTreeSet<EndpointId> = left_out.iter().map(|id| engine.endpoint(id)).collect();
    let endpoints = engine.estate.network.endpoints.iter().map(|(id, _)| id);
    Party {
        endpoints: endpoints.filter(|id| !out.contains(id)).collect(),
        internet: AddressSet::all(),
        outside: AddressSet::all(),
        ..Party::default()
    }
}

fn of(engine: &Engine, ids: &[&String]) -> Party {
    Party { endpoints: ids.iter().map(|id| engine.endpoint(id)).collect(), ..Party::default() }
}

fn assertion(
    engine: &Engine,
    (claim, over): (Claim, FlowSet),
    (from, to): (&[&String], &[&String]),
) -> Assertion {
    let (sender, receiver) = match claim {
        Claim::Never | Claim::Always => (of(engine, from), of(engine, to)),
        Claim::OnlyFrom => (all_but(engine, from), of(engine, to)),
        Claim::OnlyTo => (of(engine, from), all_but(engine, to)),
    };
    Assertion { claim, follow: Follow::Direct, from: sender, to: receiver, over }
}

/// Every claim about one leg comes to what the twin's packets say of each pair; one that fails names
/// a flow that the engine's own answer to it delivers, or for `always` does not.
#[test]
fn assertions_equal_the_twins_pairs() {
    let first = setting("WATERTIGHT_TWIN_SEED", 1);
    let estates = setting("WATERTIGHT_ASSERTION_ESTATES", 40);
    let mut counts: BTreeMap<(Claim, Held), usize> = BTreeMap::new();
    for seed in first..first + estates {
        let generated = generate::aws(seed, Size::FEW);
        let (twin, engine) = (Estate::load(&generated.files), Engine::new(&generated.files));
        let probes = Probes { all: probes(&[&twin]) };
        let slow = Slow { rows: twin.rows(&[], &probes.all), probes: &probes };
        let interfaces = plain(&engine, &twin);
        let random = &mut Random::new(seed);
        for claim in [Claim::Never, Claim::Always, Claim::OnlyFrom, Claim::OnlyTo] {
            for _ in 0..TRIED {
                let (from, to) = (some(random, &interfaces), some(random, &interfaces));
                let over = match claim {
                    Claim::Always => FlowSet::tcp(PortSet::single(443)),
                    _ => flows(random),
                };
                let wanted = match claim {
                    Claim::Always => over.intersection(&FlowSet::ports(
                        Protocol::TCP,
                        PortRange::new(1024, u16::MAX).into_iter().collect(),
                        PortSet::full(),
                    )),
                    _ => over.clone(),
                };
                let asked = assertion(&engine, (claim, over), (&from, &to));
                let judge = Judge::new(&engine.estate, std::slice::from_ref(&asked));
                let judged = judge.judge(&asked);
                let expected = slow.held(claim, &from, &to, &wanted);
                let text = format!("seed {seed}: {claim:?} {from:?} {to:?} over {wanted}");
                assert_eq!(judged.held, expected, "{text}: {judged:?}");
                assert_eq!(judged.held == Held::Unknown, !judged.missing.is_empty(), "{text}");
                if judged.held == Held::Fails {
                    let hops = judged.witness.map(|witness| witness.hops).unwrap_or_default();
                    let [hop] = hops.as_slice() else { panic!("{text}: one leg: {hops:?}") };
                    let delivered = hop.part.disposition.is_delivered();
                    let arrives = hop.part.flows.contains_flow(hop.flow);
                    assert!(arrives && (delivered || claim == Claim::Always), "{text}: {hop:?}");
                }
                *counts.entry((claim, judged.held)).or_default() += 1;
            }
        }
    }
    println!("{counts:?}");
    for claim in [Claim::Never, Claim::Always, Claim::OnlyFrom, Claim::OnlyTo] {
        for held in [Held::Holds, Held::Fails] {
            assert!(counts.contains_key(&(claim, held)), "{claim:?} {held:?}: {counts:?}");
        }
    }
}

/// A claim that follows fronts, or everything, comes to what the twin finds by following its own
/// packets interface by interface.
#[test]
fn claims_that_follow_agree_with_the_twin() {
    let first = setting("WATERTIGHT_TWIN_SEED", 1);
    let estates = setting("WATERTIGHT_ASSERTION_ESTATES", 40);
    let mut counts: BTreeMap<(Follow, Held), usize> = BTreeMap::new();
    let mut far = 0;
    for seed in first..first + estates {
        let generated = generate::aws(seed, Size::FEW);
        let (twin, engine) = (Estate::load(&generated.files), Engine::new(&generated.files));
        let probes = Probes { all: probes(&[&twin]) };
        let rows = twin.rows(&[], &probes.all);
        let workloads = twin.workloads();
        let random = &mut Random::new(seed);
        let keys: Vec<String> = workloads.keys().cloned().collect();
        let judge = Judge::new(&engine.estate, &[]);
        for follow in [Follow::Front, Follow::Any].repeat(TRIED) {
            let (Some(from), Some(to)) = (random.pick(&keys), random.pick(&keys)) else { continue };
            if from == to || !workloads[from].runs_code {
                continue;
            }
            let party = |key: &String| {
                let ids: Vec<&String> = workloads[key].interfaces.iter().collect();
                of(&engine, &ids)
            };
            let tcp = FlowSet::protocol(Protocol::TCP);
            let judged = judge.judge(&Assertion {
                claim: Claim::Never,
                follow,
                from: party(from),
                to: party(to),
                over: tcp.clone(),
            });
            let followed = twin.followed((from, to), &rows, &probes.all, follow == Follow::Any);
            let arrives = probes.bounds(&followed);
            let expected = if arrives.sure.intersects(&tcp) {
                Held::Fails
            } else if arrives.possible.intersects(&tcp) {
                Held::Unknown
            } else {
                Held::Holds
            };
            let text = format!("seed {seed}: {follow:?} {from} {to}: {judged:?}");
            assert_eq!(judged.held, expected, "{text}");
            assert_eq!(judged.held == Held::Unknown, !judged.missing.is_empty(), "{text}");
            let hops = judged.witness.map_or(0, |witness| witness.hops.len());
            assert_eq!(judged.held == Held::Holds, hops == 0, "{text}");
            far += usize::from(judged.held == Held::Fails && hops > 1);
            *counts.entry((follow, judged.held)).or_default() += 1;
        }
    }
    println!("{counts:?}, {far} in several hops");
    for follow in [Follow::Front, Follow::Any] {
        for held in [Held::Holds, Held::Fails] {
            assert!(counts.contains_key(&(follow, held)), "{follow:?} {held:?}: {counts:?}");
        }
    }
    assert!(far > 0, "some ways have several hops: {counts:?}");
}
