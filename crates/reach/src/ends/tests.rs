use std::net::IpAddr;

use watertight_model::network::{
    Action, Attached, Attachment, Combine, Endpoint, EndpointRole, Gateway, GatewayKind, Guard,
    Hop, InternetAccess, Peer, Realm, Route, Rule, Stage, StageDefault, Subnet, Table,
};
use watertight_model::{Account, Estate, Name, SourceRecord, Workload, WorkloadId, WorkloadKind};
use watertight_net::{AddressSet, Family, FlowSet, Prefix};

use super::{
    End, EndError, internet_atoms, outside_atoms, outside_name, resolve, resolve_destination,
    resolve_start,
};
use crate::{OutsideBy, Start, is_public};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

/// Two realms with one subnet each; `web` once in each, `db` once; a peering to nowhere, a tunnel.
fn estate() -> Estate {
    let mut estate = Estate::default();
    estate.accounts.push(Account { id: "111".into(), name: Some("prod".into()) });
    estate.accounts.push(Account { id: "222".into(), name: Some("dev".into()) });
    estate.sources.push(SourceRecord {
        provider: "aws".into(),
        account: Some("111".into()),
        regions: Vec::new(),
        collected: None,
    });
    let one = add_subnet(&mut estate, "1", "10.1.0.0/16", "2001:db8:1::/56");
    let two = add_subnet(&mut estate, "2", "10.2.0.0/16", "2001:db8:2::/56");
    let web = add(&mut estate, "i-1", "web", "111", WorkloadKind::Machine);
    attach(&mut estate, web, one, "eni-1", &["10.1.0.1", "10.1.0.2", "2001:db8:1::1"]);
    let first = estate.workloads[web].endpoints[0];
    estate.network.endpoints[first].public.push((address("10.1.0.1"), address("203.0.113.1")));
    let web = add(&mut estate, "i-2", "web", "222", WorkloadKind::Machine);
    attach(&mut estate, web, two, "eni-2", &["10.2.0.1"]);
    let db =
        add(&mut estate, "arn:aws:rds:eu:111:db:orders", "orders", "111", WorkloadKind::Database);
    attach(&mut estate, db, one, "eni-3", &["10.1.0.3"]);
    add(&mut estate, "arn:aws:s3:::bucket", "bucket", "111", WorkloadKind::ObjectStore);
    add(&mut estate, "i-9", "team/tool@home", "111", WorkloadKind::Machine);
    add_tunnel(&mut estate);
    estate
}

fn add(estate: &mut Estate, id: &str, name: &str, account: &str, kind: WorkloadKind) -> WorkloadId {
    estate.workloads.push(Workload {
        id: id.into(),
        name: name.into(),
        kind,
        account: Some(account.into()),
        region: Some("eu".into()),
        labels: [(Name::from("cloud"), Name::from("aws"))].into(),
        endpoints: Vec::new(),
        owner: None,
        credential: None,
        metadata: None,
        stores_data: false,
        origin: None,
    })
}

fn add_subnet(
    estate: &mut Estate,
    number: &str,
    v4: &str,
    v6: &str,
) -> watertight_model::network::SubnetId {
    let realm = estate.network.realms.push(Realm {
        name: format!("vpc-{number}").into(),
        title: format!("net-{number}").into(),
        account: None,
        region: None,
        prefixes: vec![prefix(v4), prefix(v6)],
        internet: None,
        resolvers: Vec::new(),
        subnets_read: true,
        further: false,
        origin: None,
    });
    estate.network.subnets.push(Subnet {
        name: format!("subnet-{number}").into(),
        title: format!("subnet-{number}").into(),
        realm,
        prefixes: vec![prefix(v4), prefix(v6)],
        zone: "a".into(),
        table: None,
        layers: Vec::new(),
        internet_access: InternetAccess::Open,
        kept: AddressSet::empty(),
        endpoints_read: true,
        origin: None,
    })
}

fn attach(
    estate: &mut Estate,
    workload: WorkloadId,
    subnet: watertight_model::network::SubnetId,
    name: &str,
    addresses: &[&str],
) {
    let endpoint = estate.network.endpoints.push(Endpoint {
        name: name.into(),
        workload,
        subnet: Some(subnet),
        addresses: addresses.iter().map(|text| address(text)).collect(),
        delegated: Vec::new(),
        public: Vec::new(),
        layers: Vec::new(),
        role: EndpointRole::Host,
        inferred: false,
        origin: None,
    });
    estate.workloads[workload].endpoints.push(endpoint);
}

