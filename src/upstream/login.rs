//! Connections to endpoints that carry a login: NTLM and Negotiate tie the user to the connection (RFC 4559 section 6), so what
//! comes on it is that user's, whoever sent it.
//!
//! Such a connection belongs to one client's connection, and is never in a [`super::pool::Pool`].

use std::{cell::Cell, rc::Rc};

use super::{pool::Destination, stream::Stream};
use crate::rollout::pin::Pin;

/// A worker's count of connections that carry a login.
#[derive(Debug, Default)]
pub struct Logins(Rc<Cell<usize>>);

/// A place among them, until it is dropped.
#[derive(Debug)]
pub struct LoginSeat(Rc<Cell<usize>>);

/// A connection that carries a login, while it waits for its client's next request.
#[derive(Debug)]
pub struct LoginLink {
    /// The connection.
    pub stream: Stream,
    /// Its place among the worker's.
    pub seat: LoginSeat,
    /// Where it leads.
    pub to: Destination,
    /// The slot of the app.
    pub app: usize,
    /// The pin that its client has, or was given: a client that keeps no cookies goes by it as long as the login lasts.
    pub pin: Option<Pin>,
}

impl Logins {
    /// Takes a place, if less than `most` are taken.
    pub fn enter(&self, most: u32) -> Option<LoginSeat> {
        let open = self.0.get();
        (open < most as usize).then(|| {
            self.0.set(open + 1);
            LoginSeat(Rc::clone(&self.0))
        })
    }

    /// How many there are.
    pub fn open(&self) -> usize {
        self.0.get()
    }
}

impl Drop for LoginSeat {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl LoginLink {
    /// Whether it leads there, and is open.
    pub fn leads_to(&mut self, wanted: Destination) -> bool {
        self.to == wanted && self.stream.is_open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let logins = Logins::default();
        let first = logins.enter(2).expect("the first place");
        let second = logins.enter(2).expect("the second place");
        assert!(logins.enter(2).is_none() && logins.open() == 2);
        drop(first);
        let third = logins.enter(2).expect("a place came back");
        drop((second, third));
        assert_eq!(logins.open(), 0);
    }
}
