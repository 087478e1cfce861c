//! What the base bodies become in the network.

use std::net::IpAddr;

use watertight_model::Name;
use watertight_model::network::{
    Action, Attached, Combine, EndpointRole, GatewayKind, Hop, InternetAccess, Peer, StageDefault,
};

use crate::support::{base, endpoint, gateway, guard, subnet, table};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

#[test]
fn realms_have_prefixes_and_resolvers() {
    let network = base().network;
    let realm = network.realms.values().find(|realm| realm.name == "vpc-a").unwrap();
    assert_eq!(realm.title, "shop");
    assert_eq!(realm.account.as_deref(), Some("111111111111"));
    assert_eq!(realm.region.as_deref(), Some("eu-west-1"));
    assert_eq!(texts(&realm.prefixes), ["10.0.0.0/16", "10.1.0.0/16", "2001:db8:a::/56"]);
    assert_eq!(texts(&realm.resolvers), ["10.0.0.2", "169.254.169.253", "fd00:ec2::253"]);
    assert!(realm.internet.is_some());
}

/// Rule 14: without an explicit association the main table serves a subnet.
#[test]
fn subnets_have_tables_acls_and_zones() {
    let network = base().network;
    let public = subnet(&network, "subnet-a1");
    assert_eq!((public.title.as_str(), public.zone.as_str()), ("public", "eu-west-1a"));
    assert_eq!(network.tables[public.table.unwrap()].name, "rtb-public");
    let other = subnet(&network, "subnet-a2");
    assert_eq!(network.tables[other.table.unwrap()].name, "rtb-main");
    assert_eq!(other.zone, "euw1-az2");
    let guard_of = |layer| &network.guards[network.layers[layer].guards[0]];
    assert_eq!(guard_of(public.layers[0]).name, "acl-1");
    let unread = guard_of(other.layers[0]);
    assert!(matches!(unread.ingress[0].default, StageDefault::Unknown(_)));
}

/// A subnet's own exclusion beats its VPC's; the switch of one account leaves others alone.
#[test]
fn block_public_access_closes_subnets() {
    let network = base().network;
    assert!(matches!(subnet(&network, "subnet-a1").internet_access, InternetAccess::EgressOnly(_)));
    assert!(matches!(subnet(&network, "subnet-a2").internet_access, InternetAccess::Closed(_)));
    assert_eq!(subnet(&network, "subnet-b1").internet_access, InternetAccess::Open);
}

/// Rules 13 and 17: ranks, prefix lists and blackholes.
#[test]
fn routes_have_ranks_and_hops() {
    let network = base().network;
    let main = table(&network, "rtb-main");
    let seen: Vec<(String, u8)> =
        main.routes.iter().map(|route| (route.text.to_string(), route.rank)).collect();
    let expected = [
        ("10.0.0.0/16 via local", 0),
        ("0.0.0.0/0 via nat-1", 0),
        ("172.16.0.0/12 via vgw-1", 2),
        ("10.9.0.0/16 via pcx-gone", 0),
        ("pl-s3 (52.216.0.0/15) via vpce-s3", 1),
    ];
    assert_eq!(seen, expected.map(|(text, rank)| (text.to_owned(), rank)));
    assert_eq!(main.routes[0].hop, Hop::Local);
    assert!(matches!(main.routes[3].hop, Hop::Blackhole(_)));
    assert_eq!(main.unread[0].text, "pl-unread via tgw-1");
    assert!(main.unread[0].candidates.contains(address("2001:db8::1")));
    assert!(!main.unread[0].candidates.contains(address("10.0.0.1")));
    let public = table(&network, "rtb-public");
    let web = network.endpoints.iter().find(|(_, one)| one.name == "eni-web").unwrap().0;
    assert_eq!(public.routes[3].hop, Hop::Endpoint(web));
    assert_eq!(public.routes[4].hop, Hop::Endpoint(web));
    assert_eq!(public.routes[6].hop, Hop::Unread(Name::from("cagw-1")));
}

/// Rules 16, 18, 19, 20 and 21: what each gateway is attached to and admits.
#[test]
fn gateways_have_realms_and_edges() {
    let network = base().network;
    let realm = network.realms.iter().find(|(_, one)| one.name == "vpc-a").unwrap().0;
    let GatewayKind::Internet { realm: at, edge } = gateway(&network, "igw-1").kind else {
        panic!()
    };
    assert_eq!(at, Some(realm));
    assert_eq!(network.tables[edge.unwrap()].name, "rtb-edge");
    assert_eq!(gateway(&network, "eigw-1").kind, GatewayKind::EgressOnly { realm: Some(realm) });
    let tunnel = GatewayKind::Tunnel { realm: Some(realm), edge: None };
    assert_eq!(gateway(&network, "vgw-1").kind, tunnel);
    let GatewayKind::Peering { sides, references } = gateway(&network, "pcx-1").kind else {
        panic!()
    };
    assert!(sides.iter().all(Option::is_some) && references);
    let nat = gateway(&network, "nat-1");
    let GatewayKind::SourceNat { endpoint: at, carries, admits_transit, admits_peers } = &nat.kind
    else {
        panic!()
    };
    assert!(*admits_transit && !*admits_peers);
    assert_eq!(carries.to_string(), "icmp; tcp; udp; icmpv6");
    let attachment = &network.endpoints[*at];
    assert_eq!(attachment.name, "eni-nat");
    assert_eq!(attachment.public, [(address("10.0.1.9"), address("198.51.100.9"))]);
    assert!(matches!(attachment.role, EndpointRole::Translator(_)) && attachment.layers.is_empty());
}

