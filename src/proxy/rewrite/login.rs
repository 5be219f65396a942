//! Logins that an endpoint ties to a connection: by the schemes NTLM and Negotiate (RFC 4559).

use crate::proxy::codec::head::{KnownName, RequestHead};

/// Whether a request carries such a login.
#[inline]
pub fn is_carried_by(head: &RequestHead<'_>) -> bool {
    head.present.has(KnownName::Authorization) && names_login(head)
}

#[cold]
fn names_login(head: &RequestHead<'_>) -> bool {
    head.values(KnownName::Authorization).flat_map(elements).filter_map(scheme).any(is_login)
}

/// Appends the value of a WWW-Authenticate line without the challenges of such schemes. `true` if it had any.
#[cold]
pub fn write_other_challenges(value: &[u8], out: &mut Vec<u8>) -> bool {
    let (start, mut hidden, mut hides) = (out.len(), false, false);
    for element in elements(value).filter(|element| !element.is_empty()) {
        // What names no scheme is a parameter of the challenge before it.
        if let Some(scheme) = scheme(element) {
            hides = is_login(scheme);
        }
        hidden |= hides;
        if !hides {
            if out.len() > start {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(element);
        }
    }
    hidden
}

fn is_login(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"negotiate")
}

/// The elements of a list, split at commas outside quotes.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let at_comma = move |byte: &u8| {
        let ends = *byte == b',' && !quoted;
        quoted ^= *byte == b'"' && !escaped;
        escaped = quoted && *byte == b'\\' && !escaped;
        ends
    };
    value.split(at_comma).map(<[u8]>::trim_ascii)
}

/// The scheme with which an element begins; `None` if it is a parameter, `name=value`.
fn scheme(element: &[u8]) -> Option<&[u8]> {
    let end = element.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'=')).unwrap_or(element.len());
    let (scheme, rest) = element.split_at(end);
    (!rest.trim_ascii_start().starts_with(b"=")).then_some(scheme)
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*, sample::select};

    use super::*;

    fn others(value: &str) -> (String, bool) {
        let mut out = Vec::new();
        let hidden = write_other_challenges(value.as_bytes(), &mut out);
        (String::from_utf8(out).unwrap(), hidden)
    }

    #[test]
    fn challenges_of_other_schemes_stay_whole() {
        for (value, rest) in [
            ("NTLM", ""),
            ("negotiate", ""),
            ("Negotiate, NTLM", ""),
            ("NTLM TlRMTVNTUAACAAAA==", ""),
            ("Negotiate abc==, Basic realm=\"a\"", "Basic realm=\"a\""),
            ("Basic realm=\"a, NTLM\", charset=UTF-8, ntlm", "Basic realm=\"a, NTLM\", charset=UTF-8"),
            (
                "Negotiate,Digest realm=\"\\\", NTLM\", nonce = \"x\",qop=auth",
                "Digest realm=\"\\\", NTLM\", nonce = \"x\", qop=auth",
            ),
        ] {
            assert_eq!(others(value), (rest.to_owned(), true), "{value}");
        }
        for value in ["Basic realm=\"NTLM\"", "NTLMish", "Bearer error=\"x\", scope=\"Negotiate\""] {
            assert_eq!(others(value), (value.to_owned(), false));
        }
    }

    proptest! {
        /// Whatever an endpoint sends: nobody who reads what is left finds such a login in it, and what has none stays.
        #[test]
        fn no_login_is_left_and_nothing_else_is_taken(
            parts in collection::vec(
                select(vec![
                    "NTLM", "negotiate", "Negotiate a==", "Basic", "realm=\"x, NTLM\"", "a=b", "\"", "\\", " ", "=", ",", ", ", "Digest q=\"",
                ]),
                0..12,
            ),
        ) {
            let value = parts.concat();
            let (rest, hidden) = others(&value);
            let logins = |text: &str| elements(text.as_bytes()).filter_map(scheme).filter(|scheme| is_login(scheme)).count();
            prop_assert_eq!(logins(&rest), 0, "{:?} became {:?}", value, rest);
            prop_assert_eq!(hidden, logins(&value) > 0);
            prop_assert_eq!(others(&rest), (rest.clone(), false), "once is enough");
            if !hidden {
                let joined = |text: &str| elements(text.as_bytes()).filter(|one| !one.is_empty()).map(<[u8]>::to_vec).collect::<Vec<_>>();
                prop_assert_eq!(joined(&rest), joined(&value));
            }
        }
    }

    #[test]
    fn a_login_is_found_among_the_schemes_alone() {
        let carries = |value: &str| elements(value.as_bytes()).filter_map(scheme).any(is_login);
        assert!(carries("NTLM TlRM") && carries("negotiate\tYII=") && carries("Basic eA==, NTLM TlRM"));
        assert!(
            !carries("Basic bnRsbQ==") && !carries("Bearer NTLM") && !carries("Digest username=\"NTLM\"")
        );
    }
}
