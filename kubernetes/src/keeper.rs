//! Keeps the endpoints of releases in rolling-router as they should be: what is due, what was said of it, and when it is tried again.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures_util::{StreamExt as _, stream};
use tokio::{
    select,
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    release::{Release, Wanted},
    router::{Router, Written},
};

/// How long changes are gathered: a rollout of Deployments changes a slice several times within moments.
const GATHER: Duration = Duration::from_millis(200);
/// How many releases are written at a time: one whose new endpoints are silent holds up no other.
const AT_A_TIME: usize = 8;
/// How soon a router that did not answer is asked again, and how seldom at last: it serves its last endpoints meanwhile.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// Keeps releases as they should be.
pub(crate) struct Keeper {
    router: Router,
    resync: Duration,
    kept: BTreeMap<Release, Kept>,
    backoff: ExponentialBackoff,
    /// Why the router could not be asked, as it was said.
    trouble: Option<String>,
}

/// One release.
#[derive(Debug, Default)]
struct Kept {
    /// Empty: no address takes requests, and what is registered stays.
    endpoints: BTreeSet<SocketAddr>,
    is_due: bool,
    /// Why it was refused, as it was said.
    refusal: Option<String>,
}

impl Keeper {
    pub(crate) fn new(router: Router, resync: Duration) -> Self {
        Self { router, resync, kept: BTreeMap::new(), backoff: backoff(), trouble: None }
    }

    /// Writes what becomes due, until nobody says any more what is wanted.
    pub(crate) async fn run(mut self, mut wanted: watch::Receiver<Option<Wanted>>) {
        let mut resync = interval(self.resync);
        resync.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(wanted) = wanted.borrow_and_update().as_ref() {
                self.take(wanted);
            }
            if let Some(rest) = self.write().await {
                sleep(rest).await;
                continue;
            }
            select! {
                _ = resync.tick() => self.kept.values_mut().for_each(Kept::make_due),
                changed = wanted.changed() => match changed {
                    Ok(()) => sleep(GATHER).await,
                    Err(_) => return,
                },
            }
        }
    }

    /// Takes over what releases should have.
    fn take(&mut self, wanted: &Wanted) {
        self.kept.retain(|release, _| {
            let stays = wanted.contains_key(release);
            if !stays {
                tracing::warn!(
                    "all EndpointSlices of the {release} have gone; its last endpoints stay registered"
                );
            }
            stays
        });
        for (release, endpoints) in wanted {
            let is_new = !self.kept.contains_key(release);
            let kept = self.kept.entry(release.clone()).or_default();
            if !is_new && kept.endpoints == *endpoints {
                continue;
            }
            if endpoints.is_empty() {
                tracing::warn!(
                    "no address of the {release} takes requests; its last endpoints stay registered"
                );
            }
            *kept = Kept { endpoints: endpoints.clone(), is_due: false, refusal: kept.refusal.take() };
            kept.make_due();
        }
    }

    /// Writes what is due. How long to wait, if the router could not take some of it.
    async fn write(&mut self) -> Option<Duration> {
        let due: Vec<_> = self.kept.iter().filter(|(_, kept)| kept.is_due).collect();
        let router = &self.router;
        let write = |(release, kept): (&Release, &Kept)| {
            let (release, endpoints) = (release.clone(), kept.endpoints.clone());
            async move {
                let written = router.replace(&release, &endpoints).await;
                (release, written)
            }
        };
        let written: Vec<_> =
            stream::iter(due.into_iter().map(write)).buffer_unordered(AT_A_TIME).collect().await;
        let rests: Vec<_> =
            written.into_iter().filter_map(|(release, written)| self.settle(&release, written)).collect();
        let Some(longest) = rests.into_iter().max() else {
            self.backoff = backoff();
            return None;
        };
        Some(longest.max(self.backoff.next().unwrap_or(RETRY_MAX)))
    }

    /// What a write comes to; how long to wait before it is tried again by itself.
    fn settle(&mut self, release: &Release, written: Written) -> Option<Duration> {
        let kept = self.kept.get_mut(release)?;
        match written {
            Written::Later { why, after } => {
                if self.trouble.as_ref() != Some(&why) {
                    tracing::warn!(
                        "the endpoints of the {release} cannot be written, and it is tried again: {why}"
                    );
                    self.trouble = Some(why);
                }
                return Some(after);
            }
            Written::Refused(why) => {
                if kept.refusal.as_ref() != Some(&why) {
                    tracing::warn!(
                        "the endpoints of the {release} were refused; they are written again with the next change, and every {} s: {why}",
                        self.resync.as_secs()
                    );
                    kept.refusal = Some(why);
                }
            }
            Written::Done { changed } => {
                if changed || kept.refusal.is_some() {
                    let endpoints: Vec<String> = kept.endpoints.iter().map(ToString::to_string).collect();
                    tracing::info!("endpoints of the {release}: {}", endpoints.join(", "));
                }
                kept.refusal = None;
                if self.trouble.take().is_some() {
                    tracing::info!("{} takes endpoints again", self.router);
                }
            }
        }
        kept.is_due = false;
        None
    }
}

impl Kept {
    /// An empty set is never written: it would take an app off line.
    fn make_due(&mut self) {
        self.is_due = !self.endpoints.is_empty();
    }
}

fn backoff() -> ExponentialBackoff {
    let builder = ExponentialBuilder::default().with_min_delay(RETRY_MIN).with_max_delay(RETRY_MAX);
    builder.without_max_times().with_jitter().build()
}
