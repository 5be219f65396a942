//! Little memory, and many clients that do not read: the router answers 503 before the kernel ends it, whichever version of control
//! groups the machine has.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::clock::pause;
use support::{Peer, eventually, long, router, serving};

/// MiB of memory, and how many clients take all of it and more with a small buffer each.
const LITTLE: (usize, usize) = (48, 2_500);
const LITTLE_IN_FULL: (usize, usize) = (64, 4_000);

static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// A control group of this test, which ends with it.
struct Group(PathBuf);

impl Group {
    fn new(limit: usize) -> Self {
        let roots = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        let made = roots.into_iter().find_map(|(root, file)| {
            let group = Path::new(root).join(format!("rolling-router-test-{}", std::process::id()));
            fs::create_dir(&group).ok()?;
            let group = Self(group);
            fs::write(group.0.join(file), limit.to_string()).ok().map(|()| group)
        });
        made.expect("this test makes a control group with a memory limit, which needs root and a writable /sys/fs/cgroup")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It can be removed once its last process has ended.
        let _ = fs::remove_dir(&self.0);
    }
}

fn large(peer: &mut Peer) {
    // The kernel's memory is not what this is about.
    let _ = socket2::SockRef::from(&*peer.stream()).set_send_buffer_size(16 * 1024);
    while let Some(request) = peer.request() {
        if request.target() != "/large" {
            peer.send("HTTP/1.1 200 OK\r\nX-Release: v1\r\nContent-Length: 2\r\n\r\nok");
            continue;
        }
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 256 * PIECE.len()));
        if !(0..256).all(|_| peer.send(PIECE)) {
            return;
        }
    }
}

fn ask(front: std::net::SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket can be made");
    // On loopback a segment has 64 KiB, of which the kernel keeps many for a reader that does not read; nowhere else.
    socket.set_tcp_mss(1_400).expect("a segment can be small");
    socket.set_recv_buffer_size(4 * 1024).expect("its buffer can be small");
    socket.connect(&front.into()).expect("the front accepts");
    let mut client: TcpStream = socket.into();
    client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").expect("it takes a request");
    client
}

#[test]
fn a_router_with_little_memory_refuses_before_the_kernel_ends_it() {
    let (mebibytes, clients) = if long() { LITTLE_IN_FULL } else { LITTLE };
    let group = Group::new(mebibytes << 20);
    let mut router =
        router().stable_on("v1", vec![serving(large)]).within(&group.0.join("cgroup.procs")).start();
    assert!(router.log().contains("little memory"), "{}", router.log());
    let clients: Vec<TcpStream> = (0..clients)
        .map(|n| {
            if n % 250 == 0 {
                pause(Duration::from_millis(100));
            }
            ask(router.front)
        })
        .collect();
    eventually("it refuses", || {
        router.visitor().try_get("/").is_ok_and(|visit| visit.response.status == 503)
    });
    // Longer than it takes to use up what is left, if nothing bounds it.
    pause(Duration::from_millis(1_500));
    drop(clients);
    eventually("it serves again", || {
        router.visitor().try_get("/").is_ok_and(|visit| visit.response.status == 200)
    });
    router.terminate();
    assert_eq!(router.exit_code(), Some(0), "{}", router.log());
}
