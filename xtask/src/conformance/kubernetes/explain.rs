//! Published explanations: the same verdict for the same flows, by the same rules.

use std::collections::BTreeSet;

use watertight_model::network::{Direction, EndpointId};
use watertight_net::{Family, FlowSet, PortSet, Protocol};
use watertight_reach::{Class, End, Part, Reach, Start, Step};

use super::cluster::{Cluster, everything, of_listings};
use super::listing::{Peer, flows_text};

/// What is said of some flows between two ends.
#[derive(Debug, Clone, Default)]
struct Section {
    allowed: bool,
    flows: FlowSet,
    /// The rules that allow or deny them, as we call them.
    rules: BTreeSet<String>,
    /// The policies that select an end and allow nothing of them.
    silent: BTreeSet<String>,
}

/// What is said of two ends.
#[derive(Debug, Clone)]
struct Pair {
    from: Peer,
    to: Peer,
    sections: Vec<Section>,
}

/// In what our answers differ from a published explanation.
pub(super) fn differences(cluster: &Cluster, text: &str) -> Result<Vec<String>, String> {
    let reach = Reach::new(&cluster.estate.network);
    let mut found = Vec::new();
    for pair in parse(text)? {
        let question = Question { cluster, reach: &reach, pair: &pair };
        found.extend(question.differences());
    }
    Ok(found)
}

fn parse(text: &str) -> Result<Vec<Pair>, String> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut direction = "";
    let mut at_default = false;
    for line in text.lines() {
        if line.starts_with("# All Connections due to the system default") {
            at_default = true;
        } else if let Some(ends) = line.strip_prefix("Connections between ") {
            pairs.push(pair(ends.trim_end_matches(':'))?);
        } else if at_default && line.contains(" => ") {
            let mut whole = pair(line)?;
            let flows = everything();
            whole.sections.push(Section { allowed: true, flows, ..Section::default() });
            pairs.push(whole);
        } else if let Some(section) = section(line)? {
            if let Some(pair) = pairs.last_mut() {
                pair.sections.push(section);
            }
        } else if let Some(rest) = line.strip_prefix("\t\t\t") {
            let last = pairs.last_mut().and_then(|pair| pair.sections.last_mut());
            if let Some(section) = last {
                reason(rest, direction, section);
            }
        } else if let Some(rest) = line.strip_prefix("\t\t") {
            direction = if rest.starts_with("Ingress") { "ingress" } else { "egress" };
        }
    }
    Ok(pairs)
}

fn pair(text: &str) -> Result<Pair, String> {
    let (from, to) = text.split_once(" => ").ok_or_else(|| format!("`{text}` names no ends"))?;
    Ok(Pair { from: Peer::parse(from)?, to: Peer::parse(to)?, sections: Vec::new() })
}

/// The line that begins a section: `Denied TCP:[1-52,54-65535], UDP due to ...`.
fn section(line: &str) -> Result<Option<Section>, String> {
    let Some(rest) = line.strip_prefix('\t') else { return Ok(None) };
    let (allowed, rest) = match (rest.strip_prefix("Allowed "), rest.strip_prefix("Denied ")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Ok(None),
    };
    let Some((flows, _)) = rest.split_once(" due to ") else { return Ok(None) };
    let mut found = FlowSet::none();
    for part in flows.split(", ") {
        let (name, ports) = part.split_once(':').unwrap_or((part, ""));
        let protocol = match name {
            "TCP" => Protocol::TCP,
            "UDP" => Protocol::UDP,
            "SCTP" => Protocol::SCTP,
            other => return Err(format!("`{other}` is no protocol, in `{line}`")),
        };
        let ports = ports.trim_matches(|one| one == '[' || one == ']');
        let ports = if ports.is_empty() { "1-65535" } else { ports };
        for range in ports.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (Ok(first), Ok(last)) = (first.parse(), last.parse()) else {
                return Err(format!("`{range}` is no range of ports, in `{line}`"));
            };
            let ports = PortSet::range(first, last).map_err(|error| error.to_string())?;
            found = found.union(&FlowSet::ports(protocol, PortSet::full(), ports));
        }
    }
    Ok(Some(Section { allowed, flows: found, ..Section::default() }))
}

/// One reason: a rule that allows or denies, or a policy of which no rule does.
fn reason(text: &str, direction: &str, section: &mut Section) {
    let mut words = text.splitn(2, " '");
    let (Some(kind), Some(rest)) = (words.next(), words.next()) else { return };
    let Some((name, rest)) = rest.split_once('\'') else { return };
    let by_rule = [" allows connections by ", " denies connections by "]
        .iter()
        .find_map(|start| rest.strip_prefix(start));
    if let Some(rule) = by_rule {
        let (_, id) = rule.split_once(" rule ").unwrap_or(("", rule));
        let id = match id.strip_prefix('#') {
            Some(number) => format!("{direction} {number}"),
            None => id.to_owned(),
        };
        section.rules.insert(format!("{kind} {name}, {id}"));
    } else if rest.starts_with(" selects ") {
        section.silent.insert(name.to_owned());
    } else if rest.starts_with(" allows ingress connections through ") {
        section.rules.insert(format!("{kind} {name}"));
    }
}

