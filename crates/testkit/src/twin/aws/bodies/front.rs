//! Load balancers, listeners, target groups and targets.

use serde_json::Value;

use super::{Bodies, Origin, list, optional, text};

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct LoadBalancer {
    pub(in crate::twin::aws) arn: String,
    /// `application`, `network`, `gateway`.
    pub(in crate::twin::aws) kind: String,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Listener {
    pub(in crate::twin::aws) load_balancer: String,
    pub(in crate::twin::aws) protocol: String,
    pub(in crate::twin::aws) port: u16,
    pub(in crate::twin::aws) target_groups: Vec<String>,
}

impl Listener {
    /// The protocols that it hears, by number.
    pub(in crate::twin::aws) fn carried(&self) -> &'static [u8] {
        match self.protocol.as_str() {
            "HTTP" | "HTTPS" | "TCP" | "TLS" => &[6],
            "UDP" => &[17],
            "TCP_UDP" => &[6, 17],
            _ => &[],
        }
    }
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct TargetGroup {
    pub(in crate::twin::aws) arn: String,
    /// `instance`, `ip`, `alb`, `lambda`.
    pub(in crate::twin::aws) kind: String,
    pub(in crate::twin::aws) protocol: String,
    pub(in crate::twin::aws) version_6: bool,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Target {
    pub(in crate::twin::aws) id: String,
    pub(in crate::twin::aws) port: u16,
    pub(in crate::twin::aws) healthy: bool,
}

impl Bodies {
    pub(super) fn read_load_balancers(&mut self, value: &Value) {
        for body in list(value) {
            let arn = text(body, "LoadBalancerArn");
            self.load_balancers.insert(arn.clone(), LoadBalancer { arn, kind: text(body, "Type") });
        }
    }

    pub(super) fn read_listeners(&mut self, value: &Value) {
        for body in list(value) {
            let mut target_groups = Vec::new();
            for action in list(&body["DefaultActions"]).filter(|one| one["Type"] == "forward") {
                let weighted = list(&action["ForwardConfig"]["TargetGroups"])
                    .filter(|one| one["Weight"] != 0)
                    .map(|one| text(one, "TargetGroupArn"));
                for group in optional(action, "TargetGroupArn").into_iter().chain(weighted) {
                    if !target_groups.contains(&group) {
                        target_groups.push(group);
                    }
                }
            }
            self.listeners.push(Listener {
                load_balancer: text(body, "LoadBalancerArn"),
                protocol: text(body, "Protocol"),
                port: port(&body["Port"]),
                target_groups,
            });
        }
    }

    pub(super) fn read_target_groups(&mut self, value: &Value) {
        for body in list(value) {
            let arn = text(body, "TargetGroupArn");
            self.target_groups.insert(
                arn.clone(),
                TargetGroup {
                    arn,
                    kind: text(body, "TargetType"),
                    protocol: text(body, "Protocol"),
                    version_6: body["IpAddressType"] == "ipv6",
                },
            );
        }
    }

    pub(super) fn read_target_health(&mut self, value: &Value, origin: &Origin) {
        let group = self.target_groups.keys().find(|arn| named(arn, origin)).cloned();
        if let Some(group) = group {
            self.read_targets(group, value);
        }
    }

    pub(super) fn read_targets(&mut self, group: String, value: &Value) {
        let state = |one: &Value| one["TargetHealth"]["State"].as_str().map(str::to_owned);
        // Nothing is sent to a target that is not in use or deregistered.
        let used =
            list(value).filter(|one| !matches!(state(one).as_deref(), Some("unused" | "draining")));
        self.targets.entry(group).or_default().extend(used.map(|one| Target {
            id: text(&one["Target"], "Id"),
            port: port(&one["Target"]["Port"]),
            healthy: one["TargetHealth"]["State"] == "healthy",
        }));
    }

    pub(super) fn read_attributes(&mut self, value: &Value, origin: &Origin) {
        let arn = self
            .target_groups
            .keys()
            .chain(self.load_balancers.keys())
            .find(|arn| named(arn, origin))
            .cloned();
        if let Some(arn) = arn {
            self.read_attributes_of(arn, value);
        }
    }

    pub(super) fn read_attributes_of(&mut self, arn: String, value: &Value) {
        let pairs = list(value).map(|one| (text(one, "Key"), text(one, "Value")));
        self.attributes.entry(arn).or_default().extend(pairs);
    }
}

/// Whether the file's name holds the last part of the ARN.
fn named(arn: &str, origin: &Origin) -> bool {
    arn.rsplit('/').next().is_some_and(|last| !last.is_empty() && origin.file.contains(last))
}

fn port(value: &Value) -> u16 {
    value.as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0)
}
