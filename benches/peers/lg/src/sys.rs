//! The few system calls that the engine lives on, as safe functions. IPv4 loopback only, non-blocking only.

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::raw::c_int;

/// A socket or epoll descriptor.
pub type Fd = c_int;

/// Readable.
pub const IN: u32 = libc::EPOLLIN as u32;
/// Writable.
pub const OUT: u32 = libc::EPOLLOUT as u32;

/// Ends the program with a message: a load generator that goes on after a failure measures something else.
pub fn die(message: &str) -> ! {
    eprintln!("lg: {message}");
    std::process::exit(2)
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn address_of(address: SocketAddrV4) -> libc::sockaddr_in {
    // SAFETY: all-zero bytes are a valid sockaddr_in.
    let mut raw: libc::sockaddr_in = unsafe { mem::zeroed() };
    raw.sin_family = libc::AF_INET as u16;
    raw.sin_port = address.port().to_be();
    raw.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
    raw
}

const ADDRESS_BYTES: u32 = mem::size_of::<libc::sockaddr_in>() as u32;

fn set(fd: Fd, level: c_int, option: c_int, value: c_int) {
    // SAFETY: the pointer and the length describe `value`.
    unsafe { libc::setsockopt(fd, level, option, (&raw const value).cast(), mem::size_of::<c_int>() as u32) };
}

fn no_delay(fd: Fd) {
    set(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
}

/// A listener on 127.0.0.1.
pub fn listen(port: u16) -> io::Result<Fd> {
    let address = address_of(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    // SAFETY: `address` outlives the calls and its length is given.
    unsafe {
        let fd = check(libc::socket(
            libc::AF_INET,
            libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            0,
        ))?;
        set(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1);
        check(libc::bind(fd, (&raw const address).cast(), ADDRESS_BYTES))?;
        check(libc::listen(fd, 4096))?;
        Ok(fd)
    }
}

/// A connection to `to` from 127.0.0.`from`; more than one source address lifts the limit of 28,000 ports.
pub fn connect(to: SocketAddrV4, from: u8) -> io::Result<Fd> {
    let to = address_of(to);
    // SAFETY: the addresses outlive the calls and their length is given.
    unsafe {
        let fd = check(libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0))?;
        no_delay(fd);
        if from > 1 {
            set(fd, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1);
            let from = address_of(SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, from), 0));
            check(libc::bind(fd, (&raw const from).cast(), ADDRESS_BYTES))?;
        }
        check(libc::connect(fd, (&raw const to).cast(), ADDRESS_BYTES))?;
        let flags = libc::fcntl(fd, libc::F_GETFL);
        libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK);
        Ok(fd)
    }
}

/// The next waiting connection of a listener.
pub fn accept(listener: Fd) -> Option<Fd> {
    // SAFETY: no address is asked for.
    let fd = unsafe {
        libc::accept4(
            listener,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
        )
    };
    (fd >= 0).then(|| {
        no_delay(fd);
        fd
    })
}

/// What a transfer came to.
pub enum Moved {
    /// So many bytes.
    Bytes(usize),
    /// Nothing can move now.
    Later,
    /// The connection is over.
    Gone,
}

fn moved(result: isize) -> Moved {
    if result >= 0 {
        return Moved::Bytes(result as usize);
    }
    let later = io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock;
    if later { Moved::Later } else { Moved::Gone }
}

/// One `send`.
pub fn send(fd: Fd, bytes: &[u8]) -> Moved {
    // SAFETY: pointer and length describe `bytes`.
    moved(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) })
}

/// One `recv`; the end of the stream is [`Moved::Gone`].
pub fn receive(fd: Fd, buffer: &mut [u8]) -> Moved {
    // SAFETY: pointer and length describe `buffer`.
    match moved(unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), 0) }) {
        Moved::Bytes(0) => Moved::Gone,
        other => other,
    }
}

/// Closes a descriptor.
pub fn close(fd: Fd) {
    // SAFETY: the engine closes each of its descriptors once.
    unsafe { libc::close(fd) };
}

/// Where `needle` begins in `hay`.
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    // SAFETY: both pointers and lengths describe their slices; the result points into `hay`.
    unsafe {
        let at = libc::memmem(hay.as_ptr().cast(), hay.len(), needle.as_ptr().cast(), needle.len());
        (!at.is_null()).then(|| at as usize - hay.as_ptr() as usize)
    }
}

/// An epoll instance.
pub struct Poll {
    fd: Fd,
    events: Vec<libc::epoll_event>,
}

impl Poll {
    /// One that returns up to 256 events per call.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Self { fd, events: vec![libc::epoll_event { events: 0, u64: 0 }; 256] })
    }

    fn control(&self, operation: c_int, fd: Fd, interest: u32) {
        let mut event = libc::epoll_event { events: interest, u64: fd as u64 };
        // SAFETY: `event` outlives the call.
        if unsafe { libc::epoll_ctl(self.fd, operation, fd, &raw mut event) } < 0 {
            die("epoll_ctl failed");
        }
    }

    /// Watches a new descriptor for input.
    pub fn add(&self, fd: Fd) {
        self.control(libc::EPOLL_CTL_ADD, fd, IN);
    }

    /// Watches for input, and for room to write if `writing`.
    pub fn change(&self, fd: Fd, writing: bool) {
        self.control(libc::EPOLL_CTL_MOD, fd, if writing { IN | OUT } else { IN });
    }

    /// Waits; how many events there are.
    pub fn wait(&mut self, milliseconds: c_int) -> usize {
        let room = self.events.len() as c_int;
        // SAFETY: pointer and length describe `events`.
        let count = unsafe { libc::epoll_wait(self.fd, self.events.as_mut_ptr(), room, milliseconds) };
        count.max(0) as usize
    }

    /// The descriptor and the readiness of event `at`.
    pub fn event(&self, at: usize) -> (Fd, u32) {
        let event = self.events[at];
        (event.u64 as Fd, event.events)
    }
}

/// Lifts the limit on open files as far as it goes.
pub fn lift_file_limit() {
    // SAFETY: `limit` outlives the calls.
    unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
}

/// CPU time of this process in microseconds.
pub fn own_cpu_us() -> f64 {
    // SAFETY: `usage` outlives the call.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let seconds = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) as f64;
    seconds * 1e6 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) as f64
}

/// Clock ticks per second in `/proc`.
pub fn ticks_per_second() -> f64 {
    // SAFETY: no pointers.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) as f64 }
}
