//! The new process's side of an upgrade: what it has from the old one.

use std::{
    env,
    fs::File,
    io,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::PathBuf,
    time::Duration,
};

use rustix::stdio::{dup2_stdin, stdin};

use super::{
    channel::Channel,
    message::{Message, Port},
};

use crate::config::TAKES_OVER_ENVIRONMENT;

/// The longest reason, in characters: a message is short.
const REASON_MAX: usize = 500;
/// The old process has nothing else to do than to answer, but for ending its control plane.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The process that this one takes over from.
#[derive(Debug)]
pub struct Predecessor {
    channel: Channel,
    sockets: Vec<(Port, SocketAddr, TcpListener)>,
    files: Vec<(PathBuf, UnixListener)>,
}

impl Predecessor {
    /// The one that started this process to be taken over from. None: this process starts by itself.
    ///
    /// # Errors
    /// The variable is set, and standard input is no way to such a process.
    pub fn of_this_process() -> io::Result<Option<Self>> {
        if env::var_os(TAKES_OVER_ENVIRONMENT).is_none() {
            return Ok(None);
        }
        let channel = Channel::of(stdin().try_clone_to_owned()?)?;
        // It ends with this process alone.
        dup2_stdin(File::open("/dev/null")?)?;
        Self::receive(channel).map(Some)
    }

    /// Takes its sockets.
    fn receive(channel: Channel) -> io::Result<Self> {
        let (mut sockets, mut files) = (Vec::new(), Vec::new());
        loop {
            match channel.receive(ANSWER_MAX)? {
                (Message::Socket { port, address }, Some(socket)) => {
                    sockets.push((port, address, TcpListener::from(socket)));
                }
                (Message::File { path }, Some(socket)) => files.push((path, UnixListener::from(socket))),
                (Message::All, _) => return Ok(Self { channel, sockets, files }),
                (other, _) => return Err(io::Error::other(format!("the old process says {other:?}"))),
            }
        }
    }

    /// Takes the sockets that it listens on at a port, each with the address of the settings.
    pub fn take(&mut self, port: Port) -> Vec<(SocketAddr, TcpListener)> {
        let of_port = self.sockets.extract_if(.., |(of, _, _)| *of == port);
        of_port.map(|(_, address, socket)| (address, socket)).collect()
    }

    /// Takes the sockets of the front that listen on files.
    pub fn take_files(&mut self) -> Vec<(PathBuf, UnixListener)> {
        std::mem::take(&mut self.files)
    }

    /// Says that this process needs the store and the state directory next, and waits for them.
    pub fn ask_for_release(&self) -> io::Result<()> {
        self.channel.send(&Message::Prepared, None)?;
        match self.channel.receive(ANSWER_MAX)? {
            (Message::Released, _) => Ok(()),
            (other, _) => Err(io::Error::other(format!("the old process says {other:?}"))),
        }
    }

    /// Says that this process serves. The old one accepts nothing from now on.
    pub fn say_serving(&self) -> io::Result<()> {
        self.channel.send(&Message::Serving, None)
    }

    /// Says why this process cannot take over. The old one may be gone, so it may be said to nobody.
    pub fn say_failed(&self, why: &impl ToString) {
        let why = why.to_string().chars().take(REASON_MAX).collect();
        let _ = self.channel.send(&Message::Failed(why), None);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn sockets_are_taken_by_their_port() {
        let (old, new) = Channel::pair().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        for port in [Port::Front, Port::Admin, Port::Front] {
            old.send(&Message::Socket { port, address }, Some(listener.as_fd())).unwrap();
        }
        old.send(&Message::All, None).unwrap();
        let mut predecessor = Predecessor::receive(Channel::of(new).unwrap()).unwrap();
        assert_eq!(predecessor.take(Port::Front).len(), 2);
        assert_eq!(predecessor.take(Port::Admin).len(), 1);
        assert!(predecessor.take(Port::Hooks).is_empty() && predecessor.take(Port::Front).is_empty());
        old.send(&Message::Released, None).unwrap();
        predecessor.ask_for_release().unwrap();
        assert!(matches!(old.receive(ANSWER_MAX).unwrap(), (Message::Prepared, None)));
    }
}
