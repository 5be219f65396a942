//! What endpoints are told about the client: every family of headers says the same, since all of them are written from one
//! [`Origin`] (docs/design.md section 14). What else a request says about its client does not go on.

use std::net::IpAddr;

use crate::{
    authority::Authority,
    proxy::{
        codec::{
            forwarded::address,
            head::{KnownName, RequestHead, members},
            number::{write_address, write_number},
        },
        worker::client::Client,
    },
};

/// Who asked, and under which address: the client's own, also where it asked a proxy in front.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Who asked, and in which scheme.
    pub client: Client,
    /// The host, and perhaps a port, as the client named them.
    pub authority: Authority<'a>,
    /// The port that the client asked, where `authority` lacks it and it is not the scheme's own.
    pub other_port: Option<u16>,
}

impl Origin<'_> {
    /// Appends the port that the client asked.
    fn write_port(&self, out: &mut Vec<u8>) {
        match self.other_port.or(self.authority.port()) {
            Some(port) => write_number(port.into(), out),
            None if self.client.secure => out.extend_from_slice(b"443"),
            None => out.extend_from_slice(b"80"),
        }
    }

    /// Chooses between what is written for https and for http.
    fn by_scheme<'t>(&self, https: &'t [u8], http: &'t [u8]) -> &'t [u8] {
        if self.client.secure { https } else { http }
    }

    fn write_authority(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.authority.as_str().as_bytes());
        if let Some(port) = self.other_port {
            out.push(b':');
            write_number(port.into(), out);
        }
    }
}

/// Appends the lines that say who asked.
pub fn write(head: &RequestHead<'_>, origin: &Origin<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"x-forwarded-for: ");
    let client = out.len();
    write_address(origin.client.address, out);
    let client = client..out.len();
    if origin.client.trusted {
        each_proxy(head, origin.client, |proxy| {
            out.extend_from_slice(b", ");
            write_address(proxy, out);
        });
    }
    out.extend_from_slice(origin.by_scheme(b"\r\nx-forwarded-proto: https", b"\r\nx-forwarded-proto: http"));
    if !origin.authority.is_none() {
        out.extend_from_slice(b"\r\nx-forwarded-host: ");
        origin.write_authority(out);
        out.extend_from_slice(b"\r\nx-forwarded-port: ");
        origin.write_port(out);
    }
    out.extend_from_slice(b"\r\nx-real-ip: ");
    out.extend_from_within(client.clone());
    out.extend_from_slice(b"\r\nforwarded: for=");
    if origin.client.address.is_ipv6() {
        out.extend_from_slice(b"\"[");
        out.extend_from_within(client);
        out.extend_from_slice(b"]\"");
    } else {
        out.extend_from_within(client);
    }
    if !origin.authority.is_none() {
        out.extend_from_slice(b";host=\"");
        origin.write_authority(out);
        out.push(b'"');
    }
    out.extend_from_slice(origin.by_scheme(b";proto=https", b";proto=http"));
    if origin.client.trusted {
        each_proxy(head, origin.client, |proxy| {
            let quoted =
                if proxy.is_ipv6() { (&b", for=\"["[..], &b"]\""[..]) } else { (&b", for="[..], &b""[..]) };
            out.extend_from_slice(quoted.0);
            write_address(proxy, out);
            out.extend_from_slice(quoted.1);
        });
    }
    out.extend_from_slice(b"\r\n");
}

/// The trusted proxies between the client and this router, in the order in which the request passed them; the last is the
/// peer. What X-Forwarded-For lists before the client is hearsay, so it does not go on.
#[cold]
fn each_proxy(head: &RequestHead<'_>, client: Client, mut proxy: impl FnMut(IpAddr)) {
    let listed = || head.values(KnownName::XForwardedFor).flat_map(members).map(address);
    let place = listed().enumerate().filter(|(_, listed)| *listed == Some(client.address)).last();
    if let Some((place, _)) = place {
        listed().skip(place + 1).flatten().for_each(&mut proxy);
    }
    if place.is_some() || client.address != client.peer {
        proxy(client.peer);
    }
}
