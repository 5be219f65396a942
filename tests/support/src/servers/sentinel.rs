//! A Redis primary, its replicas, and the Sentinels that make another one the primary when it is lost.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::{Server, free_ports};
use crate::eventually;

/// What the Sentinels call the primary.
pub const NAME: &str = "releases";

/// The servers and their Sentinels.
pub struct WatchedRedis {
    /// The first was the primary at the start.
    pub servers: Vec<Server>,
    /// Three, of which two must agree.
    pub sentinels: Vec<Server>,
}

impl WatchedRedis {
    /// A primary with one replica, watched by three Sentinels. They notice within a second that it is lost.
    pub fn start() -> Self {
        let ports = free_ports(5);
        let servers: Vec<Server> = (0..2).map(|index| server(&ports[..2], index)).collect();
        for port in &ports[..2] {
            eventually("the server answers", || ask(*port, "PING").starts_with("+PONG"));
        }
        eventually("the replica has everything", || {
            ask(ports[0], "INFO replication").contains("state=online")
        });
        let sentinels = (2..5).map(|index| sentinel(ports[0], ports[index])).collect();
        let watched = Self { servers, sentinels };
        eventually("the Sentinels know each other and the replica", || {
            watched.sentinels.iter().all(|sentinel| {
                let said = ask(sentinel.ports[0], &format!("SENTINEL MASTER {NAME}"));
                field(&said, "num-slaves") == Some("1") && field(&said, "num-other-sentinels") == Some("2")
            })
        });
        watched
    }

    /// The address of the store.
    pub fn url(&self) -> String {
        let hosts: Vec<String> =
            self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.ports[0])).collect();
        format!("redis+sentinel://{}/{NAME}", hosts.join(","))
    }

    /// The port of the primary, as most Sentinels say.
    pub fn primary(&self) -> Option<u16> {
        let said = |sentinel: &Server| {
            let said = ask(sentinel.ports[0], &format!("SENTINEL MASTER {NAME}"));
            field(&said, "port").and_then(|port| port.parse::<u16>().ok())
        };
        let said: Vec<u16> = self.sentinels.iter().filter_map(said).collect();
        said.iter().copied().find(|port| said.iter().filter(|other| *other == port).count() >= 2)
    }

    /// Makes the replica the primary while both live.
    pub fn hand_over(&self) {
        eventually("the Sentinels take it on", || {
            self.sentinels.iter().any(|sentinel| {
                ask(sentinel.ports[0], &format!("SENTINEL FAILOVER {NAME}")).starts_with("+OK")
            })
        });
    }
}

fn server(ports: &[u16], index: usize) -> Server {
    Server::on_ports("redis-server", vec![ports[index]], |folder, own| {
        let (port, folder) = (own[0].to_string(), folder.display().to_string());
        let place = ["--port", &port, "--bind", "127.0.0.1", "--dir", &folder];
        // A replica takes over what the primary has as soon as there is one.
        let kept = ["--appendonly", "yes", "--save", "", "--repl-diskless-sync-delay", "0"];
        let mut arguments: Vec<String> = place.iter().chain(&kept).map(|text| (*text).to_owned()).collect();
        if index > 0 {
            arguments.extend(["--replicaof".to_owned(), format!("127.0.0.1 {}", ports[0])]);
        }
        arguments
    })
}

fn sentinel(primary: u16, port: u16) -> Server {
    Server::on_ports("redis-server", vec![port], |folder, _| {
        let mut text = format!("port {port}\nbind 127.0.0.1\ndir {}\n", folder.display());
        let _ = writeln!(text, "sentinel monitor {NAME} 127.0.0.1 {primary} 2");
        let _ = writeln!(text, "sentinel down-after-milliseconds {NAME} 1000");
        let _ = writeln!(text, "sentinel failover-timeout {NAME} 3000");
        let file = folder.join("sentinel.conf");
        fs::write(&file, text).expect("the file can be written");
        vec![file.display().to_string(), "--sentinel".to_owned()]
    })
}

/// What a server answers to an inline command, or what came of it.
pub fn ask(port: u16, command: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return String::new() };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let _ = stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes());
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

/// A field of a list of names and values, each of which stands in the line behind its length.
fn field<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = said.lines().skip_while(|line| *line != name);
    lines.next()?;
    lines.nth(1)
}
