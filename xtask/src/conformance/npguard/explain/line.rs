//! Single lines of an explanation's details: guards and their rules.

use watertight_model::network::Direction;
use watertight_net::{AddressSet, FlowSet};

use crate::conformance::npguard::flows::{Fields, parse};
use crate::conformance::npguard::listing::addresses_of;

/// The kinds of guards, as files write them.
const KINDS: [&str; 2] = ["security group", "network ACL"];

/// The heading under which a line stands: the guards of the sender, or of the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::conformance::npguard) enum Way {
    Egress,
    Ingress,
}

impl Way {
    pub(super) fn of_heading(line: &str) -> Option<Self> {
        match line {
            "Egress:" => Some(Self::Egress),
            "Ingress:" => Some(Self::Ingress),
            _ => None,
        }
    }

    /// The direction in our words.
    pub(in crate::conformance::npguard) fn direction(self) -> Direction {
        match self {
            Self::Egress => Direction::Egress,
            Self::Ingress => Direction::Ingress,
        }
    }
}

/// A guard with what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::conformance::npguard) struct GuardLine {
    pub(in crate::conformance::npguard) way: Way,
    /// Its kind and its name, as in `network ACL name`.
    pub(in crate::conformance::npguard) guard: String,
    pub(in crate::conformance::npguard) allows: bool,
    /// Whether the rules that follow are all that deny.
    pub(in crate::conformance::npguard) tells_denials: bool,
    pub(in crate::conformance::npguard) rules: Vec<RuleLine>,
}

/// A rule of a guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::conformance::npguard) struct RuleLine {
    pub(in crate::conformance::npguard) direction: Direction,
    /// The number, for rules that have an order.
    pub(in crate::conformance::npguard) number: Option<String>,
    /// Whether it allows; rules without an order do.
    pub(in crate::conformance::npguard) allows: bool,
    pub(in crate::conformance::npguard) target: AddressSet,
    pub(in crate::conformance::npguard) flows: FlowSet,
}

/// `security group name allows connection`: the guard, and whether it does.
pub(super) fn effect(text: &str) -> Result<(String, bool), String> {
    let (guard, rest, allows) = split_effect(text)?;
    if !rest.is_empty() {
        return Err(format!("`{rest}` after the effect of `{guard}` is not known"));
    }
    Ok((guard.to_owned(), allows))
}

fn split_effect(text: &str) -> Result<(&str, &str, bool), String> {
    let effects = [
        (" allows connection", true),
        (" blocks connection", false),
        (" does not allow connection", false),
    ];
    for (words, allows) in effects {
        if let Some((guard, rest)) = text.split_once(words)
            && KINDS.iter().any(|kind| guard.starts_with(kind))
        {
            return Ok((guard, rest.trim(), allows));
        }
    }
    Err(format!("`{text}` tells no effect of a guard"))
}

/// `...since subnet name is private`: tells what the routes tell.
pub(super) fn is_subnet_remark(text: &str) -> bool {
    let text = text.trim_end_matches('.');
    text.contains("subnet ") && (text.ends_with(" is private") || text.ends_with(" is public"))
}

impl GuardLine {
    pub(super) fn parse(line: &str, way: Way) -> Result<Self, String> {
        let (guard, rest, allows) = split_effect(line)?;
        let tells_denials = match rest.trim_end_matches(':') {
            "with the following allow rules" => false,
            "with the following deny rules" | "with the following allow and deny rules" => true,
            "since there are no relevant allow rules" => false,
            other => return Err(format!("`{other}` after `{guard}` is not known")),
        };
        let guard = guard.to_owned();
        Ok(Self { way, guard, allows, tells_denials, rules: Vec::new() })
    }
}

impl RuleLine {
    /// Reads a rule; none where the line is no rule.
    pub(super) fn parse(line: &str) -> Result<Option<Self>, String> {
        let starts = ["Inbound index:", "Outbound index:", "index:", "ruleNumber:"];
        if !starts.iter().any(|start| line.starts_with(start)) {
            return Ok(None);
        }
        let mut rule = Self {
            direction: Direction::Egress,
            number: None,
            allows: true,
            target: AddressSet::all_v4(),
            flows: FlowSet::none(),
        };
        let mut fields = Fields::default();
        let mut messages = None;
        let mut direction = None;
        let mut target: Option<String> = None;
        for part in line.split(',') {
            // A list of addresses goes on after a comma.
            let part = part.trim_start().trim_start_matches("conns: ");
            let Some((key, value)) = part.split_once(": ") else {
                let more = target.as_mut().ok_or_else(|| format!("`{part}` has no name"))?;
                more.push(',');
                more.push_str(part);
                continue;
            };
            let value = value.trim();
            match key.trim() {
                "Inbound index" | "Outbound index" | "index" => {}
                "ruleNumber" => rule.number = Some(value.to_owned()),
                "action" => rule.allows = allows(value)?,
                "direction" => direction = Some(direction_of(value)?),
                "target" | "cidr" => target = Some(value.to_owned()),
                // Types are told in the form of lists: `icmpType: protocol: ICMP icmp-type: 8`.
                "icmpType" if value.starts_with("protocol: ") => messages = Some(parse(value)?),
                key => fields.set(key, value)?,
            }
        }
        rule.direction = direction.ok_or_else(|| format!("`{line}` tells no direction"))?;
        let target = target.ok_or_else(|| format!("`{line}` tells no addresses"))?;
        rule.target = addresses_of(&target)?;
        let flows = fields.flows()?;
        rule.flows = messages.map_or_else(|| flows.clone(), |one| flows.intersection(&one));
        Ok(Some(rule))
    }
}

fn allows(action: &str) -> Result<bool, String> {
    match action {
        "allow" => Ok(true),
        "deny" => Ok(false),
        other => Err(format!("`{other}` is no action that is known")),
    }
}

fn direction_of(text: &str) -> Result<Direction, String> {
    match text {
        "inbound" => Ok(Direction::Ingress),
        "outbound" => Ok(Direction::Egress),
        other => Err(format!("`{other}` is no direction that is known")),
    }
}
