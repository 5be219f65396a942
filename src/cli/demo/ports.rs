//! Which ports the demo takes: 80 and 8080 where it may, else 8000 and 8080, else the next free ones.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
};

/// How many ports are tried: whoever has 50 servers in a row on a machine can name a port.
const TRIED_MAX: u16 = 50;

/// The addresses to take.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) listen: String,
    pub(super) admin: String,
    /// Why they are not 80 and 8080.
    pub(super) note: Option<String>,
}

/// What stands in the way of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    Taken,
    NotAllowed,
}

/// Chooses ports on loopback, leaving alone what was named.
pub(super) fn choose(listen: Option<String>, admin: Option<String>) -> Ports {
    choose_with(listen, admin, &try_port)
}

fn choose_with(
    listen: Option<String>,
    admin: Option<String>,
    obstacle: &dyn Fn(u16) -> Option<Obstacle>,
) -> Ports {
    let mut notes = Vec::new();
    let mut find = |named: Option<String>, what: &str, first: u16, then: u16, not: u16| {
        named.unwrap_or_else(|| {
            let free = |port: &u16| *port != not && obstacle(*port).is_none();
            let port = [first].into_iter().chain(then..then + TRIED_MAX).find(free).unwrap_or(0);
            match obstacle(first) {
                Some(Obstacle::Taken) => notes.push(format!("port {first} is in use, so {what} on {port}")),
                Some(Obstacle::NotAllowed) => {
                    notes.push(format!("this user may not bind port {first}, so {what} on {port}"));
                }
                None => {}
            }
            format!("{}:{port}", Ipv4Addr::LOCALHOST)
        })
    };
    let admin = find(admin, "GUI and API are", 8080, 8081, 0);
    let admin_port = admin.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(0);
    let listen = find(listen, "the site is", 80, 8000, admin_port);
    let note = (!notes.is_empty()).then(|| format!("Note: {}.", notes.join("; ")));
    Ports { listen, admin, note }
}

fn try_port(port: u16) -> Option<Obstacle> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Some(Obstacle::NotAllowed),
        Err(_) => Some(Obstacle::Taken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(obstacle: &dyn Fn(u16) -> Option<Obstacle>) -> (String, String, Option<String>) {
        let ports = choose_with(None, None, obstacle);
        (ports.listen, ports.admin, ports.note)
    }

    #[test]
    fn takes_80_and_8080_where_it_may() {
        assert_eq!(chosen(&|_| None), ("127.0.0.1:80".into(), "127.0.0.1:8080".into(), None));
    }

    #[test]
    fn says_in_one_line_why_it_took_others() {
        let low = |port| (port < 1024).then_some(Obstacle::NotAllowed);
        let (listen, admin, note) = chosen(&low);
        assert_eq!((listen.as_str(), admin.as_str()), ("127.0.0.1:8000", "127.0.0.1:8080"));
        assert_eq!(note.unwrap(), "Note: this user may not bind port 80, so the site is on 8000.");
        let busy = |port| [80, 8000, 8001, 8080].contains(&port).then_some(Obstacle::Taken);
        let (listen, admin, note) = chosen(&busy);
        assert_eq!((listen.as_str(), admin.as_str()), ("127.0.0.1:8002", "127.0.0.1:8081"));
        assert_eq!(note.unwrap().lines().count(), 1);
    }

    #[test]
    fn leaves_alone_what_was_named_and_never_takes_it_twice() {
        let ports = choose_with(None, Some("127.0.0.1:8000".into()), &|port| {
            (port == 80).then_some(Obstacle::NotAllowed)
        });
        assert_eq!((ports.listen.as_str(), ports.admin.as_str()), ("127.0.0.1:8001", "127.0.0.1:8000"));
    }
}