/// A tunnel gateway, and a transit gateway with a link to outside.
fn add_tunnel(estate: &mut Estate) {
    let network = &mut estate.network;
    let gateway =
        |name: &str, kind| Gateway { name: name.into(), kind, available: true, origin: None };
    let tunnel =
        network.gateways.push(gateway("vgw-1", GatewayKind::Tunnel { realm: None, edge: None }));
    let transit = network.gateways.push(gateway("tgw-1", GatewayKind::Transit));
    network.attachments.push(Attachment {
        name: "tgw-attach-1".into(),
        gateway: transit,
        table: None,
        table_read: true,
        attached: Attached::Outside("vpn-1".into()),
        available: true,
        references: false,
        origin: None,
    });
    let route = |destination: &str, hop| Route {
        destination: prefix(destination),
        rank: 0,
        hop,
        text: destination.into(),
        origin: None,
    };
    network.tables.push(Table {
        name: "rtb-1".into(),
        routes: vec![
            route("192.168.0.0/16", Hop::Gateway(tunnel)),
            route("192.168.7.0/24", Hop::Blackhole("gone".into())),
            route("10.0.0.0/8", Hop::Gateway(tunnel)),
        ],
        unread: Vec::new(),
        origin: None,
    });
}

/// A guard whose one rule accepts a prefix.
fn add_rule(estate: &mut Estate, from: &str) {
    let rule = Rule {
        name: "1".into(),
        peer: Peer::Prefix(prefix(from)),
        flows: FlowSet::all().into(),
        action: Action::Accept,
        origin: None,
    };
    let stage =
        Stage { combine: Combine::Union, rules: vec![rule].into(), default: StageDefault::Deny };
    estate.network.guards.push(Guard {
        name: "sg-1".into(),
        title: "sg-1".into(),
        kind: "security group".into(),
        stateful: true,
        ingress: vec![stage],
        egress: Vec::new(),
        origin: None,
    });
}

fn message(estate: &Estate, name: &str) -> String {
    resolve(estate, name).unwrap_err().to_string()
}

#[test]
fn one_thing_has_several_names() {
    let estate = estate();
    let db = resolve(&estate, "orders").unwrap();
    for name in [
        "arn:aws:rds:eu:111:db:orders",
        "aws:orders",
        "111/orders",
        "prod/orders",
        "eu/orders",
        "vpc-1/orders",
        "net-1/orders",
        "database/orders",
        "prod/vpc-1/orders",
        "aws:prod/orders",
        "eni-3",
        " orders ",
    ] {
        assert_eq!(resolve(&estate, name).as_ref(), Ok(&db), "{name}");
    }
    assert_eq!(db.destinations(&estate.network), [address("10.1.0.3")]);
    assert_eq!(resolve(&estate, "10.1.0.3").unwrap().destinations(&estate.network).len(), 1);
}

#[test]
fn a_name_that_fits_several_lists_them() {
    let estate = estate();
    let error = resolve(&estate, "web").unwrap_err();
    let EndError::Ambiguous { candidates, more, .. } = &error else { panic!("{error}") };
    assert_eq!(
        candidates,
        &["`i-1` (machine web in vpc-1)".to_owned(), "`i-2` (machine web in vpc-2)".to_owned()]
    );
    assert_eq!(*more, 0);
    assert!(resolve(&estate, "dev/web").is_ok());
    assert!(resolve(&estate, "gcp:dev/web").is_err());
    assert!(resolve(&estate, "aws:web").is_err());
}

#[test]
fn a_long_list_of_candidates_is_cut() {
    let mut estate = estate();
    for number in 0..12 {
        let id = format!("i-x{number:02}");
        add(&mut estate, &id, "replica", "111", WorkloadKind::Machine);
    }
    let error = resolve(&estate, "replica").unwrap_err();
    let EndError::Ambiguous { candidates, more, .. } = &error else { panic!("{error}") };
    assert_eq!((candidates.len(), *more), (10, 2));
    assert!(error.to_string().contains(" and 2 more"), "{error}");
}

#[test]
fn an_unknown_name_is_answered_with_close_ones() {
    let estate = estate();
    assert_eq!(
        message(&estate, "order"),
        "`order` is nothing in this estate; did you mean `orders`?"
    );
    assert_eq!(
        message(&estate, "odrers"),
        "`odrers` is nothing in this estate; did you mean `orders`?"
    );
    let error = resolve(&estate, "quite-different").unwrap_err();
    let EndError::Unknown { suggestions, .. } = error else { panic!("{error}") };
    assert!(suggestions.is_empty());
    assert_eq!(resolve(&estate, "  "), Err(EndError::Empty));
}

