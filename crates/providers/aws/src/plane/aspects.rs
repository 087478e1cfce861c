//! What is told of the ways between VPCs, call by call.

use serde_json::Value;
use watertight_compile::ReadKind;

use crate::gateways::IDLE_PEERINGS;
use crate::transit::IDLE_ATTACHMENTS;

/// What one call tells of a kind of thing.
#[derive(Debug)]
pub struct Aspect {
    /// The kind.
    pub kind: ReadKind,
    /// The call.
    pub call: &'static str,
    /// The list in its answer.
    pub list: &'static str,
    /// How it is asked about one thing.
    pub asked: Asked,
    /// The field of an item that holds the id, where one answer is about many things.
    pub field: &'static str,
    /// Fields of which an item has one, where the list alone does not tell the call.
    pub(super) needs: &'static [&'static str],
    /// The keys of its facts.
    pub keys: &'static [&'static str],
    /// The facts that an item tells.
    pub(super) tell: fn(&Value) -> Vec<(&'static str, String)>,
}

/// How a call is asked about one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// By the filter of this name.
    Filter(&'static str),
    /// By this parameter.
    Parameter(&'static str),
}

const GATEWAY: Asked = Asked::Filter("transit-gateway-id");
const TABLE: Asked = Asked::Parameter("TransitGatewayRouteTableId");
const LIST: Asked = Asked::Filter("prefix-list-id");

/// Every aspect.
pub const ASPECTS: &[Aspect] = &[
    Aspect {
        kind: ReadKind::Peering,
        call: "ec2-describe-vpc-peering-connections",
        list: "VpcPeeringConnections",
        asked: Asked::Filter("vpc-peering-connection-id"),
        field: "VpcPeeringConnectionId",
        needs: &[],
        keys: &["ends", "options", "state"],
        tell: peering,
    },
    Aspect {
        kind: ReadKind::Transit,
        call: "ec2-describe-transit-gateways",
        list: "TransitGateways",
        asked: GATEWAY,
        field: "TransitGatewayId",
        needs: &[],
        keys: &["gateway"],
        tell: gateway,
    },
    Aspect {
        kind: ReadKind::Transit,
        call: "ec2-describe-transit-gateway-attachments",
        list: "TransitGatewayAttachments",
        asked: GATEWAY,
        field: "TransitGatewayId",
        needs: &[],
        keys: &["attachments"],
        tell: attachment,
    },
    Aspect {
        kind: ReadKind::Transit,
        call: "ec2-describe-transit-gateway-vpc-attachments",
        list: "TransitGatewayVpcAttachments",
        asked: GATEWAY,
        field: "TransitGatewayId",
        needs: &[],
        keys: &["subnets"],
        tell: vpc_attachment,
    },
    Aspect {
        kind: ReadKind::TransitRoutes,
        call: "ec2-describe-transit-gateway-route-tables",
        list: "TransitGatewayRouteTables",
        asked: Asked::Filter("transit-gateway-route-table-id"),
        field: "TransitGatewayRouteTableId",
        needs: &[],
        keys: &["gateway"],
        tell: table,
    },
    Aspect {
        kind: ReadKind::TransitRoutes,
        call: "ec2-search-transit-gateway-routes",
        list: "Routes",
        asked: TABLE,
        field: "",
        needs: &[],
        keys: &["routes"],
        tell: route,
    },
    Aspect {
        kind: ReadKind::TransitRoutes,
        call: "ec2-get-transit-gateway-route-table-associations",
        list: "Associations",
        asked: TABLE,
        field: "",
        needs: &[],
        keys: &["associations"],
        tell: association,
    },
    Aspect {
        kind: ReadKind::TransitRoutes,
        call: "ec2-get-transit-gateway-route-table-propagations",
        list: "TransitGatewayRouteTablePropagations",
        asked: TABLE,
        field: "",
        needs: &[],
        keys: &["propagations"],
        tell: propagation,
    },
    Aspect {
        kind: ReadKind::TransitRoutes,
        call: "ec2-get-transit-gateway-prefix-list-references",
        list: "TransitGatewayPrefixListReferences",
        asked: TABLE,
        field: "",
        needs: &[],
        keys: &["lists"],
        tell: reference,
    },
    Aspect {
        kind: ReadKind::PrefixList,
        call: "ec2-describe-managed-prefix-lists",
        list: "PrefixLists",
        asked: LIST,
        field: "PrefixListId",
        needs: &["MaxEntries", "PrefixListArn", "State", "Version"],
        keys: &["room", "version"],
        tell: managed,
    },
    Aspect {
        kind: ReadKind::PrefixList,
        call: "ec2-describe-prefix-lists",
        list: "PrefixLists",
        asked: LIST,
        field: "PrefixListId",
        needs: &["Cidrs"],
        keys: &["networks"],
        tell: networks,
    },
    Aspect {
        kind: ReadKind::PrefixList,
        call: "ec2-get-managed-prefix-list-entries",
        list: "Entries",
        asked: Asked::Parameter("PrefixListId"),
        field: "",
        needs: &[],
        keys: &["entries"],
        tell: entry,
    },
];

/// A peering that works: its ends with their networks, and who resolves the names of whom.
fn peering(body: &Value) -> Vec<(&'static str, String)> {
    let state = text(&body["Status"], "Code");
    if IDLE_PEERINGS.contains(&state) {
        return Vec::new();
    }
    let mut facts = vec![("state", state.to_owned())];
    for (word, key) in [("requester", "RequesterVpcInfo"), ("accepter", "AccepterVpcInfo")] {
        let side = &body[key];
        let blocks = [("CidrBlockSet", "CidrBlock"), ("Ipv6CidrBlockSet", "Ipv6CidrBlock")];
        let mut networks: Vec<&str> = blocks
            .iter()
            .flat_map(|(list, key)| items(&side[*list]).map(|block| text(block, key)))
            .chain([text(side, "CidrBlock")])
            .filter(|network| !network.is_empty())
            .collect();
        networks.sort_unstable();
        networks.dedup();
        let words = [word, text(side, "VpcId")].into_iter().chain(networks);
        facts.push(("ends", words.collect::<Vec<&str>>().join(" ")));
        if side["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] == true {
            facts.push(("options", format!("{word} AllowDnsResolutionFromRemoteVpc")));
        }
    }
    facts
}

/// A transit gateway that works, and whether groups may be named across it.
fn gateway(body: &Value) -> Vec<(&'static str, String)> {
    let Some(state) = working(body, &["pending", "deleting", "deleted"]) else { return Vec::new() };
    let references = text(&body["Options"], "SecurityGroupReferencingSupport") == "enable";
    let references = if references { ", groups may be named across it" } else { "" };
    vec![("gateway", format!("{state}{references}"))]
}

/// An attachment that works: of what, and with which table.
fn attachment(body: &Value) -> Vec<(&'static str, String)> {
    let Some(state) = working(body, &IDLE_ATTACHMENTS) else { return Vec::new() };
    let [id, kind, resource] =
        ["TransitGatewayAttachmentId", "ResourceType", "ResourceId"].map(|key| text(body, key));
    let association = &body["Association"];
    let table = text(association, "TransitGatewayRouteTableId");
    let is_associated = matches!(text(association, "State"), "" | "associated");
    let table = Some(table).filter(|table| is_associated && !table.is_empty());
    let table = table.map(|table| format!(", table {table}")).unwrap_or_default();
    let state = if state == WORKS { String::new() } else { format!(", {state}") };
    vec![("attachments", format!("{id} of {kind} {resource}{table}{state}"))]
}

/// Where in its VPC an attachment that works is, and what it lets through.
fn vpc_attachment(body: &Value) -> Vec<(&'static str, String)> {
    if working(body, &IDLE_ATTACHMENTS).is_none() {
        return Vec::new();
    }
    let mut subnets: Vec<&str> = items(&body["SubnetIds"]).filter_map(Value::as_str).collect();
    subnets.sort_unstable();
    let is_on = |key: &str| text(&body["Options"], key) == "enable";
    let appliance = if is_on("ApplianceModeSupport") { ", for an appliance" } else { "" };
    let references = is_on("SecurityGroupReferencingSupport");
    let references = if references { ", groups may be named across it" } else { "" };
    let [id, vpc] = ["TransitGatewayAttachmentId", "VpcId"].map(|key| text(body, key));
    vec![("subnets", format!("{id} of {vpc} in {}{appliance}{references}", subnets.join(" ")))]
}

/// Whose a table is.
fn table(body: &Value) -> Vec<(&'static str, String)> {
    let gone = ["deleting", "deleted"].contains(&text(body, "State"));
    let gateway = (!gone).then(|| ("gateway", text(body, "TransitGatewayId").to_owned()));
    gateway.into_iter().collect()
}

fn route(body: &Value) -> Vec<(&'static str, String)> {
    let is_black = match text(body, "State") {
        "active" | "" => false,
        "blackhole" => true,
        _ => return Vec::new(),
    };
    let listed = Some(text(body, "PrefixListId")).filter(|id| !id.is_empty());
    let listed = listed.map(|id| format!(" of {id}")).unwrap_or_default();
    let to = items(&body["TransitGatewayAttachments"]);
    let mut to: Vec<&str> = to.map(|one| text(one, "TransitGatewayAttachmentId")).collect();
    to.sort_unstable();
    let to = if is_black { String::from("black hole") } else { to.join(" ") };
    let [destination, kind] = ["DestinationCidrBlock", "Type"].map(|key| text(body, key));
    vec![("routes", format!("{destination}{listed} {kind} to {to}"))]
}

fn association(body: &Value) -> Vec<(&'static str, String)> {
    attached(body, "associations", "associated")
}

fn propagation(body: &Value) -> Vec<(&'static str, String)> {
    attached(body, "propagations", "enabled")
}

/// An attachment of a table, where its state is this one.
fn attached(body: &Value, key: &'static str, state: &str) -> Vec<(&'static str, String)> {
    let is_so = ["", state].contains(&text(body, "State"));
    let id = is_so.then(|| (key, text(body, "TransitGatewayAttachmentId").to_owned()));
    id.into_iter().collect()
}

fn reference(body: &Value) -> Vec<(&'static str, String)> {
    if text(body, "State") == "deleting" {
        return Vec::new();
    }
    let to = match &body["Blackhole"] {
        Value::Bool(true) => "black hole",
        _ => text(&body["TransitGatewayAttachment"], "TransitGatewayAttachmentId"),
    };
    vec![("lists", format!("{} to {to}", text(body, "PrefixListId")))]
}

/// How much a list may hold, which rules that name it are counted as, and its version.
fn managed(body: &Value) -> Vec<(&'static str, String)> {
    let number = |key: &'static str, field: &str| {
        let number = body[field].as_i64()?;
        Some((key, number.to_string()))
    };
    [number("room", "MaxEntries"), number("version", "Version")].into_iter().flatten().collect()
}

fn networks(body: &Value) -> Vec<(&'static str, String)> {
    let all = items(&body["Cidrs"]).filter_map(Value::as_str);
    all.map(|network| ("networks", network.to_owned())).collect()
}

fn entry(body: &Value) -> Vec<(&'static str, String)> {
    vec![("entries", text(body, "Cidr").to_owned())]
}

/// The word for what works.
const WORKS: &str = "available";

/// The state of what works, or of what perhaps does; nothing where it does not.
fn working<'v>(body: &'v Value, idle: &[&str]) -> Option<&'v str> {
    match text(body, "State") {
        "" | WORKS | "modifying" => Some(WORKS),
        state => (!idle.contains(&state)).then_some(state),
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}
