//! A bounded run of the fuzz entry points, and the comparison with an independent tokeniser.

use proptest::prelude::*;

use super::*;
use crate::proxy::codec::head::HeaderLine;

/// Bytes that look like HTTP often enough to get past the first check.
fn http_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"GET / HTTP/1.1\r\n".to_vec()),
        Just(b"POST /a?b HTTP/1.1\r\n".to_vec()),
        Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Just(b"Host: a.b:80\r\n".to_vec()),
        Just(b"Content-Length: 5\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Connection: close, x\r\n".to_vec()),
        Just(b"Cookie: a=b; rolling_pin=c;d\r\n".to_vec()),
        Just(b"X-Y:\t z \r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"5\r\nhello\r\n".to_vec()),
        Just(b"0;x\r\n".to_vec()),
        Just(b"rolling_pin=".to_vec()),
        Just(b";".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// Frames, most of them such as a client sends.
fn http_2_like() -> impl Strategy<Value = Vec<u8>> {
    // Method, scheme, path and authority by the static table of RFC 7541 (appendix A), and fields as they are.
    let fields = prop_oneof![
        Just(b"\x82".to_vec()),
        Just(b"\x83".to_vec()),
        Just(b"\x84".to_vec()),
        Just(b"\x86".to_vec()),
        Just(b"\x01\x01a".to_vec()),
        Just(b"\x04\x03/?b".to_vec()),
        Just(b"\x04\x09* HTTP/1.".to_vec()),
        Just(b"\x0f\x0d\x015".to_vec()),
        Just(b"\x00\x04host\x01b".to_vec()),
        Just(b"\x00\x06cookie\x05a; b=".to_vec()),
        Just(b"\x00\x11transfer-encoding\x07chunked".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..6),
    ];
    let block = proptest::collection::vec(fields, 0..8).prop_map(|fields| fields.concat());
    let kind = prop_oneof![4 => Just(1_u8), 2 => Just(0), 1 => 2_u8..12];
    let frame = (kind, any::<u8>(), 0_u8..8, block);
    let frames = frame.prop_map(|(kind, flags, stream, payload)| {
        let length = u16::try_from(payload.len()).expect("it is short").to_be_bytes();
        // Padding and priority come before the fields, which are seldom right then.
        let flags = if flags & 3 == 0 { flags } else { flags & 0b101 };
        [&[0, length[0], length[1], kind, flags, 0, 0, 0, stream], &payload[..]].concat()
    });
    proptest::collection::vec(frames, 0..12).prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_entry_point_holds_on_any_bytes(bytes in http_like()) {
        request_head(&bytes);
        response_head(&bytes);
        chunked_body(&bytes);
        cookies(&bytes);
    }

    #[test]
    fn every_connection_of_http_2_holds(bytes in http_2_like()) {
        http2_frames(&bytes);
    }

    #[test]
    fn hyper_reads_what_we_accept(bytes in http_like()) {
        differential(&bytes);
    }

    #[test]
    fn an_independent_tokeniser_reads_the_same_head(bytes in http_like()) {
        let mut lines: Vec<HeaderLine> = Vec::new();
        let Ok(Progress::Complete(request)) = read_request(&bytes, &mut lines, &Limits::default()) else {
            return Ok(());
        };
        let mut headers = [httparse::EMPTY_HEADER; 128];
        let mut other = httparse::Request::new(&mut headers);
        let status = other.parse(&bytes);
        prop_assert_eq!(status, Ok(httparse::Status::Complete(request.length)));
        prop_assert_eq!(other.method.map(str::as_bytes), Some(request.head.method));
        prop_assert_eq!(other.version, Some(request.head.minor_version));
        prop_assert_eq!(other.headers.len(), request.head.lines.len());
        for (theirs, ours) in other.headers.iter().zip(request.head.lines) {
            prop_assert_eq!(theirs.name.as_bytes(), ours.name(request.head.block));
            prop_assert_eq!(theirs.value, ours.value(request.head.block));
        }
    }
}

/// The targets under `tests/fuzz` are not built here: the one that was more than a call had rotted unseen.
#[test]
fn every_fuzz_target_is_a_call_of_an_entry_point() {
    let targets = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/fuzz_targets");
    let entry_points = [
        ("proxy", "chunked_body cookies differential http2_frames request_head response_head"),
        ("rollout", "settings stored_values"),
        ("control", "api_bodies hooks_in store_wire"),
    ];
    let names = entry_points.map(|(layer, names)| names.split(' ').map(move |name| (layer, name)));
    let names: Vec<_> = names.into_iter().flatten().collect();
    assert_eq!(targets.read_dir().unwrap().count(), names.len());
    for (layer, name) in names {
        let target = std::fs::read_to_string(targets.join(name).with_extension("rs")).unwrap();
        let call = format!("fuzz_target!(|bytes: &[u8]| rolling_router::{layer}::fuzz::{name}(bytes));");
        assert!(target.contains(&call), "{target}");
    }
}

#[test]
fn the_entry_points_hold_on_their_corpus() {
    type Entry = (&'static str, fn(&[u8]));
    let entries: [Entry; 6] = [
        ("chunked_body", chunked_body),
        ("cookies", cookies),
        ("differential", differential),
        ("http2_frames", http2_frames),
        ("request_head", request_head),
        ("response_head", response_head),
    ];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    for (name, entry) in entries {
        let seeds: Vec<_> = root.join("corpus").join(name).read_dir().unwrap().collect();
        assert!(!seeds.is_empty(), "{name}");
        seeds.into_iter().for_each(|seed| entry(&std::fs::read(seed.unwrap().path()).unwrap()));
    }
}
