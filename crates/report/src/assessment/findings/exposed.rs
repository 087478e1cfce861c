//! Findings about what the internet reaches.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Criticality, Name};
use watertight_net::{AddressSet, FlowSet, PortSet};
use watertight_reach::{Class, ClassIndex, Reach};

use super::Input;
use crate::assessment::view::{EvidenceView, FindingView, LinkView, Severity};
use crate::ends::{End, Member};
use crate::exposure::{Line, Way};
use crate::openness::Openness;
use crate::rows::over;

/// Ports of remote administration, by IANA's registry and the products' documents: SSH, Telnet, RDP,
/// VNC, `WinRM`, Docker, kubelet.
const ADMINISTRATION: [u16; 9] = [22, 23, 2375, 2376, 3389, 5900, 5985, 5986, 10250];

/// Ports at which data stores listen by default: SMB, SQL Server, Oracle, NFS, `MySQL`, `PostgreSQL`,
/// Redshift, Redis, Cassandra, Elasticsearch, Memcached, `MongoDB`.
const DATA: [u16; 12] = [445, 1433, 1521, 2049, 3306, 5432, 5439, 6379, 9042, 9200, 11211, 27017];

/// Kinds of workload that hold data behind a port of their own.
const STORES: [&str; 4] = ["database", "cache", "queue", "file-system"];

fn ports(list: &[u16]) -> FlowSet {
    list.iter()
        .map(|port| {
            FlowSet::tcp(PortSet::single(*port)).union(&FlowSet::udp(PortSet::single(*port)))
        })
        .collect()
}

/// The rule and severity of one line, by some of its flows.
fn judge(
    input: &Input<'_>,
    (line, flows): (&Line, &FlowSet),
    members: &[Member],
) -> (&'static str, Severity) {
    let everywhere = match &line.outside {
        // A few rules cut a few addresses out: that is still the internet.
        End::Internet(space) => space.everywhere || space.is_most(),
        End::Workloads(_) | End::Outside(..) => false,
    };
    // A few named addresses are a choice that somebody made; the whole internet is another matter.
    let weigh = |worst| if everywhere { worst } else { Severity::Low };
    if line.through.is_some() {
        return ("exposed", Severity::Low);
    }
    let network = members.iter().any(|member| {
        !matches!(member.kind, "object-store" | "function" | "table" | "load-balancer")
    });
    // What answers in the provider's plane is reached by everybody who is on the internet: who may
    // do what there is for permissions, not for packets.
    if !network || !is_in_subnet(input, line) {
        return ("exposed", Severity::Low);
    }
    if flows.intersects(&ports(&ADMINISTRATION)) && !Openness::of(flows).is_wide() {
        return ("exposed-administration", weigh(Severity::High));
    }
    if members.iter().any(|member| STORES.contains(&member.kind)) {
        return ("exposed-data", weigh(Severity::High));
    }
    if Openness::of(flows).is_wide() {
        return ("exposed-wide", weigh(Severity::High));
    }
    if flows.intersects(&ports(&DATA)) {
        return ("exposed-data", weigh(Severity::High));
    }
    ("exposed", Severity::Low)
}

/// Whether what is reached lies in a network of the estate, as far as any of it is an endpoint.
fn is_in_subnet(input: &Input<'_>, line: &Line) -> bool {
    let network = &input.facts.estate.network;
    line.classes.iter().any(|class| match input.facts.matrix.classes.get(*class) {
        Some(Class::Endpoints(endpoints)) => {
            endpoints.iter().any(|endpoint| network.endpoints[*endpoint].subnet.is_some())
        }
        _ => false,
    })
}

/// Labels by which a provider's conversion says what anybody may do without a credential.
const PUBLIC: [(&str, &str); 2] =
    [("aws.publicly-readable", "read what is in"), ("aws.publicly-listed", "list what is in")];

/// One finding for each data store that everybody may read or list, whatever the network does.
pub(super) fn public(input: &Input<'_>) -> Vec<FindingView> {
    let mut found = Vec::new();
    for (id, workload) in input.facts.estate.workloads.iter() {
        let says = |key: &str| workload.labels.get(key).is_some_and(|value| &**value == "true");
        let may = PUBLIC.iter().filter(|(key, _)| says(key)).map(|(_, may)| *may);
        let Some(may) = may.reduce(|_, _| "read and list what is in") else { continue };
        let title = format!("Anybody may {may} {}", input.names.of(id));
        found.push(FindingView {
            id: String::new(),
            rule: "public-data",
            severity: if workload.criticality() == Criticality::CrownJewel {
                Severity::Critical
            } else {
                Severity::High
            },
            text: "Its own policy or access list permits it to everybody.".to_owned(),
            resources: vec![workload.id.to_string()],
            evidence: vec![input.evidence(&workload.id, "", &title)],
            title,
            links: Vec::new(),
        });
    }
    found
}

