//! What every platform needs against its slow twin: pair by pair, on estates with clusters of which some
//! have one name.

use std::collections::BTreeMap;
use std::net::IpAddr;

use watertight_model::network::{EndpointId, RealmId, Uplink};
use watertight_model::{ArenaId, Estate, Name, Workload, WorkloadKind};
use watertight_net::{AddressSet, Flow, Prefix, Protocol};
use watertight_policy::decide::{Decider, Deciding, End, Leg, Modes, Outcome, Place, Question};
use watertight_policy::decide::{Who, World};
use watertight_policy::{CheckedPolicy, with_essentials};
use watertight_testkit::generate::Random;
use watertight_testkit::policy::essentials::{Far, Listed, Narrow, is_essential};

use super::{NOW, checked, estate};

/// How many estates are drawn.
const ESTATES: u64 = 120;
/// Enforced everywhere, and nothing is allowed.
const NOTHING: &str = "---\napiVersion: watertight.io/v1alpha1\nkind: Segment\nmetadata: {name: all}\n\
     spec: {members: {matchLabels: {}}, mode: enforce}\n";
const CLUSTERS: [&str; 2] = ["prod", "dev"];

/// Gives an estate clusters: machines become nodes, some workloads pods, resolvers and control planes.
fn with_clusters(estate: &mut Estate, random: &mut Random) {
    let ids: Vec<_> = estate.workloads.iter().map(|(id, _)| id).collect();
    for id in ids {
        let workload = &mut estate.workloads[id];
        let account = random.pick(&["111111111111", "222222222222"]).copied().unwrap();
        workload.account = random.chance(85).then(|| Name::from(account));
        workload.labels.remove("region");
        if random.chance(70) {
            let region = random.pick(&["eu-central-1", "us-east-1"]).copied().unwrap();
            workload.labels.insert(Name::from("region"), Name::from(region));
        }
        let cluster = random.pick(&CLUSTERS).copied().unwrap();
        if workload.kind != WorkloadKind::Machine {
            continue;
        }
        match random.between(0, 9) {
            0..=3 => tag(workload, random, cluster),
            4..=6 => become_pod(workload, random, cluster),
            7 => {
                workload.kind = WorkloadKind::Cluster;
                workload.name = Name::from(cluster);
            }
            _ => {}
        }
    }
    let of = |kind: WorkloadKind| -> Vec<EndpointId> {
        let all = estate.workloads.values().filter(|one| one.kind == kind);
        all.flat_map(|one| one.endpoints.iter().copied()).collect()
    };
    let (pods, hosts) = (of(WorkloadKind::Pod), of(WorkloadKind::Machine));
    for pod in pods {
        if let Some(by) = random.pick(&hosts).copied().filter(|_| random.chance(50)) {
            estate.network.uplinks.insert(pod, Uplink { by, keeps: Vec::new() });
        }
    }
}

fn tag(workload: &mut Workload, random: &mut Random, cluster: &str) {
    let (key, value) = if random.chance(50) {
        (format!("kubernetes.io/cluster/{cluster}"), "owned")
    } else {
        ("eks:cluster-name".to_owned(), cluster)
    };
    workload.labels.insert(Name::from(key), Name::from(value));
}

fn become_pod(workload: &mut Workload, random: &mut Random, cluster: &str) {
    workload.kind = WorkloadKind::Pod;
    let namespace = if random.chance(60) { "kube-system" } else { "shop" };
    let app = if random.chance(60) { "kube-dns" } else { "web" };
    let labels = [("k8s.cluster", cluster), ("k8s.namespace", namespace), ("k8s-app", app)];
    workload.labels.extend(labels.map(|(key, value)| (Name::from(key), Name::from(value))));
}

/// Control planes as a policy lists them.
fn listed(estate: &Estate, random: &mut Random) -> (Vec<Listed>, String) {
    let realms: Vec<RealmId> = estate.network.realms.iter().map(|(id, _)| id).collect();
    let (mut all, mut lines) = (Vec::new(), Vec::new());
    for number in 0..random.between(1, 3) {
        let of = |random: &mut Random, list: [&str; 2]| {
            let one = random.pick(&list).copied().map(str::to_owned);
            one.filter(|_| random.chance(60))
        };
        let account = of(random, ["111111111111", "222222222222"]);
        let region = of(random, ["eu-central-1", "us-east-1"]);
        let network = random.pick(&realms).copied().filter(|_| random.chance(40));
        let addresses: Prefix = format!("192.0.2.{}/28", number * 16).parse().unwrap();
        let cluster = random.pick(&CLUSTERS).copied().unwrap().to_owned();
        let mut line = format!("{{cluster: {cluster}, addresses: [{addresses}]");
        let network_name = network.map(|id| estate.network.realms[id].name.to_string());
        let more = [("account", &account), ("region", &region), ("network", &network_name)];
        for (key, value) in more.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            line.extend([", ", key, ": \"", value, "\""]);
        }
        lines.push(format!("  - {line}}}\n"));
        all.push(Listed { cluster, account, region, addresses, network });
    }
    let text = format!(
        "---\napiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {{name: planes}}\nspec:\n  \
         controlPlanes:\n{}",
        lines.concat()
    );
    (all, text)
}

