//! What no policy closes.

use watertight_source::Node;

use crate::codes;
use crate::syntax::{ControlPlane, Essentials, Failsafe, Narrowable, Narrowed, Over, Transport};
use crate::words::Words as _;

use super::ends::{Side, address, peers};
use super::over::over;
use super::reader::Reader;

pub(super) fn essentials(reader: &mut Reader<'_>, spec: Node<'_>) -> Option<Essentials> {
    const FIELDS: [&str; 3] = ["failsafe", "controlPlanes", "narrowed"];
    reader.object(spec, &FIELDS)?;
    if FIELDS.iter().all(|field| spec.get(field).is_none()) {
        let message = "the document lists nothing";
        let help = "add `failsafe`, `controlPlanes` or `narrowed`";
        reader.error(codes::EMPTY, spec.span(), message, help);
    }
    Some(Essentials {
        failsafe: reader.items(spec, "failsafe", failsafe),
        control_planes: reader.items(spec, "controlPlanes", control_plane),
        narrowed: reader.items(spec, "narrowed", narrowed),
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

/// Workloads alone stand at its ends: what is told by address is a workload's all the same.
fn narrowed(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Narrowed> {
    reader.object(node, &["essential", "from", "to"])?;
    let essential = reader.take(node.req_field("essential"));
    let essential = essential.and_then(|node| reader.word(node, Narrowable::WORDS));
    let mut side = |key| match node.get(key) {
        Some(_) => peers(reader, node, key, Side::Workloads),
        None => Vec::new(),
    };
    let (from, to) = (side("from"), side("to"));
    if node.get("from").is_none() && node.get("to").is_none() {
        let message = "nothing says between whom the essential is needed";
        reader.error(codes::EMPTY, node.span(), message, "add `from` or `to`");
    }
    Some(Narrowed { span: node.span(), essential: essential?, from, to })
}
