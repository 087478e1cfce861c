//! Security groups and prefix lists.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::draft::{Draft, GroupDraft, ListDraft, PeerDraft, RuleDraft};
use super::random::Random;
use super::{Feature, Size};

/// Protocol, first port or ICMP type, last port or ICMP code.
const SERVICES: [(&str, i64, i64); 15] = [
    ("tcp", 22, 22),
    ("tcp", 443, 443),
    ("tcp", 443, 443),
    ("tcp", 80, 80),
    ("tcp", 5432, 5432),
    ("tcp", 8080, 8090),
    ("tcp", 0, 65535),
    ("udp", 53, 53),
    ("udp", 4000, 4100),
    ("icmp", 8, -1),
    ("icmp", 3, 4),
    ("icmp", -1, -1),
    ("50", -1, -1),
    ("icmpv6", -1, -1),
    ("-1", -1, -1),
];

pub(super) fn draw_lists(draft: &mut Draft) {
    if !draft.random.chance(45) {
        return;
    }
    draft.note(Feature::PrefixList);
    for _ in 0..draft.random.between(1, 2) {
        let account = draft.random.below(draft.accounts.len());
        let region = draft.random.below(draft.regions.len());
        let blocks = draft.vpcs.len();
        let entries = (0..draft.random.between(1, 3))
            .map(|_| {
                let block = u8::try_from(draft.random.below(blocks)).unwrap_or(0);
                match draft.random.below(3) {
                    0 => (Ipv4Addr::new(10, block, 0, 0), 16),
                    1 => (Ipv4Addr::new(10, block, 8, 0), 21),
                    _ => (Ipv4Addr::new(198, 51, 100, 0), 24),
                }
            })
            .collect();
        let list = ListDraft {
            id: draft.random.id("pl"),
            account: draft.accounts.get(account).cloned().unwrap_or_default(),
            region: draft.regions.get(region).cloned().unwrap_or_default(),
            entries,
            described: !draft.random.chance(14),
        };
        draft.lists.push(list);
    }
}

pub(super) fn draw(draft: &mut Draft, size: &Size) {
    for vpc in 0..draft.vpcs.len() {
        let count = draft.random.between(4, (size.groups_per_vpc * 2).saturating_sub(4).max(4));
        for _ in 0..count {
            let owner = draft.vpcs.get(vpc).map(|vpc| vpc.account.clone()).unwrap_or_default();
            let shared = draft.random.chance(10);
            let account = draft.random.pick(&draft.accounts).filter(|_| shared).cloned();
            let id = draft.random.id("sg");
            draft.groups.push(GroupDraft {
                id,
                vpc,
                account: account.unwrap_or(owner),
                ingress: Vec::new(),
                egress: Vec::new(),
            });
        }
    }
}

/// The rules, once every VPC that a rule may speak of is connected.
pub(super) fn draw_rules(draft: &mut Draft) {
    for at in 0..draft.groups.len() {
        let ingress = (0..draft.random.between(1, 5)).map(|_| rule(draft, at)).collect();
        let egress = match draft.random.below(100) {
            0..80 => everything(draft.version_6),
            80..96 => (0..draft.random.between(1, 4)).map(|_| rule(draft, at)).collect(),
            _ => Vec::new(),
        };
        if let Some(group) = draft.groups.get_mut(at) {
            group.ingress = ingress;
            group.egress = egress;
        }
    }
    // By themselves: what is drawn of other things stays as it was.
    let ids = draft.groups.iter().flat_map(|group| group.id.bytes());
    let mut random = Random::new(ids.fold(0, |all, byte| all.rotate_left(7) ^ u64::from(byte)));
    draw_egress_over_connection(draft, &mut random);
    draw_egress_of_front(draft, &mut random);
}

/// What may go out of a load balancer's group: only to a group of a target of its.
fn draw_egress_of_front(draft: &mut Draft, random: &mut Random) {
    if !random.chance(50) {
        return;
    }
    let Some((arn, target)) = random.pick(&draft.targets).cloned() else { return };
    let is_own = |description: &str| {
        description.strip_prefix("ELB ").is_some_and(|name| arn.ends_with(name))
    };
    let own = draft.interfaces.iter().find(|one| is_own(&one.description));
    let own = own.and_then(|one| one.groups.first().copied());
    let peer = draft.interfaces.get(target).and_then(|one| one.groups.first().copied());
    if let (Some(peer), Some(group)) = (peer, own.and_then(|own| draft.groups.get_mut(own))) {
        let peer = PeerDraft::Group(peer);
        group.egress = vec![RuleDraft { protocol: "-1", from: -1, to: -1, peer }];
    }
}

