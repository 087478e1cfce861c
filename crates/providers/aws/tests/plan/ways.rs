//! Whether a way is found without the answer about it, as the compiler asks where rules can name groups.

use watertight_model::Network;
use watertight_model::network::{
    Action, Combine, Direction, EndpointId, Peer, Rule, Stage, StageDefault,
};
use watertight_net::FlowSet;
use watertight_reach::{End, Path, Place, Reach, Step};

use crate::{drawn, sample};

/// The same network, where no guard refuses anything.
fn opened(network: &Network) -> Network {
    let mut network = network.clone();
    let accepts = Rule {
        name: "open".into(),
        peer: Peer::Any,
        flows: FlowSet::all().into(),
        action: Action::Accept,
        origin: None,
    };
    let rules = vec![accepts];
    let stage = Stage { combine: Combine::Union, rules: rules.into(), default: StageDefault::Deny };
    for (_, guard) in network.guards.iter_mut() {
        (guard.ingress, guard.egress) = (vec![stage.clone()], vec![stage.clone()]);
    }
    network
}

/// Whether a guard of one end sees the other as a member of its groups on a way.
fn sees(path: &Path, (from, to): (EndpointId, EndpointId), direction: Direction) -> bool {
    let (own, other) = if direction == Direction::Ingress { (to, from) } else { (from, to) };
    let is_seen = |step: &Step| match step {
        Step::Guards(check) => {
            check.place == Place::Endpoint(own)
                && check.direction == direction
                && check.seen.member == Some(other)
        }
        _ => false,
    };
    path.end == End::Delivered(to) && path.steps.iter().any(is_seen)
}

#[test]
fn ways_found_alone_are_those_of_the_answers() {
    let mut found = [0_usize; 2];
    for seed in sample(20) {
        let (lab, _) = drawn::lab(seed);
        let network = &lab.estate.network;
        for network in [network.clone(), opened(network)] {
            let reach = Reach::new(&network);
            let ids: Vec<EndpointId> = network.endpoints.ids().take(25).collect();
            let pairs = ids.iter().flat_map(|from| ids.iter().map(move |to| (*from, *to)));
            for (from, to) in pairs {
                let addresses = reach.addresses_of(to);
                let starts = reach.starts_of(from);
                let dialled =
                    starts.iter().flat_map(|one| addresses.iter().map(move |to| (one, *to)));
                for (start, address) in dialled {
                    for direction in [Direction::Ingress, Direction::Egress] {
                        let asked = |path: &Path| sees(path, (from, to), direction);
                        let parts = reach.answer(start, address, &FlowSet::all());
                        let expected = parts.iter().any(|part| asked(&part.path));
                        assert_eq!(reach.leads_by(start, address, asked), expected, "seed {seed}");
                        found[usize::from(expected)] += 1;
                    }
                }
            }
        }
    }
    assert!(found.iter().all(|count| *count > 0), "{found:?}");
}
