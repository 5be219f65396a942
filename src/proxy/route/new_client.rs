//! Drawing for a client that has no pin: requests of one client share a draw, and one that never brings a pin back counts
//! once.

use crate::{
    proxy::{
        codec::head::{KnownName, RequestHead},
        worker::{
            Worker,
            bunches::{BunchDraw, BunchKeys},
            client::Client,
            coarse,
            local::{LocalApp, RequestDraw},
            pinless::Sighting,
        },
    },
    rollout::{
        assign::{Assignment, Draw, NewClient, PinEvidence},
        request,
        table::AppRoutes,
    },
};

/// What an assignment draws. Nothing is done for a client that has a pin.
pub struct ClientDraw<'a> {
    worker: &'a Worker,
    app: &'a LocalApp,
    head: &'a RequestHead<'a>,
    client: Client,
    /// What was drawn for a new client, and by what it is known.
    drawn: Option<(BunchDraw, BunchKeys)>,
}

impl<'a> ClientDraw<'a> {
    /// For one request.
    pub fn new(worker: &'a Worker, app: &'a LocalApp, head: &'a RequestHead<'a>, client: Client) -> Self {
        Self { worker, app, head, client, drawn: None }
    }

    /// Notes where a new client was sent. Whether that counts as a draw: it was the first request of its client.
    #[inline]
    pub fn finish(self, assignment: &Assignment, pin: PinEvidence) -> bool {
        match self.drawn {
            Some((drawn, keys)) => self.note(drawn, keys, assignment, pin),
            None => true,
        }
    }

    #[cold]
    fn note(&self, drawn: BunchDraw, keys: BunchKeys, assignment: &Assignment, pin: PinEvidence) -> bool {
        let shared = &self.worker.shared;
        let routes = &self.app.routes;
        if drawn.first {
            shared.bunches.note_endpoint(keys, routes.endpoint(assignment.target).tag);
        }
        let release = assignment.target.release;
        let sighting = match keys.browser.filter(|_| pin == PinEvidence::None && routes.releases.len() > 1) {
            Some(hash) => shared.pinless.note(hash, routes.release(release).tenure, coarse::now_ms()),
            None => Sighting { known: false, bounced: false },
        };
        if sighting.bounced {
            self.app.release(release).state.cell(self.worker.index).bounces_without_pin.add(1);
        }
        drawn.first && !sighting.known
    }

    /// By what the client is known. What comes through a trusted proxy may be anybody's, unless the proxy says whose.
    fn keys(&self) -> BunchKeys {
        let (Client { peer, address, .. }, app) = (self.client, self.app.routes.slot);
        let bunches = &self.worker.shared.bunches;
        let alone = !self.client.trusted && self.client.peer_port != 0;
        let own = self.client.named && (!self.client.trusted || address != peer);
        let agent = self.head.value(KnownName::UserAgent).filter(|agent| own && !agent.is_empty());
        BunchKeys {
            connection: alone.then(|| bunches.connection(app, peer, self.client.peer_port)),
            browser: agent.map(|agent| bunches.browser(app, address, agent)),
        }
    }
}

impl Draw for ClientDraw<'_> {
    #[cold]
    fn client(&mut self, routes: &AppRoutes) -> NewClient {
        let keys = self.keys();
        let mut draw = || self.app.draw_bucket();
        let drawn = self.worker.shared.bunches.join(routes.slot, keys, coarse::now_ms(), &mut draw);
        self.drawn = Some((drawn, keys));
        NewClient { bucket: drawn.bucket, number: drawn.number, endpoint: drawn.endpoint }
    }

    /// Only scripts of a page send further requests that say who they are. A preflight is nobody's.
    #[cold]
    fn present_client(&mut self, routes: &AppRoutes) -> Option<NewClient> {
        let head = self.head;
        let scripted =
            request::is_scripted(head.value(KnownName::SecFetchMode), head.value(KnownName::Accept));
        if !scripted || head.method == b"OPTIONS" {
            return None;
        }
        let present = self.worker.shared.bunches.present(routes.slot, self.keys(), coarse::now_ms());
        let BunchDraw { bucket, number, endpoint, .. } = present?;
        Some(NewClient { bucket, number, endpoint })
    }

    fn bucket(&mut self, routes: &AppRoutes) -> u16 {
        let random = || self.worker.random();
        RequestDraw { app: self.app, random: &random }.bucket(routes)
    }

    fn random(&mut self) -> u64 {
        self.worker.random()
    }
}
