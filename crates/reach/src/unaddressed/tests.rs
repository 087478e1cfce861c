use std::net::IpAddr;

use watertight_model::network::{
    Action, Combine, Endpoint, EndpointId, EndpointRole, Gateway, GatewayId, GatewayKind, Guard,
    Hop, InternetAccess, Layer, LayerId, Origin, OriginGuard, Peer, Realm, RealmId, Route, Rule,
    Stage, StageDefault, Subnet, SubnetId, Table, TableId, Unaddressed,
};
use watertight_model::{Arena, Disposition, Network, WorkloadId};
use watertight_net::{AddressSet, Family, FlowSet, Prefix};

use super::{Target, start_of, targets_of};
use crate::{Part, Place, Reach, Start};

/// A network with a subnet that reaches a service through its gateway, and one that reaches it over
/// the internet; an endpoint in each, a bucket, and a function.
struct World {
    network: Network,
    realm: RealmId,
    inner: SubnetId,
    web: EndpointId,
    edge: EndpointId,
    bucket: EndpointId,
    function: EndpointId,
    gateway: GatewayId,
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn flows(text: &str) -> FlowSet {
    text.parse().unwrap()
}

fn layer(network: &mut Network, rules: &[(Peer, &str)], stateful: bool) -> LayerId {
    let rule = |(peer, over): &(Peer, &str)| Rule {
        name: "rule".into(),
        peer: peer.clone(),
        flows: flows(over).into(),
        action: Action::Accept,
        origin: None,
    };
    let stage =
        |rules: Vec<Rule>, default| Stage { combine: Combine::Union, rules: rules.into(), default };
    let ingress = stage(rules.iter().map(rule).collect(), StageDefault::Deny);
    let guard = network.guards.push(Guard {
        name: "guard".into(),
        title: "guard".into(),
        kind: "group".into(),
        stateful,
        ingress: vec![ingress],
        egress: vec![stage(Vec::new(), StageDefault::Accept)],
        origin: None,
    });
    network.layers.push(Layer { guards: vec![guard], complete: true })
}

fn endpoint(
    network: &mut Network,
    subnet: Option<SubnetId>,
    own: &[&str],
    layers: Vec<LayerId>,
) -> EndpointId {
    let number = network.endpoints.len();
    let mut owners: Arena<WorkloadId, ()> = Arena::default();
    network.endpoints.push(Endpoint {
        name: format!("endpoint-{number}").into(),
        workload: owners.push(()),
        subnet,
        addresses: own.iter().map(|text| address(text)).collect(),
        delegated: Vec::new(),
        public: Vec::new(),
        layers,
        role: EndpointRole::Host,
        inferred: own.is_empty(),
        origin: None,
    })
}

fn subnet(network: &mut Network, realm: RealmId, own: &str, routes: &[(&str, Hop)]) -> SubnetId {
    let route = |(destination, hop): &(&str, Hop)| Route {
        destination: prefix(destination),
        rank: 0,
        hop: hop.clone(),
        text: format!("{destination} via").into(),
        origin: None,
    };
    let table: TableId = network.tables.push(Table {
        name: "table".into(),
        routes: routes.iter().map(route).collect(),
        unread: Vec::new(),
        origin: None,
    });
    network.subnets.push(Subnet {
        name: "subnet".into(),
        title: "subnet".into(),
        realm,
        prefixes: vec![prefix(own)],
        zone: "a".into(),
        table: Some(table),
        layers: Vec::new(),
        internet_access: InternetAccess::Open,
        kept: AddressSet::empty(),
        endpoints_read: true,
        origin: None,
    })
}

fn known(public: AddressSet) -> Unaddressed {
    Unaddressed {
        service: "store".into(),
        public,
        gateways: Vec::new(),
        interfaces: Vec::new(),
        opens: false,
        origin_guards: Vec::new(),
    }
}

const SERVICE: &str = "3.5.0.0/16";

fn world() -> World {
    let mut network = Network::default();
    let realm = network.realms.push(Realm {
        name: "realm".into(),
        title: "realm".into(),
        account: None,
        region: None,
        prefixes: vec![prefix("10.0.0.0/16")],
        internet: None,
        resolvers: Vec::new(),
        subnets_read: true,
        further: false,
        origin: None,
    });
    let gateway =
        |name: &str, kind| Gateway { name: name.into(), kind, available: true, origin: None };
    let stands = endpoint(&mut network, None, &[], Vec::new());
    let service = GatewayKind::Service { endpoint: stands };
    let service = network.gateways.push(gateway("service", service));
    let internet = GatewayKind::Internet { realm: Some(realm), edge: None };
    let internet = network.gateways.push(gateway("internet", internet));
    network.realms[realm].internet = Some(internet);
    let local = ("10.0.0.0/16", Hop::Local);
    let inner = [local.clone(), (SERVICE, Hop::Gateway(service))];
    let inner = subnet(&mut network, realm, "10.0.1.0/24", &inner);
    let outer = [local, ("0.0.0.0/0", Hop::Gateway(internet))];
    let outer = subnet(&mut network, realm, "10.0.2.0/24", &outer);
    let all = layer(&mut network, &[(Peer::Any, "all")], true);
    let web = endpoint(&mut network, Some(inner), &["10.0.1.5"], vec![all]);
    let edge = endpoint(&mut network, Some(outer), &["10.0.2.5"], vec![all]);
    network.endpoints[edge].public = vec![(address("10.0.2.5"), address("203.0.113.5"))];
    let door = layer(&mut network, &[(Peer::Any, "tcp/443")], true);
    let bucket = endpoint(&mut network, None, &[], vec![door]);
    let there = known(AddressSet::from_prefix(prefix(SERVICE)));
    network.unaddressed.insert(bucket, Unaddressed { gateways: vec![service], ..there });
    let function = endpoint(&mut network, None, &[], vec![door]);
    let there = AddressSet::all_v4().difference(&AddressSet::from_prefix(prefix(SERVICE)));
    network.unaddressed.insert(function, Unaddressed { opens: true, ..known(there) });
    World { network, realm, inner, web, edge, bucket, function, gateway: service }
}

impl World {
    fn from(&self, endpoint: EndpointId) -> Start {
        let content = &self.network.endpoints[endpoint];
        match content.addresses.first() {
            Some(address) => Start::Endpoint { endpoint, address: *address },
            None => start_of(&self.network, endpoint, Family::V4).unwrap(),
        }
    }

