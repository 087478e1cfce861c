//! The text form of flows: `All Connections`, `protocol: TCP src-ports: 1-5,7 dst-ports: 80`.

use watertight_net::{ByteRange, ByteSet, FlowSet, PortRange, PortSet, Protocol};

#[cfg(test)]
mod tests;

/// The ports that the other side knows.
const PORTS: (u16, u16) = (1, 65_535);

/// All that the other side tells about: TCP and UDP on ports 1-65535, ICMP.
pub(super) fn universe() -> FlowSet {
    let ports = PortSet::range(PORTS.0, PORTS.1).unwrap_or_default();
    let all = |protocol| FlowSet::ports(protocol, ports.clone(), ports.clone());
    all(Protocol::TCP).union(&all(Protocol::UDP)).union(&FlowSet::protocol(Protocol::ICMP))
}

/// The part of flows for which the other side asks whether a reply comes back.
pub(super) fn tcp() -> FlowSet {
    universe().intersection(&FlowSet::protocol(Protocol::TCP))
}

/// Reads flows; a word that is not known is an error.
pub(super) fn parse(text: &str) -> Result<FlowSet, String> {
    match text.trim() {
        "All Connections" => return Ok(universe()),
        "No Connections" => return Ok(FlowSet::none()),
        _ => {}
    }
    let mut flows = FlowSet::none();
    for part in text.split(';') {
        flows = flows.union(&part_of(part.trim())?);
    }
    Ok(flows.intersection(&universe()))
}

/// `protocol: TCP,UDP src-ports: 1-5 dst-ports: 80`, fields in any order.
fn part_of(text: &str) -> Result<FlowSet, String> {
    let mut fields = Fields::default();
    let mut key = None;
    for word in text.split_whitespace() {
        match (word.strip_suffix(':'), key.take()) {
            (Some(word), None) => key = Some(word),
            (None, Some(key)) => fields.set(key, word)?,
            _ => return Err(format!("`{text}` is no list of flows: `{word}` is out of place")),
        }
    }
    if key.is_some() {
        return Err(format!("`{text}` ends without a value"));
    }
    fields.flows()
}

/// The fields of one part, or of a rule.
#[derive(Debug, Default)]
pub(super) struct Fields {
    protocols: Vec<Protocol>,
    all: bool,
    source: Option<PortSet>,
    destination: Option<PortSet>,
    types: Option<ByteSet>,
    codes: Option<ByteSet>,
}

impl Fields {
    /// Takes a field, in the spelling of lists or of rules.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "protocol" if value == "all" || value == "-1" => self.all = true,
            "protocol" => {
                for name in value.split(',') {
                    self.protocols.push(protocol_of(name)?);
                }
            }
            "src-ports" | "srcPorts" => self.source = Some(ports_of(value)?),
            "dst-ports" | "dstPorts" => self.destination = Some(ports_of(value)?),
            "icmp-type" | "icmpType" | "type" => self.types = Some(bytes_of(value)?),
            "icmp-code" | "icmpCode" | "code" => self.codes = Some(bytes_of(value)?),
            other => return Err(format!("`{other}` is no field of flows that is known")),
        }
        Ok(())
    }

    /// The flows that the fields describe.
    pub(super) fn flows(self) -> Result<FlowSet, String> {
        if self.all {
            return Ok(universe());
        }
        if self.protocols.is_empty() {
            return Err("flows without a protocol".to_owned());
        }
        let mut flows = FlowSet::none();
        for protocol in self.protocols {
            let one = if protocol.has_types() {
                let full = ByteSet::full;
                let types = self.types.clone().unwrap_or_else(full);
                FlowSet::icmp(protocol, types, self.codes.clone().unwrap_or_else(full))
            } else {
                let full = PortSet::full;
                let source = self.source.clone().unwrap_or_else(full);
                FlowSet::ports(protocol, source, self.destination.clone().unwrap_or_else(full))
            };
            flows = flows.union(&one);
        }
        Ok(flows.intersection(&universe()))
    }
}

fn protocol_of(name: &str) -> Result<Protocol, String> {
    match name.to_ascii_lowercase().as_str() {
        "tcp" | "6" => Ok(Protocol::TCP),
        "udp" | "17" => Ok(Protocol::UDP),
        "icmp" | "1" => Ok(Protocol::ICMP),
        other => Err(format!("`{other}` is no protocol that is known")),
    }
}

fn ports_of(text: &str) -> Result<PortSet, String> {
    let ranges = text.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.parse::<u16>().map_err(|error| error.to_string());
        PortRange::new(number(first)?, number(last)?).map_err(|error| error.to_string())
    });
    let ranges: Result<Vec<PortRange>, String> = ranges.collect();
    Ok(ranges.map_err(|error| format!("`{text}` are no ports: {error}"))?.into_iter().collect())
}

fn bytes_of(text: &str) -> Result<ByteSet, String> {
    let ranges = text.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.parse::<u8>().map_err(|error| error.to_string());
        ByteRange::new(number(first)?, number(last)?).map_err(|error| error.to_string())
    });
    let ranges: Result<Vec<ByteRange>, String> = ranges.collect();
    Ok(ranges.map_err(|error| format!("`{text}` are no types: {error}"))?.into_iter().collect())
}
