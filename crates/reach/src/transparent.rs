//! Layers that accept everything, whoever the peer is.

use watertight_model::Network;
use watertight_model::network::{
    Action, Direction, Layer, LayerId, ListContent, Peer, StageDefault,
};
use watertight_net::{Family, FlowSet};

use crate::guards::layer_accepts;
use crate::path::Seen;

/// Whether a layer accepts everything in both directions.
pub(crate) fn is_transparent(network: &Network, layer: LayerId) -> bool {
    [Direction::Ingress, Direction::Egress].into_iter().all(|direction| {
        [Family::V4, Family::V6]
            .into_iter()
            .all(|family| is_open(network, layer, direction, family))
    })
}

/// Whether a layer accepts everything of a family in a direction, by rules for any peer alone: no
/// rule for particular peers takes anything away.
pub(crate) fn is_open(
    network: &Network,
    layer: LayerId,
    direction: Direction,
    family: Family,
) -> bool {
    if !could_accept_anybody(network, layer, direction) {
        return false;
    }
    let takes_away = |peer: &Peer, action: Action| {
        let particular = match peer {
            Peer::Any => false,
            Peer::Prefix(prefix) => prefix.len() > 0,
            Peer::List(_) | Peer::Members(_) | Peer::Unread(_) => true,
        };
        particular && action != Action::Accept
    };
    if rules(network, &network.layers[layer], direction)
        .any(|(peer, action)| takes_away(peer, action))
    {
        return false;
    }
    let seen = Seen { address: None, ipv6: family == Family::V6, member: None, front: None };
    layer_accepts(network, layer, direction, seen, &FlowSet::all()).sure.is_all()
}

/// Whether a layer could accept something whoever the peer is: most layers have rules for particular peers alone.
fn could_accept_anybody(network: &Network, layer: LayerId, direction: Direction) -> bool {
    let of_anybody = |peer: &Peer| match peer {
        Peer::Any | Peer::List(_) => true,
        Peer::Prefix(prefix) => prefix.len() == 0,
        Peer::Members(_) | Peer::Unread(_) => false,
    };
    network.layers[layer].guards.iter().any(|guard| {
        let Some(stage) = network.guards[*guard].stages(direction).first() else { return true };
        stage.default != StageDefault::Deny || stage.rules.iter().any(|one| of_anybody(&one.peer))
    })
}

/// Whether a layer could accept anything of a family in a direction.
pub(crate) fn could_accept_family(
    network: &Network,
    layer: LayerId,
    direction: Direction,
    family: Family,
) -> bool {
    let of_family = |peer: &Peer| match peer {
        Peer::Any | Peer::Members(_) | Peer::Unread(_) => true,
        Peer::Prefix(prefix) => prefix.family() == family,
        Peer::List(list) => match &network.lists[*list].content {
            ListContent::Known(known) => known.iter().any(|prefix| prefix.family() == family),
            ListContent::Unread(_) => true,
        },
    };
    network.layers[layer].guards.iter().any(|guard| {
        let Some(stage) = network.guards[*guard].stages(direction).first() else { return true };
        stage.default != StageDefault::Deny
            || stage.rules.iter().any(|rule| rule.action != Action::Deny && of_family(&rule.peer))
    })
}

/// The peers and actions of a layer's rules.
pub(crate) fn rules<'n>(
    network: &'n Network,
    layer: &'n Layer,
    direction: Direction,
) -> impl Iterator<Item = (&'n Peer, Action)> {
    let guards = layer.guards.iter().map(|guard| &network.guards[*guard]);
    let stages = guards.flat_map(move |guard| guard.stages(direction));
    stages.flat_map(|stage| stage.rules.iter().map(|rule| (&rule.peer, rule.action)))
}
