//! Documents of a policy, sound ones: what the language refuses is not drawn.

use std::collections::BTreeSet;
use std::sync::Arc;

use watertight_model::{Criticality, Name};
use watertight_net::{ByteSet, FlowSet, PortSet, Protocol};
use watertight_policy::Domain;
use watertight_policy::syntax::{
    Action, AddressItem, Addresses, Clause, Conditions, DefaultAction, Defaults, Document,
    DomainItem, Domains, Failsafe, FaultMode, Group, HttpMatch, LabelSelector, Labeling,
    LabelingRule, Lowering, Metadata, Mode, Object, OnFault, Operator, Over, PathMatch, Pattern,
    Peer, PeerEnd, Policy, RawFacts, Requirement, Rule, Segment, Service, Share, ShareOf, Spanned,
    Tier, Transport, Users,
};
use watertight_source::{FileId, Sources, Span};

use super::{EXPIRES, LABELS, METHODS, NAMES, NETWORKS, PATHS, PORTS, word};
use crate::generate::Random;
use crate::policy::Essentials;

/// The names that modes can promote.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) segments: Vec<String>,
    pub(super) policies: Vec<String>,
    groups: Vec<String>,
    addresses: Vec<String>,
    domains: Vec<String>,
    users: Vec<String>,
    services: Vec<String>,
}

/// What is drawn.
#[derive(Debug)]
pub(super) struct Drawn {
    pub(super) documents: Vec<Document>,
    pub(super) names: Names,
    pub(super) essentials: Essentials,
}

/// A pencil: every place that it writes at is another one.
struct Pencil<'r> {
    random: &'r mut Random,
    file: FileId,
    offset: u32,
    names: Names,
    documents: Vec<Document>,
}

/// Draws the documents.
pub(super) fn draw(random: &mut Random) -> Drawn {
    let mut sources = Sources::new();
    let file = sources.add("policy.yaml", "");
    #[expect(clippy::expect_used, reason = "an empty file is below every limit")]
    let file = file.expect("an empty file can be added");
    let (names, documents) = (Names::default(), Vec::new());
    let mut pencil = Pencil { random, file, offset: 0, names, documents };
    pencil.segments();
    pencil.named_sets();
    pencil.labelings();
    let essentials = pencil.policies();
    Drawn { documents: pencil.documents, names: pencil.names, essentials }
}