/// How a policy narrows some essentials, by labels that the estates have.
fn narrowed(random: &mut Random) -> (Vec<Narrow>, String) {
    let labels: [(&str, [&str; 2]); 4] = [
        ("app", ["web", "api"]),
        ("env", ["prod", "dev"]),
        ("region", ["eu-central-1", "us-east-1"]),
        ("k8s.namespace", ["kube-system", "shop"]),
    ];
    let (mut all, mut lines) = (Vec::new(), Vec::new());
    for essential in ["health checks", "cluster resolver", "control plane"] {
        if random.chance(50) {
            continue;
        }
        for _ in 0..random.between(1, 2) {
            let side = |random: &mut Random| {
                let (key, values) = random.pick(&labels)?;
                let value = random.pick(values)?;
                random.chance(60).then(|| ((*key).to_owned(), (*value).to_owned()))
            };
            let (mut from, to) = (side(random), side(random));
            if from.is_none() && to.is_none() {
                from = Some(("env".to_owned(), "prod".to_owned()));
            }
            let mut line = format!("{{essential: {essential}");
            for (word, side) in [("from", &from), ("to", &to)] {
                if let Some((key, value)) = side {
                    let side = [", ", word, ": [{matchLabels: {", key, ": ", value, "}}]"];
                    line.extend(side);
                }
            }
            lines.push(format!("  - {line}}}\n"));
            all.push(Narrow { essential, from, to });
        }
    }
    if all.is_empty() {
        return (all, String::new());
    }
    let text = format!(
        "---\napiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {{name: narrower}}\nspec:\n  \
         narrowed:\n{}",
        lines.concat()
    );
    (all, text)
}

/// Every attachment that has an address, and addresses of nobody: resolvers, time, control planes.
fn ends(estate: &Estate, listed: &[Listed]) -> Vec<Far> {
    let network = &estate.network;
    let with_address = network.endpoints.iter().filter(|(_, one)| !one.addresses.is_empty());
    let with_address = with_address.filter(|(_, one)| one.subnet.is_some());
    let mut found: Vec<Far> = with_address.map(|(id, _)| Far::Endpoint(id)).collect();
    for (id, realm) in network.realms.iter() {
        for address in &realm.resolvers {
            let is_inside = realm.prefixes.iter().any(|prefix| prefix.contains(*address));
            found.push(Far::Address(is_inside.then_some(id), *address));
        }
    }
    found.push(Far::Address(None, "169.254.169.123".parse().unwrap()));
    found.push(Far::Address(None, "169.254.169.254".parse().unwrap()));
    found.extend(listed.iter().map(|one| Far::Address(one.network, one.addresses.first())));
    found.sort_by_key(|one| match one {
        Far::Endpoint(id) => (0, id.index(), None),
        Far::Address(network, address) => {
            (1, network.map_or(0, |id| id.index() + 1), Some(*address))
        }
    });
    found.dedup();
    found
}

fn end(estate: &Estate, far: &Far) -> End {
    let network = &estate.network;
    let (who, places) = match far {
        Far::Endpoint(id) => {
            let workload = network.endpoints[*id].workload.index();
            (Who::Workloads(vec![workload]), Place::of_endpoint(network, *id))
        }
        Far::Address(Some(realm), address) => {
            let name = network.realms[*realm].name.clone();
            (Who::Unknown, vec![Place { network: Some(name), address: *address }])
        }
        Far::Address(None, address) => {
            let addresses = AddressSet::from_prefix(Prefix::host(*address));
            (Who::Outside { addresses, network: None }, Vec::new())
        }
    };
    End { who, places, groups: None }
}

fn flows() -> Vec<Flow> {
    let tcp = [22, 53, 80, 443, 6443, 8080, 10_250].map(|port| Flow::tcp(40_000, port));
    let udp = [53, 123].map(|port| Flow::udp(40_000, port));
    let icmp = [128, 135].map(|icmp_type| Flow::Icmp {
        protocol: Protocol::ICMPV6,
        icmp_type,
        icmp_code: 0,
    });
    tcp.into_iter().chain(udp).chain(icmp).collect()
}

