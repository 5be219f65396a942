//! Sockets that a service manager has opened for this process (sd_listen_fds(3)), with the clients that wait there already.
//!
//! Each takes the place of an address of the settings: the one that it listens on, or the same port on all addresses of the machine,
//! which systemd opens for both families at once. A socket that is for none of them is a mistake, and so it is said.

use std::net::{IpAddr, SocketAddr, TcpListener};

use listenfd::ListenFd;

use super::{error::Error, upgrade::Port};
use crate::config::Config;

/// Sockets with their place in the settings.
#[derive(Debug, Default)]
pub struct Activated(Vec<(Port, SocketAddr, TcpListener)>);

impl Activated {
    /// Those of this process. None where no service manager has opened any.
    ///
    /// # Errors
    /// One of them is no socket of TCP that listens, or for no address of the settings.
    pub fn of_this_process(config: &Config) -> Result<Self, Error> {
        let mut given = ListenFd::from_env();
        let mut found = Vec::new();
        for index in 0..given.len() {
            let taken = given.take_tcp_listener(index);
            let Some(socket) = taken.map_err(Error::io("a socket of the service manager cannot be used"))?
            else {
                continue;
            };
            socket
                .set_nonblocking(true)
                .map_err(Error::io("a socket of the service manager cannot be used"))?;
            let on =
                socket.local_addr().map_err(Error::io("a socket of the service manager has no address"))?;
            let (port, wanted) = place(config, on).ok_or(Error::StraySocket(on))?;
            tracing::info!("the socket on {on} is the service manager's");
            found.push((port, wanted, socket));
        }
        Ok(Self(found))
    }

    /// Takes those of a port, each with the address of the settings.
    pub fn take(&mut self, port: Port) -> Vec<(SocketAddr, TcpListener)> {
        let of_port = self.0.extract_if(.., |(of, _, _)| *of == port);
        of_port.map(|(_, address, socket)| (address, socket)).collect()
    }
}

/// The address of the settings that a socket is for.
fn place(config: &Config, on: SocketAddr) -> Option<(Port, SocketAddr)> {
    let front = config.listen.iter().chain(config.listen_tls()).map(|address| (Port::Front, *address));
    let others = [(Port::Admin, Some(config.admin)), (Port::Hooks, config.hooks_listen)];
    let others = others.into_iter().filter_map(|(port, address)| Some((port, address?)));
    let all: Vec<_> = front.chain(others).collect();
    let exact = all.iter().find(|(_, wanted)| *wanted == on);
    exact.or_else(|| all.iter().find(|(_, wanted)| is_everywhere(*wanted, on))).copied()
}

/// Whether both are one port on all addresses of the machine.
fn is_everywhere(wanted: SocketAddr, on: SocketAddr) -> bool {
    let all = |ip: IpAddr| ip.is_unspecified();
    wanted.port() == on.port() && all(wanted.ip()) && all(on.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_for_its_own_address_before_another() {
        let mut config = Config::default();
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        config.listen = vec![address("0.0.0.0:80"), address("127.0.0.1:8000")];
        config.admin = address("127.0.0.1:8080");
        for (on, found) in [
            ("0.0.0.0:80", Some((Port::Front, "0.0.0.0:80"))),
            ("[::]:80", Some((Port::Front, "0.0.0.0:80"))),
            ("127.0.0.1:8000", Some((Port::Front, "127.0.0.1:8000"))),
            ("127.0.0.1:8080", Some((Port::Admin, "127.0.0.1:8080"))),
            ("127.0.0.1:80", None),
            ("0.0.0.0:8080", None),
        ] {
            assert_eq!(place(&config, address(on)), found.map(|(port, text)| (port, address(text))), "{on}");
        }
    }
}
