//! When a certificate ends: its `notAfter` (RFC 5280, 4.1.2.5), which is all that is read of it here. What reads whole
//! certificates is rustls, which says nothing of it.

/// The tag of a sequence.
const SEQUENCE: u8 = 0x30;
/// The tag of a whole number, which the serial is.
const INTEGER: u8 = 0x02;
/// The tag of a version, which may be left out.
const VERSION: u8 = 0xa0;
/// A time with two digits for the year.
const UTC_TIME: u8 = 0x17;
/// A time with four.
const GENERALIZED_TIME: u8 = 0x18;

/// When a certificate in DER ends, in Unix seconds; none: it cannot be told.
pub(super) fn not_after(der: &[u8]) -> Option<u64> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (fields, _) = element(certificate, SEQUENCE)?;
    let fields = element(fields, VERSION).map_or(fields, |(_, rest)| rest);
    let (_, fields) = element(fields, INTEGER)?;
    // The algorithm of the signature, and the issuer.
    let (_, fields) = element(fields, SEQUENCE)?;
    let (_, fields) = element(fields, SEQUENCE)?;
    let (validity, _) = element(fields, SEQUENCE)?;
    let (_, _, after) = any(validity)?;
    let (tag, text, _) = any(after)?;
    seconds(tag, text)
}

/// The contents of the first element, if it has this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    any(bytes).filter(|(found, _, _)| *found == tag).map(|(_, contents, rest)| (contents, rest))
}

/// Tag and contents of the first element, and what follows it.
fn any(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) =
            rest.split_at_checked(usize::from(first & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ` as Unix seconds.
fn seconds(tag: u8, text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { 2_000 + year } else { 1_900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let days = days(year, part(0)?, part(2)?);
    u64::try_from(days * 86_400 + part(4)? * 3_600 + part(6)? * 60 + part(8)?).ok()
}

/// Days since 1970 in the Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let mut made = rcgen::CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
        for (year, month, day, expected) in
            [(2024, 2, 29, 1_709_164_800), (2049, 12, 31, 2_524_521_600), (2050, 1, 1, 2_524_608_000)]
        {
            made.not_after = rcgen::date_time_ymd(year, month, day);
            let key = rcgen::KeyPair::generate().unwrap();
            let der = made.self_signed(&key).unwrap();
            assert_eq!(not_after(der.der()), Some(expected), "{year}");
            for end in 0..der.der().len() {
                // Whatever is cut off, it is only not told.
                let _ = not_after(&der.der()[..end]);
            }
        }
        assert_eq!(not_after(b"nonsense"), None);
    }
}
