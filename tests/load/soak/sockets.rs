//! WebSockets that talk, close, break off, and are told to come again when their release ends.

use super::{Draw, Place};
use std::time::Duration;
use support::Wire;
use support::clock::{Deadline, pause};
use support::websocket::{BINARY, CLOSE, TEXT, masked_frame, read_frame, upgrade};

/// The codes with which a router may end a socket: it goes away, or the release behind it did (RFC 6455, section 7.4).
const ENDS: [u16; 2] = [1_001, 1_012];

/// Opens one socket after the other.
pub fn talk(soak: &Place, mut draw: Draw) -> Result<(), String> {
    while soak.goes_on() {
        let mut wire = Wire::open(soak.front);
        wire.send(upgrade("/talk", &soak.host));
        let head = wire.try_response("GET").map_err(|why| format!("no answer to an upgrade: {why:?}"))?;
        if head.status != 101 {
            return Err(format!("an upgrade became {} {}", head.status, head.text()));
        }
        let mut ahead = wire.take_ahead();
        if converse(soak, &mut draw, &mut wire, &mut ahead)? && draw.below(3) > 0 {
            wire.send(masked_frame(CLOSE, &1_000_u16.to_be_bytes()));
            match read_frame(wire.stream(), &mut ahead) {
                Some((CLOSE, _)) => soak.count(),
                other => return Err(format!("a Close was answered by {other:?}")),
            }
        }
    }
    Ok(())
}

/// Says things for a while; whether the socket is still open.
fn converse(soak: &Place, draw: &mut Draw, wire: &mut Wire, ahead: &mut Vec<u8>) -> Result<bool, String> {
    let since = Deadline::after(Duration::ZERO);
    for n in 0..5 + draw.below(200) {
        let most = [20, 300, 70_000][draw.index(3)];
        let length = draw.index(most);
        let (opcode, payload) = (if draw.below(2) == 0 { TEXT } else { BINARY }, vec![b'w'; length]);
        wire.send(masked_frame(opcode, &payload));
        match read_frame(wire.stream(), ahead) {
            Some((CLOSE, code))
                if code.len() >= 2 && ENDS.contains(&u16::from_be_bytes([code[0], code[1]])) =>
            {
                return Ok(false);
            }
            Some(echoed) if echoed == (opcode, payload) => soak.count(),
            Some((other, bytes)) => {
                return Err(format!("a frame {other} of {} bytes came back", bytes.len()));
            }
            None => {
                let lived = since.elapsed();
                return Err(format!(
                    "a socket ended without a Close after {n} frames and {lived:?}, {length} bytes sent last"
                ));
            }
        }
        if !soak.goes_on() {
            break;
        }
        pause(Duration::from_millis(draw.below(30)));
    }
    Ok(true)
}
