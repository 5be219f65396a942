//! Numbers as text.

/// Appends a number in decimal.
pub fn write_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a number in 16 hexadecimal digits.
pub fn write_hex(number: u64, out: &mut Vec<u8>) {
    let mut text = [0; 16];
    for (at, digit) in text.iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(number >> (60 - at * 4) & 15) as usize];
    }
    out.extend_from_slice(&text);
}
