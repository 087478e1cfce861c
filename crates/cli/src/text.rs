//! How output names what the model holds.

use watertight_model::network::{
    Action, Direction, GatewayKind, Guard, GuardId, LayerId, Peer, Rule, TableId,
};
use watertight_model::{Estate, Name, Network};
use watertight_net::FlowSet;
use watertight_reach::{Deciding, OutsideBy, Place, Start, Target};
use watertight_source::{Sources, Span};

/// `1 warning`, `2 warnings`, `3 dependencies`, `4 prefixes`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        return format!("1 {noun}");
    }
    match (noun.strip_suffix('y'), noun.ends_with('x')) {
        (Some(stem), _) => format!("{count} {stem}ies"),
        (None, true) => format!("{count} {noun}es"),
        (None, false) => format!("{count} {noun}s"),
    }
}

/// Makes text harmless for a terminal: names come from whoever may write a tag.
///
/// Replaces characters that steer a terminal, hide, or turn the direction of text (Unicode
/// Technical Report 36, sections 2.5 and 3). Line feeds are kept: where one stood in a name, the
/// name was cleaned before.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|letter| if letter != '\n' && steers(letter) { '\u{fffd}' } else { letter })
        .collect()
}

fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(u32::from(letter),
            0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
            | 0xfeff | 0xfff0..=0xfffb | 0xfffe..=0xffff | 0xe0000..=0xe0fff)
}

/// A name on one line.
pub(crate) fn one_line(text: &str) -> String {
    clean(&text.replace('\n', "\u{fffd}"))
}

/// `title (id)`, or the id alone where that is the title.
pub(crate) fn titled(title: &Name, id: &Name) -> String {
    let id = one_line(id);
    if title.is_empty() || **title == *id { id } else { format!("{} ({id})", one_line(title)) }
}

/// A place as explanations name it.
pub(crate) fn place(estate: &Estate, place: Place) -> String {
    let network = &estate.network;
    match place {
        Place::Endpoint(id) => {
            let endpoint = &network.endpoints[id];
            let workload = &estate.workloads[endpoint.workload];
            titled(&workload.name, &endpoint.name)
        }
        Place::Subnet(id) => {
            let subnet = &network.subnets[id];
            format!("subnet {}", titled(&subnet.title, &subnet.name))
        }
        Place::Realm(id) => {
            let realm = &network.realms[id];
            titled(&realm.title, &realm.name)
        }
        Place::Gateway(id) => {
            let gateway = &network.gateways[id];
            format!("{} {}", gateway_kind(&gateway.kind), gateway.name)
        }
        Place::Attachment(id) => {
            let attachment = &network.attachments[id];
            let gateway = &network.gateways[attachment.gateway].name;
            format!("transit gateway {gateway} at {}", attachment.name)
        }
        Place::Internet => "the internet".to_owned(),
    }
}

/// The id of a place, for programs.
pub(crate) fn place_id(network: &Network, place: Place) -> Option<Name> {
    match place {
        Place::Endpoint(id) => Some(network.endpoints[id].name.clone()),
        Place::Subnet(id) => Some(network.subnets[id].name.clone()),
        Place::Realm(id) => Some(network.realms[id].name.clone()),
        Place::Gateway(id) => Some(network.gateways[id].name.clone()),
        Place::Attachment(id) => Some(network.attachments[id].name.clone()),
        Place::Internet => None,
    }
}

/// The kind of a place, for programs.
pub(crate) const fn place_kind(place: Place) -> &'static str {
    match place {
        Place::Endpoint(_) => "endpoint",
        Place::Subnet(_) => "subnet",
        Place::Realm(_) => "realm",
        Place::Gateway(_) => "gateway",
        Place::Attachment(_) => "attachment",
        Place::Internet => "internet",
    }
}

/// What a gateway is, in words.
pub(crate) fn gateway_kind(kind: &GatewayKind) -> &str {
    match kind {
        GatewayKind::Internet { .. } => "internet gateway",
        GatewayKind::EgressOnly { .. } => "egress-only gateway",
        GatewayKind::SourceNat { .. } => "translating gateway",
        GatewayKind::Peering { .. } => "peering",
        GatewayKind::Transit => "transit gateway",
        GatewayKind::Service { .. } => "private endpoint",
        GatewayKind::Tunnel { .. } => "tunnel gateway",
        GatewayKind::Surroundings { .. } => "way out of the cluster",
        GatewayKind::Inspection { .. } => "inspection gateway",
        GatewayKind::Opaque(text) => text,
    }
}

