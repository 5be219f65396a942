//! Which bytes may stand where (RFC 9110 section 5.6, RFC 9112 section 3), as one table.

/// A byte of a token: a method or a header name.
pub const TOKEN: u8 = 1;
/// A byte of a field value or a reason: visible ASCII, blank, tab, and bytes above ASCII.
pub const VALUE: u8 = 2;
/// A byte of a request target: visible ASCII without `#`, and bytes above ASCII, which are escaped on the way up.
pub const TARGET: u8 = 4;
/// A byte of a registered host name or an IPv4 address (RFC 3986 section 3.2.2). Escapes are left out, since readers decode them
/// differently, and so are `,`, `;` and `=`: readers of Forwarded that do not know quotes would find parameters in a host.
pub const HOST: u8 = 8;
/// A hexadecimal digit.
pub const HEX: u8 = 16;
/// `_`.
pub const UNDERSCORE: u8 = 32;
/// A byte above ASCII.
pub const HIGH: u8 = 64;

/// The classes of each byte.
pub const CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class(byte as u8);
        byte += 1;
    }
    table
}

const fn class(byte: u8) -> u8 {
    let mut class = 0;
    if byte.is_ascii_alphanumeric() {
        class |= TOKEN | HOST;
    }
    if matches!(
        byte,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    ) {
        class |= TOKEN;
    }
    if byte >= 0x80 || (byte >= 0x20 && byte != 0x7f) || byte == b'\t' {
        class |= VALUE;
    }
    if byte > 0x20 && byte != 0x7f && byte != b'#' {
        class |= TARGET;
    }
    if byte >= 0x80 {
        class |= HIGH;
    }
    if matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+') {
        class |= HOST;
    }
    if byte.is_ascii_hexdigit() {
        class |= HEX;
    }
    if byte == b'_' {
        class |= UNDERSCORE;
    }
    class
}

/// Whether every byte has a class.
pub fn all(bytes: &[u8], class: u8) -> bool {
    Classes::of(bytes).all & class != 0
}

/// The classes of several bytes.
#[derive(Debug, Clone, Copy)]
pub struct Classes {
    /// Those that all of them have.
    pub all: u8,
    /// Those that some of them have.
    pub any: u8,
}

impl Classes {
    /// Of these bytes; all, if there are none.
    #[inline]
    pub fn of(bytes: &[u8]) -> Self {
        let (mut all, mut any) = (u8::MAX, 0);
        for &byte in bytes {
            let classes = CLASS[usize::from(byte)];
            all &= classes;
            any |= classes;
        }
        Self { all, any }
    }
}

/// Whether every byte may stand in a field value. Written without the table, so that it runs on whole vectors.
pub fn all_value(bytes: &[u8]) -> bool {
    let bad = |byte: u8| ((byte < 0x20) & (byte != b'\t')) | (byte == 0x7f);
    !bytes.iter().fold(false, |any, &byte| any | bad(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_field_value_agree() {
        for byte in 0..=255 {
            assert_eq!(all_value(&[byte]), all(&[byte], VALUE), "{byte:#x}");
        }
    }
}
