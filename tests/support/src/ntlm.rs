//! An endpoint that ties a login to its TCP connection, as IIS and Kestrel do: NTLM's handshake of three messages (MS-NLMP), and
//! Negotiate in one. Whose password it is, it does not check; who logged in on which connection, it never forgets.

use super::endpoint::{Endpoint, serving};
use super::message::ReceivedMessage;
use super::websocket::ACCEPT;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Where each message has its type, and the third one the user's name: length, room, and place.
const SIGNATURE: &[u8] = b"NTLMSSP\0";
const USER_FIELD: usize = 36;

/// An endpoint that greets the user of its connection: `hello maria`, or `hello nobody`. `/private` wants a login. `/remembered`
/// says that the login goes with the connection (`Persistent-Auth`), and logs in whoever `X-User` names. A WebSocket is told its
/// user in `X-User`.
pub fn greeting(release: &str) -> Endpoint {
    let release = release.to_owned();
    serving(move |peer| {
        let mut user = None;
        while let Some(received) = peer.request() {
            if received.header("upgrade").is_some() {
                let user = user.as_deref().unwrap_or("nobody");
                peer.send(format!(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Accept: {ACCEPT}\r\nX-User: {user}\r\n\r\n"
                ));
                peer.drain();
                return;
            }
            let answer = answer(&received, &mut user);
            let answer = answer.replacen("\r\n", &format!("\r\nX-Release: {release}\r\n"), 1);
            peer.keep(received);
            if !peer.send(&answer) {
                return;
            }
        }
    })
}

fn answer(received: &ReceivedMessage, user: &mut Option<String>) -> String {
    let target = received.target();
    match login(received) {
        Some(Login::Begins) => return challenge(&format!("NTLM {}", STANDARD.encode(second_message()))),
        Some(Login::Is(name)) => *user = Some(name),
        None if target == "/private" && user.is_none() => {
            return challenge("Negotiate\r\nWWW-Authenticate: NTLM, Basic realm=\"a, b\"");
        }
        None => {}
    }
    let mut more = "";
    if target == "/remembered" {
        *user = received.header("x-user").map(str::to_owned);
        more = "Persistent-Auth: true\r\n";
    }
    let body = format!("hello {}", user.as_deref().unwrap_or("nobody"));
    format!("HTTP/1.1 200 OK\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn challenge(value: &str) -> String {
    format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {value}\r\nContent-Length: 0\r\n\r\n")
}

enum Login {
    Begins,
    Is(String),
}

fn login(received: &ReceivedMessage) -> Option<Login> {
    let (scheme, token) = received.header("authorization")?.split_once(' ')?;
    let message = STANDARD.decode(token.trim()).expect("a token is base64");
    match scheme.to_ascii_lowercase().as_str() {
        "negotiate" => Some(Login::Is(String::from_utf8_lossy(&message).into_owned())),
        "ntlm" if message.get(8) == Some(&1) => Some(Login::Begins),
        "ntlm" => Some(Login::Is(user_of(&message))),
        _ => None,
    }
}

/// The user that a third message names, in the charset that curl takes: UTF-16, or bytes.
fn user_of(message: &[u8]) -> String {
    assert!(message.starts_with(SIGNATURE) && message[8] == 3, "the third message: {message:?}");
    let number = |at: usize| usize::from(u16::from_le_bytes([message[at], message[at + 1]]));
    let (length, place) = (number(USER_FIELD), number(USER_FIELD + 4));
    let name: Vec<u8> = message[place..place + length].iter().copied().filter(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&name).into_owned()
}

/// The server's challenge: Unicode, NTLM, always signed, with an empty target and no target information.
fn second_message() -> Vec<u8> {
    let mut message = SIGNATURE.to_vec();
    message.extend(2_u32.to_le_bytes());
    message.extend([0, 0, 0, 0, 48, 0, 0, 0]);
    message.extend(0x0000_8201_u32.to_le_bytes());
    message.extend(*b"12345678");
    message.extend([0; 8]);
    message.extend([0, 0, 0, 0, 48, 0, 0, 0]);
    message
}

/// What a client sends first.
pub fn first_message() -> String {
    let mut message = SIGNATURE.to_vec();
    message.extend(1_u32.to_le_bytes());
    message.extend(0x0000_8201_u32.to_le_bytes());
    format!("Authorization: NTLM {}\r\n", STANDARD.encode(message))
}

/// What a client sends last, as this user. The proof of the password is left out.
pub fn third_message(user: &str) -> String {
    let mut message = SIGNATURE.to_vec();
    message.extend(3_u32.to_le_bytes());
    message.resize(64, 0);
    let length = u16::try_from(user.len()).expect("a short name").to_le_bytes();
    message[USER_FIELD..USER_FIELD + 2].copy_from_slice(&length);
    message[USER_FIELD + 4] = 64;
    message.extend(user.bytes());
    format!("Authorization: NTLM {}\r\n", STANDARD.encode(message))
}

/// A login in one message, as this user.
pub fn negotiate(user: &str) -> String {
    format!("Authorization: Negotiate {}\r\n", STANDARD.encode(user))
}