#[test]
fn an_address_after_a_name_must_be_its_own() {
    let estate = estate();
    let second = resolve(&estate, "i-1@10.1.0.2").unwrap();
    assert_eq!(second.destinations(&estate.network), [address("10.1.0.2")]);
    let starts = second.starts(&estate.network, Family::V4);
    assert!(matches!(starts[..], [Start::Endpoint { address: a, .. }] if a == address("10.1.0.2")));
    assert!(second.starts(&estate.network, Family::V6).is_empty());
    assert_eq!(
        message(&estate, "i-1@10.9.9.9"),
        "`i-1` has no address `10.9.9.9`; it has 10.1.0.1, 10.1.0.2, 2001:db8:1::1, 203.0.113.1"
    );
    assert!(message(&estate, "i-1@10.1").contains("`10.1` after `@`"));
    assert!(message(&estate, "vpc-1@10.1.0.1").contains("takes no address"));
}

#[test]
fn a_public_address_sends_from_the_private_one_behind_it() {
    let estate = estate();
    let end = resolve(&estate, "203.0.113.1").unwrap();
    let starts = end.starts(&estate.network, Family::V4);
    assert!(matches!(starts[..], [Start::Endpoint { address: a, .. }] if a == address("10.1.0.1")));
    assert_eq!(end.destinations(&estate.network), [address("203.0.113.1")]);
}

#[test]
fn a_workload_sends_from_primary_addresses_and_is_reached_at_all() {
    let estate = estate();
    let end = resolve(&estate, "i-1").unwrap();
    let v4 = end.starts(&estate.network, Family::V4);
    assert!(matches!(v4[..], [Start::Endpoint { address: a, .. }] if a == address("10.1.0.1")));
    let v6 = end.starts(&estate.network, Family::V6);
    assert!(
        matches!(v6[..], [Start::Endpoint { address: a, .. }] if a == address("2001:db8:1::1"))
    );
    let all = ["10.1.0.1", "10.1.0.2", "2001:db8:1::1", "203.0.113.1"].map(address);
    assert_eq!(end.destinations(&estate.network), all);
    let bucket = resolve(&estate, "bucket").unwrap();
    assert!(bucket.destinations(&estate.network).is_empty());
}

#[test]
fn names_may_hold_slashes_and_at_signs() {
    let estate = estate();
    let tool = resolve(&estate, "team/tool@home").unwrap();
    assert_eq!(resolve(&estate, "i-9"), Ok(tool.clone()));
    assert_eq!(resolve(&estate, "prod/team/tool@home"), Ok(tool));
}

#[test]
fn subnets_need_an_address_and_realms_are_starts_only() {
    let estate = estate();
    assert!(message(&estate, "subnet-1").contains("write `subnet-1@10.1.255.255`"));
    let end = resolve(&estate, "subnet-1@10.1.0.77").unwrap();
    assert!(matches!(end.starts(&estate.network, Family::V4)[..], [Start::Subnet { .. }]));
    assert!(message(&estate, "subnet-1@10.2.0.1").contains("it has 10.1.0.0/16"));
    let realm = resolve(&estate, "vpc-1").unwrap();
    assert!(matches!(realm.starts(&estate.network, Family::V6)[..], [Start::Realm(_)]));
    assert!(realm.destinations(&estate.network).is_empty());
}

#[test]
fn an_address_that_nobody_has_is_a_destination_and_no_start() {
    let estate = estate();
    for text in ["10.1.9.9", "169.254.169.254"] {
        let end = resolve_destination(&estate, text).unwrap();
        assert_eq!(end, End::Address(address(text)));
        assert_eq!(end.destinations(&estate.network), [address(text)]);
        assert!(end.starts(&estate.network, Family::V4).is_empty());
        assert!(resolve_start(&estate, text).is_err());
    }
    let error = resolve_start(&estate, "10.1.9.9").unwrap_err().to_string();
    assert!(error.contains("write `subnet-1@10.1.9.9`"), "{error}");
    assert!(resolve_start(&estate, "10.1.0.3").is_ok());
    assert!(
        resolve_destination(&estate, "vpc-1").unwrap_err().to_string().contains("whole network")
    );
}

#[test]
fn an_address_that_several_have_is_a_destination_all_the_same() {
    let mut estate = estate();
    let twin = add(&mut estate, "i-3", "twin", "222", WorkloadKind::Machine);
    let subnet = estate.network.subnets.ids().last().unwrap();
    attach(&mut estate, twin, subnet, "eni-9", &["10.1.0.3"]);
    assert!(matches!(resolve(&estate, "10.1.0.3"), Err(EndError::Ambiguous { .. })));
    assert_eq!(resolve_destination(&estate, "10.1.0.3"), Ok(End::Address(address("10.1.0.3"))));
}

