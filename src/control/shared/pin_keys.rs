//! The fleet's pin keys: made once by the first router, kept in the store and beside the last good table. Beside them stands
//! the format in which pins are signed, under a key of its own, since earlier versions refuse pin keys with more to say.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    live::certificates::TicketSecrets,
    rollout::pin::{PinFormat, PinKey, PinKeys},
};

/// Where the fleet keeps them.
pub const PIN_KEYS: &str = "rolling/router/pinkeys";

/// Where the fleet keeps the number of the format that it signs.
pub const PIN_FORMAT: &str = "rolling/router/pinformat";

/// A format as stored.
pub fn encode_format(format: PinFormat) -> Vec<u8> {
    format.number().to_string().into_bytes()
}

/// A stored format; `None` when it is not ours.
pub fn decode_format(text: &[u8]) -> Option<PinFormat> {
    Some(PinFormat::of_number(std::str::from_utf8(text).ok()?.trim().parse().ok()?))
}

#[derive(Serialize, Deserialize)]
struct StoredKeys {
    next: Option<StoredKey>,
    current: StoredKey,
    previous: Option<StoredKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    id: u8,
    secret: String,
}

/// New keys. The id is random, so that a pin of another fleet is known as foreign rather than as forged.
pub fn generate() -> Result<PinKeys, getrandom::Error> {
    let mut bytes = [0; 17];
    getrandom::fill(&mut bytes)?;
    let (id, secret) = bytes.split_first().expect("seventeen bytes have a first");
    let secret = secret.try_into().expect("sixteen bytes are left");
    Ok(PinKeys { next: None, current: PinKey { id: *id, secret }, previous: None })
}

/// What session tickets go by: the key that signs, then the others, as for pins.
pub fn ticket_secrets(keys: &PinKeys) -> TicketSecrets {
    let others = keys.next.iter().chain(&keys.previous);
    std::iter::once(&keys.current).chain(others).map(|key| (key.id, key.secret)).collect()
}

/// As JSON.
pub fn encode(keys: &PinKeys) -> Vec<u8> {
    let key = |key: &PinKey| StoredKey { id: key.id, secret: BASE64_STANDARD.encode(key.secret) };
    let stored = StoredKeys {
        next: keys.next.as_ref().map(key),
        current: key(&keys.current),
        previous: keys.previous.as_ref().map(key),
    };
    serde_json::to_vec(&stored).expect("numbers and strings are JSON")
}

/// From JSON; `None` when it is not ours.
pub fn decode(json: &[u8]) -> Option<PinKeys> {
    let key = |key: StoredKey| {
        let secret = BASE64_STANDARD.decode(key.secret).ok()?.try_into().ok()?;
        Some(PinKey { id: key.id, secret })
    };
    let stored: StoredKeys = serde_json::from_slice(json).ok()?;
    let optional = |stored: Option<StoredKey>| match stored {
        None => Some(None),
        Some(stored) => key(stored).map(Some),
    };
    Some(PinKeys {
        next: optional(stored.next)?,
        current: key(stored.current)?,
        previous: optional(stored.previous)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_being_stored() {
        let mut keys = generate().unwrap();
        assert!(decode(&encode(&keys)).unwrap() == keys);
        keys.previous = Some(generate().unwrap().current);
        assert!(decode(&encode(&keys)).unwrap() == keys);
        assert!(generate().unwrap() != generate().unwrap());
    }

    #[test]
    fn formats_survive_being_stored() {
        for format in [PinFormat::One, PinFormat::Two] {
            assert_eq!(decode_format(&encode_format(format)), Some(format));
        }
        assert_eq!(decode_format(b"9"), Some(PinFormat::NEWEST), "of a newer version");
        assert_eq!((decode_format(b"x"), decode_format(b"")), (None, None));
    }

    #[test]
    fn garbage_is_no_key() {
        for json in ["", "{}", "null", r#"{"current":{"id":1,"secret":"c2hvcnQ="}}"#] {
            assert!(decode(json.as_bytes()).is_none(), "{json}");
        }
    }
}