/// How often each flow is allowed, and what differs.
#[derive(Default)]
struct Compared {
    asked: usize,
    allowed: BTreeMap<String, usize>,
    differing: Vec<String>,
}

fn compare(
    seed: u64,
    (estate, listed, narrowed): (&Estate, &[Listed], &[Narrow]),
    deciding: &Deciding<'_>,
    compared: &mut Compared,
) {
    let all = ends(estate, listed);
    let workload = |far: &Far| match far {
        Far::Endpoint(id) => Some(estate.network.endpoints[*id].workload),
        Far::Address(..) => None,
    };
    for from in &all {
        for to in &all {
            // What a workload sends to itself is allowed anyway, and nobody decides between strangers.
            if workload(from) == workload(to) {
                continue;
            }
            for flow in flows() {
                let leg = Leg { source: end(estate, from), destination: end(estate, to), flow };
                let asked = Question { leg: &leg, request: None, bindings: &[] };
                let is = deciding.decide(&asked).outcome == Outcome::Allow;
                let expected = is_essential(estate, (listed, narrowed), (from, to), flow);
                compared.asked += 1;
                *compared.allowed.entry(flow.to_string()).or_default() += usize::from(is);
                if is != expected {
                    compared.differing.push(format!(
                        "seed {seed}: {from:?} -> {to:?} {flow}: allowed {is}, and needed {expected}"
                    ));
                }
            }
        }
    }
}

/// Twin of `with_essentials`, over clusters, resolvers of several networks, listed control planes, and what a
/// policy narrows.
#[test]
fn essentials_are_what_ends_need_one_by_one() {
    let mut compared = Compared::default();
    for seed in 1..=ESTATES {
        let mut random = Random::new(seed ^ 0xe55e);
        let mut estate = estate(seed, &mut random);
        with_clusters(&mut estate, &mut random);
        let (listed, text) = listed(&estate, &mut random);
        let (narrowed, narrower) = narrowed(&mut random);
        let mut policy: CheckedPolicy = checked(&format!("{NOTHING}{text}{narrower}"));
        let world = World::of_estate(&estate);
        let essentials = with_essentials(&mut policy, &estate);
        let decider = Decider::new(&policy, &world, &essentials);
        let deciding = decider.under(&Modes::Enforced, NOW);
        compare(seed, (&estate, &listed, &narrowed), &deciding, &mut compared);
    }
    let Compared { asked, allowed, differing } = compared;
    println!("{asked} questions; allowed: {allowed:?}");
    assert!(
        differing.is_empty(),
        "{}: {:#?}",
        differing.len(),
        &differing[..differing.len().min(12)]
    );
    for (flow, count) in allowed {
        let is_needed = !["22", "128"].iter().any(|one| flow.contains(one));
        assert!(!is_needed || count > 20, "{flow} is allowed {count} times");
    }
}

/// Each workload was once allowed the resolver of every network.
#[test]
fn the_resolver_of_another_network_is_no_essential() {
    let mut random = Random::new(3);
    let estate = estate(3, &mut random);
    let network = &estate.network;
    let mut policy: CheckedPolicy = checked(NOTHING);
    let world = World::of_estate(&estate);
    let essentials = with_essentials(&mut policy, &estate);
    let decider = Decider::new(&policy, &world, &essentials);
    let deciding = decider.under(&Modes::Enforced, NOW);
    let mut seen = [0, 0];
    for (id, endpoint) in network.endpoints.iter().filter(|(_, one)| !one.addresses.is_empty()) {
        let Some(own) = endpoint.subnet.map(|subnet| network.subnets[subnet].realm) else {
            continue;
        };
        for (realm, held) in network.realms.iter() {
            let is_inside = |one: &&IpAddr| held.prefixes.iter().any(|all| all.contains(**one));
            for address in held.resolvers.iter().filter(is_inside) {
                let to = Far::Address(Some(realm), *address);
                let (source, destination) = (end(&estate, &Far::Endpoint(id)), end(&estate, &to));
                let leg = Leg { source, destination, flow: Flow::udp(40_000, 53) };
                let asked = Question { leg: &leg, request: None, bindings: &[] };
                let is = deciding.decide(&asked).outcome == Outcome::Allow;
                assert_eq!(is, realm == own, "{} asks {address} in {}", endpoint.name, held.name);
                seen[usize::from(is)] += 1;
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 3), "{seen:?}");
}
