//! Networks: an address and how many of its leading bits count.

use std::{fmt, net::IpAddr, str::FromStr};

use super::text_form::serde_as_text;

/// A network such as `10.0.0.0/8`. The bits after the prefix are zero, and IPv4-mapped IPv6 addresses are kept as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

serde_as_text!(Network);

impl Network {
    /// The network's first address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits count: 0..=32 for IPv4, 0..=128 for IPv6.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// Whether an address lies in it. IPv4-mapped IPv6 addresses count as IPv4.
    pub fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.address.is_ipv4() == address.is_ipv4() && masked(address, self.bits) == self.address
    }
}

/// The address with everything after the leading bits cleared.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("`{text}` is not an IP address or a network such as 10.0.0.0/8"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= most)
                .ok_or_else(|| format!("`{text}` must end in a number of bits from 0 to {most}"))?,
        };
        if masked(address, bits) != address {
            return Err(format!(
                "`{text}` has bits set after the first {bits}: write {}/{bits}",
                masked(address, bits)
            ));
        }
        let canonical = address.to_canonical();
        let mapped = canonical.is_ipv4() && address.is_ipv6();
        match (mapped, bits.checked_sub(96)) {
            (true, Some(bits)) => Ok(Self { address: canonical, bits }),
            _ => Ok(Self { address, bits }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn contains_its_addresses_and_no_other() {
        let ten = network("10.0.0.0/8");
        assert!(ten.contains("10.255.0.1".parse().unwrap()));
        assert!(ten.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!ten.contains("11.0.0.0".parse().unwrap()));
        assert!(!ten.contains("::1".parse().unwrap()));
        assert!(network("0.0.0.0/0").contains("1.2.3.4".parse().unwrap()));
        assert!(network("::/0").contains("fd00::1".parse().unwrap()));
        assert!(network("192.0.2.7").contains("192.0.2.7".parse().unwrap()));
        assert_eq!(network("::ffff:10.0.0.0/104"), ten);
    }

    #[test]
    fn refuses_what_is_no_network() {
        for text in ["", "10.0.0.0/33", "10.0.0.1/8", "example.org", "10/8", "::/129", "10.0.0.0/"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