/// Rules 23 and 24.
#[test]
fn endpoints_become_services_interfaces_and_boxes() {
    let estate = base();
    let network = &estate.network;
    let GatewayKind::Service { endpoint: at } = gateway(network, "vpce-s3").kind else { panic!() };
    assert_eq!(network.endpoints[at].subnet, None);
    assert!(network.service_space.contains(address("52.216.0.1")));
    assert!(!network.service_space.contains(address("203.0.113.1")));
    let secrets = endpoint(network, "eni-sm");
    assert_eq!(estate.workloads[secrets.workload].id, "vpce-sm");
    let inferred = endpoint(network, "vpce-kms/subnet-a2");
    assert!(inferred.inferred && inferred.addresses.is_empty());
    let GatewayKind::Inspection { endpoint: at } = gateway(network, "vpce-inspect").kind else {
        panic!()
    };
    assert!(matches!(network.endpoints[at].role, EndpointRole::Inspector(_)));
}

/// Rules 1, 11, 12 and 31: peers of each kind, a union, ports, types and codes.
#[test]
fn security_groups_have_rules() {
    let network = base().network;
    let web = guard(&network, "sg-web");
    assert!(web.stateful && web.title == "web" && web.kind == "security group");
    let stage = &web.ingress[0];
    assert_eq!((stage.combine, &stage.default), (Combine::Union, &StageDefault::Deny));
    let names: Vec<&str> = stage.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["sgr-1", "ingress 2", "ingress 3"]);
    let flows: Vec<String> = stage.rules.iter().map(|rule| rule.flows.to_string()).collect();
    assert_eq!(flows, ["tcp/443", "tcp/443", "icmp/8"]);
    assert_eq!(stage.rules[1].peer, Peer::Prefix("::/0".parse().unwrap()));
    let Peer::List(list) = stage.rules[2].peer else { panic!() };
    assert_eq!(network.lists[list].name, "pl-office");
    assert!(web.egress[0].rules[0].flows.is_all());
    let Peer::Members(member) = guard(&network, "sg-db").ingress[0].rules[0].peer else { panic!() };
    assert_eq!(network.guards[member].name, "sg-web");
    let listed = guard(&network, "sg-listed");
    assert_eq!(listed.egress[0].rules[0].name, "sgr-2");
    assert!(listed.ingress[0].rules.is_empty());
}

/// Rules 5, 7 and 9: ascending, stateless, families apart.
#[test]
fn acls_are_ordered() {
    let network = base().network;
    let acl = guard(&network, "acl-1");
    assert!(!acl.stateful && acl.kind == "network ACL");
    let stage = &acl.ingress[0];
    assert_eq!((stage.combine, &stage.default), (Combine::Ordered, &StageDefault::Deny));
    let rules: Vec<String> = stage
        .rules
        .iter()
        .map(|rule| format!("{} {:?} {} {:?}", rule.name, rule.action, rule.flows, rule.peer))
        .collect();
    assert_eq!(rules.len(), 3);
    assert!(rules[0].starts_with("100 Accept tcp/80-443 Prefix"), "{}", rules[0]);
    assert!(rules[1].starts_with("110 Accept icmpv6/128/0 Prefix"), "{}", rules[1]);
    assert!(rules[2].starts_with("* Deny"), "{}", rules[2]);
    assert_eq!(acl.egress[0].rules[0].action, Action::Accept);
}

/// Rules 3 and 22.
#[test]
fn transit_gateways_have_attachments_and_tables() {
    let network = base().network;
    assert_eq!(gateway(&network, "tgw-1").kind, GatewayKind::Transit);
    let find = |name: &str| network.attachments.iter().find(|(_, one)| one.name == name).unwrap();
    let (a_id, a) = find("att-a");
    assert_eq!(network.tables[a.table.unwrap()].name, "tgw-rtb-1");
    assert!(a.table_read && a.available && a.references);
    let Attached::Realm { subnets, appliance, .. } = &a.attached else { panic!() };
    let names: Vec<&str> = subnets.iter().map(|one| network.subnets[*one].name.as_str()).collect();
    assert_eq!((names, appliance), (vec!["subnet-a1", "subnet-a2"], &false));
    let (b_id, b) = find("att-b");
    assert!(b.table.is_none() && b.table_read && !b.references);
    let (vpn_id, vpn) = find("att-vpn");
    assert_eq!(vpn.attached, Attached::Outside(Name::from("vpn-1")));
    let table = table(&network, "tgw-rtb-1");
    let hops: Vec<(String, u8, Hop)> = table
        .routes
        .iter()
        .map(|route| (route.destination.to_string(), route.rank, route.hop.clone()))
        .collect();
    let expected = [
        ("10.7.0.0/16".to_owned(), 0, Hop::Blackhole(Name::from("blackhole"))),
        ("10.8.0.0/16".to_owned(), 0, Hop::Attachment(a_id)),
        ("10.2.0.0/16".to_owned(), 2, Hop::Attachment(b_id)),
        ("192.168.0.0/16".to_owned(), 2, Hop::Attachment(vpn_id)),
    ];
    assert_eq!(hops, expected);
    assert!(table.unread.is_empty());
}
