//! Pins round trip in both formats, and nothing else is taken for one.

use proptest::prelude::*;

use super::{format::TAG, text::from_text, *};
use crate::rollout::bucket::BUCKETS;

fn key(id: u8) -> PinKey {
    PinKey { id, secret: [id; 16] }
}

const FORMATS: [PinFormat; 2] = [PinFormat::One, PinFormat::Two];

fn codec(app: &str, ids: [Option<u8>; 3]) -> PinCodec {
    signing(PinFormat::Two, app, ids)
}

fn signing(format: PinFormat, app: &str, ids: [Option<u8>; 3]) -> PinCodec {
    let [next, current, previous] = ids.map(|id| id.map(key));
    PinCodec::new(app.parse().unwrap(), PinKeys { next, current: current.unwrap(), previous }, format)
}

fn pins() -> impl Strategy<Value = Pin> {
    let parts = (0..BUCKETS, any::<u64>(), any::<u32>(), any::<u32>());
    let moves = (any::<u8>(), 0..=MOVES_MAX, any::<bool>());
    (parts, any::<u16>(), moves, any::<u8>(), any::<bool>()).prop_map(
        |((bucket, client, tenure, endpoint), hour, moves, drawn_for, drawn_to_candidate)| {
            let (move_day, moves, left_candidate) = moves;
            Pin {
                bucket,
                client,
                tenure,
                endpoint,
                hour,
                move_day,
                moves,
                left_candidate,
                drawn_for,
                drawn_to_candidate,
            }
        },
    )
}

const SAMPLE: Pin = Pin {
    bucket: 4_711,
    client: 0x0123_4567_89AB_CDEF,
    tenure: 3,
    endpoint: 0xDEAD_BEEF,
    hour: 1_000,
    move_day: 7,
    moves: 2,
    left_candidate: true,
    drawn_for: 200,
    drawn_to_candidate: true,
};

/// What format 1 keeps of a pin.
fn undrawn(pin: Pin) -> Pin {
    Pin { drawn_for: 0, drawn_to_candidate: false, ..pin }
}

proptest! {
    #[test]
    fn pins_round_trip(pin in pins()) {
        let [one, two] = FORMATS.map(|format| signing(format, "shop", [None, Some(1), None]));
        prop_assert_eq!(two.decode(&two.encode(&pin)), Ok(pin));
        prop_assert_eq!(one.decode(&two.encode(&pin)), Ok(pin), "whatever a router signs, it reads both");
        prop_assert_eq!(two.decode(&one.encode(&pin)), Ok(undrawn(pin)));
        prop_assert_eq!((one.encode(&pin).len(), two.encode(&pin).len()), (43, 44));
    }

    #[test]
    fn any_bytes_are_data(value in proptest::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(codec("shop", [None, Some(1), None]).decode(&value).is_err());
    }

    #[test]
    fn any_text_of_a_pins_length_is_refused(value in "[A-Za-z0-9_-]{43,44}") {
        prop_assert!(codec("shop", [None, Some(1), None]).decode(value.as_bytes()).is_err());
    }

    #[test]
    fn no_bit_flip_is_accepted(pin in pins(), two: bool) {
        let codec = signing(FORMATS[usize::from(two)], "shop", [Some(2), Some(1), Some(0)]);
        let text = codec.encode(&pin);
        for bit in 0..text.len() * 8 {
            let mut flipped = text.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(codec.decode(&flipped).is_err(), "bit {}", bit);
        }
    }

    #[test]
    fn text_has_one_spelling(pin in pins(), two: bool, last in "[A-Za-z0-9_-]") {
        let codec = signing(FORMATS[usize::from(two)], "shop", [None, Some(1), None]);
        let mut text = codec.encode(&pin).to_vec();
        let end = text.len() - 1;
        let was = std::mem::replace(&mut text[end], last.as_bytes()[0]);
        prop_assert_eq!(codec.decode(&text).is_ok(), was == text[end]);
        text[end] = was;
        prop_assert!(codec.decode(&text[..end]).is_err(), "cut");
        text.push(b'A');
        prop_assert!(codec.decode(&text).is_err(), "longer");
    }
}

/// A pin of format 1 as earlier versions signed it, with the keys of this test.
const OF_AN_EARLIER_VERSION: &str = "AQkSZwEjRWeJq83vAAAAA3zmcHMD6AeCAlHet9xuJKg";

#[test]
fn pins_of_earlier_versions_are_read_as_drawn_for_nobody() {
    let codec = codec("shop", [None, Some(9), None]);
    assert_eq!(codec.decode(OF_AN_EARLIER_VERSION.as_bytes()), Ok(undrawn(SAMPLE)));
}

#[test]
fn the_layout_is_that_of_the_design() {
    for (format, number, moves, drawn_for) in
        [(PinFormat::One, 1, 0x82, None), (PinFormat::Two, 2, 0xC2, Some(200))]
    {
        let (bytes, read) =
            from_text(&signing(format, "shop", [None, Some(9), None]).encode(&SAMPLE)).unwrap();
        assert_eq!(read, format);
        let start = [number, 9, 0x12, 0x67, 1, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0, 0, 0, 3];
        assert_eq!(bytes[..16], start);
        assert_eq!(bytes[20..24], [0x03, 0xE8, 7, moves]);
        assert!(drawn_for.is_none_or(|drawn_for| bytes[24] == drawn_for));
        assert_ne!(bytes[TAG], 0xDEAD_BEEFu32.to_be_bytes(), "a tag is masked");
    }
}

#[test]
fn pins_stay_readable_while_keys_rotate() {
    let before = codec("shop", [Some(2), Some(1), None]);
    let after = codec("shop", [None, Some(2), Some(1)]);
    let later = codec("shop", [None, Some(3), Some(2)]);
    let text = before.encode(&SAMPLE);
    assert_eq!(after.decode(&text), Ok(SAMPLE));
    assert_eq!(before.decode(&after.encode(&SAMPLE)), Ok(SAMPLE));
    assert_eq!(later.decode(&text), Err(PinFault::ForeignKey));
}

#[test]
fn a_pin_of_another_app_or_secret_is_forged() {
    let text = codec("shop", [None, Some(1), None]).encode(&SAMPLE);
    assert_eq!(codec("shop2", [None, Some(1), None]).decode(&text), Err(PinFault::Forged));
    let other = PinKey { id: 1, secret: [77; 16] };
    let keys = PinKeys { next: None, current: other, previous: None };
    assert_eq!(
        PinCodec::new("shop".parse().unwrap(), keys, PinFormat::Two).decode(&text),
        Err(PinFault::Forged)
    );
}

#[test]
fn a_client_is_hashed_by_key_and_app() {
    let hash = |app: &str, id: u8| codec(app, [None, Some(id), None]).hash_client(b"device 7");
    assert_eq!(hash("shop", 1), hash("shop", 1));
    assert_ne!(hash("shop", 1), hash("shop", 2));
    assert_ne!(hash("shop", 1), hash("shop2", 1));
}

#[test]
fn no_secret_is_printed() {
    let codec = codec("shop", [None, Some(1), None]);
    assert_eq!(format!("{codec:?} {:?}", key(7)), "PinCodec(shop, PinKeys(1)) PinKey(7)");
}