    fn to(&self, endpoint: EndpointId) -> Target {
        let mut targets = targets_of(&self.network, endpoint);
        targets.pop().unwrap()
    }

    fn ask(&self, start: &Start, target: &Target, over: &str) -> Vec<Part> {
        Reach::new(&self.network).ask(start, target, &flows(over))
    }

    /// The one disposition of all flows, and whether connections can be established.
    fn one(&self, start: &Start, target: &Target, over: &str) -> (Disposition, bool) {
        let parts = self.ask(start, target, over);
        assert_eq!(parts.len(), 1, "{parts:?}");
        assert_eq!(parts[0].flows, flows(over));
        (parts[0].disposition, parts[0].established.sure == flows(over))
    }
}

fn internet(text: &str) -> Start {
    Start::Internet { address: address(text) }
}

const ACCEPTED: (Disposition, bool) = (Disposition::Accepted, true);
const DENIED: (Disposition, bool) = (Disposition::DeniedIn, false);
const UNKNOWN: (Disposition, bool) = (Disposition::Unknown, false);

#[test]
fn a_store_is_reached_through_its_gateway_or_over_the_internet() {
    let world = world();
    let bucket = world.to(world.bucket);
    assert_eq!(bucket.describe(&world.network), "a public address of store");
    for from in [world.from(world.web), world.from(world.edge), internet("198.51.100.7")] {
        assert_eq!(world.one(&from, &bucket, "tcp/443"), ACCEPTED, "{from:?}");
        assert_eq!(world.one(&from, &bucket, "tcp/22"), DENIED, "{from:?}");
    }
    let passes = |from: EndpointId, place: Place| {
        let parts = world.ask(&world.from(from), &bucket, "tcp/443");
        parts[0].path.steps.contains(&crate::Step::At(place))
    };
    assert!(passes(world.web, Place::Gateway(world.gateway)));
    assert!(!passes(world.web, Place::Internet));
    assert!(passes(world.edge, Place::Internet));
}

#[test]
fn a_route_to_another_service_leads_nowhere() {
    let mut world = world();
    world.network.unaddressed.get_mut(&world.bucket).unwrap().gateways.clear();
    let found = world.one(&world.from(world.web), &world.to(world.bucket), "tcp/443");
    assert_eq!(found, (Disposition::NullRouted, false));
}

#[test]
fn origin_guards_look_at_the_way() {
    let mut world = world();
    let bucket = world.to(world.bucket);
    let (web, edge) = (world.from(world.web), world.from(world.edge));
    let far = internet("198.51.100.7");
    let from_there = AddressSet::from_prefix(prefix("203.0.113.0/24"));
    let cases = [
        (vec![Origin::Gateway(world.gateway)], [ACCEPTED, DENIED, DENIED]),
        (vec![Origin::Realm(world.realm)], [ACCEPTED, DENIED, DENIED]),
        (vec![Origin::Addresses(from_there)], [DENIED, ACCEPTED, DENIED]),
        (Vec::new(), [DENIED, DENIED, DENIED]),
    ];
    for (admits, expected) in cases {
        let guard = OriginGuard { name: "policy".into(), admits, unread: None };
        let known = world.network.unaddressed.get_mut(&world.bucket).unwrap();
        known.origin_guards = vec![guard.clone()];
        let ask = |from: &Start| world.one(from, &bucket, "tcp/443");
        assert_eq!([ask(&web), ask(&edge), ask(&far)], expected, "{guard:?}");
    }
    let known = world.network.unaddressed.get_mut(&world.bucket).unwrap();
    let unread = Some("not in the input".into());
    let admits = vec![Origin::Gateway(world.gateway)];
    known.origin_guards = vec![OriginGuard { name: "policy".into(), admits, unread }];
    assert_eq!(world.one(&web, &bucket, "tcp/443"), ACCEPTED);
    assert_eq!(world.one(&far, &bucket, "tcp/443"), UNKNOWN);
    // What the door refuses is refused whatever the policy says.
    assert_eq!(world.one(&far, &bucket, "tcp/22"), DENIED);
}

#[test]
fn guards_of_a_gateway_are_asked() {
    let mut world = world();
    let refuses = layer(&mut world.network, &[], true);
    let GatewayKind::Service { endpoint } = world.network.gateways[world.gateway].kind else {
        panic!("a service gateway")
    };
    world.network.endpoints[endpoint].layers = vec![refuses];
    let bucket = world.to(world.bucket);
    assert_eq!(world.one(&world.from(world.web), &bucket, "tcp/443"), DENIED);
    assert_eq!(world.one(&world.from(world.edge), &bucket, "tcp/443"), ACCEPTED);
}

#[test]
fn an_attachment_in_the_realm_leads_to_its_service() {
    let mut world = world();
    let own = layer(&mut world.network, &[(Peer::Prefix(prefix("10.0.1.0/24")), "tcp/443")], true);
    let near = endpoint(&mut world.network, Some(world.inner), &["10.0.1.9"], vec![own]);
    let known = world.network.unaddressed.get_mut(&world.bucket).unwrap();
    known.gateways.clear();
    known.interfaces = vec![near];
    let bucket = world.to(world.bucket);
    assert_eq!(world.one(&world.from(world.web), &bucket, "tcp/443"), ACCEPTED);
    // Its name stands for the attachment in all of the realm, whose guards refuse the other subnet.
    assert_eq!(world.one(&world.from(world.edge), &bucket, "tcp/443"), DENIED);
    assert_eq!(world.one(&internet("198.51.100.7"), &bucket, "tcp/443"), ACCEPTED);
    let guard = |admits| OriginGuard { name: "policy".into(), admits, unread: None };
    let known = world.network.unaddressed.get_mut(&world.bucket).unwrap();
    known.origin_guards = vec![guard(vec![Origin::Interface(near)])];
    assert_eq!(world.one(&world.from(world.web), &bucket, "tcp/443"), ACCEPTED);
    assert_eq!(world.one(&internet("198.51.100.7"), &bucket, "tcp/443"), DENIED);
    // The attachment itself is what an address names.
    let itself = Target::Address(address("10.0.1.9"));
    let parts = world.ask(&world.from(world.web), &itself, "tcp/443");
    assert_eq!(parts[0].at, Place::Endpoint(near));
}

#[test]
fn a_function_reaches_public_addresses_from_an_address_that_is_not_told() {
    let mut world = world();
    let edge = Target::Address(address("203.0.113.5"));
    let function = world.from(world.function);
    assert!(matches!(function, Start::Unaddressed { .. }));
    assert_eq!(world.one(&function, &edge, "tcp/443"), ACCEPTED);
    let far = Target::Address(address("198.51.100.7"));
    assert_eq!(world.one(&function, &far, "tcp/443"), (Disposition::ExitsNetwork, true));
    let private = Target::Address(address("10.0.1.5"));
    assert_eq!(world.one(&function, &private, "tcp/443"), (Disposition::NullRouted, false));
    // A rule for a prefix matches perhaps, unless the function cannot be there.
    let peer = Peer::Prefix(prefix("192.0.2.0/24"));
    let some = layer(&mut world.network, &[(peer, "tcp/443")], true);
    world.network.endpoints[world.edge].layers = vec![some];
    assert_eq!(world.one(&function, &edge, "tcp/443"), UNKNOWN);
    let why = world.ask(&function, &edge, "tcp/443")[0].why.to_string();
    assert!(why.contains("with 192.0.2.0 it is accepted"), "{why}");
    let peer = Peer::Prefix(prefix(SERVICE));
    let other = layer(&mut world.network, &[(peer, "tcp/443")], true);
    world.network.endpoints[world.edge].layers = vec![other];
    assert_eq!(world.one(&function, &edge, "tcp/443"), DENIED);
}

#[test]
fn two_ends_without_addresses_have_two() {
    let world = world();
    let (function, bucket) = (world.from(world.function), world.to(world.bucket));
    assert_eq!(world.one(&function, &bucket, "tcp/443"), ACCEPTED);
    let itself = world.to(world.function);
    assert_eq!(world.one(&function, &itself, "tcp/443"), ACCEPTED);
    // The first addresses of the internet's parts are those that are tried first.
    for (_, first) in crate::ends::internet_atoms(&world.network) {
        let start = Start::Internet { address: first };
        if first.is_ipv4() {
            assert_eq!(world.one(&start, &itself, "tcp/443"), ACCEPTED, "{first}");
        }
    }
}

#[test]
fn an_inferred_interface_has_any_free_address_of_its_subnet() {
    let mut world = world();
    let group =
        layer(&mut world.network, &[(Peer::Prefix(prefix("10.0.2.0/24")), "tcp/5432")], true);
    let database = endpoint(&mut world.network, Some(world.inner), &[], vec![group]);
    let target = world.to(database);
    assert_eq!(target.describe(&world.network), "an address of 10.0.1.0/24");
    let edge = world.from(world.edge);
    assert_eq!(world.one(&edge, &target, "tcp/5432"), ACCEPTED);
    assert_eq!(world.one(&world.from(world.web), &target, "tcp/5432"), DENIED);
    let sends = world.from(database);
    let other = Target::Address(address("10.0.2.5"));
    assert_eq!(world.one(&sends, &other, "tcp/80"), ACCEPTED);
    // Who has an address that a rule names is known, and it is somebody else.
    let peer = Peer::Prefix(prefix("10.0.1.5/32"));
    let only_web = layer(&mut world.network, &[(peer, "tcp/80")], true);
    world.network.endpoints[world.edge].layers = vec![only_web];
    assert_eq!(world.one(&sends, &other, "tcp/80"), DENIED);
    // Half of the subnet.
    let peer = Peer::Prefix(prefix("10.0.1.128/25"));
    let half = layer(&mut world.network, &[(peer, "tcp/80")], true);
    world.network.endpoints[world.edge].layers = vec![half];
    let parts = world.ask(&sends, &other, "tcp/80; udp/53");
    let unknown = parts.iter().find(|part| part.disposition == Disposition::Unknown).unwrap();
    assert_eq!((unknown.flows.clone(), unknown.at), (flows("tcp/80"), Place::Endpoint(database)));
    assert_eq!(unknown.established.possible, flows("tcp/80"));
    let denied = parts.iter().find(|part| part.disposition == Disposition::DeniedIn).unwrap();
    assert_eq!(denied.flows, flows("udp/53"));
}

#[test]
fn an_inferred_interface_may_have_a_public_address_as_well() {
    let mut world = world();
    let group = layer(&mut world.network, &[(Peer::Any, "tcp/5432")], true);
    let outer = world.network.endpoints[world.edge].subnet;
    let database = endpoint(&mut world.network, outer, &[], vec![group]);
    assert_eq!(targets_of(&world.network, database).len(), 1);
    world.network.unaddressed.insert(database, known(AddressSet::all_v4()));
    let target = world.to(database);
    assert!(target.is_public());
    assert_eq!(world.one(&internet("198.51.100.7"), &target, "tcp/5432"), ACCEPTED);
    assert_eq!(world.one(&internet("198.51.100.7"), &target, "tcp/22"), DENIED);
    let far = Target::Address(address("198.51.100.7"));
    let out = world.one(&world.from(database), &far, "tcp/443");
    assert_eq!(out, (Disposition::ExitsNetwork, true));
}

#[test]
fn a_full_subnet_has_no_address_left() {
    let mut world = world();
    let database = endpoint(&mut world.network, Some(world.inner), &[], Vec::new());
    world.network.endpoints[world.web].delegated = vec![prefix("10.0.1.0/24")];
    let (edge, target) = (world.from(world.edge), world.to(database));
    assert_eq!(world.one(&edge, &target, "tcp/80"), UNKNOWN);
}

#[test]
fn endpoints_without_addresses_change_nothing_for_others() {
    let world = world();
    let mut without = world.network.clone();
    without.unaddressed.clear();
    // The bucket and the function came last.
    without.endpoints = Arena::default();
    for endpoint in world.network.endpoints.values().take(3) {
        without.endpoints.push(endpoint.clone());
    }
    let ends =
        ["10.0.1.5", "10.0.2.5", "203.0.113.5", "3.5.0.0", "3.5.0.1", "1.0.0.0"].map(address);
    let mut starts = vec![world.from(world.web), world.from(world.edge)];
    starts.extend(ends.iter().map(|address| Start::Internet { address: *address }));
    let (with, without) = (Reach::new(&world.network), Reach::new(&without));
    for start in &starts {
        for end in ends {
            let all = FlowSet::all();
            assert_eq!(with.answer(start, end, &all), without.answer(start, end, &all));
        }
    }
}
