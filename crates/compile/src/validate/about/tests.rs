use watertight_model::network::{
    Front, GatewayId, Health, Listener, Target, TargetEnd, TargetGroup,
};
use watertight_model::{ArenaId, WorkloadId};
use watertight_reach::Classes;

use super::super::told::{ESTATES, Ids};
use super::*;

/// A network outside, behind a gateway.
fn outside(number: usize, gateway: u32) -> Party {
    let address = "192.0.2.1".parse().unwrap();
    let by = OutsideBy::Gateway(GatewayId::from_index(gateway));
    let addresses = AddressSet::from_prefix("192.0.2.0/24".parse().unwrap());
    Party {
        who: PartyWho::Outside(addresses, Name::from("outside:site")),
        is_governed: false,
        identity: None,
        start: Some(Start::Outside { by, address }),
        number,
    }
}

fn told(parties: Vec<Party>) -> Told {
    let classes = Classes::from(Vec::new());
    Told {
        parties,
        classes: std::array::from_fn(|_| classes.clone()),
        ids: [const { Ids::Same }; ESTATES],
    }
}

/// Two networks outside with one name and the same addresses, as two attachments of one gateway have them: pairs of the
/// first went lost.
#[test]
fn networks_outside_of_one_name_stay_apart() {
    let parties = vec![outside(0, 1), outside(1, 2), outside(2, 3)];
    let former = Former::new(parties.clone(), Pairwise::default(), false);
    let touched = Touched(BTreeSet::new());
    let (about, _) = About::new(former, &touched, &told(parties)).unwrap();
    assert_eq!(about.parties(), [false; 3]);
    assert_eq!([0, 1, 2].map(|party| about.now(party)), [Some(0), Some(1), Some(2)]);
}

#[test]
fn parties_that_are_one_are_no_ground_for_another_proof() {
    let parties = vec![outside(0, 1), outside(1, 1)];
    let former = Former::new(parties.clone(), Pairwise::default(), false);
    assert!(About::new(former, &Touched(BTreeSet::new()), &told(parties)).is_none());
}

/// What a front passes on to another front passes the guards of the first, and ends at the second.
#[test]
fn who_is_behind_a_front_behind_a_front_is_touched_with_it() {
    let id = EndpointId::from_index;
    let mut network = Network::default();
    let mut front = |endpoint: u32, end: TargetEnd| {
        let group = network.target_groups.push(TargetGroup {
            name: Name::from("targets"),
            preserves_source: true,
            cross_zone: None,
            targets: vec![Target { end, port: None, health_port: None, health: Health::Healthy }],
            targets_read: true,
            origin: None,
        });
        network.fronts.push(Front {
            name: Name::from("front"),
            workload: WorkloadId::from_index(0),
            endpoints: vec![id(endpoint)],
            listeners: vec![Listener {
                name: Name::from("listener"),
                flows: watertight_net::FlowSet::all(),
                target_groups: vec![group],
                clauses: Vec::new(),
                origin: None,
            }],
            cross_zone: true,
            listeners_read: true,
            origin: None,
        })
    };
    let inner = front(2, TargetEnd::Endpoint(id(3), "10.0.0.3".parse().unwrap()));
    front(1, TargetEnd::Front(inner));
    let behind = |touched: u32| {
        let mut found = BTreeSet::from([id(touched)]);
        with_behind(&network, &mut found);
        found
    };
    let all = BTreeSet::from([id(1), id(2), id(3)]);
    assert_eq!([1, 2, 3].map(behind), [all.clone(), all.clone(), all]);
    assert_eq!(behind(4), BTreeSet::from([id(4)]));
}
