//! Estates to show: the shop of the examples, an empty one, a hostile one, and a large one.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use watertight_assess::{AssessmentLimits, DeriveOptions, Withheld, assess, derive};
use watertight_aws::{Body, Options, convert};
use watertight_model::network::{
    Action, Combine, Direction, Endpoint, EndpointRole, Gateway, GatewayKind, Guard, GuardId, Hop,
    InternetAccess, Layer, LayerId, Peer, Realm, Route, Rule, Stage, StageDefault, Subnet,
    SubnetId, Table,
};
use watertight_model::{
    Account, Certainty, Credential, Estate, Grant, Labels, MetadataService, Name, Power, Scope,
    Workload, WorkloadKind,
};
use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_reach::{Reach, exposure, front_legs};
use watertight_report::assessment::{self, View};
use watertight_report::{Assessed, Facts};
use watertight_source::{Diagnostic, Limits, Sources, Tree};

/// An estate with what it was read from.
pub(crate) struct Read {
    pub(crate) estate: Estate,
    pub(crate) sources: Sources,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Read {
    fn made(estate: Estate) -> Self {
        Self { estate, sources: Sources::new(), diagnostics: Vec::new() }
    }
}

/// What an action that is not on offer would break.
pub(crate) const NEEDED: &str = "health checks by <web>";

/// Computes everything about an estate and puts together what is shown.
pub(crate) fn assessed(read: &Read) -> View {
    let estate = &read.estate;
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let exposure = exposure(&estate.network, &matrix);
    let survey = reach.survey(&matrix);
    let legs = front_legs(&estate.network, &matrix);
    let options = DeriveOptions::default();
    let derived = derive(estate, &reach, &matrix, &legs, Some(&survey), &options).unwrap();
    let limits = AssessmentLimits { scorings_max: 60, ..AssessmentLimits::default() };
    let found = assess(&derived.graph, &derived.actions, &limits);
    // As if the first action on offer were needed by somebody.
    let withheld: Vec<Withheld> = derived
        .actions
        .first()
        .map(|action| Withheld { action: action.clone(), breaks: vec![NEEDED.into()] })
        .into_iter()
        .collect();
    assessment::view(&Facts {
        estate,
        matrix: &matrix,
        exposure: &exposure,
        survey: &survey,
        sources: Some(&read.sources),
        diagnostics: &read.diagnostics,
        estate_only: None,
        assessed: Some(Assessed {
            graph: &derived.graph,
            actions: &derived.actions,
            assessment: &found,
            withheld: &withheld,
        }),
    })
}

/// The shop of the examples.
pub(crate) fn shop() -> Read {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/estates/shop/raw");
    let mut files = Vec::new();
    list(&root.join("aws"), &mut files);
    files.sort();
    let limits = Limits::default();
    let mut sources = Sources::new();
    let mut bodies = Vec::new();
    for file in files {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let id = sources.add(format!("raw/{path}"), std::fs::read(&file).unwrap()).unwrap();
        let tree = Tree::parse_json(id, sources.contents(id), &limits).unwrap();
        bodies.push(Body { path, tree });
    }
    let converted = convert(&bodies, &Options::default());
    Read { estate: converted.estate, sources, diagnostics: converted.diagnostics.into_sorted() }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

/// Nothing at all.
pub(crate) fn empty() -> Read {
    Read::made(Estate::default())
}

/// An estate whose tags were written by an attacker, and by people who like long names.
pub(crate) fn hostile() -> Read {
    let mut names = vec![
        "<script>alert(document.domain)</script>".to_owned(),
        "\"><img src=x onerror=alert(1)>".to_owned(),
        "'; background: url(https://example.test/x) }".to_owned(),
        "\u{202e}reversed\u{202c} \u{1b}[31mred\u{7}".to_owned(),
        "</style></svg></title><h1>gone".to_owned(),
        "javascript:alert(1)".to_owned(),
        "{{constructor.constructor('alert(1)')()}}".to_owned(),
        "\u{fdfd}\u{fdfd}\u{fdfd}\u{fdfd}".to_owned(),
        "\u{1f469}\u{200d}\u{1f4bb} \u{65e5}\u{672c}\u{8a9e}\u{306e}\u{540d}\u{524d}\u{306f}\u{9577}\u{3044}".to_owned(),
        "W".repeat(3_000),
        "=HYPERLINK(\"https://example.test\")".to_owned(),
    ];
    names.push("m".repeat(255));
    let shape = Shape { accounts: 2, realms: 2, tiers: 3, zones: 2, workloads: 4, owned: false };
    Read::made(make(&shape, &|number| names[number % names.len()].clone()))
}

/// Ten thousand workloads in four accounts, sixteen networks and 192 subnets.
pub(crate) fn large() -> Read {
    let shape = Shape { accounts: 4, realms: 4, tiers: 3, zones: 4, workloads: 53, owned: true };
    let read = Read::made(make(&shape, &|number| format!("service-{number:05}")));
    assert!(read.estate.workloads.len() >= 10_000, "{}", read.estate.workloads.len());
    read
}

/// How much of everything a made estate has; `workloads` are in each subnet, `owned` says
/// whether they are replicas of groups.
struct Shape {
    accounts: usize,
    realms: usize,
    tiers: usize,
    zones: usize,
    workloads: usize,
    owned: bool,
}

const TIERS: [&str; 3] = ["public", "app", "data"];

/// An estate of networks with a public, an application and a data tier. Names of everything that
/// people name come from `name`.
fn make(shape: &Shape, name: &dyn Fn(usize) -> String) -> Estate {
    let mut maker = Maker { estate: Estate::default(), name, number: 0 };
    for account in 0..shape.accounts {
        let id = Name::from(format!("{:012}", account + 1));
        let title = Some(Name::from(maker.next_name()));
        maker.estate.accounts.push(Account { id: id.clone(), name: title });
        for realm in 0..shape.realms {
            maker.realm(shape, &id, account * shape.realms + realm);
        }
        maker.bucket(&id);
    }
    maker.estate
}

struct Maker<'m> {
    estate: Estate,
    name: &'m dyn Fn(usize) -> String,
    number: usize,
}

impl Maker<'_> {
    fn next_name(&mut self) -> String {
        self.number += 1;
        (self.name)(self.number)
    }

