//! Numbers and addresses as text.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv6Addr},
};

/// Appends a number in decimal.
pub fn write_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a number in 16 hexadecimal digits.
pub fn write_hex(number: u64, out: &mut Vec<u8>) {
    let mut text = [0; 16];
    text[..8].copy_from_slice(&hex_digits((number >> 32) as u32));
    text[8..].copy_from_slice(&hex_digits(number as u32));
    out.extend_from_slice(&text);
}

/// The digits, all of them made at once: each byte of a word becomes one.
fn hex_digits(number: u32) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let number = u64::from(number);
    let number = (number << 16 | number) & 0x0000_ffff_0000_ffff;
    let number = (number << 8 | number) & 0x00ff_00ff_00ff_00ff;
    let number = (number << 4 | number) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = (number + ONES * 6) >> 4 & ONES;
    (number + ONES * u64::from(b'0') + letters * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

/// Appends an address: what formatting it would, for IPv4, the usual case, without that cost.
pub fn write_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => write_ipv4(address.octets(), out),
        IpAddr::V6(address) => write_ipv6(address, out),
    }
}

fn write_ipv4(octets: [u8; 4], out: &mut Vec<u8>) {
    let (mut text, mut at) = ([0; 16], 0);
    for octet in octets {
        // A digit that is not there is overwritten by the next.
        text[at] = b'0' + octet / 100;
        at += usize::from(octet >= 100);
        text[at] = b'0' + octet / 10 % 10;
        at += usize::from(octet >= 10);
        text[at] = b'0' + octet % 10;
        text[at + 1] = b'.';
        at += 2;
    }
    out.extend_from_slice(&text[..at - 1]);
}

#[cold]
fn write_ipv6(address: Ipv6Addr, out: &mut Vec<u8>) {
    write!(out, "{address}").expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_are_written_as_formatting_writes_them() {
        let mut numbers = vec![0, 9, 10, 0xa, u64::MAX, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];
        numbers.extend((0..64).map(|bit| 1 << bit));
        for number in numbers {
            let mut out = Vec::new();
            write_hex(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{number:016x}"));
        }
        for (octet, at) in (0..=255_u8).flat_map(|octet| (0..4).map(move |at| (octet, at))) {
            for rest in [0, 10, 255] {
                let mut octets = [rest; 4];
                octets[at] = octet;
                let (address, mut out) = (IpAddr::from(octets), Vec::new());
                write_address(address, &mut out);
                assert_eq!(String::from_utf8(out).unwrap(), address.to_string());
            }
        }
    }
}
