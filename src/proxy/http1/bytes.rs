//! Which bytes may stand where (RFC 9110 section 5.6, RFC 9112 section 3), as one table.

/// A byte of a token: a method or a header name.
pub const TOKEN: u8 = 1;
/// A byte of a field value or a reason: visible ASCII, blank, tab, and bytes above ASCII.
pub const VALUE: u8 = 2;
/// A byte of a request target: visible ASCII less `#`.
pub const TARGET: u8 = 4;
/// A byte of a registered host name or an IPv4 address.
pub const HOST: u8 = 8;
/// A hexadecimal digit.
pub const HEX: u8 = 16;
/// `_`.
pub const UNDERSCORE: u8 = 32;

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
    if byte > 0x20 && byte < 0x7f && byte != b'#' {
        class |= TARGET;
    }
    if matches!(byte, b'-' | b'.' | b'_') {
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
    bytes.iter().fold(class, |common, &byte| common & CLASS[usize::from(byte)]) != 0
}

/// Whether every byte may stand in a field value. Written without the table, so that it runs on whole vectors.
pub fn all_value(bytes: &[u8]) -> bool {
    let bad = |byte: u8| ((byte < 0x20) & (byte != b'\t')) | (byte == 0x7f);
    !bytes.iter().fold(false, |any, &byte| any | bad(byte))
}

/// Whether every byte may stand in a field value, or is one of those that end a line.
pub fn all_text(bytes: &[u8]) -> bool {
    let ends_line = |byte: u8| (byte == b'\r') | (byte == b'\n');
    let bad = |byte: u8| ((byte < 0x20) & (byte != b'\t') & !ends_line(byte)) | (byte == 0x7f);
    !bytes.iter().fold(false, |any, &byte| any | bad(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_field_value_agree() {
        for byte in 0..=255 {
            assert_eq!(all_value(&[byte]), all(&[byte], VALUE), "{byte:#x}");
            let text = all(&[byte], VALUE) || b"\r\n".contains(&byte);
            assert_eq!(all_text(&[byte]), text, "{byte:#x}");
        }
    }
}
