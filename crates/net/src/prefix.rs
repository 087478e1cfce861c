//! Prefixes: an address and a length, with host bits zero.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::interval::Interval;

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address. An IPv4-mapped IPv6 address is IPv6.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The length of an address: 32 or 128 bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// A block of addresses of one family, in canonical form: the bits after the length are zero.
///
/// Ordered by first address (IPv4 before IPv6), then by length. IPv4-mapped IPv6 addresses
/// (`::ffff:0:0/96`) are IPv6: a filter sees the packet's own family.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

/// Why something is not a prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// The address is not an address.
    #[error(
        "`{text}` does not start with an IPv4 or IPv6 address: write a prefix as in `10.0.0.0/8` or `2001:db8::/32`"
    )]
    Address {
        /// What was given.
        text: String,
    },
    /// There is no length.
    #[error("`{address}` has no prefix length: write `{address}/{bits}` for this one address")]
    NoLength {
        /// The address.
        address: IpAddr,
        /// The length of an address of this family.
        bits: u8,
    },
    /// The length is not a length.
    #[error("prefix length `{length}` of `{address}` is not a number from 0 to {bits}")]
    Length {
        /// The address.
        address: IpAddr,
        /// The length, as given.
        length: String,
        /// The greatest length of this family.
        bits: u8,
    },
    /// The address is inside the block, not its first address.
    #[error("`{address}/{length}` has host bits that are not zero: write `{canonical}`, or `{address}/{bits}` for one address", bits = Family::of(*address).bits())]
    HostBits {
        /// The address.
        address: IpAddr,
        /// The length.
        length: u8,
        /// The block that holds the address.
        canonical: Prefix,
    },
}

impl Prefix {
    /// Every IPv4 address.
    pub const ALL_V4: Self = Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), length: 0 };
    /// Every IPv6 address.
    pub const ALL_V6: Self = Self { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), length: 0 };

    /// The block that starts at `address`.
    ///
    /// # Errors
    /// When `length` (in bits) is too long for the family, or a bit after it is not zero.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, PrefixError> {
        let canonical = Self::masked(address, length)?;
        if canonical.address != address {
            return Err(PrefixError::HostBits { address, length, canonical });
        }
        Ok(canonical)
    }

    /// The block of `length` bits that holds `address`.
    ///
    /// # Errors
    /// When `length` is too long for the family.
    pub fn masked(address: IpAddr, length: u8) -> Result<Self, PrefixError> {
        let bits = Family::of(address).bits();
        if length > bits {
            return Err(PrefixError::Length { address, length: length.to_string(), bits });
        }
        let address = match address {
            IpAddr::V4(v4) => Ipv4Addr::from(v4.to_bits() & !host_mask_v4(length)).into(),
            IpAddr::V6(v6) => Ipv6Addr::from(v6.to_bits() & !host_mask_v6(length)).into(),
        };
        Ok(Self { address, length })
    }

    /// The block of one address.
    pub const fn host(address: IpAddr) -> Self {
        Self { address, length: Family::of(address).bits() }
    }

    /// Reads `10.1.2.3/8` as `10.0.0.0/8`, and an address alone as that one address.
    ///
    /// # Errors
    /// When the text is not an address with or without a length.
    pub fn parse_lenient(text: &str) -> Result<Self, PrefixError> {
        match parse(text)? {
            (address, Some(length)) => Self::masked(address, length),
            (address, None) => Ok(Self::host(address)),
        }
    }

    /// IPv4 or IPv6.
    pub const fn family(self) -> Family {
        Family::of(self.address)
    }

    /// The length in bits.
    #[expect(
        clippy::len_without_is_empty,
        reason = "the usual name of a prefix's bit count; no block is empty"
    )]
    pub const fn len(self) -> u8 {
        self.length
    }

    /// The first address.
    pub const fn first(self) -> IpAddr {
        self.address
    }

    /// The last address.
    pub fn last(self) -> IpAddr {
        match self.address {
            IpAddr::V4(v4) => Ipv4Addr::from(v4.to_bits() | host_mask_v4(self.length)).into(),
            IpAddr::V6(v6) => Ipv6Addr::from(v6.to_bits() | host_mask_v6(self.length)).into(),
        }
    }

    /// Whether an address is in the block. An address of the other family is not.
    pub fn contains(self, address: IpAddr) -> bool {
        self.covers(Self::host(address))
    }

    /// Whether every address of `other` is in this block.
    pub fn covers(self, other: Self) -> bool {
        self.length <= other.length
            && match (self.address, other.address) {
                (IpAddr::V4(a), IpAddr::V4(b)) => {
                    (a.to_bits() ^ b.to_bits()) & !host_mask_v4(self.length) == 0
                }
                (IpAddr::V6(a), IpAddr::V6(b)) => {
                    (a.to_bits() ^ b.to_bits()) & !host_mask_v6(self.length) == 0
                }
                _ => false,
            }
    }

    /// Whether the blocks share an address: then one covers the other.
    pub fn overlaps(self, other: Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Whether the block is one address.
    pub const fn is_host(self) -> bool {
        self.length == self.family().bits()
    }
}

/// The bits after the first `length` of 32.
pub(crate) fn host_mask_v4(length: u8) -> u32 {
    u32::MAX.checked_shr(u32::from(length)).unwrap_or(0)
}

/// The bits after the first `length` of 128.
pub(crate) fn host_mask_v6(length: u8) -> u128 {
    u128::MAX.checked_shr(u32::from(length)).unwrap_or(0)
}

/// The fewest prefixes whose union is an IPv4 interval.
pub(crate) fn cover_v4(interval: Interval<u32>, prefixes: &mut Vec<Prefix>) {
    let last = interval.last();
    let mut next = Some(interval.first());
    while let Some(first) = next.filter(|first| *first <= last) {
        // The longest step that first is aligned to and that does not pass last.
        let mut length = 32 - u8::try_from(first.trailing_zeros()).unwrap_or(32);
        while first | host_mask_v4(length) > last {
            length += 1;
        }
        prefixes.push(Prefix { address: Ipv4Addr::from(first).into(), length });
        next = (first | host_mask_v4(length)).checked_add(1);
    }
}

/// The fewest prefixes whose union is an IPv6 interval.
pub(crate) fn cover_v6(interval: Interval<u128>, prefixes: &mut Vec<Prefix>) {
    let last = interval.last();
    let mut next = Some(interval.first());
    while let Some(first) = next.filter(|first| *first <= last) {
        let mut length = 128 - u8::try_from(first.trailing_zeros()).unwrap_or(128);
        while first | host_mask_v6(length) > last {
            length += 1;
        }
        prefixes.push(Prefix { address: Ipv6Addr::from(first).into(), length });
        next = (first | host_mask_v6(length)).checked_add(1);
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({self})")
    }
}

/// Strict: a length is required and host bits must be zero. See [`Prefix::parse_lenient`].
impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        match parse(text)? {
            (address, Some(length)) => Self::new(address, length),
            (address, None) => {
                Err(PrefixError::NoLength { address, bits: Family::of(address).bits() })
            }
        }
    }
}

fn parse(text: &str) -> Result<(IpAddr, Option<u8>), PrefixError> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err(PrefixError::Address { text: text.to_owned() });
    };
    let Some(digits) = length else { return Ok((address, None)) };
    let bits = Family::of(address).bits();
    match digits.parse::<u8>() {
        // The standard parser would take a sign too.
        Ok(length) if length <= bits && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok((address, Some(length)))
        }
        _ => Err(PrefixError::Length { address, length: digits.to_owned(), bits }),
    }
}
