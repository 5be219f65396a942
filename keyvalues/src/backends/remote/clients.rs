//! The clients of a server: one that keeps connections, and one that makes a new one for each call.

use parking_lot::Mutex;
use reqwest::Client;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{
    address::Address,
    client::{IDLE_WITHIN, Tls, build, builder},
    timing::CONFIRM_EVERY,
};
use crate::open_error::OpenError;

/// Both.
#[derive(Debug)]
pub(crate) struct Clients {
    keeping: Client,
    fresh: Client,
    /// Until then no kept connection is used.
    distrusted_until: Mutex<Option<Instant>>,
    distrusted: watch::Sender<()>,
}

impl Clients {
    /// As the options of an address say.
    pub(crate) fn of(address: &mut Address) -> Result<Self, OpenError> {
        let tls = Tls::of(address)?;
        Ok(Self {
            keeping: build(builder(&tls)?)?,
            fresh: build(builder(&tls)?.pool_max_idle_per_host(0))?,
            distrusted_until: Mutex::new(None),
            distrusted: watch::Sender::new(()),
        })
    }

    /// The one for an ordinary call.
    pub(crate) fn usual(&self) -> &Client {
        let mut until = self.distrusted_until.lock();
        match *until {
            Some(at) if Instant::now() < at => &self.fresh,
            _ => {
                *until = None;
                &self.keeping
            }
        }
    }

    /// The one that makes a new connection.
    pub(crate) fn fresh(&self) -> &Client {
        &self.fresh
    }

    /// Kept connections lead nowhere: whoever waits on one is told, and none is used until all of them have been closed for being
    /// idle.
    pub(crate) fn distrust_kept(&self) {
        *self.distrusted_until.lock() = Some(Instant::now() + IDLE_WITHIN + CONFIRM_EVERY);
        self.distrusted.send_replace(());
    }

    /// Ends once kept connections are distrusted, from this moment on.
    pub(crate) fn distrusted(&self) -> impl Future<Output = ()> + use<> {
        let mut told = self.distrusted.subscribe();
        async move {
            if told.changed().await.is_err() {
                // The clients are gone, and nobody distrusts them any more.
                std::future::pending::<()>().await;
            }
        }
    }
}
