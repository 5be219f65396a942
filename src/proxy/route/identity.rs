//! Who a client is that keeps no cookies: a hash of a header of its, or of its address (docs/design.md section 5).

use crate::{
    proxy::{
        codec::head::{HeaderLine, RequestHead},
        worker::client::Client,
    },
    rollout::{pin::PinCodec, settings::PinSource},
};

/// The hash of what a client is known by; `None` where that is the pin cookie.
#[inline(never)]
pub fn hash_of(source: &PinSource, pins: &PinCodec, head: &RequestHead<'_>, client: Client) -> Option<u64> {
    let named = match source {
        PinSource::Cookie => return None,
        PinSource::Address => None,
        PinSource::Header(name) => value(head, name.as_bytes()),
    };
    Some(match named {
        Some(value) => pins.hash_client(value),
        None => pins.hash_address(client.address),
    })
}

/// The first line of a header that says anything.
fn value<'a>(head: &RequestHead<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let named = |line: &&HeaderLine| line.name(head.block).eq_ignore_ascii_case(name);
    let values = head.lines.iter().filter(named).map(|line| line.value(head.block));
    values.into_iter().find(|value| !value.is_empty())
}
