//! The count of an open exchange at its release.

use std::{rc::Rc, sync::Arc};

use crate::{
    live::endpoints::EndpointState,
    proxy::{
        route::Plan,
        worker::{Worker, local::LocalRelease},
    },
};

/// An open exchange, counted at its release until this is dropped, also by a panic.
pub struct OpenCount<'a> {
    worker: &'a Worker,
    release: Rc<LocalRelease>,
    /// The endpoint of a WebSocket.
    socket: Option<Arc<EndpointState>>,
}

impl<'a> OpenCount<'a> {
    /// Counts a request at the release that its plan names.
    pub fn new(worker: &'a Worker, plan: &Plan) -> Self {
        Self::to(worker, plan.release())
    }

    /// Counts a request at this release.
    pub fn to(worker: &'a Worker, release: &Rc<LocalRelease>) -> Self {
        let release = Rc::clone(release);
        release.state.cell(worker.index).open_requests.add(1);
        Self { worker, release, socket: None }
    }

    /// From now on it counts as a WebSocket, at its release and at this endpoint.
    pub fn become_socket(&mut self, endpoint: &Arc<EndpointState>) {
        let cell = self.release.state.cell(self.worker.index);
        cell.open_requests.subtract(1);
        cell.open_sockets.add(1);
        endpoint.open_socket();
        self.socket = Some(Arc::clone(endpoint));
    }
}

impl Drop for OpenCount<'_> {
    fn drop(&mut self) {
        let cell = self.release.state.cell(self.worker.index);
        match &self.socket {
            Some(endpoint) => {
                endpoint.close_socket();
                cell.open_sockets.subtract(1);
            }
            None => cell.open_requests.subtract(1),
        }
    }
}
