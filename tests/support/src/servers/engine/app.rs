//! The server in the images of the suites: one program without libraries, linked statically, so that an image holds nothing
//! else. It is compiled by the suite that needs it, and belongs to no crate.
//!
//! | variable | what it does |
//! |---|---|
//! | `PORT` | where it listens; 80 without it |
//! | `RELEASE` | what it answers |
//! | `DIE` | it says this on standard error, and ends with code 3 |
//! | `ONCE` | a file that it makes; the next time that it starts on the same container, it ends with code 4 |
//! | `STUBBORN` | it goes on when it is asked to end |
//!
//! It says which container it is (`X-Endpoint`), and counts at `/session/NAME` in its memory how often that was asked for.
//!
//! Asked to end, it stops listening at once, as most servers do, finishes the requests that it has, and leaves. On SIGHUP it
//! says so and goes on.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd,
    process, ptr,
    sync::{Condvar, Mutex},
    thread,
    time::Duration,
};

const SIGNALS: [i32; 5] = [1, 2, 3, 10, 15];
const HANGUP: i32 = 1;
const SIG_BLOCK: i32 = 0;
const BOTH_WAYS: i32 = 2;

/// A set of signals, as Linux has it: 1024 bits.
type SignalSet = [u64; 16];

unsafe extern "C" {
    fn sigprocmask(how: i32, set: *const SignalSet, old: *mut SignalSet) -> i32;
    fn sigwait(set: *const SignalSet, signal: *mut i32) -> i32;
    fn shutdown(descriptor: i32, how: i32) -> i32;
}

static SESSIONS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
static OPEN: Mutex<usize> = Mutex::new(0);
static CLOSED: Condvar = Condvar::new();

fn main() {
    if let Ok(words) = env::var("DIE") {
        eprintln!("{words}");
        process::exit(3);
    }
    if let Ok(file) = env::var("ONCE")
        && std::fs::File::create_new(file).is_err()
    {
        eprintln!("started a second time");
        process::exit(4);
    }
    let mut set: SignalSet = [0; 16];
    set[0] = SIGNALS.iter().map(|signal| 1 << (signal - 1)).sum();
    // SAFETY: the set is as large as the kernel's, and threads that start later inherit it.
    unsafe { sigprocmask(SIG_BLOCK, &set, ptr::null_mut()) };
    let port: u16 = env::var("PORT").ok().and_then(|text| text.parse().ok()).unwrap_or(80);
    let listener = TcpListener::bind(("0.0.0.0", port)).expect("the port is free");
    println!("listening on {port}");
    let descriptor = listener.as_raw_fd();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            thread::spawn(move || serve(stream));
        }
    });
    loop {
        let mut signal = 0;
        // SAFETY: both are valid for the length of the call.
        unsafe { sigwait(&set, &mut signal) };
        if signal == HANGUP || env::var_os("STUBBORN").is_some() {
            println!("goes on after signal {signal}");
            continue;
        }
        // SAFETY: the descriptor is the listener's, which nobody closes.
        unsafe { shutdown(descriptor, BOTH_WAYS) };
        let open = OPEN.lock().expect("nobody panics with it");
        let waited = CLOSED.wait_timeout_while(open, Duration::from_secs(30), |open| *open > 0);
        println!("ends after signal {signal}, {} open", *waited.expect("nobody panics with it").0);
        process::exit(0);
    }
}

/// Answers the requests of one connection, one after the other.
fn serve(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(&stream);
    let answer = env::var("RELEASE").unwrap_or_else(|_| "no release".into());
    // An engine calls each container's host as the container.
    let endpoint = env::var("HOSTNAME").unwrap_or_default();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        *OPEN.lock().expect("nobody panics with it") += 1;
        let target = line.split(' ').nth(1).unwrap_or("/").to_owned();
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                break;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(text) = lower.strip_prefix("content-length:") {
                length = text.trim().parse().unwrap_or(0);
            }
        }
        let _ = std::io::copy(&mut std::io::Read::take(&mut reader, length), &mut std::io::sink());
        if let Some(ms) = target.strip_prefix("/slow/").and_then(|text| text.parse().ok()) {
            thread::park_timeout(Duration::from_millis(ms));
        }
        let body = match (target.strip_prefix("/env/"), target.strip_prefix("/session/")) {
            (Some(name), _) => env::var(name).unwrap_or_default(),
            (_, Some(name)) => count(name).to_string(),
            _ => answer.clone(),
        };
        let head = format!("HTTP/1.1 200 OK\r\nX-Release: {answer}\r\nX-Endpoint: {endpoint}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len());
        let sent = (&stream).write_all(format!("{head}{body}").as_bytes());
        *OPEN.lock().expect("nobody panics with it") -= 1;
        CLOSED.notify_all();
        if sent.is_err() {
            return;
        }
    }
}

/// Counts a request of a session, and gives how many it had.
fn count(session: &str) -> u64 {
    let mut sessions = SESSIONS.lock().expect("nobody panics with it");
    let count = sessions.entry(session.to_owned()).or_default();
    *count += 1;
    *count
}
