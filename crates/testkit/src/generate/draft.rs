//! The estate while it is being drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use super::Feature;
use super::random::Random;

#[derive(Debug)]
pub(super) struct Draft {
    pub(super) random: Random,
    pub(super) accounts: Vec<String>,
    pub(super) regions: Vec<String>,
    pub(super) version_6: bool,
    pub(super) vpcs: Vec<VpcDraft>,
    pub(super) subnets: Vec<SubnetDraft>,
    pub(super) tables: Vec<TableDraft>,
    pub(super) groups: Vec<GroupDraft>,
    pub(super) interfaces: Vec<InterfaceDraft>,
    pub(super) lists: Vec<ListDraft>,
    /// Interfaces that nothing but their addresses tells apart, as positions.
    pub(super) replicas: Vec<Vec<usize>>,
    /// VPCs between which a peering or a transit gateway lies, as pairs of positions.
    pub(super) connected: Vec<(usize, usize)>,
    /// Ids of what lies behind a tunnel, for packets from there.
    pub(super) outside: Vec<String>,
    /// Load-balancer interfaces with a listener's protocol and port.
    pub(super) listeners: Vec<(usize, u8, u16)>,
    /// The ARNs of load balancers, with the interfaces that are targets of theirs.
    pub(super) targets: Vec<(String, usize)>,
    pub(super) features: BTreeSet<Feature>,
    files: BTreeMap<String, (String, Vec<Value>)>,
    singles: BTreeMap<String, Value>,
}

#[derive(Debug, Clone)]
pub(super) struct VpcDraft {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) region: String,
    /// The second byte of 10.x.0.0/16.
    pub(super) block: u8,
    /// The second byte of a secondary 10.x.0.0/16.
    pub(super) second_block: Option<u8>,
    /// A /56.
    pub(super) version_6: Option<Ipv6Addr>,
    pub(super) internet_gateway: Option<String>,
    /// The table of subnets with none of their own.
    pub(super) main_table: usize,
}

#[derive(Debug, Clone)]
pub(super) struct SubnetDraft {
    pub(super) id: String,
    pub(super) vpc: usize,
    pub(super) network: Ipv4Addr,
    pub(super) version_6: Option<Ipv6Addr>,
    pub(super) zone: usize,
    pub(super) public: bool,
    pub(super) table: usize,
    /// The last byte of the next address that is handed out.
    pub(super) next: u8,
}

#[derive(Debug, Clone)]
pub(super) struct TableDraft {
    pub(super) id: String,
    pub(super) vpc: usize,
    pub(super) gateway: Option<String>,
    pub(super) routes: Vec<Value>,
}

#[derive(Debug, Clone)]
pub(super) struct GroupDraft {
    pub(super) id: String,
    pub(super) vpc: usize,
    pub(super) account: String,
    pub(super) ingress: Vec<RuleDraft>,
    pub(super) egress: Vec<RuleDraft>,
}

#[derive(Debug, Clone)]
pub(super) struct RuleDraft {
    pub(super) protocol: &'static str,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) peer: PeerDraft,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PeerDraft {
    Version4(Ipv4Addr, u8),
    Version6(Ipv6Addr, u8),
    List(usize),
    /// A group by position.
    Group(usize),
    /// A group that is not there.
    Missing(String),
}

#[derive(Debug, Clone)]
pub(super) struct ListDraft {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) entries: Vec<(Ipv4Addr, u8)>,
    pub(super) described: bool,
}

#[derive(Debug, Clone)]
pub(super) struct InterfaceDraft {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) subnet: usize,
    pub(super) addresses: Vec<Ipv4Addr>,
    pub(super) version_6: Option<Ipv6Addr>,
    pub(super) public: Option<Ipv4Addr>,
    /// Positions of groups.
    pub(super) groups: Vec<usize>,
    pub(super) kind: &'static str,
    pub(super) description: String,
    pub(super) source_dest_check: bool,
    pub(super) instance: Option<String>,
    pub(super) device_index: usize,
}

impl InterfaceDraft {
    pub(super) fn every_address(&self) -> Vec<IpAddr> {
        let version_4 = self.addresses.iter().map(|address| IpAddr::V4(*address));
        version_4.chain(self.version_6.map(IpAddr::V6)).collect()
    }
}

impl VpcDraft {
    pub(super) fn network(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.block, 0, 0)
    }
}

