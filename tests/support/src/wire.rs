//! A raw client connection: sends exactly the bytes it is given, in the packets it is told to, and reads strictly.

use super::clock::PATIENCE;
use super::message::{Fault, Response, Source, read_response};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Why no response could be read.
pub type WireFault = Fault;

/// One TCP connection to a router.
pub struct Wire {
    source: Source<TcpStream>,
}

impl Wire {
    /// Connects; small packets leave at once.
    pub fn open(address: SocketAddr) -> Self {
        Self::try_open(address).expect("the router accepts connections")
    }

    /// The same; `None` when nobody listens.
    pub fn try_open(address: SocketAddr) -> Option<Self> {
        Some(Self::of(TcpStream::connect(address).ok()?))
    }

    /// The same from one of this machine's addresses, such as 127.0.0.2.
    pub fn open_from(address: SocketAddr, from: [u8; 4]) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.expect("a socket can be made");
        socket.bind(&SocketAddr::from((from, 0)).into()).expect("the address is this machine's");
        socket.connect(&address.into()).expect("the router accepts connections");
        Self::of(socket.into())
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("nodelay can be set");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
        Self { source: Source::new(stream) }
    }

    /// This connection with another limit on waiting for bytes.
    pub fn patience(self, length: Duration) -> Self {
        self.source.stream.set_read_timeout(Some(length)).expect("a time-out can be set");
        self
    }

    /// The socket itself.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.source.stream
    }

    /// Sends `bytes` in one write. A peer that has already refused and closed is no failure here: what it answered is.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.source.stream.write_all(bytes.as_ref());
        self
    }

    /// Sends `bytes` in two packets, the second starting at `at`.
    pub fn send_split(&mut self, bytes: &[u8], at: usize) -> &mut Self {
        self.send(&bytes[..at]);
        let_it_be_read();
        self.send(&bytes[at..])
    }

    /// Sends every byte as a packet of its own.
    pub fn send_bytewise(&mut self, bytes: &[u8]) -> &mut Self {
        for byte in bytes {
            self.send([*byte]);
            let_it_be_read();
        }
        self
    }

    /// Ends this side's sending.
    pub fn finish(&mut self) -> &mut Self {
        let _ = self.source.stream.shutdown(Shutdown::Write);
        self
    }

    /// Ends the connection with a reset instead of an orderly close.
    pub fn reset(self) {
        super::endpoint::close_with_reset(&self.source.stream);
    }

    /// Reads the response to a request with `method`.
    pub fn try_response(&mut self, method: &str) -> Result<Response, WireFault> {
        read_response(&mut self.source, method)
    }

    /// Reads the response to a request with `method`, or fails the test.
    pub fn response(&mut self, method: &str) -> Response {
        match self.try_response(method) {
            Ok(response) => response,
            Err(broken) => panic!("no valid response to {method}: {broken:?}"),
        }
    }

    /// Reads bytes up to and including `mark`.
    pub fn read_until(&mut self, mark: &[u8]) -> Vec<u8> {
        self.source.until(mark).unwrap_or_else(|fault| panic!("waiting for {mark:?}: {fault:?}"))
    }

    /// Reads exactly `length` bytes.
    pub fn read_exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.source
            .exactly(length, &mut bytes)
            .unwrap_or_else(|fault| panic!("reading {length} bytes: {fault:?}"));
        bytes
    }

    /// What was read with the last message and belongs to none.
    pub fn take_ahead(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.source.ahead)
    }

    /// Everything that still comes until the peer closes; `None` when it has not closed in time.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.source.fill() {
                Ok(true) => {}
                Ok(false) => return Some(std::mem::take(&mut self.source.ahead)),
                Err(_) => return None,
            }
        }
    }

    /// Fails unless the peer closes, without a single further byte.
    pub fn assert_closed(&mut self) {
        match self.rest() {
            Some(rest) if rest.is_empty() => {}
            Some(rest) => panic!("bytes after the last answer: {:?}", String::from_utf8_lossy(&rest)),
            None => panic!("the connection is still open"),
        }
    }

    /// Whether nothing has come and the peer has not closed, after waiting `length`.
    pub fn is_silent_for(&mut self, length: Duration) -> bool {
        let stream = &mut self.source.stream;
        stream.set_read_timeout(Some(length)).expect("a time-out can be set");
        let silent = self.source.ahead.is_empty() && matches!(self.source.fill(), Err(Fault::Silent));
        self.source.stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        silent
    }

    /// Fails unless another request on this connection is answered with 200.
    pub fn assert_usable(&mut self, host: &str) {
        self.send(format!("GET /still-open HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let response = self.response("GET");
        assert_eq!(response.status, 200, "the connection was to stay usable");
    }
}

/// Gives the peer a chance to read what was sent as a packet of its own. Not a synchronisation: whatever the split,
/// the outcome must be the same, so a missed chance costs coverage and never truth.
fn let_it_be_read() {
    for _ in 0..3 {
        std::thread::yield_now();
    }
}

/// Sends one raw message on a connection of its own and reads everything until the peer closes.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut wire = Wire::open(address);
    wire.send(bytes);
    let mut all = Vec::new();
    let _ = wire.stream().read_to_end(&mut all);
    all
}
