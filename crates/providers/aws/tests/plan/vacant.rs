//! Machines that nobody knows, at addresses that nobody has: what the proof says of them is what single packets
//! from and to them show.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use watertight_compile::{GapKind, Reason};
use watertight_model::network::RealmId;
use watertight_model::{Network, network::SubnetId};
use watertight_net::{AddressRange, AddressSet, Prefix};
use watertight_testkit::policy as interpreter;

use crate::drawn;
use crate::lab::Lab;

/// A machine that stands where nobody is, with a group that lets everything through.
pub(crate) struct Stranger {
    /// Its interface.
    pub(crate) interface: String,
    /// The subnet, by the provider's id.
    subnet: String,
    address: IpAddr,
    realm: String,
}

impl Stranger {
    /// What the interpreter sees of it.
    pub(crate) fn end(&self) -> interpreter::End {
        let places = vec![(Some(self.realm.clone()), self.address)];
        interpreter::End { who: interpreter::Who::Unknown, places, groups: None }
    }

    /// Whether an end that a proof names is where it stands.
    pub(crate) fn is_at(&self, name: &str) -> bool {
        let (subnet, prefix) = name.rsplit_once('@').unwrap_or_default();
        let prefix: Option<Prefix> = prefix.parse().ok();
        subnet == self.subnet && prefix.is_some_and(|prefix| prefix.contains(self.address))
    }
}

/// Two strangers in every subnet with room: at the first free address, and at the last.
pub(crate) fn strangers(lab: &Lab) -> Vec<Stranger> {
    let network = &lab.estate.network;
    let held = network.endpoints.values().flat_map(|one| one.addresses.iter().copied());
    let held: AddressSet = AddressSet::from_prefixes(held.map(Prefix::host));
    let with_groups: BTreeSet<RealmId> = network
        .endpoints
        .values()
        .filter(|one| one.name.starts_with("eni-"))
        .filter_map(|one| realm_of(network, one.subnet?))
        .collect();
    let mut found = Vec::new();
    for subnet in network.subnets.values().filter(|one| with_groups.contains(&one.realm)) {
        let of_v4 = subnet.prefixes.iter().filter(|one| one.first().is_ipv4());
        // The first four and the last are nobody's (Amazon VPC user guide, "Subnet sizing").
        let nobodys = |one: &Prefix| {
            let bits = |address: IpAddr| match address {
                IpAddr::V4(address) => address.to_bits(),
                IpAddr::V6(_) => 0,
            };
            let first = bits(one.first());
            let all = [first, first + 1, first + 2, first + 3, bits(one.last())];
            all.map(|bits| Prefix::host(IpAddr::V4(Ipv4Addr::from_bits(bits))))
        };
        let nobodys = AddressSet::from_prefixes(of_v4.clone().flat_map(nobodys));
        let free = AddressSet::from_prefixes(of_v4.copied()).difference(&held).difference(&nobodys);
        let ends = free.first().into_iter().chain(free.ranges().last().map(AddressRange::last));
        for address in ends.collect::<BTreeSet<IpAddr>>() {
            found.push(Stranger {
                interface: format!("eni-stranger{}", found.len()),
                subnet: subnet.name.to_string(),
                address,
                realm: network.realms[subnet.realm].name.to_string(),
            });
        }
    }
    found
}

fn realm_of(network: &Network, subnet: SubnetId) -> Option<RealmId> {
    network.subnets.get(subnet).map(|one| one.realm)
}

/// The bodies with strangers among them.
pub(crate) fn with(files: &[(String, Value)], strangers: &[Stranger]) -> Vec<(String, Value)> {
    let mut files = files.to_vec();
    for stranger in strangers {
        let group = format!("sg-{}", stranger.interface);
        let everybody = json!([{
            "IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            "Ipv6Ranges": [{"CidrIpv6": "::/0"}], "PrefixListIds": [], "UserIdGroupPairs": [],
        }]);
        let group = json!({
            "GroupId": group, "GroupName": group, "VpcId": stranger.realm, "Tags": [],
            "Description": "strangers", "OwnerId": "", "IpPermissions": everybody,
            "IpPermissionsEgress": everybody,
        });
        let interface = json!({
            "Attachment": {
                "AttachmentId": "eni-attach-stranger", "DeviceIndex": 0, "InstanceOwnerId": "",
                "InstanceId": format!("i-{}", stranger.interface), "NetworkCardIndex": 0,
                "DeleteOnTermination": true, "Status": "attached",
            },
            "Description": "", "Groups": [{"GroupId": group["GroupId"], "GroupName": "stranger"}],
            "InterfaceType": "interface", "Ipv6Addresses": [], "OwnerId": "",
            "NetworkInterfaceId": stranger.interface, "SubnetId": stranger.subnet,
            "PrivateIpAddress": stranger.address.to_string(), "RequesterManaged": false,
            "PrivateIpAddresses": [
                {"Primary": true, "PrivateIpAddress": stranger.address.to_string()}
            ],
            "SourceDestCheck": true, "Status": "in-use", "TagSet": [], "VpcId": stranger.realm,
        });
        add(&mut files, &stranger.realm, ("SecurityGroups", "VpcId"), &group);
        add(&mut files, &stranger.subnet, ("NetworkInterfaces", "SubnetId"), &interface);
    }
    files
}

/// Adds an item to the list that has others of the same place.
fn add(files: &mut [(String, Value)], place: &str, (list, key): (&str, &str), item: &Value) {
    let mut lists: Vec<&mut Vec<Value>> =
        files.iter_mut().filter_map(|(_, body)| body.get_mut(list)?.as_array_mut()).collect();
    let own = lists.iter().position(|all| all.iter().any(|one| one[key] == place));
    // Where none is of that place, any will do: a reader puts all lists of a kind together.
    let own = own.unwrap_or_default();
    lists.get_mut(own).expect("there is a list of the kind").push(item.clone());
}

/// What a free address loses with somebody whom no segment holds, where a plan takes off the group of a front by which
/// it came there (seed 241), and where it passes somebody's interface that a segment holds (seed 2308), was taken
/// for a change that nobody may make: no such estate could be planned.
#[test]
fn what_a_free_address_loses_on_the_way_is_a_gap_and_no_change_of_the_frame() {
    for (seed, reason) in [(241, Reason::Membership), (2308, Reason::IdentityShared)] {
        let (lab, _) = drawn::barred(seed);
        let proof = lab.make().expect("it is compiled").proof;
        assert_eq!(proof.frame, [] as [String; 0], "seed {seed}");
        let mut lost = proof.of(GapKind::Under).filter(|gap| gap.reason == reason);
        let is_vacant = |name: &String| name.starts_with("subnet-");
        assert!(
            lost.any(|gap| gap.from.iter().chain(&gap.to).any(is_vacant)),
            "seed {seed}: {:?}",
            proof.gaps
        );
    }
}

/// Who dials the public address of a front that keeps its clients' addresses from behind a translator comes to its
/// target with that one's address: no reason was given for that.
#[test]
fn what_comes_to_a_target_from_behind_a_translator_has_a_reason() {
    let (lab, _) = drawn::lab(1384);
    let proof = lab.make().expect("it is compiled").proof;
    assert_eq!(proof.unexplained, []);
    let mut shared = proof.of(GapKind::Over).filter(|gap| gap.reason == Reason::IdentityShared);
    assert!(shared.any(|gap| gap.over == "udp/9000"), "{:?}", proof.gaps);
}
