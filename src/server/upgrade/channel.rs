//! The pair of sockets between the two processes of an upgrade.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    cmsg_space,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
        sockopt::{Timeout, set_socket_timeout, socket_type},
    },
};

use super::message::Message;

/// Longer than any message.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// One end of the pair. Each message is one packet (`SOCK_SEQPACKET`, unix(7)), and may come with a socket.
#[derive(Debug)]
pub struct Channel(OwnedFd);

impl Channel {
    /// Both ends.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (one, other) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(one), other))
    }

    /// The end that another process gave to this one.
    pub fn of(end: OwnedFd) -> io::Result<Self> {
        match socket_type(&end) {
            Ok(SocketType::SEQPACKET) => Ok(Self(end)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no socket of an upgrade")),
        }
    }

    /// A second handle of the same end.
    pub fn again(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Says something, and gives a socket with it.
    pub fn send(&self, message: &Message, socket: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let text = serde_json::to_vec(message)?;
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut with = SendAncillaryBuffer::new(&mut space);
        let sockets: Vec<BorrowedFd<'_>> = socket.into_iter().collect();
        if !sockets.is_empty() && !with.push(SendAncillaryMessage::ScmRights(&sockets)) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        sendmsg(&self.0, &[IoSlice::new(&text)], &mut with, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Waits for what the other process says next, at most so long.
    ///
    /// # Errors
    /// The other process has ended (`UnexpectedEof`), says nothing (`TimedOut`), or what this program does not know.
    pub fn receive(&self, longest: Duration) -> io::Result<(Message, Option<OwnedFd>)> {
        set_socket_timeout(self.0.as_fd(), Timeout::Recv, Some(longest))?;
        let mut text = [0; MESSAGE_BYTES_MAX];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut with = RecvAncillaryBuffer::new(&mut space);
        let received =
            recvmsg(&self.0, &mut [IoSliceMut::new(&mut text)], &mut with, RecvFlags::CMSG_CLOEXEC);
        let length = match received {
            Ok(received) => received.bytes,
            Err(rustix::io::Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            // It ended with something unread.
            Err(rustix::io::Errno::CONNRESET) => 0,
            Err(error) => return Err(error.into()),
        };
        let socket = with.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
            _ => None,
        });
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok((serde_json::from_slice(&text[..length])?, socket))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::message::Port;
    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[test]
    fn messages_come_one_by_one_and_with_their_sockets() {
        let (old, new) = Channel::pair().unwrap();
        let new = Channel::of(new).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = Message::Socket { port: Port::Front, address: "127.0.0.1:0".parse().unwrap() };
        old.send(&socket, Some(listener.as_fd())).unwrap();
        old.send(&Message::All, None).unwrap();
        drop(listener);
        let (message, received) = new.receive(SOON).unwrap();
        assert_eq!(message, socket);
        let received = TcpListener::from(received.unwrap());
        assert_eq!(received.local_addr().unwrap(), address);
        assert!(matches!(new.receive(SOON).unwrap(), (Message::All, None)));
        drop(old);
        assert_eq!(new.receive(SOON).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn who_says_nothing_or_what_nobody_knows_is_an_error() {
        let (old, new) = Channel::pair().unwrap();
        let error = old.receive(Duration::from_millis(10)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        rustix::net::send(&new, b"\"later\"", SendFlags::empty()).unwrap();
        assert!(old.receive(SOON).is_err());
        assert!(Channel::of(TcpListener::bind("127.0.0.1:0").unwrap().into()).is_err());
    }
}