pub(super) fn findings(input: &Input<'_>, lines: &[Line]) -> Vec<FindingView> {
    type Group<'l> = (Severity, bool, Vec<(usize, &'l Line)>);
    let mut groups: BTreeMap<(&'static str, &End), Group<'_>> = BTreeMap::new();
    let inbound = lines.iter().filter(|line| line.direction == Way::Inbound);
    for (number, line) in inbound.enumerate() {
        let End::Workloads(members) = &line.inside else { continue };
        if line.established.possible.is_empty() {
            continue;
        }
        let (rule, severity) = judge(input, (line, &line.established.possible), members);
        // What is found must be found of what is known as well, or it is only perhaps so.
        let sure = &line.established.sure;
        let is_sure = !sure.is_empty() && judge(input, (line, sure), members).0 == rule;
        let group = groups.entry((rule, &line.inside)).or_insert((severity, false, Vec::new()));
        group.0 = group.0.min(severity);
        group.1 |= is_sure;
        group.2.push((number, line));
    }
    let wanted = |rule: &str| rule != "exposed";
    let reach = Reach::new(&input.facts.estate.network);
    groups
        .into_iter()
        .map(|((rule, inside), (severity, is_sure, lines))| {
            let evidence = if wanted(rule) { rules(input, &reach, &lines) } else { Vec::new() };
            finding((rule, severity, is_sure), inside, &lines, evidence)
        })
        .collect()
}

fn finding(
    (rule, severity, is_sure): (&'static str, Severity, bool),
    inside: &End,
    lines: &[(usize, &Line)],
    evidence: Vec<EvidenceView>,
) -> FindingView {
    let name = inside.label();
    let perhaps = if is_sure { "" } else { "perhaps " };
    let title = match rule {
        "exposed-administration" => {
            format!("Remote administration of {name} is {perhaps}open to the internet")
        }
        "exposed-data" => format!("The data store {name} is {perhaps}open to the internet"),
        "exposed-wide" => format!("Many ports of {name} are {perhaps}open to the internet"),
        _ => format!("The internet {perhaps}reaches {name}"),
    };
    let parts: BTreeSet<String> = lines
        .iter()
        .map(|(_, line)| {
            let through = line.through.as_ref().map(|front| format!(" through {front}"));
            format!(
                "{}{} from {}",
                over(&line.established),
                through.unwrap_or_default(),
                line.outside.label()
            )
        })
        .collect();
    let parts: Vec<String> = parts.into_iter().collect();
    let resources = match inside {
        End::Workloads(members) => {
            members.iter().flat_map(|member| &member.ids).map(Name::to_string).collect()
        }
        End::Internet(_) | End::Outside(..) => Vec::new(),
    };
    FindingView {
        id: String::new(),
        rule,
        severity,
        title,
        text: format!("Open: {}.", crate::text::few(&parts, 4)),
        resources,
        evidence,
        links: lines
            .iter()
            .take(4)
            .map(|(number, _)| LinkView {
                text: "exposure".to_owned(),
                to: format!("exposed-{}", number + 1),
            })
            .collect(),
    }
}

/// The rules that let the internet in.
fn rules(input: &Input<'_>, reach: &Reach<'_>, lines: &[(usize, &Line)]) -> Vec<EvidenceView> {
    let Some((from, to)) = classes(input, lines) else { return Vec::new() };
    let network = reach.network();
    let mut found: Vec<EvidenceView> = Vec::new();
    for way in reach.ways(input.facts.matrix, from, to) {
        for (at, accepted) in way.layers.iter().flat_map(|(_, rules)| rules) {
            let guard = &network.guards[at.guard];
            let rule = guard
                .stages(at.direction)
                .get(at.stage)
                .and_then(|stage| stage.rules.get(at.rule))
                .map_or("", |rule| rule.name.as_str());
            let text = format!("{} {} accepts {accepted}", guard.kind, guard.title);
            let evidence = input.evidence(&guard.name, rule, &text);
            if !found.contains(&evidence) {
                found.push(evidence);
            }
        }
    }
    found
}

/// A class of the internet and one of the estate that a finding's first line is about.
fn classes(input: &Input<'_>, lines: &[(usize, &Line)]) -> Option<(ClassIndex, ClassIndex)> {
    let (_, line) = lines.first()?;
    let End::Internet(space) = &line.outside else { return None };
    let addresses = AddressSet::from_prefixes(space.prefixes.iter().copied());
    let mut classes = input.facts.matrix.classes.iter().enumerate();
    let (from, _) = classes.find(|(_, class)| {
        matches!(class, Class::Internet(atom) if addresses.contains(atom.representative))
    })?;
    let to = *line.classes.iter().find(|to| input.facts.matrix.cell(from, **to).is_some())?;
    Some((from, to))
}
