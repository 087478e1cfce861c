//! What objects say of pods and namespaces.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::selector::prefix_holds;

/// A pod, or the pods of one template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// The name of its workload.
    pub name: String,
    /// The kind of its workload.
    pub kind: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The ports that its containers declare.
    pub ports: Vec<Port>,
    /// Whether it is on its host's network.
    pub on_host: bool,
    /// The addresses that its object tells.
    pub addresses: Vec<IpAddr>,
}

impl Pod {
    /// Whether one of its addresses is in a prefix: of those of one family, where that is said. Where
    /// none is told, only a prefix of a whole family is certain to hold it.
    pub(super) fn has_address_in(&self, prefix: &str, over_v6: Option<bool>) -> bool {
        if self.addresses.is_empty() {
            return prefix == "0.0.0.0/0" && over_v6 != Some(true)
                || prefix == "::/0" && over_v6 != Some(false);
        }
        let mut own = self.addresses.iter();
        let of_family = |one: &IpAddr| over_v6.is_none_or(|v6| one.is_ipv6() == v6);
        own.any(|address| of_family(address) && prefix_holds(prefix, *address))
    }

    /// Whether it has an address of the same family.
    pub(super) fn speaks(&self, address: IpAddr) -> bool {
        self.is_of(address.is_ipv6())
    }

    /// The same with its addresses of one family alone.
    pub(super) fn over(&self, v6: bool) -> Self {
        let mut found = self.clone();
        found.addresses.retain(|one| one.is_ipv6() == v6);
        found
    }

    /// Whether it has an address of a family; it has where none is told.
    pub fn is_of(&self, v6: bool) -> bool {
        self.addresses.is_empty() || self.addresses.iter().any(|own| own.is_ipv6() == v6)
    }
}

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name; empty when it has none.
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Its number.
    pub number: u16,
}

/// The pods of all objects: of `Pod`s themselves, and one for each template.
pub fn pods(objects: &[Value]) -> Vec<Pod> {
    let mut found = Vec::new();
    for object in objects {
        let (labels, spec) = match text(object, "/kind") {
            "Pod" => ("/metadata/labels", "/spec"),
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => {
                ("/spec/template/metadata/labels", "/spec/template/spec")
            }
            _ => continue,
        };
        let namespace = text(object, "/metadata/namespace");
        let mut ports = Vec::new();
        for container in items(object, &format!("{spec}/containers")) {
            ports.extend(items(container, "/ports").iter().map(|port| {
                let protocol = text(port, "/protocol");
                let number = port.get("containerPort").and_then(Value::as_u64).unwrap_or(0);
                Port {
                    name: text(port, "/name").to_owned(),
                    protocol: if protocol.is_empty() { "TCP" } else { protocol }.to_owned(),
                    number: u16::try_from(number).unwrap_or(0),
                }
            }));
        }
        found.push(Pod {
            namespace: if namespace.is_empty() { "default" } else { namespace }.to_owned(),
            name: text(object, "/metadata/name").to_owned(),
            kind: text(object, "/kind").to_owned(),
            labels: labels_at(object, labels),
            ports,
            on_host: object.pointer(&format!("{spec}/hostNetwork")) == Some(&Value::Bool(true)),
            addresses: addresses(object),
        });
    }
    found
}

/// The addresses of a pod: `podIPs` has that of `podIP` too.
fn addresses(object: &Value) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = text(object, "/status/podIP").parse().into_iter().collect();
    for one in items(object, "/status/podIPs") {
        found.extend(text(one, "/ip").parse::<IpAddr>());
    }
    found.dedup();
    found
}

/// The labels of a namespace; the API server adds its name to them.
pub(super) fn namespace(objects: &[Value], name: &str) -> BTreeMap<String, String> {
    let own = objects.iter().find(|object| {
        text(object, "/kind") == "Namespace" && text(object, "/metadata/name") == name
    });
    let mut labels = own.map(|own| labels_at(own, "/metadata/labels")).unwrap_or_default();
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
    labels
}

fn labels_at(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    let labels = object.pointer(pointer).and_then(Value::as_object);
    let each = labels.into_iter().flatten();
    each.map(|(key, value)| (key.clone(), value.as_str().unwrap_or("").to_owned())).collect()
}

/// The items of an array at a pointer; none when there is none.
pub(super) fn items<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The text at a pointer; empty when there is none.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}
