//! What to know or to change, worst first.

mod credentials;
mod exposed;
mod fronts;
mod left;

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Criticality, Estate, WorkloadKind};
use watertight_net::{FlowSet, PortSet, Protocol};
use watertight_reach::{Class, ClassIndex};

use super::Facts;
use super::breach::place;
use super::view::{ChainView, EvidenceView, FindingView, LinkView, Severity, View};
use crate::coverage::Alone;
use crate::ends::Names;
use crate::exposure::Line;
use crate::places::Places;
use crate::text::{count, few, likelihood};

/// How many findings are listed; all are counted.
const FINDINGS_LISTED_MAX: usize = 300;
/// How many pieces of evidence a finding lists.
const EVIDENCE_LISTED_MAX: usize = 8;
/// How many resources a finding lists.
const RESOURCES_LISTED_MAX: usize = 20;
/// From this likelihood on, a way from the internet to a jewel is critical.
const CRITICAL_LIKELIHOOD: f64 = 0.05;

/// A rule by which findings are made: its id, its name, and what it means.
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

/// Every rule, in the order in which findings of one severity are listed.
pub(super) const RULES: [Rule; 15] = [
    Rule {
        id: "breach-chain",
        name: "A breach gets to a crown jewel",
        text: "A chain of hops leads from an entry to a crown jewel. Each hop is permitted; break one.",
    },
    Rule {
        id: "credential-path",
        name: "Credentials lead to a crown jewel",
        text: "Code on a workload takes a credential, and what that may do leads on. Permit less, or trust fewer.",
    },
    Rule {
        id: "public-data",
        name: "Anybody may read a data store",
        text: "Its own policy or list permits everybody, without a credential. Name who may, or block public access.",
    },
    Rule {
        id: "exposed-wide",
        name: "The internet reaches many ports",
        text: "A range of ports, or everything, is open to the internet. Open the ports that are served.",
    },
    Rule {
        id: "exposed-administration",
        name: "The internet reaches remote administration",
        text: "A port of remote administration is open to addresses outside. Use a session service or a VPN.",
    },
    Rule {
        id: "exposed-data",
        name: "The internet reaches a data store",
        text: "A data store, or a port of one, is open to addresses outside. Put an application in front of it.",
    },
    Rule {
        id: "metadata-without-token",
        name: "A machine hands out its credential without a token",
        text: "A forged request makes the machine give away its credential. Require a session token.",
    },
    Rule {
        id: "front-bypassed",
        name: "A front can be walked around",
        text: "What stands behind a front answers others too. Let in the front alone.",
    },
    Rule {
        id: "single-layer",
        name: "One layer alone refuses",
        text: "Were this one layer opened by mistake, nothing else would refuse. Add a second one.",
    },
    Rule {
        id: "reply-lost",
        name: "Packets arrive and replies do not come back",
        text: "What is sent gets through, and the reply does not. Either the opening or the gap is wrong.",
    },
    Rule {
        id: "ungoverned",
        name: "No guard decides",
        text: "Routes connect the two ends and no guard refuses anything on the way.",
    },
    Rule {
        id: "route-unread",
        name: "Routes lead through what cannot be read",
        text: "A machine or gateway forwards by rules that are not in the input. Answers beyond it are unknown.",
    },
    Rule {
        id: "route-nowhere",
        name: "Routes lead nowhere",
        text: "Routes match and drop, because their targets are gone.",
    },
    Rule {
        id: "guard-unused",
        name: "Open guards belong to nobody",
        text: "A guard lets anybody in and nothing has it. Whoever attaches it is open at once.",
    },
    Rule {
        id: "exposed",
        name: "The internet reaches a service",
        text: "Reached from outside. Right for what is meant to be public.",
    },
];

/// The findings that are listed, and how many there are.
pub(super) struct Found {
    pub(super) listed: Vec<FindingView>,
    pub(super) total: usize,
}