impl Pencil<'_> {
    fn span(&mut self) -> Span {
        self.offset += 2;
        Span::new(self.file, self.offset - 2, self.offset - 1)
    }

    fn at<T>(&mut self, value: T) -> Spanned<T> {
        Spanned::new(value, self.span())
    }

    fn named(&mut self, name: &str) -> Spanned<Name> {
        self.at(Name::from(name))
    }

    fn add(&mut self, name: &str, object: Object) {
        let (span, name) = (self.span(), self.named(name));
        let metadata = Metadata { name, owner: None, ticket: None, description: None };
        self.documents.push(Document { span, metadata, object });
    }

    fn mode(&mut self) -> Option<Spanned<Mode>> {
        let mode = match self.random.below(20) {
            0 => return None,
            1 => Mode::Disabled,
            2..=7 => Mode::Monitor,
            _ => Mode::Enforce,
        };
        Some(self.at(mode))
    }

    fn segments(&mut self) {
        for number in 0..self.random.between(1, 3) {
            let name = format!("segment-{number}");
            let members = Some(self.selector());
            let segment = self.segment(members);
            self.add(&name, Object::Segment(Box::new(segment)));
            self.names.segments.push(name);
        }
        if self.random.chance(30) {
            let segment = self.segment(None);
            self.add("estate", Object::Segment(Box::new(segment)));
        }
        self.names.segments.push("estate".to_owned());
    }

    fn segment(&mut self, members: Option<LabelSelector>) -> Segment {
        Segment {
            members,
            mode: self.mode(),
            share: self.share(),
            defaults: Defaults {
                ingress: self.default(),
                egress: self.default(),
                intra: self.default(),
            },
            criticality: self.random.chance(20).then(|| {
                let span = Span::at(self.file, 0);
                Spanned::new(Criticality::Important, span)
            }),
            on_fault: OnFault {
                map_full: self.fault(),
                unknown_identity: self.fault(),
                proxy_gone: self.fault(),
                stale_identity: self.fault(),
            },
        }
    }

    /// A share, also of segments in which it means nothing.
    fn share(&mut self) -> Option<Share> {
        if !self.random.chance(25) {
            return None;
        }
        let of = match self.random.pick(&[None, Some(0), Some(30), Some(50), Some(70), Some(100)]) {
            Some(Some(percent)) => ShareOf::Percent(*percent),
            _ => ShareOf::Select(self.selector()),
        };
        Some(Share { span: self.span(), of })
    }

    fn default(&mut self) -> Option<Spanned<DefaultAction>> {
        let action = match self.random.below(10) {
            0..=3 => return None,
            4 => DefaultAction::Deny,
            _ => DefaultAction::Allow,
        };
        Some(self.at(action))
    }

    fn fault(&mut self) -> Option<Spanned<FaultMode>> {
        let modes = [None, Some(FaultMode::Closed), Some(FaultMode::Open), Some(FaultMode::Last)];
        let mode = self.random.pick(&modes).copied().flatten()?;
        Some(self.at(mode))
    }

    fn selector(&mut self) -> LabelSelector {
        let span = self.span();
        let fewest = usize::from(self.random.chance(90));
        let count = self.random.between(fewest, 2);
        let requirements = (0..count).map(|_| self.requirement()).collect();
        LabelSelector::new(span, requirements)
    }

    fn requirement(&mut self) -> Requirement {
        let (key, values) = *self.random.pick(&LABELS[..3]).unwrap_or(&LABELS[0]);
        let some = |random: &mut Random| {
            let count = random.between(1, 2);
            (0..count).map(|_| Name::from(word(random, values))).collect::<BTreeSet<Name>>()
        };
        let operator = match self.random.below(10) {
            0..=5 => Operator::In(some(self.random)),
            6 | 7 => Operator::NotIn(some(self.random)),
            8 => Operator::Exists,
            _ => Operator::DoesNotExist,
        };
        Requirement { span: self.span(), key: Name::from(key), operator }
    }

    fn named_sets(&mut self) {
        for number in 0..self.random.below(3) {
            let members = (0..self.random.between(1, 2)).map(|_| self.workloads()).collect();
            let name = format!("group-{number}");
            self.add(&name, Object::Group(Group { members }));
            self.names.groups.push(name);
        }
        if self.random.chance(60) {
            let prefixes = ["10.0.0.0/24", "198.51.100.0/25", "2001:db8::/32"];
            let prefixes = prefixes.iter().filter_map(|text| text.parse().ok());
            let prefixes = prefixes.map(|prefix| self.at(prefix)).collect();
            self.add("somewhere", Object::Addresses(Addresses { prefixes, feed: None }));
            self.names.addresses.push("somewhere".to_owned());
        }
        if self.random.chance(60) {
            let domains = ["*.example.com", "pay.example.net"].iter();
            let domains = domains.filter_map(|text| text.parse::<Domain>().ok());
            let names = domains.map(|domain| self.at(domain)).collect();
            self.add("partners", Object::Domains(Domains { names }));
            self.names.domains.push("partners".to_owned());
        }
        if self.random.chance(60) {
            let groups = vec![self.named("admins")];
            let pool = "10.0.1.0/30".parse().ok().map(AddressItem::Prefix);
            let pools = pool.filter(|_| self.random.chance(70));
            let pools = pools.map(|pool| self.at(pool)).into_iter().collect();
            self.add("operators", Object::Users(Users { groups, pools }));
            self.names.users.push("operators".to_owned());
        }
        if self.random.chance(60) {
            let over = self.over(false);
            self.add("protocols", Object::Service(Service { over }));
            self.names.services.push("protocols".to_owned());
        }
    }

    fn labelings(&mut self) {
        for number in 0..self.random.below(3) {
            let rules = (0..self.random.between(1, 2)).map(|_| self.labeling()).collect();
            self.add(&format!("labeling-{number}"), Object::Labeling(Labeling { rules }));
        }
    }

    fn labeling(&mut self) -> LabelingRule {
        let mut when = RawFacts::default();
        match self.random.below(5) {
            0 => when.name = vec![self.at(Pattern(Name::from("w*-*")))],
            1 => when.account = vec![self.named("111122223333")],
            2 => when.subnet = vec![self.named("subnet-a")],
            3 => {
                let pattern = self.at(Pattern(Name::from("r*")));
                when.tags = vec![(Name::from("team"), pattern)];
            }
            _ => {
                let prefix = "10.0.0.0/30".parse().ok();
                when.addresses = prefix.map(|prefix| self.at(prefix)).into_iter().collect();
            }
        }
        let (key, values) = *self.random.pick(&LABELS[..3]).unwrap_or(&LABELS[0]);
        let value = word(self.random, values);
        let value = self.named(value);
        LabelingRule { span: self.span(), when, labels: vec![(Name::from(key), value)] }
    }

    fn policies(&mut self) -> Essentials {
        let mut essentials = Essentials::default();
        for number in 0..self.random.between(3, 8) {
            let name = format!("policy-{number}");
            let tiers = [Tier::Guardrail, Tier::Standard, Tier::Standard, Tier::Baseline];
            let tier = *self.random.pick(&tiers).unwrap_or(&Tier::Standard);
            let policy = self.policy(tier, number);
            self.add(&name, Object::Policy(Arc::new(policy)));
            self.names.policies.push(name);
        }
        for (name, is_failsafe) in [("essentials", false), ("failsafe", true)] {
            if self.random.chance(25) {
                let mut policy = self.policy(Tier::Guardrail, 100 + usize::from(is_failsafe));
                policy.rules.retain(|rule| rule.action.value == Action::Allow);
                policy.rules.truncate(1);
                self.add(name, Object::Policy(Arc::new(policy)));
                essentials.policies.push(name.to_owned());
                if is_failsafe {
                    essentials.failsafe.push(name.to_owned());
                }
            }
        }
        if self.random.chance(10) {
            let failsafe = (0..self.random.between(1, 2)).map(|_| self.failsafe()).collect();
            let listed = watertight_policy::syntax::Essentials {
                failsafe,
                control_planes: Vec::new(),
                narrowed: Vec::new(),
            };
            self.add("management", Object::Essentials(listed));
        }
        essentials
    }

    /// A tuple asks nothing about requests.
    fn failsafe(&mut self) -> Failsafe {
        let span = self.span();
        let from = vec![self.peer(true, Action::Allow)];
        let to = vec![self.peer(false, Action::Allow)];
        let mut over = self.over(false);
        for clause in &mut over.clauses {
            clause.http.clear();
            if let Transport::Tls(ports) = &clause.transport {
                clause.transport = Transport::Flows(FlowSet::tcp(ports.clone()));
            }
        }
        Failsafe { span, name: None, from, to, over }
    }

    fn policy(&mut self, tier: Tier, number: usize) -> Policy {
        let expires = self.random.chance(20).then(|| self.at(EXPIRES));
        // Against the order of the names.
        let order = i64::try_from(number).map_or(0, |number| 50 - number);
        let rules = (0..self.random.between(1, 4)).map(|_| self.rule(tier)).collect();
        Policy {
            tier: Some(self.at(tier)),
            order: (tier != Tier::Standard).then(|| self.at(order)),
            mode: self.mode(),
            expires,
            expiry_opens: expires.map(|_| self.at(true)),
            lowering: Lowering::default(),
            rules,
        }
    }

    fn rule(&mut self, tier: Tier) -> Rule {
        let action = match self.random.below(10) {
            0..=5 => Action::Allow,
            6 | 7 if tier == Tier::Guardrail => Action::Pass,
            _ => Action::Deny,
        };
        let span = self.span();
        let has_through = action == Action::Allow && self.random.chance(35);
        let from = (0..self.random.between(1, 2)).map(|_| self.peer(true, action)).collect();
        let to = (0..self.random.between(1, 2)).map(|_| self.peer(false, action)).collect();
        let through = if has_through { vec![self.front()] } else { Vec::new() };
        let over = self.random.chance(80).then(|| self.over(true));
        Rule { span, name: None, action: self.at(action), from, to, through, over }
    }

    fn conditions(&mut self, conditions: Conditions) -> Peer {
        Peer { span: self.span(), end: PeerEnd::Conditions(Box::new(conditions)) }
    }

    fn front(&mut self) -> Peer {
        let operator = Operator::Exists;
        let requirement = Requirement { span: self.span(), key: Name::from("front"), operator };
        let selector = LabelSelector::new(self.span(), vec![requirement]);
        self.conditions(Conditions { selector: Some(selector), ..Conditions::default() })
    }

    /// A peer that means workloads by their labels.
    fn workloads(&mut self) -> Peer {
        let mut conditions = Conditions::default();
        match self.random.below(10) {
            0 | 1 => {
                let segment = self.random.pick(&self.names.segments).cloned();
                conditions.segment = segment.map(|name| self.named(&name));
            }
            2 | 3 => {
                let group = self.random.pick(&self.names.groups).cloned();
                conditions.group = group.map(|name| self.named(&name));
            }
            _ => {}
        }
        let has_name = conditions.segment.is_some() || conditions.group.is_some();
        if !has_name || self.random.chance(30) {
            conditions.selector = Some(self.selector());
        }
        self.conditions(conditions)
    }

    fn peer(&mut self, is_source: bool, action: Action) -> Peer {
        let mut conditions = Conditions::default();
        match self.random.below(20) {
            0..=3 => return Peer { span: self.span(), end: PeerEnd::Any },
            4 => return Peer { span: self.span(), end: PeerEnd::Internet },
            5..=7 => self.addresses(&mut conditions),
            8 | 9 if is_source => match self.random.pick(&self.names.users).cloned() {
                Some(name) => conditions.users = vec![self.named(&name)],
                None => return self.workloads(),
            },
            8 if action != Action::Deny => {
                let text = word(self.random, &NAMES);
                let named = self.random.pick(&self.names.domains).cloned();
                let item = match (named, text.parse()) {
                    (Some(name), _) if self.random.chance(50) => DomainItem::Named(name.into()),
                    (_, Ok(domain)) => DomainItem::Domain(domain),
                    (_, Err(_)) => return self.workloads(),
                };
                conditions.domains = vec![self.at(item)];
            }
            9 => {
                let name = word(self.random, &["aws.s3", "aws.dynamodb"]);
                conditions.provider = vec![self.named(name)];
            }
            10 if !is_source => conditions.metadata = Some(self.span()),
            _ => return self.workloads(),
        }
        self.conditions(conditions)
    }

    fn addresses(&mut self, conditions: &mut Conditions) {
        let prefixes = ["10.0.0.0/16", "10.0.1.0/29", "198.51.100.0/24", "198.51.100.56/30"];
        let item = match self.random.pick(&self.names.addresses).cloned() {
            Some(name) if self.random.chance(40) => Some(AddressItem::Named(name.into())),
            _ => word(self.random, &prefixes).parse().ok().map(AddressItem::Prefix),
        };
        conditions.addresses = item.map(|item| self.at(item)).into_iter().collect();
        if self.random.chance(30) {
            let network = word(self.random, &NETWORKS);
            conditions.network = Some(self.named(network));
        }
        if self.random.chance(20) {
            conditions.selector = Some(self.selector());
        }
    }

    fn over(&mut self, with_service: bool) -> Over {
        let span = self.span();
        let clauses = (0..self.random.between(1, 2)).map(|_| self.clause(with_service)).collect();
        Over { span, clauses }
    }

    fn clause(&mut self, with_service: bool) -> Clause {
        let span = self.span();
        let service = self.random.pick(&self.names.services).cloned();
        let mut http = Vec::new();
        let port = *self.random.pick(&PORTS).unwrap_or(&443);
        let transport = match (self.random.below(16), service) {
            (0, Some(name)) if with_service => Transport::Service(self.named(&name)),
            (0 | 1, _) => Transport::Flows(FlowSet::udp(PortSet::single(53))),
            (2, _) => {
                let (types, codes) = (ByteSet::single(8), ByteSet::full());
                Transport::Flows(FlowSet::icmp(Protocol::ICMP, types, codes))
            }
            (3, _) => Transport::protocol(Protocol::TCP),
            (4 | 5, _) => Transport::Tls(PortSet::single(443)),
            (6..=12, _) => {
                http = (0..self.random.between(1, 2)).map(|_| self.http()).collect();
                let port = if self.random.chance(70) { 443 } else { port };
                Transport::Flows(FlowSet::tcp(PortSet::single(port)))
            }
            _ => Transport::Flows(FlowSet::tcp(PortSet::single(port))),
        };
        Clause { span, transport, http }
    }

    fn http(&mut self) -> HttpMatch {
        let span = self.span();
        let method = self.random.chance(60).then(|| word(self.random, &METHODS));
        let methods = method.map(|method| self.named(method)).into_iter().collect();
        let path = Name::from(word(self.random, &PATHS));
        let path = match self.random.below(3) {
            0 => None,
            1 => Some(PathMatch::Exact(path)),
            _ => Some(PathMatch::Prefix(path)),
        };
        let path = path.map(|path| self.at(path));
        HttpMatch { span, methods, path }
    }
}
