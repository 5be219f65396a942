//! A hundred WebSockets whose release ends while everything is on its way: frames in both directions, in fragments, in
//! pieces. None is cut before its deadline, and each is told at it, between two frames, to come again.

use serde_json::json;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use support::clock::{Deadline, pause};
use support::websocket::{
    BINARY, CLOSE, FINAL, echo_frames, fragment, masked_fragment, masked_frame, read_fragment, sockets,
    upgrade,
};
use support::{Peer, Router, Wire, count, eventually, router};

/// "Service restart": the release behind the socket has ended, so that connecting again leads elsewhere.
const SERVICE_RESTART: u16 = 1_012;
/// What sockets carry, by their targets: most are quiet, as most are.
const TARGETS: [&str; 6] = ["/quiet", "/echo", "/quiet", "/stream", "/quiet", "/quiet"];
/// How long a client waits for a frame: longer than any deadline here, on a machine that is busy with other things.
const FRAME_PATIENCE: Duration = Duration::from_secs(90);
/// Lengths of frames: one in each form that a frame's header has.
const LENGTHS: [usize; 6] = [0, 5, 125, 126, 3_000, 66_000];

#[test]
fn a_promote_cuts_no_socket_before_its_deadline_and_closes_all_properly_at_it() {
    let (router, open) = arrive(100, 0, &json!({ "drainseconds": 1, "drainmaxseconds": 4 }));
    let open = open.since_now();
    router.api().post("promote", &json!({})).expect(200);
    open.assert_closed_after(Duration::from_secs(4), &router, "v1");
}

#[test]
fn an_abort_gives_sockets_their_time_and_closes_all_properly() {
    let (router, open) = arrive(count(24, 100), 100, &json!({ "abortseconds": 2 }));
    let open = open.since_now();
    router.api().post("abort", &json!({})).expect(200);
    open.assert_closed_after(Duration::from_secs(2), &router, "v2");
}

#[test]
fn a_rollback_gives_sockets_their_time_and_closes_all_properly() {
    let (router, open) = arrive(count(24, 100), 100, &json!({ "abortseconds": 2 }));
    router.api().post("promote", &json!({})).expect(200);
    let open = open.since_now();
    router.api().post("rollback", &json!({})).expect(200);
    open.assert_closed_after(Duration::from_secs(2), &router, "v2");
}

#[test]
fn a_drain_that_is_finished_by_hand_closes_all_properly() {
    let (router, open) = arrive(count(24, 100), 0, &json!({}));
    let api = router.api();
    api.post("promote", &json!({})).expect(200);
    let open = open.since_now();
    api.delete("draining").expect(200);
    open.assert_closed_after(Duration::ZERO, &router, "v1");
}

/// So many open sockets at a router with both tracks, every third of each kind.
fn arrive(count: usize, blend: u32, settings: &serde_json::Value) -> (Router, OpenSockets) {
    let release = |name: &str| vec![sockets(name, converse)];
    let builder = router().workers(2).stable_on("v1", release("v1")).candidate_on("v2", release("v2"));
    let router = builder.blend(blend).key("rolling/hello/settings", &settings.to_string()).start();
    let on = if blend == 0 { "v1" } else { "v2" };
    let began = Deadline::after(Duration::ZERO);
    let lives = TARGETS.iter().cycle().take(count).map(|target| begin(&router, target, on, began)).collect();
    (router, OpenSockets { lives, began, since: Duration::ZERO })
}

/// Open sockets, when the first was opened, and since when they may end.
struct OpenSockets {
    lives: Vec<Life>,
    began: Deadline,
    since: Duration,
}

