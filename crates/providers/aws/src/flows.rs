//! Protocol, port and type fields as sets of flows.

use std::collections::BTreeMap;
use std::sync::Arc;

use watertight_net::{ByteSet, FlowSet, PortSet, Protocol, Scalar};
use watertight_source::Node;

use crate::codes;
use crate::fields::Fields;

/// Sets of flows by what rules say, so that equal rules share one set.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    made: BTreeMap<(Protocol, u16, u16), Arc<FlowSet>>,
}

/// The protocol of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RuleProtocol {
    /// All protocols, all ports.
    All,
    /// One protocol.
    One(Protocol),
}

impl RuleProtocol {
    /// Reads `IpProtocol` of a security group's rule or `Protocol` of an ACL's entry: `-1`, a name
    /// or a number (EC2 API reference, `IpPermission` and `NetworkAclEntry`).
    pub(crate) fn read(text: &str) -> Option<Self> {
        match text {
            "-1" | "all" => Some(Self::All),
            "icmpv6" => Some(Self::One(Protocol::ICMPV6)),
            _ => {
                let number = text.parse().ok().map(Protocol);
                number.or_else(|| text.parse().ok()).map(Self::One)
            }
        }
    }
}

impl Flows {
    /// TCP, UDP or another protocol with ports, to the ports from `first` to `last`.
    pub(crate) fn ports(&mut self, protocol: Protocol, first: u16, last: u16) -> Arc<FlowSet> {
        let made = self.made.entry((protocol, first, last));
        let set = made.or_insert_with(|| {
            let ports = PortSet::range(first, last).unwrap_or_default();
            Arc::new(FlowSet::ports(protocol, PortSet::full(), ports))
        });
        Arc::clone(set)
    }

    /// ICMP of a type and a code; `None` stands for any.
    fn types(&mut self, protocol: Protocol, of_type: Option<u8>, code: Option<u8>) -> Arc<FlowSet> {
        // 256 stands for any, which no type or code is.
        let key = |byte: Option<u8>| byte.map_or(256, u16::from);
        let made = self.made.entry((protocol, key(of_type), key(code)));
        let set = made.or_insert_with(|| {
            let bytes = |byte: Option<u8>| byte.map_or_else(ByteSet::full, ByteSet::single);
            Arc::new(FlowSet::icmp(protocol, bytes(of_type), bytes(code)))
        });
        Arc::clone(set)
    }

    /// What a rule with these two numbers matches: ports for protocols that have them, type and
    /// code for ICMP, nothing else counts. -1 and absence stand for any. `None` when a number is out
    /// of range, with an error.
    pub(crate) fn of_rule(
        &mut self,
        fields: &mut Fields,
        place: Node<'_>,
        protocol: RuleProtocol,
        numbers: (Option<i64>, Option<i64>),
    ) -> Option<Arc<FlowSet>> {
        let RuleProtocol::One(protocol) = protocol else { return Some(Arc::new(FlowSet::all())) };
        let (first, last) = numbers;
        if protocol.has_types() {
            let of_type = in_range::<u8>(fields, place, first).ok()?;
            let code = in_range::<u8>(fields, place, last).ok()?;
            return Some(self.types(protocol, of_type, code));
        }
        // The provider reads ports for TCP and UDP only; all other protocols go by their number.
        if protocol != Protocol::TCP && protocol != Protocol::UDP {
            return Some(Arc::new(FlowSet::protocol(protocol)));
        }
        let first = in_range::<u16>(fields, place, first).ok()?.unwrap_or(0);
        let last = in_range::<u16>(fields, place, last).ok()?.unwrap_or(u16::MAX);
        if first > last {
            let message = format!("the ports {first} to {last} are in the wrong order");
            fields.error(place, codes::BAD_NUMBER, "", message);
            return None;
        }
        Some(self.ports(protocol, first, last))
    }
}

/// A number is out of range, which a diagnostic says.
struct OutOfRange;

/// A number of the type's range; `None` for any.
fn in_range<T: TryFrom<i64> + Into<u64> + Scalar>(
    fields: &mut Fields,
    place: Node<'_>,
    number: Option<i64>,
) -> Result<Option<T>, OutOfRange> {
    let Some(number) = number.filter(|number| *number != -1) else { return Ok(None) };
    if let Ok(number) = T::try_from(number) {
        return Ok(Some(number));
    }
    let max: u64 = T::MAX.into();
    let message = format!("the number {number} is not in the range from 0 to {max}");
    fields.error(place, codes::BAD_NUMBER, "", message);
    Err(OutOfRange)
}