struct Question<'q> {
    cluster: &'q Cluster,
    reach: &'q Reach<'q>,
    pair: &'q Pair,
}

/// Our word on some flows.
#[derive(Debug, Clone, Default)]
struct Ours {
    allowed: FlowSet,
    rules: BTreeSet<String>,
    guards: BTreeSet<String>,
}

impl Question<'_> {
    fn differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        let name = format!("{} => {}", self.pair.from.text(), self.pair.to.text());
        for section in &self.pair.sections {
            let Some(ours) = self.ours(&section.flows) else {
                found.push(format!("{name}: one end is not in our answer"));
                continue;
            };
            let expected = if section.allowed { section.flows.clone() } else { FlowSet::none() };
            if ours.allowed != expected {
                let (ours, theirs) = (flows_text(&ours.allowed), flows_text(&expected));
                found.push(format!(
                    "{name}: {ours} of {}, not {theirs}",
                    flows_text(&section.flows)
                ));
            }
            for rule in section.rules.difference(&ours.rules) {
                found.push(format!("{name}: we do not name `{rule}`, but {:?}", ours.rules));
            }
            if section.allowed {
                for rule in ours.rules.difference(&section.rules) {
                    found.push(format!("{name}: we name `{rule}`, which is not named"));
                }
            }
            for policy in &section.silent {
                if !ours.guards.iter().any(|title| title.contains(policy.as_str())) {
                    let guards = &ours.guards;
                    found.push(format!("{name}: no guard of `{policy}` is asked, but {guards:?}"));
                }
            }
        }
        found
    }

    /// What is allowed of flows, by which rules, and which guards were asked.
    fn ours(&self, flows: &FlowSet) -> Option<Ours> {
        let mut ours = Ours::default();
        for start in self.starts(&self.pair.from) {
            for address in self.addresses(&self.pair.to) {
                for part in self.reach.answer(&start, address, flows) {
                    if matches!(part.path.end, End::Delivered(_) | End::Outside(_))
                        && part.ends_at_step == part.path.steps.len()
                    {
                        let arrived = of_listings(&part.established.sure);
                        ours.allowed = ours.allowed.union(&arrived);
                    }
                    self.note(&part, &mut ours);
                }
            }
        }
        let asked = !self.starts(&self.pair.from).is_empty();
        asked.then_some(ours)
    }

    fn note(&self, part: &Part, ours: &mut Ours) {
        let network = &self.cluster.estate.network;
        for (place, step) in part.path.steps.iter().enumerate() {
            let Step::Guards(check) = step else { continue };
            let guards = check.layers.iter().flat_map(|layer| &network.layers[*layer].guards);
            for guard in guards {
                ours.guards.insert(network.guards[*guard].title.to_string());
            }
            if place > part.ends_at_step {
                continue;
            }
            for decision in self.reach.deciding(step, &part.flows) {
                let Some((stage, rule)) = decision.rule else { continue };
                let guard = &network.guards[decision.guard];
                let stages = match decision.direction {
                    Direction::Ingress => &guard.ingress,
                    Direction::Egress => &guard.egress,
                };
                let rule = stages.get(stage).and_then(|stage| stage.rules.get(rule));
                ours.rules.extend(rule.map(|rule| rule.name.to_string()));
            }
        }
    }

    /// The endpoints of a workload.
    fn endpoints(&self, name: &str) -> Vec<EndpointId> {
        let id = name.trim_matches(|one| one == '{' || one == '}');
        let workloads = self.cluster.estate.workloads.values();
        let found = workloads.filter(|one| *one.id == *id).flat_map(|one| one.endpoints.clone());
        found.collect()
    }

    fn starts(&self, peer: &Peer) -> Vec<Start> {
        let network = &self.cluster.estate.network;
        match peer {
            Peer::Inside(name) => self
                .endpoints(name)
                .into_iter()
                .filter_map(|endpoint| {
                    let address = network.endpoints[endpoint].address(Family::V4)?;
                    Some(Start::Endpoint { endpoint, address })
                })
                .collect(),
            Peer::Outside(first, _) => {
                let by = self.cluster.matrix.classes.iter().find_map(|class| match class {
                    Class::Outside(by, _) => Some(*by),
                    Class::Endpoints(_) | Class::Internet(_) => None,
                });
                let address = (*first).into();
                by.map(|by| Start::Outside { by, address }).into_iter().collect()
            }
        }
    }

    fn addresses(&self, peer: &Peer) -> Vec<std::net::IpAddr> {
        match peer {
            Peer::Inside(name) => {
                let network = &self.cluster.estate.network;
                let endpoints = self.endpoints(name).into_iter();
                let address = |endpoint| network.endpoints[endpoint].address(Family::V4);
                endpoints.filter_map(address).collect()
            }
            Peer::Outside(first, _) => vec![(*first).into()],
        }
    }
}
