//! IP protocol numbers.

use std::fmt;
use std::str::FromStr;

/// An IP protocol number (IPv4 `Protocol`, the last IPv6 `Next Header`), as IANA assigns them
/// ("Assigned Internet Protocol Numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Protocol(pub u8);

/// Why a text is not a protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown protocol `{text}`: write one of {names}, or a number as in `protocol-107`",
    names = Protocol::names()
)]
pub struct ProtocolError {
    /// What was given.
    pub text: String,
}

/// What a protocol's packets carry that a filter can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Source and destination ports; the position among [`Protocol::WITH_PORTS`].
    Ports(usize),
    /// A type and a code; the position among [`Protocol::WITH_TYPES`].
    Types(usize),
    /// Nothing.
    Opaque,
}

impl Protocol {
    /// Internet Control Message Protocol, for IPv4.
    pub const ICMP: Self = Self(1);
    /// Transmission Control Protocol.
    pub const TCP: Self = Self(6);
    /// User Datagram Protocol.
    pub const UDP: Self = Self(17);
    /// Datagram Congestion Control Protocol.
    pub const DCCP: Self = Self(33);
    /// Generic Routing Encapsulation.
    pub const GRE: Self = Self(47);
    /// `IPsec` Encapsulating Security Payload.
    pub const ESP: Self = Self(50);
    /// `IPsec` Authentication Header.
    pub const AH: Self = Self(51);
    /// Internet Control Message Protocol, for IPv6.
    pub const ICMPV6: Self = Self(58);
    /// Stream Control Transmission Protocol.
    pub const SCTP: Self = Self(132);
    /// UDP-Lite.
    pub const UDPLITE: Self = Self(136);

    /// The protocols whose packets carry source and destination ports, ascending.
    pub const WITH_PORTS: [Self; 5] = [Self::TCP, Self::UDP, Self::DCCP, Self::SCTP, Self::UDPLITE];
    /// The protocols whose packets carry a type and a code, ascending.
    pub const WITH_TYPES: [Self; 2] = [Self::ICMP, Self::ICMPV6];

    const NAMED: [(Self, &'static str); 10] = [
        (Self::ICMP, "icmp"),
        (Self::TCP, "tcp"),
        (Self::UDP, "udp"),
        (Self::DCCP, "dccp"),
        (Self::GRE, "gre"),
        (Self::ESP, "esp"),
        (Self::AH, "ah"),
        (Self::ICMPV6, "icmpv6"),
        (Self::SCTP, "sctp"),
        (Self::UDPLITE, "udplite"),
    ];

    /// The number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The name, for protocols that have one in the text form of flows.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMED.iter().find(|(protocol, _)| *protocol == self).map(|(_, name)| *name)
    }

    /// Whether packets carry source and destination ports.
    pub fn has_ports(self) -> bool {
        matches!(self.layer(), Layer::Ports(_))
    }

    /// Whether packets carry a type and a code.
    pub fn has_types(self) -> bool {
        matches!(self.layer(), Layer::Types(_))
    }

    pub(crate) const fn layer(self) -> Layer {
        match self {
            Self::TCP => Layer::Ports(0),
            Self::UDP => Layer::Ports(1),
            Self::DCCP => Layer::Ports(2),
            Self::SCTP => Layer::Ports(3),
            Self::UDPLITE => Layer::Ports(4),
            Self::ICMP => Layer::Types(0),
            Self::ICMPV6 => Layer::Types(1),
            _ => Layer::Opaque,
        }
    }

    fn names() -> String {
        Self::NAMED.map(|(_, name)| format!("`{name}`")).join(", ")
    }
}

/// The name, or `protocol-` and the number.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "protocol-{}", self.0),
        }
    }
}

/// A name in any case, or `protocol-` and a number.
impl FromStr for Protocol {
    type Err = ProtocolError;

    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        let lower = text.to_ascii_lowercase();
        if let Some((protocol, _)) = Self::NAMED.iter().find(|(_, name)| *name == lower) {
            return Ok(*protocol);
        }
        lower
            .strip_prefix("protocol-")
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| ProtocolError { text: text.to_owned() })
    }
}
