//! What no policy closes.

use watertight_source::Node;

use crate::codes;
use crate::syntax::{ControlPlane, Essentials, Failsafe, Over, Transport};

use super::ends::{Side, address, peers};
use super::over::over;
use super::reader::Reader;

pub(super) fn essentials(reader: &mut Reader<'_>, spec: Node<'_>) -> Option<Essentials> {
    reader.object(spec, &["failsafe", "controlPlanes"])?;
    if spec.get("failsafe").is_none() && spec.get("controlPlanes").is_none() {
        let message = "the document lists nothing";
        reader.error(codes::EMPTY, spec.span(), message, "add `failsafe` or `controlPlanes`");
    }
    Some(Essentials {
        failsafe: reader.items(spec, "failsafe", failsafe),
        control_planes: reader.items(spec, "controlPlanes", control_plane),
    })
}

fn failsafe(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Failsafe> {
    reader.object(node, &["name", "from", "to", "over"])?;
    let name = reader.text_field(node, "name");
    let (from, to) = (peers(reader, node, "from", Side::From), peers(reader, node, "to", Side::To));
    let Some(over) = over(reader, node) else {
        let message = "a failsafe tuple says what is sent: nothing closes it again";
        let help = "add `over`, as in `over: [{tcp: 22}]`";
        reader.error(codes::EMPTY, node.span(), message, help);
        return None;
    };
    without_conditions(reader, &over);
    Some(Failsafe { span: node.span(), name, from, to, over })
}

/// Who manages a machine by hand does so where nothing reads requests.
fn without_conditions(reader: &mut Reader<'_>, over: &Over) {
    for clause in &over.clauses {
        if matches!(clause.transport, Transport::Tls(_)) || !clause.http.is_empty() {
            let message = "a failsafe tuple is about packets, not about what is said in them";
            let help = "write `tcp` with its ports alone";
            reader.error(codes::NOT_TOGETHER, clause.span, message, help);
        }
    }
}

fn control_plane(reader: &mut Reader<'_>, node: Node<'_>) -> Option<ControlPlane> {
    reader.object(node, &["cluster", "account", "region", "addresses", "network"])?;
    let cluster = reader.take(node.req_field("cluster"));
    let cluster = cluster.and_then(|cluster| reader.text(cluster));
    let items = reader.required_list(node, "addresses");
    let addresses = items.into_iter().filter_map(|item| address(reader, item)).collect();
    let mut text = |key| reader.text_field(node, key);
    let (account, region, network) = (text("account"), text("region"), text("network"));
    let (span, cluster) = (node.span(), cluster?);
    Some(ControlPlane { span, cluster, account, region, addresses, network })
}