/// What may go out of one group: only to a group of a connected VPC. Whether such a rule holds depends on
/// how the two are connected, and nothing else of what is drawn depends on it alone.
fn draw_egress_over_connection(draft: &mut Draft, random: &mut Random) {
    if !random.chance(60) {
        return;
    }
    let connected = draft.connected.clone();
    let Some((one, other)) = random.pick(&connected).copied() else { return };
    let (from, to) = if random.chance(50) { (one, other) } else { (other, one) };
    let carried = |draft: &Draft, vpc: usize, alone: bool| -> Vec<usize> {
        let here = draft.interfaces.iter().filter(|one| {
            draft.subnets.get(one.subnet).is_some_and(|subnet| subnet.vpc == vpc)
                && (!alone || one.groups.len() == 1)
        });
        here.filter_map(|one| one.groups.first().copied()).collect()
    };
    let (own, peers) = (carried(draft, from, true), carried(draft, to, false));
    let own = random.pick(&own).copied();
    let peer = random.pick(&peers).copied();
    if let (Some(own), Some(peer)) = (own, peer)
        && let Some(group) = draft.groups.get_mut(own)
    {
        let peer = PeerDraft::Group(peer);
        group.egress = vec![RuleDraft { protocol: "-1", from: -1, to: -1, peer }];
        draft.note(Feature::ReferenceAcrossVpcs);
    }
}

fn everything(version_6: bool) -> Vec<RuleDraft> {
    let any = |peer| RuleDraft { protocol: "-1", from: -1, to: -1, peer };
    let mut rules = vec![any(PeerDraft::Version4(Ipv4Addr::UNSPECIFIED, 0))];
    if version_6 {
        rules.push(any(PeerDraft::Version6(Ipv6Addr::UNSPECIFIED, 0)));
    }
    rules
}

fn rule(draft: &mut Draft, group: usize) -> RuleDraft {
    let (protocol, from, to) = draft.random.pick(&SERVICES).copied().unwrap_or(("-1", -1, -1));
    RuleDraft { protocol, from, to, peer: peer(draft, group) }
}

fn peer(draft: &mut Draft, group: usize) -> PeerDraft {
    let vpc = draft.groups.get(group).map_or(0, |group| group.vpc);
    let block = draft.vpcs.get(vpc).map_or(0, |vpc| vpc.block);
    match draft.random.below(100) {
        0..22 => PeerDraft::Version4(Ipv4Addr::new(10, block, 0, 0), 16),
        22..32 => {
            let subnets = draft.subnets_of(vpc);
            let subnet = draft.random.pick(&subnets).and_then(|at| draft.subnets.get(*at));
            let network = subnet.map_or(Ipv4Addr::UNSPECIFIED, |subnet| subnet.network);
            PeerDraft::Version4(network, 24)
        }
        32..44 => PeerDraft::Version4(Ipv4Addr::UNSPECIFIED, 0),
        44..50 if draft.version_6 => PeerDraft::Version6(Ipv6Addr::UNSPECIFIED, 0),
        44..50 => PeerDraft::Version4(Ipv4Addr::new(10, 0, 0, 0), 8),
        50..54 => PeerDraft::Version4(Ipv4Addr::new(198, 51, 100, 0), 24),
        // A prefix that cuts subnets.
        54..60 => PeerDraft::Version4(Ipv4Addr::new(10, block, 0, 8), 29),
        60..68 if !draft.lists.is_empty() => PeerDraft::List(draft.random.below(draft.lists.len())),
        68..72 => match draft.vpcs.get(vpc).and_then(|vpc| vpc.version_6) {
            Some(network) => PeerDraft::Version6(network, 56),
            None => PeerDraft::Version4(Ipv4Addr::new(172, 16, 0, 0), 12),
        },
        72..84 => reference_over_connection(draft, vpc).unwrap_or(PeerDraft::Group(group)),
        84..86 => PeerDraft::Missing(draft.random.id("sg")),
        _ => {
            let groups = draft.groups_of(vpc);
            PeerDraft::Group(draft.random.pick(&groups).copied().unwrap_or(group))
        }
    }
}