    fn realm(&mut self, shape: &Shape, account: &Name, number: usize) {
        let octet = u8::try_from(number + 1).unwrap();
        let local = prefix(octet, 0, 0, 16);
        let title = Name::from(self.next_name());
        let network = &mut self.estate.network;
        let realm = network.realms.push(Realm {
            name: Name::from(format!("vpc-{number}")),
            title,
            account: Some(account.clone()),
            region: None,
            prefixes: vec![local],
            internet: None,
            resolvers: Vec::new(),
            subnets_read: true,
            further: false,
            origin: None,
        });
        let gateway = network.gateways.push(Gateway {
            name: Name::from(format!("igw-{number}")),
            kind: GatewayKind::Internet { realm: Some(realm), edge: None },
            available: true,
            origin: None,
        });
        network.realms[realm].internet = Some(gateway);
        let everywhere = prefix(0, 0, 0, 0);
        let mut guards: Vec<GuardId> = Vec::new();
        let mut tables = Vec::new();
        for tier in 0..shape.tiers {
            let (peer, flows) = match tier {
                0 => (Peer::Prefix(everywhere), "tcp/443; tcp/22"),
                1 => (Peer::Members(guards[0]), "tcp/8000-8100"),
                _ => (Peer::Members(guards[tier - 1]), "tcp/5432"),
            };
            guards.push(guard(network, number, tier, peer, flows));
        }
        for (tier, guard) in guards.into_iter().enumerate() {
            let routes = if tier == 0 { vec![local, everywhere] } else { vec![local] };
            let table = network.tables.push(Table {
                name: Name::from(format!("rtb-{number}-{tier}")),
                routes: routes
                    .into_iter()
                    .map(|destination| Route {
                        destination,
                        rank: 0,
                        hop: if destination == local { Hop::Local } else { Hop::Gateway(gateway) },
                        text: Name::from(format!("{destination}")),
                        origin: None,
                    })
                    .collect(),
                unread: Vec::new(),
                origin: None,
            });
            tables
                .push((table, network.layers.push(Layer { guards: vec![guard], complete: true })));
        }
        for (tier, (table, layer)) in tables.into_iter().enumerate() {
            for zone in 0..shape.zones {
                let third = u8::try_from(tier * shape.zones + zone).unwrap();
                let letter = char::from(b'a' + u8::try_from(zone).unwrap());
                let subnet = self.estate.network.subnets.push(Subnet {
                    name: Name::from(format!("subnet-{number}-{third}")),
                    title: Name::from(format!("{}-{letter}", TIERS[tier])),
                    realm,
                    prefixes: vec![prefix(octet, third, 0, 24)],
                    zone: Name::from(format!("eu-central-1{letter}")),
                    table: Some(table),
                    layers: Vec::new(),
                    internet_access: InternetAccess::Open,
                    kept: AddressSet::empty(),
                    endpoints_read: true,
                    origin: None,
                });
                self.workloads(shape, (account, subnet, layer), (tier, octet, third));
            }
        }
    }

