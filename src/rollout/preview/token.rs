//! The token of a preview grant: what a link, and afterwards the tester's cookie, carries.
//!
//! 48 bytes in 64 characters of base64url: format 1, key id 1, id 10, tenure 4, release 8 (a keyed hash of its id),
//! expiry 8 (Unix ms), MAC 16. The MAC is SipHash-2-4 with 128 bits over the rest. Its key is derived from the secret
//! that signs pins, for this purpose and this app alone. So a pin is never accepted as a token nor a token as a pin, and
//! routers that share pin keys accept each other's links.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use siphasher::{sip::SipHasher24, sip128};
use subtle::ConstantTimeEq as _;

use super::{
    id::{ID_BYTES, PreviewId},
    list::Preview,
};
use crate::rollout::{
    app::AppName,
    field::field,
    pin::{PinKey, PinKeys},
    record::Tenure,
    release::ReleaseId,
};

/// The length of a token, in characters.
pub const TOKEN_CHARS: usize = 64;

/// The length of a token before it is encoded.
const TOKEN_BYTES: usize = 48;

/// How many of them the MAC covers.
const SIGNED_BYTES: usize = 32;

/// The only format so far. Pins have 1.
const FORMAT: u8 = 2;

/// A decoded token, whose MAC was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewToken {
    /// The id of its grant.
    pub id: PreviewId,
    /// The tenure it was made for.
    pub tenure: Tenure,
    /// A hash of the release it was made for, as [`PreviewCodec::names`] knows it.
    release: u64,
    /// When it ends, Unix ms.
    pub expires: u64,
    /// Which key signed it.
    key: u8,
}

/// Makes and verifies the tokens of one app.
#[derive(Clone)]
pub struct PreviewCodec {
    current: Signer,
    others: [Option<Signer>; 2],
}

/// A key, made ready for one app.
#[derive(Clone)]
struct Signer {
    id: u8,
    sign: sip128::SipHasher24,
    name: SipHasher24,
}

impl PreviewCodec {
    /// A codec for one app's previews.
    pub fn new(app: &AppName, keys: &PinKeys) -> Self {
        let signer = |key: &PinKey| Signer::new(key, app);
        let others = [keys.previous.as_ref().map(signer), keys.next.as_ref().map(signer)];
        Self { current: signer(&keys.current), others }
    }

    /// Encodes and signs the token of a grant.
    pub fn encode(&self, preview: &Preview) -> String {
        let signer = &self.current;
        let mut bytes = [0; TOKEN_BYTES];
        bytes[0] = FORMAT;
        bytes[1] = signer.id;
        bytes[2..12].copy_from_slice(&preview.id.0);
        bytes[12..16].copy_from_slice(&preview.tenure.to_be_bytes());
        bytes[16..24].copy_from_slice(&signer.hash_of(&preview.release).to_be_bytes());
        bytes[24..32].copy_from_slice(&preview.expires.to_be_bytes());
        let mac = signer.mac(&bytes[..SIGNED_BYTES]);
        bytes[SIGNED_BYTES..].copy_from_slice(&mac);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Decodes a token; `None` for one that none of the router's keys has signed.
    pub fn decode(&self, token: &[u8]) -> Option<PreviewToken> {
        let mut bytes = [0; TOKEN_BYTES];
        if token.len() != TOKEN_CHARS || BASE64_URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).is_err() {
            return None;
        }
        let (signed, mac) = bytes.split_at(SIGNED_BYTES);
        let fits = |signer: &&Signer| bool::from(signer.mac(signed).ct_eq(mac));
        let signer = self.signers().filter(|signer| signer.id == signed[1]).find(fits)?;
        (bytes[0] == FORMAT).then(|| PreviewToken {
            id: PreviewId(field(&bytes, 2)),
            tenure: Tenure::from_be_bytes(field(&bytes, 12)),
            release: u64::from_be_bytes(field(&bytes, 16)),
            expires: u64::from_be_bytes(field(&bytes, 24)),
            key: signer.id,
        })
    }

    /// Whether a grant was made for this release.
    pub fn names(&self, grant: &PreviewToken, release: &ReleaseId) -> bool {
        let mut signers = self.signers().filter(|signer| signer.id == grant.key);
        signers.any(|signer| signer.hash_of(release) == grant.release)
    }

    fn signers(&self) -> impl Iterator<Item = &Signer> {
        std::iter::once(&self.current).chain(self.others.iter().flatten())
    }
}

impl Signer {
    fn new(key: &PinKey, app: &AppName) -> Self {
        let part = |purpose: &[u8]| key.derive(purpose, app);
        Self {
            id: key.id,
            sign: sip128::SipHasher24::new_with_keys(part(b"preview sign 0 "), part(b"preview sign 1 ")),
            name: SipHasher24::new_with_keys(part(b"preview name 0 "), part(b"preview name 1 ")),
        }
    }

