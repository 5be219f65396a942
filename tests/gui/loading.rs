//! A page of which a part does not come, as when the reader's machine changes its network in that moment.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use support::router;

use crate::{browser::Browser, sign_in_at};

/// How many requests for the part are cut off.
const CUT: usize = 2;

/// What stands between the browser and the router: passes all on, and cuts the connection where this is asked for, so many times.
struct Line {
    address: SocketAddr,
    cut: Arc<AtomicUsize>,
}

impl Line {
    fn to(router: SocketAddr, asked: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let line =
            Self { address: listener.local_addr().expect("an address"), cut: Arc::new(AtomicUsize::new(0)) };
        let cut = Arc::clone(&line.cut);
        thread::spawn(move || {
            for browser in listener.incoming().flatten() {
                let (router, cut) = (TcpStream::connect(router), Arc::clone(&cut));
                let Ok(router) = router else { return };
                let (back, down) = (copy_of(&router), copy_of(&browser));
                thread::spawn(move || pass(back, down, |_| true));
                thread::spawn(move || {
                    pass(browser, router, |bytes| {
                        let is_asked = bytes.windows(asked.len()).any(|part| part == asked.as_bytes());
                        !is_asked || cut.fetch_add(1, Ordering::Relaxed) >= CUT
                    });
                });
            }
        });
        line
    }
}

fn copy_of(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a socket can be named twice")
}

/// Passes bytes on until one side ends, or `may_pass` says no.
fn pass(mut from: TcpStream, mut to: TcpStream, mut may_pass: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !may_pass(&buffer[..length]) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn a_page_that_is_opened_for_the_first_time_and_does_not_come_is_loaded_again() {
    let router = router().stable("1.0.0").start();
    let line = Line::to(router.admin, "/pages/fleet.js HTTP");
    let browser = Browser::start(1280, 1000);
    sign_in_at(&browser, &format!("http://{}/", line.address), "operator");
    browser.see("app-hello", "hello");
    assert_eq!(line.cut.load(Ordering::Relaxed), 0, "nobody asked for it yet");
    browser.script("location.hash = '#/fleet'");
    browser.see("fleet-members", "");
    assert!(line.cut.load(Ordering::Relaxed) > CUT, "the page was cut off");
}

#[test]
fn a_page_of_which_a_part_does_not_come_is_loaded_again() {
    let router = router().stable("1.0.0").start();
    let line = Line::to(router.admin, "/series.js HTTP");
    let browser = Browser::start(1280, 1000);
    sign_in_at(&browser, &format!("http://{}/", line.address), "operator");
    browser.see("app-hello", "hello");
    // The browser itself asks once more where a connection that was used before ends.
    assert!(line.cut.load(Ordering::Relaxed) > CUT, "the part was cut off");
    assert_eq!(browser.script("return sessionStorage.length"), 0, "it starts afresh");
}