    fn workloads(
        &mut self,
        shape: &Shape,
        (account, subnet, layer): (&Name, SubnetId, LayerId),
        (tier, octet, third): (usize, u8, u8),
    ) {
        for host in 0..shape.workloads {
            let title = Name::from(self.next_name());
            let number = self.number;
            let id = Name::from(format!("i-{number:06}"));
            let last = u8::try_from(host + 10).unwrap();
            let address = IpAddr::V4(Ipv4Addr::new(10, octet, third, last));
            let public = IpAddr::V4(Ipv4Addr::new(20, octet, third, last));
            let data = tier == 2;
            let mut labels = Labels::new();
            if data && host == 0 {
                labels.insert(Name::from("criticality"), Name::from("crown-jewel"));
            }
            let credential = (host == 1).then(|| {
                self.estate.credentials.push(Credential {
                    id: Name::from(format!("role/{number}")),
                    name: title.clone(),
                    kind: Name::from("role"),
                    account: Some(account.clone()),
                    origin: None,
                })
            });
            let workload = self.estate.workloads.push(Workload {
                id,
                name: title,
                kind: if data { WorkloadKind::Database } else { WorkloadKind::Machine },
                account: Some(account.clone()),
                region: None,
                labels,
                endpoints: Vec::new(),
                owner: shape
                    .owned
                    .then(|| Name::from(format!("group-{octet}-{tier}-{}", host % 4))),
                credential,
                metadata: Some(MetadataService {
                    enabled: true,
                    token_required: false,
                    hop_limit: 2,
                }),
                stores_data: data,
                origin: None,
            });
            let endpoint = self.estate.network.endpoints.push(Endpoint {
                name: Name::from(format!("eni-{number:06}")),
                workload,
                subnet: Some(subnet),
                addresses: vec![address],
                delegated: Vec::new(),
                public: if tier == 0 { vec![(address, public)] } else { Vec::new() },
                layers: vec![layer],
                role: EndpointRole::Host,
                inferred: false,
                origin: None,
            });
            self.estate.workloads[workload].endpoints.push(endpoint);
        }
    }

    /// A bucket that every credential made so far in the account may read.
    fn bucket(&mut self, account: &Name) {
        let title = Name::from(self.next_name());
        let mut labels = Labels::new();
        labels.insert(Name::from("criticality"), Name::from("crown-jewel"));
        let store = self.estate.workloads.push(Workload {
            id: Name::from(format!("bucket-{account}")),
            name: title,
            kind: WorkloadKind::ObjectStore,
            account: Some(account.clone()),
            region: None,
            labels,
            endpoints: Vec::new(),
            owner: None,
            credential: None,
            metadata: None,
            stores_data: true,
            origin: None,
        });
        let credentials = self.estate.credentials.iter();
        let own =
            credentials.filter(|(_, credential)| credential.account.as_ref() == Some(account));
        let holders: Vec<_> = own.map(|(id, _)| id).take(3).collect();
        self.estate.grants.extend(holders.into_iter().map(|holder| Grant {
            holder,
            power: Power::ReadData { store, scope: Scope::Anywhere },
            certainty: Certainty::Sure,
            evidence: Vec::new(),
        }));
    }
}

fn guard(
    network: &mut watertight_model::Network,
    realm: usize,
    tier: usize,
    peer: Peer,
    flows: &str,
) -> GuardId {
    let rule = |name: &str, peer, flows| Rule {
        name: Name::from(name),
        peer,
        flows,
        action: Action::Accept,
        origin: None,
    };
    let stage = |rules: Vec<Rule>| Stage {
        combine: Combine::Union,
        rules: rules.into(),
        default: StageDefault::Deny,
    };
    let guard = Guard {
        name: Name::from(format!("sg-{realm}-{tier}")),
        title: Name::from(format!("{}-{realm}", TIERS[tier])),
        kind: Name::from("security group"),
        stateful: true,
        ingress: vec![stage(vec![rule("in", peer, flows.parse::<FlowSet>().unwrap().into())])],
        egress: vec![stage(vec![rule("out", Peer::Any, FlowSet::all().into())])],
        origin: None,
    };
    assert_eq!(guard.stages(Direction::Ingress).len(), 1);
    network.guards.push(guard)
}

fn prefix(second: u8, third: u8, fourth: u8, length: u8) -> Prefix {
    let first = if length == 0 { 0 } else { 10 };
    Prefix::new(IpAddr::V4(Ipv4Addr::new(first, second, third, fourth)), length).unwrap()
}
