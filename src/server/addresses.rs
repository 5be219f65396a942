//! Whether the router may listen where its settings say.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use super::{error::Error, options::front_flags};
use crate::config::Config;

/// Why this machine refuses addresses of the settings. Whether anything listens there is left out: a router may run with
/// these settings already.
pub fn unusable_addresses(config: &Config) -> Vec<String> {
    let front = front_flags(config).into_iter().map(|(flag, address)| (flag, address, String::new()));
    let admin = ("--admin", config.admin, " (--admin)".to_owned());
    let refusal = |(flag, address, place): (&'static str, SocketAddr, String)| {
        let error = bind(address).err().filter(|error| error.kind() != io::ErrorKind::AddrInUse)?;
        let what = format!("cannot listen on {address}{place}");
        Some(Error::port(what, &[(flag, address)])(error).to_string())
    };
    let files = config.listen_unix.iter().filter_map(|path| {
        let folder = path.parent().filter(|folder| folder.is_dir());
        let missing =
            || format!("cannot listen on unix:{} (--listen): its folder does not exist", path.display());
        folder.is_none().then(missing)
    });
    front.chain([admin]).filter_map(refusal).chain(files).collect()
}

/// Binds an address and gives it back. Nothing is listened for, so no connection comes this way.
fn bind(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())
}