/// What findings are made from.
pub(super) struct Input<'f> {
    pub(super) facts: &'f Facts<'f>,
    pub(super) places: Places<'f>,
    pub(super) names: Names<'f>,
}

impl Input<'_> {
    pub(super) fn evidence(&self, resource: &str, rule: &str, text: &str) -> EvidenceView {
        EvidenceView {
            resource: resource.to_owned(),
            rule: rule.to_owned(),
            text: text.to_owned(),
            place: place(&self.places, self.facts, resource, rule, text),
        }
    }
}

/// All findings of an assessment.
pub(super) fn findings(
    facts: &Facts<'_>,
    view: &View,
    exposed: &[Line],
    single: &[Alone],
) -> Found {
    let places = Places::new(facts.estate);
    let input = Input { facts, places, names: Names::new(facts.estate) };
    let mut found = chains(view);
    found.extend(credentials::findings(view));
    found.extend(exposed::findings(&input, exposed));
    found.extend(exposed::public(&input));
    found.extend(metadata(&input));
    found.extend(fronts::findings(&input));
    found.extend(single_layers(&input, single));
    found.extend(lost_replies(&input, view));
    found.extend(ungoverned(&input));
    found.extend(left::findings(&input));
    let order: BTreeMap<&str, usize> =
        RULES.iter().enumerate().map(|(place, rule)| (rule.id, place)).collect();
    found.sort_by(|one, two| {
        let key = |finding: &FindingView| (finding.severity, order.get(finding.rule).copied());
        key(one).cmp(&key(two))
    });
    let total = found.len();
    found.truncate(FINDINGS_LISTED_MAX);
    for (number, finding) in found.iter_mut().enumerate() {
        finding.id = format!("finding-{}", number + 1);
        finding.evidence.truncate(EVIDENCE_LISTED_MAX);
        finding.resources.truncate(RESOURCES_LISTED_MAX);
    }
    Found { listed: found, total }
}

/// One finding for each jewel that the internet gets to, and one for each that only breached
/// workloads get to.
fn chains(view: &View) -> Vec<FindingView> {
    let mut found: Vec<FindingView> = Vec::new();
    for way in &view.chains.to_jewels {
        let target = way.target.subject.as_str();
        let same = |chain: &&ChainView| chain.from_internet && chain.target.subject == target;
        let others: Vec<&ChainView> = view.chains.listed.iter().filter(same).collect();
        let critical = way.likelihood >= CRITICAL_LIKELIHOOD;
        let severity = if critical { Severity::Critical } else { Severity::High };
        let title = format!("The internet gets to {target}");
        found.push(chain_finding(severity, title, way, &others));
    }
    let reached: BTreeSet<&str> =
        view.chains.to_jewels.iter().map(|way| way.target.subject.as_str()).collect();
    let mut groups: BTreeMap<&str, Vec<&ChainView>> = BTreeMap::new();
    for chain in view.chains.listed.iter().filter(|chain| !chain.from_internet) {
        if !reached.contains(chain.target.subject.as_str()) {
            groups.entry(&chain.target.subject).or_default().push(chain);
        }
    }
    for (target, chains) in groups {
        let Some(best) = chains.first() else { continue };
        let entries: BTreeSet<&str> = chains.iter().map(|chain| &*chain.entry).collect();
        let entries: Vec<&str> = entries.into_iter().collect();
        let title = format!("A breach of {} gets to {target}", few(&entries, 3));
        found.push(chain_finding(Severity::High, title, best, &chains));
    }
    found
}