    fn mac(&self, signed: &[u8]) -> [u8; 16] {
        self.sign.hash(signed).as_bytes()
    }

    fn hash_of(&self, release: &ReleaseId) -> u64 {
        self.name.hash(release.as_str().as_bytes())
    }
}

const _: () = assert!(2 + ID_BYTES + 4 + 8 + 8 == SIGNED_BYTES);

impl std::fmt::Debug for PreviewCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PreviewCodec({})", self.current.id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rollout::pin::{Pin, PinCodec, PinFormat};

    fn keys(ids: [Option<u8>; 3]) -> PinKeys {
        let [next, current, previous] = ids.map(|id| id.map(|id| PinKey { id, secret: [id; 16] }));
        PinKeys { next, current: current.unwrap(), previous }
    }

    fn codec(app: &str, ids: [Option<u8>; 3]) -> PreviewCodec {
        PreviewCodec::new(&app.parse().unwrap(), &keys(ids))
    }

    fn release(name: &str) -> ReleaseId {
        ReleaseId::of_app(&"shop".parse().unwrap(), name, 80).unwrap()
    }

    fn preview(id: [u8; ID_BYTES], tenure: Tenure, expires: u64) -> Preview {
        let (note, by) = (String::new(), "maria".to_owned());
        Preview { id: PreviewId(id), release: release("a"), tenure, expires, note, by, at: 1 }
    }

    fn sample() -> Preview {
        preview(*b"0123456789", 3, 1_800_000_000_000)
    }

    proptest! {
        #[test]
        fn a_token_says_what_it_was_made_for(id in any::<[u8; ID_BYTES]>(), tenure: u32, expires: u64) {
            let codec = codec("shop", [None, Some(1), None]);
            let token = codec.encode(&preview(id, tenure, expires));
            prop_assert_eq!(token.len(), TOKEN_CHARS);
            let grant = codec.decode(token.as_bytes()).unwrap();
            prop_assert_eq!((grant.id.0, grant.tenure, grant.expires), (id, tenure, expires));
            prop_assert!(codec.names(&grant, &release("a")) && !codec.names(&grant, &release("b")));
        }

        #[test]
        fn any_text_is_data(token in "[A-Za-z0-9_-]{64}", bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let codec = codec("shop", [None, Some(1), None]);
            prop_assert!(codec.decode(token.as_bytes()).is_none() && codec.decode(&bytes).is_none());
        }
    }

    #[test]
    fn no_bit_flip_is_accepted() {
        let codec = codec("shop", [Some(2), Some(1), Some(0)]);
        let token = codec.encode(&sample()).into_bytes();
        for bit in 0..TOKEN_CHARS * 8 {
            let mut flipped = token.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(codec.decode(&flipped).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn a_link_outlives_one_rotation_of_the_keys() {
        let token = codec("shop", [Some(2), Some(1), None]).encode(&sample());
        let after = codec("shop", [None, Some(2), Some(1)]);
        let grant = after.decode(token.as_bytes()).unwrap();
        assert!(after.names(&grant, &release("a")));
        assert!(codec("shop", [None, Some(3), Some(2)]).decode(token.as_bytes()).is_none());
    }

    #[test]
    fn a_token_of_another_app_or_secret_is_forged() {
        let token = codec("shop", [None, Some(1), None]).encode(&sample());
        assert!(codec("shop2", [None, Some(1), None]).decode(token.as_bytes()).is_none());
        let other = PinKeys { next: None, current: PinKey { id: 1, secret: [77; 16] }, previous: None };
        assert!(PreviewCodec::new(&"shop".parse().unwrap(), &other).decode(token.as_bytes()).is_none());
    }

    /// The key is not the pins' own: whoever finds a way to have pins signed cannot make links with it.
    #[test]
    fn the_key_that_signs_pins_signs_no_token() {
        let (app, keys): (AppName, _) = ("shop".parse().unwrap(), keys([None, Some(1), None]));
        let (pins, previews) =
            (PinCodec::new(app.clone(), keys.clone(), PinFormat::Two), PreviewCodec::new(&app, &keys));
        let token = previews.encode(&sample());
        assert!(pins.decode(token.as_bytes()).is_err());
        let pin = Pin {
            bucket: 1,
            client: 2,
            tenure: 3,
            endpoint: 4,
            hour: 5,
            move_day: 6,
            moves: 0,
            ..Pin::default()
        };
        assert!(previews.decode(&pins.encode(&pin)).is_none());
        let secret = keys.current.secret;
        let by_itself = sip128::SipHasher24::new_with_key(&secret).hash(&token.as_bytes()[..SIGNED_BYTES]);
        assert_ne!(by_itself.as_bytes(), previews.current.mac(&token.as_bytes()[..SIGNED_BYTES]));
    }

    #[test]
    fn no_secret_is_printed() {
        assert_eq!(format!("{:?}", codec("shop", [None, Some(1), None])), "PreviewCodec(1)");
    }
}