impl Draft {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let accounts = (0..random.between(1, 2)).map(|_| account(&mut random)).collect();
        let mut regions = vec!["us-east-1".to_owned()];
        if random.chance(40) {
            regions.push("eu-west-1".to_owned());
        }
        let version_6 = random.chance(36);
        Self {
            random,
            accounts,
            regions,
            version_6,
            vpcs: Vec::new(),
            subnets: Vec::new(),
            tables: Vec::new(),
            groups: Vec::new(),
            interfaces: Vec::new(),
            lists: Vec::new(),
            replicas: Vec::new(),
            connected: Vec::new(),
            outside: Vec::new(),
            listeners: Vec::new(),
            targets: Vec::new(),
            features: BTreeSet::new(),
            files: BTreeMap::new(),
            singles: BTreeMap::new(),
        }
    }

    pub(super) fn note(&mut self, feature: Feature) {
        self.features.insert(feature);
    }

    /// Adds a resource to the body of a call.
    pub(super) fn emit(&mut self, account: &str, region: &str, call: &str, key: &str, one: Value) {
        let path = format!("raw/aws/{account}/{region}/{call}.json");
        self.files.entry(path).or_insert_with(|| (key.to_owned(), Vec::new())).1.push(one);
    }

    /// Adds a body that is about one resource.
    /// Emits a list that is empty if nothing is added to it, as the CLI prints one.
    pub(super) fn emit_list(&mut self, account: &str, region: &str, call: &str, key: &str) {
        let path = format!("raw/aws/{account}/{region}/{call}.json");
        self.files.entry(path).or_insert_with(|| (key.to_owned(), Vec::new()));
    }

    pub(super) fn emit_body(&mut self, account: &str, region: &str, name: &str, body: Value) {
        self.singles.insert(format!("raw/aws/{account}/{region}/{name}.json"), body);
    }

    pub(super) fn emit_for_vpc(&mut self, vpc: usize, call: &str, key: &str, one: Value) {
        if let Some(VpcDraft { account, region, .. }) = self.vpcs.get(vpc).cloned() {
            self.emit(&account, &region, call, key, one);
        }
    }

    pub(super) fn subnets_of(&self, vpc: usize) -> Vec<usize> {
        let positions = self.subnets.iter().enumerate();
        positions.filter(|(_, subnet)| subnet.vpc == vpc).map(|(at, _)| at).collect()
    }

    pub(super) fn groups_of(&self, vpc: usize) -> Vec<usize> {
        let positions = self.groups.iter().enumerate();
        positions.filter(|(_, group)| group.vpc == vpc).map(|(at, _)| at).collect()
    }

    /// Whether two VPCs have addresses in common.
    pub(super) fn overlap(&self, one: usize, other: usize) -> bool {
        let blocks = |at: usize| {
            let vpc = self.vpcs.get(at);
            vpc.into_iter()
                .flat_map(|vpc| [Some(vpc.block), vpc.second_block])
                .flatten()
                .collect::<Vec<u8>>()
        };
        let others = blocks(other);
        blocks(one).iter().any(|block| others.contains(block))
    }

    /// Adds a route to a table.
    pub(super) fn add_route(&mut self, table: usize, destination: &str, field: &str, target: &str) {
        self.add_route_in_state(table, destination, (field, target), "active");
    }

    pub(super) fn add_route_in_state(
        &mut self,
        table: usize,
        destination: &str,
        (field, target): (&str, &str),
        state: &str,
    ) {
        let key = if destination.starts_with("pl-") {
            "DestinationPrefixListId"
        } else if destination.contains("::") {
            "DestinationIpv6CidrBlock"
        } else {
            "DestinationCidrBlock"
        };
        let mut route = Map::new();
        route.insert(key.to_owned(), json!(destination));
        route.insert(field.to_owned(), json!(target));
        route.insert("Origin".to_owned(), json!("CreateRoute"));
        route.insert("State".to_owned(), json!(state));
        let route = Value::Object(route);
        if let Some(table) = self.tables.get_mut(table) {
            // A table holds one route for a destination, whatever its target.
            if !table.routes.iter().any(|one| one[key] == destination) {
                table.routes.push(route);
            }
        }
    }

    /// The tables of a VPC that route for subnets.
    pub(super) fn tables_of(&self, vpc: usize) -> Vec<usize> {
        let positions = self.tables.iter().enumerate();
        positions
            .filter(|(_, table)| table.vpc == vpc && table.gateway.is_none())
            .map(|(at, _)| at)
            .collect()
    }

    /// The files, by path.
    pub(super) fn into_files(self) -> Vec<(String, Value)> {
        let mut files = self.singles;
        for (path, (key, resources)) in self.files {
            let mut body = Map::new();
            body.insert(key, Value::Array(resources));
            files.insert(path, Value::Object(body));
        }
        files.into_iter().collect()
    }
}

fn account(random: &mut Random) -> String {
    let number = 100_000_000_000 + random.below(800_000_000_000);
    number.to_string()
}