fn chain_finding(
    severity: Severity,
    title: String,
    best: &ChainView,
    others: &[&ChainView],
) -> FindingView {
    let mut names: Vec<&str> = vec![&best.entry];
    names.extend(best.hops.iter().map(|hop| hop.conclusion.subject.as_str()));
    names.dedup();
    let text = format!(
        "{}: {}, likelihood {}.",
        names.join(" \u{2192} "),
        count(best.hops.len(), "hop"),
        likelihood(best.likelihood),
    );
    let evidence: Vec<EvidenceView> =
        best.hops.iter().filter_map(|hop| hop.evidence.first().cloned()).collect();
    let mut links = vec![LinkView { text: "the likeliest way".to_owned(), to: best.id.clone() }];
    let more = others.iter().filter(|chain| chain.id != best.id).take(5);
    links.extend(more.map(|chain| LinkView {
        text: format!("{} ({})", chain.id.replace('-', " "), likelihood(chain.likelihood)),
        to: chain.id.clone(),
    }));
    FindingView {
        id: String::new(),
        rule: "breach-chain",
        severity,
        title,
        text,
        resources: evidence.iter().map(|one| one.resource.clone()).collect(),
        evidence,
        links,
    }
}

/// Machines that hand out a credential to a forged request.
fn metadata(input: &Input<'_>) -> Vec<FindingView> {
    let estate = input.facts.estate;
    let mut groups: BTreeMap<String, Vec<EvidenceView>> = BTreeMap::new();
    for (id, workload) in estate.workloads.iter() {
        let (Some(credential), Some(metadata)) = (workload.credential, workload.metadata) else {
            continue;
        };
        if metadata.enabled && !metadata.token_required {
            let role = &estate.credentials[credential].name;
            let text = format!("gives out {role} without a token");
            let evidence = input.evidence(&workload.id, "", &text);
            groups.entry(input.names.of(id)).or_default().push(evidence);
        }
    }
    groups
        .into_iter()
        .map(|(name, evidence)| FindingView {
            id: String::new(),
            rule: "metadata-without-token",
            severity: Severity::Medium,
            title: format!("{name} hands out its credential without a token"),
            text: match evidence.len() {
                1 => "It answers to the first version of the protocol.".to_owned(),
                number => format!("{number} machines answer to the first version of the protocol."),
            },
            resources: evidence.iter().map(|one| one.resource.clone()).collect(),
            evidence,
            links: Vec::new(),
        })
        .collect()
}

/// One finding for each layer on the side of what it protects.
fn single_layers(input: &Input<'_>, single: &[Alone]) -> Vec<FindingView> {
    let mut groups: BTreeMap<(bool, &str), Vec<&Alone>> = BTreeMap::new();
    for one in single.iter().filter(|one| one.inbound) {
        let jewel = one.criticality == Criticality::CrownJewel;
        groups.entry((!jewel, &one.layer)).or_default().push(one);
    }
    groups
        .into_iter()
        .map(|((lesser, layer), of)| {
            let targets: BTreeSet<String> = of.iter().map(|one| one.target.label()).collect();
            let targets: Vec<String> = targets.into_iter().collect();
            let texts: Vec<String> = of
                .iter()
                .map(|one| {
                    format!("{} to {} from {}", one.flows, one.target.label(), one.sources_text())
                })
                .collect();
            let guards: BTreeSet<&String> = of.iter().flat_map(|one| &one.guards).collect();
            let text = format!("alone refuses {}", few(&texts, 2));
            FindingView {
                id: String::new(),
                rule: "single-layer",
                severity: if lesser { Severity::Low } else { Severity::Medium },
                title: format!("One layer alone protects {}: {layer}", few(&targets, 3)),
                text: format!("Nothing else on the way refuses {}.", few(&texts, 2)),
                resources: guards.iter().map(ToString::to_string).collect(),
                evidence: guards.iter().map(|guard| input.evidence(guard, "", &text)).collect(),
                links: Vec::new(),
            }
        })
        .collect()
}

