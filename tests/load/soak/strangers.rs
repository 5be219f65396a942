//! Clients that were never here before.

use super::site::DEPLOYED_HOST;
use super::{Draw, Place};
use std::net::SocketAddr;
use std::time::Duration;
use support::Visitor;
use support::clock::pause;
use support::tls::TlsClient;

/// Shakes hands, and asks a few times.
pub fn shake_hands(soak: &Place, mut draw: Draw) -> Result<(), String> {
    while soak.goes_on() {
        let trust = soak.trust();
        let Some(mut client) = TlsClient::try_open(soak.front_tls, &soak.host, &trust) else {
            return Err("no handshake".to_owned());
        };
        for _ in 0..=draw.below(4) {
            let head = format!("GET /page HTTP/1.1\r\nHost: {}\r\n\r\n", soak.host);
            match client.try_exchange(&head) {
                Some(response) if response.status == 200 => {
                    soak.count();
                    if response.says_close() {
                        break;
                    }
                }
                Some(response) => return Err(format!("{} {}", response.status, response.text())),
                None => return Err("no answer in TLS".to_owned()),
            }
        }
        pause(Duration::from_millis(20 + draw.below(60)));
    }
    Ok(())
}

/// Comes to the app of containers, from a network of its own, and looks at two pages.
pub fn arrive(soak: &Place, mut draw: Draw) -> Result<(), String> {
    let (front, mut served) = (soak.front, false);
    while soak.goes_on() {
        let [a, b] =
            [1 + draw.below(200), 1 + draw.below(200)].map(|n| u8::try_from(n).expect("it is small"));
        let mut visitor = visitor(front, [127, 100 + a % 100, b, 1]);
        for page in ["/", "/next"] {
            match visitor.try_get(page).map_err(|why| format!("no answer: {why}"))?.response {
                response if response.status == 200 => {
                    served = true;
                    soak.count();
                }
                // Until its first release is there.
                response if response.status == 503 && !served => {}
                response => return Err(format!("{page}: {} {}", response.status, response.text())),
            }
        }
        pause(Duration::from_millis(10 + draw.below(40)));
    }
    Ok(())
}

fn visitor(front: SocketAddr, from: [u8; 4]) -> Visitor {
    Visitor::from(front, DEPLOYED_HOST, from)
}
