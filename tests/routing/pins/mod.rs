//! Whom the router takes for which client: the first pin and when it is sent again, first requests that come in bunches,
//! requests that say nothing about their client, preflights, and clients that never bring a pin back.

mod anonymous;
mod bunches;
mod first;
mod preflights;
mod schemes;
mod without_pin;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use support::visitor::{PIN, pin_of};
use support::{Response, Router, RouterBuilder, Wire, echo, router};

/// Stable `v1` and candidate `v2` with so many endpoints each.
fn both(endpoints: usize, blend: u32) -> RouterBuilder {
    let some = |release: &str| (0..endpoints).map(|_| echo(release)).collect();
    router().stable_on("v1", some("v1")).candidate_on("v2", some("v2")).blend(blend)
}

/// One request on a connection of its own.
fn ask(router: &Router, method: &str, headers: &str) -> Response {
    ask_on(&mut router.connect(), router, method, headers)
}

/// One request on this connection; each header line ends with CRLF.
fn ask_on(wire: &mut Wire, router: &Router, method: &str, headers: &str) -> Response {
    wire.send(format!("{method} /api HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", router.host));
    wire.response(method)
}

fn release(response: &Response) -> String {
    response.header("x-release").unwrap_or_default().to_owned()
}

fn endpoint(response: &Response) -> String {
    response.header("x-endpoint").unwrap_or_default().to_owned()
}

/// The header line that brings a pin back.
fn cookie(pin: &str) -> String {
    format!("Cookie: {PIN}={pin}\r\n")
}

/// What can be read of a pin without its key: bucket and client number, tenure, and for which draw it was drawn.
fn client_of(response: &Response) -> Vec<u8> {
    let pin = pin_of(response).expect("a pin is set");
    let bytes = URL_SAFE_NO_PAD.decode(pin).expect("a pin is base64url");
    assert_eq!((bytes.len(), bytes[0]), (33, 2), "format 2");
    bytes[2..12].to_vec()
}

/// A client pinned to a release: its Cookie line.
fn pinned_to(router: &Router, wanted: &str) -> String {
    for _ in 0..200 {
        let response = ask(router, "GET", "");
        if release(&response) == wanted {
            return cookie(&pin_of(&response).expect("a first pin"));
        }
    }
    panic!("nobody is drawn to {wanted}");
}