/// Pairs of segments between which nothing can be established of what arrives.
fn lost_replies(input: &Input<'_>, view: &View) -> Vec<FindingView> {
    let mut groups: BTreeMap<(String, String), BTreeSet<(String, String)>> = BTreeMap::new();
    // Attachments of gateways answer nobody by design.
    let inside = |class: &Class| {
        let members = input.names.class_members(class);
        members.iter().any(|member| member.kind != WorkloadKind::Gateway.word())
    };
    let clients = client_flows();
    let matrix = input.facts.matrix;
    for ((from, to), cell) in matrix.cells() {
        let (Some(source), Some(destination)) = (matrix.classes.get(from), matrix.classes.get(to))
        else {
            continue;
        };
        // From the ports that clients use: a reply to a well-known port may get through an ACL that
        // loses all others.
        let sent = cell.forward.sure.intersection(&clients);
        let lost = !sent.is_empty() && !cell.established.possible.intersects(&clients);
        if lost && inside(source) && inside(destination) {
            let label = |class: &Class| {
                let members = input.names.class_members(class);
                let labels: Vec<&str> = members.iter().map(|one| one.label.as_str()).collect();
                few(&labels, 3)
            };
            let flows = (label(source), sent.any_source().to_string());
            groups.entry((label(destination), String::new())).or_default().insert(flows);
        }
    }
    groups
        .into_iter()
        .map(|((to, _), senders)| {
            let texts: Vec<String> =
                senders.iter().map(|(from, flows)| format!("{from} over {flows}")).collect();
            let links =
                view.connectivity.iter().filter(|edge| edge.openness == 0).filter(|edge| {
                    edge.flows.iter().any(|flow| flow.to == to && flow.reply == "no")
                });
            FindingView {
                id: String::new(),
                rule: "reply-lost",
                severity: Severity::Low,
                title: format!("No reply comes back from {to}"),
                text: format!("What arrives cannot be answered: {}.", few(&texts, 4)),
                resources: vec![to.clone()],
                evidence: Vec::new(),
                links: links
                    .take(4)
                    .map(|edge| LinkView {
                        text: format!(
                            "{} \u{2192} {}",
                            segment(view, edge.from),
                            segment(view, edge.to)
                        ),
                        to: edge.id.clone(),
                    })
                    .collect(),
            }
        })
        .collect()
}

/// TCP from the ports that clients use.
fn client_flows() -> FlowSet {
    let ports = PortSet::range(1024, u16::MAX).unwrap_or_else(|_| PortSet::full());
    FlowSet::ports(Protocol::TCP, ports, PortSet::full())
}

fn segment(view: &View, place: usize) -> &str {
    view.segments.get(place).map_or("", |segment| &segment.label)
}

/// One finding for all pairs inside the estate that no guard decides.
fn ungoverned(input: &Input<'_>) -> Option<FindingView> {
    let Facts { estate, matrix, survey, .. } = *input.facts;
    let inside = |class: ClassIndex| matches!(matrix.classes.get(class), Some(Class::Endpoints(_)));
    let mut targets: BTreeSet<String> = BTreeSet::new();
    let mut paths = 0;
    for (number, to) in matrix.classes.iter().enumerate() {
        if !in_subnet(estate, to) {
            continue;
        }
        let legs = survey.onto(number);
        let open = legs.iter().filter(|leg| leg.is_ungoverned()).flat_map(|leg| leg.from.clone());
        let count = open.filter(|from| inside(*from)).count();
        paths += count;
        if count > 0 {
            targets.extend(input.names.class_members(to).into_iter().map(|member| member.label));
        }
    }
    let targets: Vec<String> = targets.into_iter().collect();
    (paths > 0).then(|| FindingView {
        id: String::new(),
        rule: "ungoverned",
        severity: Severity::Low,
        title: format!("{} inside the estate are decided by no guard", count(paths, "path")),
        text: format!("They lead to {}.", few(&targets, 8)),
        resources: targets,
        evidence: Vec::new(),
        links: Vec::new(),
    })
}

fn in_subnet(estate: &Estate, class: &Class) -> bool {
    match class {
        Class::Endpoints(members) => {
            members.iter().any(|id| estate.network.endpoints[*id].subnet.is_some())
        }
        Class::Internet(_) | Class::Outside(..) => false,
    }
}