/// Where packets start, as explanations name it.
pub(crate) fn start(estate: &Estate, start: &Start) -> String {
    let network = &estate.network;
    match start {
        Start::Endpoint { endpoint, address } => {
            format!("{address} {}", place(estate, Place::Endpoint(*endpoint)))
        }
        Start::Subnet { subnet, address } => {
            format!("{address} in {}", place(estate, Place::Subnet(*subnet)))
        }
        Start::Realm(realm) => format!("the router of {}", place(estate, Place::Realm(*realm))),
        Start::Internet { address } => format!("{address} on the internet"),
        Start::Outside { by, address } => format!("{address} {}", outside(network, *by)),
        Start::Unaddressed { endpoint, family } => {
            let known = Target::Unaddressed {
                endpoint: *endpoint,
                family: *family,
                public: network.endpoints[*endpoint].subnet.is_none(),
            };
            format!("{} {}", known.describe(network), place(estate, Place::Endpoint(*endpoint)))
        }
    }
}

/// A network outside of the estate, by what it is reached.
pub(crate) fn outside(network: &Network, by: OutsideBy) -> String {
    format!("behind {}", watertight_reach::ends::outside_name(network, by))
}

/// A guard by its kind, title and id.
pub(crate) fn guard(guard: &Guard) -> String {
    format!("{} {}", guard.kind, titled(&guard.title, &guard.name))
}

/// What a rule says: `100 accepts tcp/443 from 10.0.0.0/8`.
pub(crate) fn rule(network: &Network, rule: &Rule, direction: Direction) -> String {
    let action = match rule.action {
        Action::Accept | Action::AcceptHere => "accepts",
        Action::Next => "passes on",
        Action::Deny => "denies",
    };
    let way = match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    format!("{} {action} {} {way} {}", rule.name, rule.flows, peer(network, &rule.peer))
}

/// Whom a rule matches.
pub(crate) fn peer(network: &Network, peer: &Peer) -> String {
    match peer {
        Peer::Any => "anywhere".to_owned(),
        Peer::Prefix(prefix) => prefix.to_string(),
        Peer::List(list) => format!("list {}", network.lists[*list].name),
        Peer::Members(id) => {
            let guard = &network.guards[*id];
            format!("members of {}", titled(&guard.title, &guard.name))
        }
        Peer::Unread(text) => format!("{text} (not in the input)"),
    }
}

/// The rule behind a decision of a guard, where one decided.
pub(crate) fn rule_of<'n>(network: &'n Network, deciding: &Deciding) -> Option<&'n Rule> {
    let (stage, rule) = deciding.rule?;
    let stages = network.guards[deciding.guard].stages(deciding.direction);
    stages.get(stage)?.rules.get(rule)
}

/// Where a route stands, found by how its provider writes it.
pub(crate) fn route_origin(network: &Network, table: TableId, text: &Name) -> Option<Span> {
    let table = &network.tables[table];
    let routes = table.routes.iter().map(|route| (&route.text, route.origin));
    let unread = table.unread.iter().map(|route| (&route.text, route.origin));
    routes.chain(unread).find(|(known, _)| *known == text).and_then(|(_, origin)| origin)
}

/// `file:line` of a place in the input.
pub(crate) fn origin(sources: &Sources, span: Option<Span>) -> Option<String> {
    span.map(|span| crate::diagnostics::place(span, sources))
}

/// Whether a guard lets replies pass without a rule.
pub(crate) fn is_stateful(network: &Network, guard: GuardId) -> bool {
    network.guards[guard].stateful
}

/// The guards of layers, as a list of their names.
pub(crate) fn layers(network: &Network, layers: &[LayerId]) -> String {
    let guards = layers.iter().flat_map(|layer| &network.layers[*layer].guards);
    let names: Vec<String> = guards.map(|id| guard(&network.guards[*id])).collect();
    if names.is_empty() { "no guard".to_owned() } else { names.join(", ") }
}

/// Flows as output prints them: without the source ports that clients have anyway.
pub(crate) fn flows(flows: &FlowSet, clients: Option<&FlowSet>) -> String {
    if let Some(clients) = clients {
        let any = flows.any_source();
        if any.intersection(clients) == *flows {
            return any.to_string();
        }
    }
    flows.to_string()
}
