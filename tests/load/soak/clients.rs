//! Clients of every kind. Each says what failed that nobody provoked, and ends with that.

use super::application::body;
use super::{Draw, Place, RELEASES};
use std::time::Duration;
use support::clock::pause;
use support::{Visitor, Wire};

/// Keeps a connection and a pin.
pub fn keep(soak: &Place, mut draw: Draw) -> Result<(), String> {
    let mut visitor = Visitor::new(soak.front, &soak.host);
    while soak.goes_on() {
        visitor.navigates = draw.below(2) == 0;
        let visit = visitor.try_get("/page").map_err(|why| format!("no answer: {why}"))?;
        if visit.response.status != 200 || !RELEASES.contains(&visit.release.as_str()) {
            return Err(format!("{} {}", visit.response.status, visit.response.text()));
        }
        soak.count();
        pause(Duration::from_millis(draw.below(10)));
    }
    match visitor.connects {
        // The process of before an upgrade ends a connection with an answer, which nothing else does.
        connects if connects <= 1 + soak.upgrades() => Ok(()),
        connects => Err(format!("its connection was closed: {connects} were needed")),
    }
}

/// A connection for each request.
pub fn come_and_go(soak: &Place, mut draw: Draw) -> Result<(), String> {
    while soak.goes_on() {
        let version = draw.below(2);
        let mut wire = Wire::open(soak.front);
        wire.send(format!("GET /page HTTP/1.{version}\r\nHost: {}\r\nConnection: close\r\n\r\n", soak.host));
        expect(&mut wire, "GET", b"a page")?;
        match wire.rest() {
            Some(rest) if rest.is_empty() => soak.count(),
            other => return Err(format!("not closed after `close`: {other:?}")),
        }
        pause(Duration::from_millis(draw.below(20)));
    }
    Ok(())
}

/// Sends bodies of every length in both framings, in pieces.
pub fn upload(soak: &Place, mut draw: Draw) -> Result<(), String> {
    let mut wire = Wire::open(soak.front);
    while soak.goes_on() {
        let sent = body(length(&mut draw));
        let chunked = draw.below(2) == 0;
        let framing = match chunked {
            true => "Transfer-Encoding: chunked".to_owned(),
            false => format!("Content-Length: {}", sent.len()),
        };
        wire.send(format!("POST /echo HTTP/1.1\r\nHost: {}\r\n{framing}\r\n\r\n", soak.host));
        for piece in sent.chunks(10_007) {
            match chunked {
                true => wire.send([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()),
                false => wire.send(piece),
            };
        }
        if chunked {
            wire.send("0\r\n\r\n");
        }
        if expect(&mut wire, "POST", &sent)? {
            wire = Wire::open(soak.front);
        }
        soak.count();
        pause(Duration::from_millis(draw.below(20)));
    }
    Ok(())
}

/// Asks for bodies of every length in every framing.
pub fn download(soak: &Place, mut draw: Draw) -> Result<(), String> {
    let mut wire = Wire::open(soak.front);
    while soak.goes_on() {
        let length = length(&mut draw);
        let kind = ["length", "chunks", "close"][draw.index(3)];
        wire.send(format!("GET /{kind}/{length} HTTP/1.1\r\nHost: {}\r\n\r\n", soak.host));
        if expect(&mut wire, "GET", &body(length)).map_err(|why| format!("{kind} {length}: {why}"))? {
            wire = Wire::open(soak.front);
        }
        soak.count();
        pause(Duration::from_millis(draw.below(20)));
    }
    Ok(())
}

/// Leaves in the middle of everything.
pub fn leave(soak: &Place, mut draw: Draw) -> Result<(), String> {
    while soak.goes_on() {
        let mut wire = Wire::open(soak.front);
        let host = &soak.host;
        match draw.below(5) {
            0 => drop(wire.send("GET / HTT")),
            1 => drop(
                wire.send(format!("POST /echo HTTP/1.1\r\nHost: {host}\r\nContent-Length: 90000\r\n\r\nabc")),
            ),
            2 => drop(wire.send(format!("GET /length/3000000 HTTP/1.1\r\nHost: {host}\r\n\r\n"))),
            3 => {
                wire.send(format!("GET /chunks/3000000 HTTP/1.1\r\nHost: {host}\r\n\r\n"));
                wire.read_exactly(10_000);
            }
            _ => {
                wire.send(format!(
                    "POST /echo HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc"
                ));
                wire.finish();
            }
        }
        if draw.below(2) == 0 {
            wire.reset();
        }
        soak.count();
        pause(Duration::from_millis(draw.below(50)));
    }
    Ok(())
}

/// Asks for what the application cannot do, and wants to be told so.
pub fn meet_failures(soak: &Place, mut draw: Draw) -> Result<(), String> {
    while soak.goes_on() {
        let mut wire = Wire::open(soak.front);
        if draw.below(2) == 0 {
            wire.send(format!("POST /reset HTTP/1.1\r\nHost: {}\r\nContent-Length: 1\r\n\r\nx", soak.host));
            match wire.try_response("POST") {
                Ok(response) if response.status == 502 => soak.count(),
                other => return Err(format!("a reset by the endpoint became {other:?}")),
            }
        } else {
            wire.send(format!("GET /cut HTTP/1.1\r\nHost: {}\r\n\r\n", soak.host));
            match wire.try_response("GET") {
                Err(_) => soak.count(),
                Ok(response) => {
                    return Err(format!("a cut body became a whole one of {} bytes", response.body.len()));
                }
            }
        }
        pause(Duration::from_millis(50 + draw.below(100)));
    }
    Ok(())
}

/// Mostly short, sometimes long.
fn length(draw: &mut Draw) -> usize {
    let most = [100, 5_000, 60_000, 1_000_000][draw.index(4)];
    draw.index(most)
}

/// Whether the connection ends with the answer.
fn expect(wire: &mut Wire, method: &str, wanted: &[u8]) -> Result<bool, String> {
    match wire.try_response(method) {
        Ok(response) if response.status == 200 && response.body == wanted => Ok(response.says_close()),
        Ok(response) if response.status == 200 => {
            Err(format!("{} other bytes than the {} that were to come", response.body.len(), wanted.len()))
        }
        Ok(response) => Err(format!("{} {}", response.status, response.text())),
        Err(why) => Err(format!("no answer: {why:?}")),
    }
}