/// A client of one socket: when it was told to go, since all began, and how many frames it had got.
type Life = (&'static str, JoinHandle<Result<(Duration, usize), String>>);

impl OpenSockets {
    /// The command that ends them comes now.
    fn since_now(self) -> Self {
        Self { since: self.began.elapsed(), ..self }
    }

    fn assert_closed_after(self, least: Duration, router: &Router, release: &str) {
        let (count, mut frames, mut failures) = (self.lives.len(), 0, Vec::new());
        for (number, (target, reader)) in self.lives.into_iter().enumerate() {
            match reader.join().expect("a client ends") {
                Ok((told, got)) if told >= self.since + least => frames += got,
                Ok((told, _)) => {
                    failures.push(format!("{number} {target}: after {:?}", told.saturating_sub(self.since)))
                }
                Err(why) => failures.push(format!("{number} {target}: {why}")),
            }
        }
        assert!(failures.is_empty(), "{} of {count}, due after {least:?}: {failures:#?}", failures.len());
        assert!(frames > count / 6, "{frames} frames went by at {count} sockets");
        let api = router.api();
        let left = || api.metrics().sum("rolling_open_sockets", &[]);
        eventually("no socket is counted any more", || left() < 0.5);
        eventually("the endpoint is let go", || router.endpoint(release).open_connections() == 0);
        let ended = api.metrics().sum("rolling_exchanges_ended_total", &[]);
        assert!((ended - count as f64).abs() < 0.5, "{ended} of {count} were ended");
    }
}

/// The endpoint's side.
fn converse(peer: &mut Peer, target: &str) {
    match target {
        "/stream" => stream(peer),
        _ => echo_frames(peer),
    }
}

/// Sends numbered messages of up to three fragments, in pieces, whatever the client says, until it closes.
fn stream(peer: &mut Peer) {
    let mut ahead = peer.ahead();
    let mut incoming = peer.stream().try_clone().expect("a socket can be shared");
    let heard = thread::spawn(move || {
        while let Some((first, _)) = read_fragment(&mut incoming, &mut ahead) {
            if first & 0x0f == CLOSE {
                return;
            }
        }
    });
    for number in (0..=u8::MAX).cycle() {
        let length = LENGTHS[usize::from(number) % LENGTHS.len()];
        let bytes = fragment(first_byte(number), &vec![number; length]);
        for piece in bytes.chunks(bytes.len() / 2 + 1) {
            if heard.is_finished() || !peer.send(piece) {
                return;
            }
            pause(Duration::from_millis(40));
        }
    }
}

/// Every third frame begins a message, and the one two further on ends it.
fn first_byte(number: u8) -> u8 {
    match number % 3 {
        0 => BINARY,
        1 => 0,
        _ => FINAL,
    }
}

/// Opens a socket and begins to use it.
fn begin(router: &Router, target: &'static str, release: &str, began: Deadline) -> Life {
    let mut wire = Wire::open(router.front).patience(FRAME_PATIENCE);
    wire.send(upgrade(target, &router.host));
    let response = wire.response("GET");
    assert_eq!((response.status, response.header("x-release")), (101, Some(release)));
    let over = Arc::new(AtomicBool::new(false));
    let writer = (target != "/quiet").then(|| {
        let stream = wire.stream().try_clone().expect("a socket can be shared");
        let over = Arc::clone(&over);
        thread::spawn(move || say(stream, &over))
    });
    let reader = thread::spawn(move || {
        let got = hear(&mut wire);
        let told = began.elapsed();
        over.store(true, Ordering::SeqCst);
        if let Some(writer) = writer {
            writer.join().expect("a writer ends");
        }
        let got = got?;
        goodbye(&mut wire).map(|()| (told, got))
    });
    (target, reader)
}

/// Numbered frames, each a fragment of a message and in two pieces, until it is over.
fn say(mut stream: TcpStream, over: &AtomicBool) {
    use std::io::Write;
    for number in (0..=u8::MAX).cycle() {
        let length = LENGTHS[usize::from(number) % LENGTHS.len()];
        let bytes = masked_fragment(first_byte(number), &vec![number; length]);
        let (one, other) = bytes.split_at(bytes.len() / 2);
        let sent = stream.write_all(one).is_ok() && {
            pause(Duration::from_millis(20));
            stream.write_all(other).is_ok()
        };
        if !sent || over.load(Ordering::SeqCst) {
            return;
        }
        pause(Duration::from_millis(60));
    }
}

/// Reads whole frames, each the next by its number, up to the Close; how many came before it.
fn hear(wire: &mut Wire) -> Result<usize, String> {
    let mut ahead = wire.take_ahead();
    let mut number = 0_u8;
    for got in 0.. {
        let Some((first, payload)) = read_fragment(wire.stream(), &mut ahead) else {
            return Err(format!(
                "ended without a Close after {got} frames, {} bytes of another",
                ahead.len()
            ));
        };
        if first == FINAL | CLOSE && payload == SERVICE_RESTART.to_be_bytes() {
            return if ahead.is_empty() {
                Ok(got)
            } else {
                Err(format!("{} bytes came behind it", ahead.len()))
            };
        }
        let length = LENGTHS[usize::from(number) % LENGTHS.len()];
        if first != first_byte(number) || payload != vec![number; length] {
            let start = &payload[..payload.len().min(8)];
            return Err(format!("frame {got} is {first:#x}, {} bytes, {start:?}", payload.len()));
        }
        number = number.wrapping_add(1);
    }
    Err("more frames than can be counted".to_owned())
}

/// Answers the Close, as a browser does, and waits for the end that the other side makes.
fn goodbye(wire: &mut Wire) -> Result<(), String> {
    wire.send(masked_frame(CLOSE, &SERVICE_RESTART.to_be_bytes()));
    match wire.rest() {
        Some(rest) if rest.is_empty() => Ok(()),
        Some(rest) => Err(format!("{} bytes came behind the Close", rest.len())),
        None => Err("the connection was not closed in order behind the Close".to_owned()),
    }
}
