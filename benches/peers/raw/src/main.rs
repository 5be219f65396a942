//! The floor: a TCP relay on epoll that parses nothing. One client connection has one connection to an endpoint, and
//! each piece of data costs one `recv` and one `send`. What a proxy costs beyond it is what HTTP costs.
//!
//! usage: `raw LISTEN_PORT ENDPOINT_PORT...`; the environment variable `RAW_BUFFER` is the size of a read (65,536).

use std::mem;
use std::os::raw::c_int;
use std::ptr;

const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;

/// One direction's writer: whose bytes it gets, and what could not be written yet.
#[derive(Default)]
struct End {
    peer: c_int,
    pending: Vec<u8>,
}

struct Relay {
    poll: c_int,
    listener: c_int,
    endpoints: Vec<u16>,
    accepted: usize,
    ends: Vec<Option<End>>,
    buffer: Vec<u8>,
}

fn main() {
    let ports: Vec<u16> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [listen, endpoints @ ..] = &ports[..] else { panic!("usage: raw LISTEN_PORT ENDPOINT_PORT...") };
    assert!(!endpoints.is_empty(), "usage: raw LISTEN_PORT ENDPOINT_PORT...");
    let buffer = std::env::var("RAW_BUFFER").ok().and_then(|size| size.parse().ok()).unwrap_or(65_536);
    let listener = socket(true);
    // SAFETY: the option's value and the address outlive the calls.
    let poll = unsafe {
        let (one, address) = (1 as c_int, loopback(*listen));
        libc::setsockopt(listener, libc::SOL_SOCKET, libc::SO_REUSEADDR, (&raw const one).cast(), 4);
        assert!(
            libc::bind(listener, (&raw const address).cast(), ADDRESS_BYTES) == 0,
            "cannot bind {listen}"
        );
        libc::listen(listener, 4096);
        libc::epoll_create1(0)
    };
    let ends = (0..65_536).map(|_| None).collect();
    let mut relay =
        Relay { poll, listener, endpoints: endpoints.to_vec(), accepted: 0, ends, buffer: vec![0; buffer] };
    relay.control(libc::EPOLL_CTL_ADD, listener, IN);
    relay.run();
}

const ADDRESS_BYTES: u32 = mem::size_of::<libc::sockaddr_in>() as u32;

fn loopback(port: u16) -> libc::sockaddr_in {
    // SAFETY: all-zero bytes are a valid sockaddr_in.
    let mut address: libc::sockaddr_in = unsafe { mem::zeroed() };
    address.sin_family = libc::AF_INET as u16;
    address.sin_port = port.to_be();
    address.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
    address
}

fn socket(nonblocking: bool) -> c_int {
    let kind = libc::SOCK_STREAM | if nonblocking { libc::SOCK_NONBLOCK } else { 0 };
    // SAFETY: no pointers.
    unsafe { libc::socket(libc::AF_INET, kind, 0) }
}

fn no_delay(fd: c_int) {
    let one: c_int = 1;
    // SAFETY: the option's value outlives the call.
    unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, (&raw const one).cast(), 4) };
}

fn would_block() -> bool {
    std::io::Error::last_os_error().kind() == std::io::ErrorKind::WouldBlock
}

impl Relay {
    fn run(&mut self) {
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; 256];
        loop {
            // SAFETY: pointer and length describe `events`.
            let count = unsafe { libc::epoll_wait(self.poll, events.as_mut_ptr(), 256, -1) };
            for event in events.iter().take(count.max(0) as usize) {
                let (fd, ready) = (event.u64 as c_int, event.events);
                if fd == self.listener {
                    self.accept();
                    continue;
                }
                if ready & OUT != 0 {
                    self.flush(fd);
                }
                if ready & !OUT != 0 {
                    self.relay(fd);
                }
            }
        }
    }

    fn control(&self, operation: c_int, fd: c_int, interest: u32) {
        let mut event = libc::epoll_event { events: interest, u64: fd as u64 };
        // SAFETY: `event` outlives the call.
        unsafe { libc::epoll_ctl(self.poll, operation, fd, &raw mut event) };
    }

    fn accept(&mut self) {
        loop {
            // SAFETY: no address is asked for.
            let client = unsafe {
                libc::accept4(self.listener, ptr::null_mut(), ptr::null_mut(), libc::SOCK_NONBLOCK)
            };
            if client < 0 {
                return;
            }
            let endpoint = socket(false);
            let address = loopback(self.endpoints[self.accepted % self.endpoints.len()]);
            self.accepted += 1;
            // SAFETY: the address outlives the call; both descriptors are open.
            unsafe {
                if libc::connect(endpoint, (&raw const address).cast(), ADDRESS_BYTES) != 0 {
                    libc::close(client);
                    libc::close(endpoint);
                    continue;
                }
                libc::fcntl(endpoint, libc::F_SETFL, libc::O_NONBLOCK);
            }
            for (fd, peer) in [(client, endpoint), (endpoint, client)] {
                no_delay(fd);
                self.ends[fd as usize] = Some(End { peer, pending: Vec::new() });
                self.control(libc::EPOLL_CTL_ADD, fd, IN);
            }
        }
    }

    /// Writes what `fd` is owed, and reads from its peer again once nothing is.
    fn flush(&mut self, fd: c_int) {
        let Some(end) = &mut self.ends[fd as usize] else { return };
        // SAFETY: pointer and length describe `pending`.
        let sent =
            unsafe { libc::send(fd, end.pending.as_ptr().cast(), end.pending.len(), libc::MSG_NOSIGNAL) };
        if sent > 0 {
            end.pending.drain(..sent as usize);
        }
        if end.pending.is_empty() {
            let peer = end.peer;
            self.control(libc::EPOLL_CTL_MOD, fd, IN);
            self.control(libc::EPOLL_CTL_MOD, peer, IN);
        }
    }

    fn relay(&mut self, fd: c_int) {
        let Some(peer) = self.ends[fd as usize].as_ref().map(|end| end.peer) else { return };
        // SAFETY: pointer and length describe `buffer`.
        let got = unsafe { libc::recv(fd, self.buffer.as_mut_ptr().cast(), self.buffer.len(), 0) };
        if got < 0 && would_block() {
            return;
        }
        if got <= 0 {
            return self.close(fd, peer);
        }
        let got = got as usize;
        // SAFETY: the first `got` bytes of `buffer` were just written.
        let sent = unsafe { libc::send(peer, self.buffer.as_ptr().cast(), got, libc::MSG_NOSIGNAL) };
        if sent < 0 && !would_block() {
            return self.close(fd, peer);
        }
        let sent = sent.max(0) as usize;
        if sent < got {
            if let Some(end) = &mut self.ends[peer as usize] {
                end.pending.extend_from_slice(&self.buffer[sent..got]);
            }
            self.control(libc::EPOLL_CTL_MOD, peer, IN | OUT);
            self.control(libc::EPOLL_CTL_MOD, fd, 0);
        }
    }

    fn close(&mut self, fd: c_int, peer: c_int) {
        for fd in [fd, peer] {
            self.ends[fd as usize] = None;
            // SAFETY: both descriptors are open and owned by this relay.
            unsafe { libc::close(fd) };
        }
    }
}
