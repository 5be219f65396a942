//! A name server on a UDP socket, whose names a suite changes while the router asks.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A running name server; it stops when dropped.
pub struct NameServer {
    /// Where it listens.
    pub address: SocketAddr,
    zone: Arc<Zone>,
}

#[derive(Default)]
struct Zone {
    names: Mutex<BTreeMap<String, Vec<IpAddr>>>,
    fails: AtomicBool,
    stopped: AtomicBool,
}

/// How often the server looks whether it was stopped.
const PACE: Duration = Duration::from_millis(50);
const NO_ERROR: u16 = 0;
const SERVER_FAILURE: u16 = 2;
const NO_SUCH_NAME: u16 = 3;

impl NameServer {
    /// One that knows no name.
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a name server's port can be bound");
        socket.set_read_timeout(Some(PACE)).expect("a socket takes a time-out");
        let (address, zone) = (socket.local_addr().expect("it is bound"), Arc::<Zone>::default());
        let server = Self { address, zone: Arc::clone(&zone) };
        thread::spawn(move || {
            let mut query = [0; 512];
            while !zone.stopped.load(Ordering::Relaxed) {
                let Ok((length, client)) = socket.recv_from(&mut query) else { continue };
                if let Some(answer) = zone.answer(&query[..length]) {
                    let _ = socket.send_to(&answer, client);
                }
            }
        });
        server
    }

    /// A name stands for these addresses from now on; for none of them: there is no such name.
    pub fn set(&self, name: &str, addresses: &[&str]) {
        let parsed: Vec<IpAddr> = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        let mut names = self.zone.names.lock().unwrap();
        names.remove(name);
        if !parsed.is_empty() {
            names.insert(name.to_owned(), parsed);
        }
    }

    /// Whether it answers every question with a failure.
    pub fn set_failing(&self, fails: bool) {
        self.zone.fails.store(fails, Ordering::Relaxed);
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.zone.stopped.store(true, Ordering::Relaxed);
    }
}

impl Zone {
    /// The answer to one question (RFC 1035 section 4.1).
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = question(query)?;
        let kind = query[end - 4..end - 2].to_vec();
        let names = self.names.lock().unwrap();
        let known = names.get(&name);
        let wanted = |ip: &&IpAddr| kind == if ip.is_ipv4() { [0, 1] } else { [0, 28] };
        let found: Vec<IpAddr> = known.into_iter().flatten().filter(wanted).copied().collect();
        let code = match known {
            _ if self.fails.load(Ordering::Relaxed) => SERVER_FAILURE,
            None => NO_SUCH_NAME,
            Some(_) => NO_ERROR,
        };
        let found = if code == NO_ERROR { found } else { Vec::new() };
        let mut answer = query[..2].to_vec();
        // A response, with recursion desired and available.
        answer.extend((0x8180 | code).to_be_bytes());
        let count = u16::try_from(found.len()).expect("few addresses").to_be_bytes();
        answer.extend([0, 1, count[0], count[1], 0, 0, 0, 0]);
        answer.extend(&query[12..end]);
        for ip in found {
            let data = match ip {
                IpAddr::V4(v4) => v4.octets().to_vec(),
                IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            // The name is the question's; class IN; a TTL that is longer than the suite.
            answer.extend([
                0xc0,
                12,
                kind[0],
                kind[1],
                0,
                1,
                0,
                0,
                14,
                16,
                0,
                u8::try_from(data.len()).unwrap(),
            ]);
            answer.extend(data);
        }
        Some(answer)
    }
}

/// The name that a query asks for, in lower case, and where its question ends.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8(query.get(at..at + length)?.to_vec()).ok()?);
        at += length;
    }
    (query.len() >= at + 4).then(|| (labels.join(".").to_ascii_lowercase(), at + 4))
}
