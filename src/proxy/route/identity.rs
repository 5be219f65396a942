//! How a client is recognised that keeps no cookies: by a hash of one of its headers, or of its address (docs/design.md
//! section 5).

use crate::{
    proxy::{
        codec::head::{HeaderLine, RequestHead},
        worker::client::Client,
    },
    rollout::{pin::PinCodec, settings::PinSource},
};

/// The hash by which a client is recognised. `None` where clients are recognised by the pin cookie.
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

/// The first value of a header that is not empty.
fn value<'a>(head: &RequestHead<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let named = |line: &&HeaderLine| line.name(head.block).eq_ignore_ascii_case(name);
    let values = head.lines.iter().filter(named).map(|line| line.value(head.block));
    values.into_iter().find(|value| !value.is_empty())
}