#[test]
fn a_public_address_that_nobody_has_is_the_internets() {
    let estate = estate();
    let end = resolve(&estate, "192.0.2.7").unwrap();
    assert_eq!(end, End::Internet { address: Some(address("192.0.2.7")) });
    assert_eq!(resolve(&estate, "internet@192.0.2.7"), Ok(end));
}

#[test]
fn outside_networks_are_named_by_gateway_attachment_or_link() {
    let estate = estate();
    let by_gateway = resolve(&estate, "outside:vgw-1").unwrap();
    let End::Outside { by, address: None } = by_gateway else { panic!("{by_gateway:?}") };
    assert_eq!(outside_name(&estate.network, by), "outside:vgw-1");
    let by_link = resolve(&estate, "outside:vpn-1").unwrap();
    assert_eq!(resolve(&estate, "outside:tgw-attach-1"), Ok(by_link));
    let with = resolve(&estate, "outside:vgw-1@192.168.1.1").unwrap();
    assert_eq!(with, End::Outside { by, address: Some(address("192.168.1.1")) });
    assert!(message(&estate, "outside:vgw-2").contains("did you mean `outside:vgw-1`"));
}

#[test]
fn an_outside_network_has_what_routes_send_there_and_realms_do_not_hold() {
    let estate = estate();
    let End::Outside { by, .. } = resolve(&estate, "outside:vgw-1").unwrap() else { panic!() };
    let atoms = outside_atoms(&estate.network, by);
    let all = atoms.iter().fold(AddressSet::empty(), |all, (set, _)| all.union(set));
    assert!(all.contains(address("192.168.1.1")));
    assert!(all.contains(address("10.200.0.1")));
    assert!(!all.contains(address("10.1.0.9")));
    assert!(!all.contains(address("172.16.0.1")));
    // The blackhole tells its addresses apart from the rest.
    let of = |text: &str| atoms.iter().position(|(set, _)| set.contains(address(text)));
    assert_ne!(of("192.168.7.1"), of("192.168.1.1"));
    assert!(matches!(by, OutsideBy::Gateway(_)));
}

#[test]
fn the_internet_is_split_where_rules_split_it_and_nowhere_else() {
    let mut estate = estate();
    let before = internet_atoms(&estate.network);
    assert_eq!(before.len(), 2, "{before:?}");
    add_rule(&mut estate, "198.51.100.0/24");
    let after = internet_atoms(&estate.network);
    assert_eq!(after.len(), 3, "{after:?}");
    let office = address("198.51.100.0");
    assert!(after.iter().any(|(set, one)| *one == office && set.prefixes().len() == 1));
    for (set, one) in &after {
        assert!(set.contains(*one) && is_public(*one));
        assert!(!set.contains(address("203.0.113.1")), "an address of the estate");
        assert!(!set.contains(address("2001:db8:1::77")), "a prefix of the estate");
    }
    // Private prefixes split nothing.
    add_rule(&mut estate, "10.3.0.0/16");
    assert_eq!(internet_atoms(&estate.network).len(), 3);
}

#[test]
fn the_parts_of_the_internet_cover_exactly_public_space() {
    let atoms = internet_atoms(&watertight_model::Network::default());
    let all = atoms.iter().fold(AddressSet::empty(), |all, (set, _)| all.union(set));
    for range in all.ranges().chain(all.complement().ranges()) {
        for edge in [range.first(), range.last()] {
            assert_eq!(all.contains(edge), is_public(edge), "{edge}");
        }
    }
}

#[test]
fn what_surrounds_a_network_without_internet_is_named_in_its_place() {
    let mut estate = estate();
    let realms: Vec<_> = estate.network.realms.iter().map(|(id, _)| id).collect();
    estate.network.gateways.push(Gateway {
        name: "cluster".into(),
        kind: GatewayKind::Surroundings { realm: realms[0] },
        available: true,
        origin: None,
    });
    for realm in realms {
        estate.network.realms[realm].internet = None;
    }
    let error = resolve_start(&estate, "internet").unwrap_err();
    assert_eq!(error, EndError::NoInternet { outside: "cluster".to_owned() });
    let start = resolve_start(&estate, "internet@198.51.100.9").unwrap();
    let by = match start {
        End::Outside { by, address: Some(from) } if from == address("198.51.100.9") => by,
        other => panic!("{other:?}"),
    };
    assert!(matches!(by, OutsideBy::Gateway(_)));
    // Packets go there as before.
    let to = resolve_destination(&estate, "internet").unwrap();
    assert_eq!(to, End::Internet { address: None });
}
