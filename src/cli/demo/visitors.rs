//! Visitors of the demo: each comes without a cookie, keeps the one it gets, looks at some pages and leaves.

use std::{
    net::SocketAddr,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use reqwest::{Client, header};

/// How many are there at a time: about 25 requests a second, enough to see a blend, little enough for a laptop.
const VISITORS: usize = 16;

/// Random numbers for a demo: one mixed counter, no secret depends on it.
pub(super) struct Dice;

impl Dice {
    /// A number from the range.
    pub(super) fn throw(range: Range<u64>) -> u64 {
        static STATE: AtomicU64 = AtomicU64::new(0);
        // SplitMix64: a counter in steps of the golden ratio, its bits mixed.
        let mut mixed = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        range.start + (mixed ^ (mixed >> 31)) % (range.end - range.start)
    }
}

/// Sends visitors to the front port for as long as the runtime lives.
pub(super) fn send(front: SocketAddr) {
    let client = match Client::builder().no_proxy().timeout(Duration::from_secs(10)).build() {
        Ok(client) => client,
        Err(error) => return tracing::warn!("there are no visitors: {error}"),
    };
    for _ in 0..VISITORS {
        let client = client.clone();
        tokio::spawn(async move {
            loop {
                visit(&client, front).await;
            }
        });
    }
}

/// One visitor, from the first page to the last.
async fn visit(client: &Client, front: SocketAddr) {
    let mut cookie = None;
    for _ in 0..Dice::throw(5..40) {
        tokio::time::sleep(Duration::from_millis(Dice::throw(200..1_000))).await;
        let mut request = client.get(format!("http://{front}/"));
        for (name, value) in
            [("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
        {
            request = request.header(name, value);
        }
        if let Some(cookie) = &cookie {
            request = request.header(header::COOKIE, cookie);
        }
        match request.send().await {
            Ok(response) => cookie = pin(&response).or(cookie),
            Err(error) => tracing::debug!("a visitor was not served: {error}"),
        }
    }
}

/// The cookie a response sets, as it is sent back.
fn pin(response: &reqwest::Response) -> Option<String> {
    let set = response.headers().get(header::SET_COOKIE)?.to_str().ok()?;
    set.split(';').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dice_stay_in_range_and_show_every_face() {
        let mut seen = [false; 6];
        for _ in 0..200 {
            seen[Dice::throw(0..6) as usize] = true;
        }
        assert_eq!(seen, [true; 6]);
    }
}
