//! A client's connection among the open ones of its worker.

use std::{net::IpAddr, ops::Deref, rc::Rc};

use super::Worker;

/// A client's connection, counted as open until this is dropped. [`Worker::connection_opened`] has counted it.
pub struct ConnectionSeat {
    worker: Rc<Worker>,
    peer: IpAddr,
}

impl ConnectionSeat {
    /// The seat of a connection from this address.
    pub fn new(worker: Rc<Worker>, peer: IpAddr) -> Self {
        Self { worker, peer }
    }
}

impl Deref for ConnectionSeat {
    type Target = Rc<Worker>;

    fn deref(&self) -> &Rc<Worker> {
        &self.worker
    }
}

impl Drop for ConnectionSeat {
    fn drop(&mut self) {
        self.worker.connection_closed(self.peer);
    }
}
