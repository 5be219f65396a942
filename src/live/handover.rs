//! Connections on their way from the admin port to a worker, for hosts of the admin port that show a track.
//!
//! The admin port makes a pair of sockets for each request on such a host, and hands one of them to a worker, together with
//! what only the admin port knows: the track, and the client's address. Nobody else can reach a worker in this way, so what
//! is said there needs no proof.

use std::{
    net::IpAddr,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::mpsc;

use crate::limits::HANDOVERS_MAX;

/// A track that a host of the admin port shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// `stable.`
    Stable,
    /// `candidate.`
    Candidate,
}

/// A connection that is handed to a worker.
#[derive(Debug)]
pub struct Handover {
    /// One of a pair of sockets. Whoever has the other one is the client from now on.
    pub socket: UnixStream,
    /// The address of the tester.
    pub client: IpAddr,
    /// Whether the tester speaks https with the admin port.
    pub secure: bool,
    /// The track that the tester asked for.
    pub track: Track,
}

/// Hands connections to workers, to one after the other. Clones share the turn.
#[derive(Debug, Clone)]
pub struct HandoverSender {
    workers: Arc<[mpsc::Sender<Handover>]>,
    turn: Arc<AtomicUsize>,
}

/// What one worker is handed.
pub type HandoverReceiver = mpsc::Receiver<Handover>;

/// The way to so many workers, and where each of them takes what it is handed.
pub fn handovers(workers: usize) -> (HandoverSender, Vec<HandoverReceiver>) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| mpsc::channel(HANDOVERS_MAX)).unzip();
    (HandoverSender { workers: senders.into(), turn: Arc::default() }, receivers)
}

impl HandoverSender {
    /// Hands a connection to the worker whose turn it is. `false` if that worker ends or takes no more at the moment; the
    /// connection is then closed.
    pub fn hand_over(&self, handover: Handover) -> bool {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let worker = turn.checked_rem(self.workers.len()).and_then(|index| self.workers.get(index));
        worker.is_some_and(|worker| worker.try_send(handover).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_take_turns_and_none_is_handed_more_than_it_can_hold() {
        let (sender, mut receivers) = handovers(2);
        let hand_over = || {
            let (socket, _) = UnixStream::pair().unwrap();
            sender.hand_over(Handover {
                socket,
                client: [127, 0, 0, 1].into(),
                secure: false,
                track: Track::Stable,
            })
        };
        assert!((0..2 * HANDOVERS_MAX).all(|_| hand_over()));
        assert!(!hand_over() && !hand_over());
        receivers.iter_mut().for_each(|receiver| drop(receiver.try_recv().unwrap()));
        assert!(hand_over() && hand_over() && !hand_over());
        drop(receivers);
        assert!(!hand_over());
    }
}
