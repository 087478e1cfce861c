//! The policies that select a pod as one guard: a stage for each tier.

use watertight_model::Name;
use watertight_model::network::{Action, Combine, Guard, GuardId, Peer, Rule, Stage, StageDefault};
use watertight_net::{FlowSet, PortSet, Protocol};

use super::peers::PeerKey;
use super::{Lowering, WAYS};
use crate::codes;
use crate::flows::to_ports;
use crate::policies::Way;
use crate::policy::{
    Effect, NamedPort, PeerSpec, Peers, Policy, PolicyRule, PortSpec, Ports, Style, Tier,
};
use crate::selector::PodSelector;

/// The kind of these guards.
pub(super) const KIND: &str = Guard::POLICIES;
/// Policies that a guard's title names.
const TITLES_MAX: usize = 3;

/// What tells guards apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct GuardKey {
    /// The policies for what goes in, and for what goes out.
    lists: [Vec<usize>; 2],
    /// The ports of the pods' containers, where a rule names one.
    ports: Vec<NamedPort>,
}

impl GuardKey {
    /// Whether no policy selects the pods.
    pub(super) fn is_empty(&self) -> bool {
        self.lists.iter().all(Vec::is_empty)
    }
}

impl Lowering<'_> {
    /// What guards the pods of a class that these policies select.
    pub(super) fn guard_key(&self, class: usize, lists: [Vec<usize>; 2]) -> GuardKey {
        let [ingress, _] = &lists;
        let policies = ingress.iter().filter_map(|number| self.policies.get(*number));
        let mut rules = policies.filter_map(|policy| policy.ingress.as_ref()).flatten();
        let names_ports = rules.any(|rule| match &rule.ports {
            Ports::All => false,
            Ports::Listed(listed) => listed.iter().any(|port| matches!(port, PortSpec::Named(..))),
        });
        let ports = self.classes.get(class).map(|class| class.ports.clone());
        GuardKey { lists, ports: ports.filter(|_| names_ports).unwrap_or_default() }
    }

    /// Makes the guard.
    pub(super) fn policy_guard(&mut self, key: &GuardKey) -> GuardId {
        self.guards_made = self.guards_made.saturating_add(1);
        let [ingress, egress] = WAYS.map(|(place, way)| {
            let list = key.lists.get(place).map(Vec::as_slice).unwrap_or_default();
            self.stages(list, way, &key.ports)
        });
        let guard = Guard {
            name: Name::from(format!("policies {}", self.guards_made)),
            title: self.title(key),
            kind: Name::from(KIND),
            stateful: true,
            ingress,
            egress,
            origin: None,
        };
        self.estate.network.guards.push(guard)
    }

    fn title(&self, key: &GuardKey) -> Name {
        let mut numbers: Vec<usize> = key.lists.iter().flatten().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let named = numbers.iter().take(TITLES_MAX).filter_map(|number| self.policies.get(*number));
        let mut text = named.map(|policy| policy.name.as_str()).collect::<Vec<_>>().join(", ");
        let more = numbers.len().saturating_sub(TITLES_MAX);
        if more > 0 {
            text.push_str(" and ");
            text.push_str(&more.to_string());
            text.push_str(" more");
        }
        Name::from(text)
    }

    /// One stage for each tier that has a policy in the list, in the order in which they are asked.
    fn stages(&mut self, list: &[usize], way: Way, ports: &[NamedPort]) -> Vec<Stage> {
        let mut stages: Vec<Stage> = Vec::new();
        let mut tier: Option<&Tier> = None;
        for number in list {
            let Some(policy) = self.policies.get(*number) else { continue };
            if tier != Some(&policy.tier) {
                tier = Some(&policy.tier);
                stages.push(Stage {
                    combine: Combine::Union,
                    rules: Vec::new().into(),
                    default: StageDefault::Next,
                });
            }
            let rules = self.rules(policy, way, ports);
            let Some(stage) = stages.last_mut() else { continue };
            stage.rules.extend(rules);
            let [isolates_in, isolates_out] = policy.isolates;
            let isolates = match way {
                Way::Ingress => isolates_in,
                Way::Egress => isolates_out,
            };
            if isolates {
                stage.default = StageDefault::Deny;
            }
            let denies = stage.rules.iter().any(|rule| rule.action == Action::Deny);
            stage.combine = match policy.tier.style {
                Style::Ordered => Combine::Ordered,
                Style::Together if denies => Combine::DenyOverAccept,
                Style::Together => Combine::Union,
            };
        }
        stages
    }

    fn rules(&mut self, policy: &Policy, way: Way, ports: &[NamedPort]) -> Vec<Rule> {
        let rules = match way {
            Way::Ingress => &policy.ingress,
            Way::Egress => &policy.egress,
        };
        let mut found = Vec::new();
        for rule in rules.iter().flatten() {
            let name = Name::from(format!("{} {}, {}", policy.kind, policy.name, rule.name));
            let pairs = match way {
                Way::Ingress => self.ingress_pairs(rule, ports),
                Way::Egress => self.egress_pairs(rule),
            };
            let action = match rule.effect {
                Effect::Allow => Action::Accept,
                Effect::Deny => Action::Deny,
                Effect::Pass => Action::Next,
            };
            found.extend(pairs.into_iter().map(|(peer, flows)| Rule {
                name: name.clone(),
                peer,
                flows: flows.into(),
                action,
                origin: Some(rule.span),
            }));
        }
        found
    }

    /// Who a rule for what goes in means, and over what: the names of ports are those of the pods
    /// that it guards.
    fn ingress_pairs(&mut self, rule: &PolicyRule, ports: &[NamedPort]) -> Vec<(Peer, FlowSet)> {
        let flows = match &rule.ports {
            Ports::All => FlowSet::all(),
            Ports::Listed(listed) => listed
                .iter()
                .map(|port| match port {
                    PortSpec::Flows(flows) => flows.clone(),
                    PortSpec::Named(name, protocol) => ports
                        .iter()
                        .filter(|one| one.name == *name)
                        .filter(|one| protocol.is_none_or(|protocol| protocol == one.protocol))
                        .map(|one| to_ports(one.protocol, PortSet::single(one.number)))
                        .collect(),
                })
                .collect(),
        };
        if flows.is_empty() {
            let message = "no container of a pod that the policy selects has a port of the name";
            self.notes.note(codes::NO_PORT, rule.span, message);
            return Vec::new();
        }
        let peers = self.peers_of(rule);
        peers.into_iter().map(|peer| (peer, flows.clone())).collect()
    }

    /// Who a rule for what goes out means, and over what: the names of ports are those of the pods
    /// at the other end, so pods are taken apart by the numbers that they give a name.
    fn egress_pairs(&mut self, rule: &PolicyRule) -> Vec<(Peer, FlowSet)> {
        let Ports::Listed(listed) = &rule.ports else {
            return self.peers_of(rule).into_iter().map(|peer| (peer, FlowSet::all())).collect();
        };
        let mut plain = FlowSet::none();
        let mut found = Vec::new();
        for port in listed {
            match port {
                PortSpec::Flows(flows) => plain = plain.union(flows),
                PortSpec::Named(name, protocol) => {
                    for selector in selectors(rule) {
                        for port in self.ports_named(&selector, name, *protocol) {
                            let flows = to_ports(port.protocol, PortSet::single(port.number));
                            let key = PeerKey { selector: selector.clone(), port: Some(port) };
                            found.push((self.pods_peer(key), flows));
                        }
                    }
                    found.extend(self.doubtful_pairs(rule, name, *protocol));
                    let all = self.ports_named(&PodSelector::ALL, name, *protocol);
                    found.extend(self.named_holder_pairs(rule, all.into_iter()));
                }
            }
        }
        if plain.is_empty() && found.is_empty() {
            let message = "no container of a pod at the other end has a port of the name";
            self.notes.note(codes::NO_PORT, rule.span, message);
        }
        if !plain.is_empty() {
            let peers = self.peers_of(rule);
            found.extend(peers.into_iter().map(|peer| (peer, plain.clone())));
        }
        found
    }

    /// The peers of a rule that may be anybody, at what any pod gives a name to.
    fn doubtful_pairs(
        &self,
        rule: &PolicyRule,
        name: &Name,
        protocol: Option<Protocol>,
    ) -> Vec<(Peer, FlowSet)> {
        let Peers::Listed(listed) = &rule.peers else { return Vec::new() };
        let doubtful = listed.iter().filter_map(|peer| match peer {
            PeerSpec::Unread(text) => Some(Peer::Unread(text.clone())),
            PeerSpec::Pods(_)
            | PeerSpec::Addresses(..)
            | PeerSpec::Holders(..)
            | PeerSpec::HostPods(_)
            | PeerSpec::But(..)
            | PeerSpec::If(..)
            | PeerSpec::SomeAddresses(_) => None,
        });
        let mut doubtful = doubtful.peekable();
        if doubtful.peek().is_none() {
            return Vec::new();
        }
        let ports = self.ports_named(&PodSelector::ALL, name, protocol).into_iter();
        let flows: FlowSet =
            ports.map(|one| to_ports(one.protocol, PortSet::single(one.number))).collect();
        if flows.is_empty() {
            return Vec::new();
        }
        doubtful.map(|peer| (peer, flows.clone())).collect()
    }

    fn peers_of(&mut self, rule: &PolicyRule) -> Vec<Peer> {
        let Peers::Listed(listed) = &rule.peers else { return vec![Peer::Any] };
        let mut found = Vec::new();
        for peer in listed {
            found.push(match peer {
                PeerSpec::Holders(addresses, text) => {
                    found.extend(self.holder_peers(addresses, text));
                    continue;
                }
                PeerSpec::HostPods(text) => {
                    found.extend(self.host_pods_peer(text));
                    continue;
                }
                PeerSpec::But(.., text) | PeerSpec::If(_, text) => {
                    found.extend(self.resolved_peers(peer, text));
                    continue;
                }
                PeerSpec::Pods(selector) => {
                    self.pods_peer(PeerKey { selector: selector.clone(), port: None })
                }
                PeerSpec::Addresses(addresses, text) => self.addresses_peer(addresses, text),
                PeerSpec::SomeAddresses(text) => self.some_addresses_peer(text),
                PeerSpec::Unread(text) => Peer::Unread(text.clone()),
            });
            if let PeerSpec::Addresses(addresses, text) = peer {
                found.extend(self.held_peers(addresses, text));
            }
        }
        found
    }
}

/// The selectors of pods that a rule means.
fn selectors(rule: &PolicyRule) -> Vec<PodSelector> {
    match &rule.peers {
        Peers::Anybody => vec![PodSelector::ALL],
        Peers::Listed(listed) => listed
            .iter()
            .filter_map(|peer| match peer {
                PeerSpec::Pods(selector) => Some(selector.clone()),
                PeerSpec::Addresses(..)
                | PeerSpec::Holders(..)
                | PeerSpec::HostPods(_)
                | PeerSpec::SomeAddresses(_)
                | PeerSpec::But(..)
                | PeerSpec::If(..)
                | PeerSpec::Unread(_) => None,
            })
            .collect(),
    }
}