/// A group of a VPC that is connected to this one.
fn reference_over_connection(draft: &mut Draft, vpc: usize) -> Option<PeerDraft> {
    let peers: Vec<usize> = draft
        .connected
        .iter()
        .filter_map(|(one, other)| match vpc {
            _ if vpc == *one => Some(*other),
            _ if vpc == *other => Some(*one),
            _ => None,
        })
        .collect();
    let peer = *draft.random.pick(&peers)?;
    let groups = draft.groups_of(peer);
    let group = *draft.random.pick(&groups)?;
    draft.note(Feature::ReferenceAcrossVpcs);
    Some(PeerDraft::Group(group))
}

/// The bodies of groups and prefix lists.
pub(super) fn emit(draft: &mut Draft) {
    for group in draft.groups.clone() {
        let Some(vpc) = draft.vpcs.get(group.vpc).cloned() else { continue };
        let ingress: Vec<Value> = group.ingress.iter().map(|one| permission(draft, one)).collect();
        let egress: Vec<Value> = group.egress.iter().map(|one| permission(draft, one)).collect();
        let arn =
            format!("arn:aws:ec2:{}:{}:security-group/{}", vpc.region, group.account, group.id);
        let body = json!({
            "GroupId": group.id, "IpPermissionsEgress": egress, "Tags": [], "VpcId": vpc.id,
            "SecurityGroupArn": arn, "OwnerId": group.account, "GroupName": group.id,
            "Description": "drawn", "IpPermissions": ingress,
        });
        draft.emit(&group.account, &vpc.region, "describe-security-groups", "SecurityGroups", body);
    }
    for list in draft.lists.clone() {
        emit_list(draft, &list);
    }
}

fn permission(draft: &Draft, rule: &RuleDraft) -> Value {
    let mut body = json!({
        "IpProtocol": rule.protocol, "UserIdGroupPairs": [], "IpRanges": [], "Ipv6Ranges": [],
        "PrefixListIds": [],
    });
    if matches!(rule.protocol, "tcp" | "udp" | "icmp" | "icmpv6") {
        body["FromPort"] = json!(rule.from);
        body["ToPort"] = json!(rule.to);
    }
    match &rule.peer {
        PeerDraft::Version4(network, length) => {
            body["IpRanges"] = json!([{"CidrIp": format!("{network}/{length}")}]);
        }
        PeerDraft::Version6(network, length) => {
            body["Ipv6Ranges"] = json!([{"CidrIpv6": format!("{network}/{length}")}]);
        }
        PeerDraft::List(at) => {
            let id = draft.lists.get(*at).map(|list| &list.id);
            body["PrefixListIds"] = json!([{"PrefixListId": id}]);
        }
        PeerDraft::Group(at) => {
            let group = draft.groups.get(*at);
            let account = group.map(|group| &group.account);
            let id = group.map(|group| &group.id);
            body["UserIdGroupPairs"] = json!([{"UserId": account, "GroupId": id}]);
        }
        PeerDraft::Missing(id) => {
            let account = draft.accounts.first();
            body["UserIdGroupPairs"] = json!([{"UserId": account, "GroupId": id}]);
        }
    }
    body
}

fn emit_list(draft: &mut Draft, list: &ListDraft) {
    let body = json!({
        "PrefixListId": list.id, "AddressFamily": "IPv4", "State": "create-complete",
        "PrefixListArn": format!(
            "arn:aws:ec2:{}:{}:prefix-list/{}", list.region, list.account, list.id
        ),
        "PrefixListName": "drawn", "MaxEntries": 10, "Version": 1, "Tags": [],
        "OwnerId": list.account,
    });
    let call = "describe-managed-prefix-lists";
    draft.emit(&list.account, &list.region, call, "PrefixLists", body);
    if list.described {
        let entries: Vec<Value> = list
            .entries
            .iter()
            .map(|(network, length)| {
                json!({"Cidr": format!("{network}/{length}"), "Description": ""})
            })
            .collect();
        let name = format!("get-managed-prefix-list-entries-{}", list.id);
        draft.emit_body(&list.account, &list.region, &name, json!({"Entries": entries}));
    } else {
        draft.note(Feature::UndescribedPrefixList);
    }
}
