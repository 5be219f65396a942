//! Listeners on the machine itself: sockets in the file system (unix(7)).
//!
//! Who may write to the socket's file may connect. A client there has no address: it counts as 127.0.0.1, and so is a trusted
//! proxy where that is one.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr},
    os::{
        fd::OwnedFd,
        unix::{
            fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::TcpStream;

use crate::limits::LISTEN_BACKLOG;

/// Owner and group may connect: the folder says who may come near.
const MODE: u32 = 0o660;

/// Whom a client counts as that has no address.
pub const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A socket that listens, and its file.
#[derive(Debug)]
pub struct ListeningFile {
    /// Where it is, as the settings name it.
    pub path: PathBuf,
    /// The socket.
    pub socket: UnixListener,
    /// Tells the file from one that somebody else put in its place.
    id: Option<(u64, u64)>,
}

impl ListeningFile {
    /// One that another process listened on.
    pub fn inherited(path: PathBuf, socket: UnixListener) -> Self {
        let id = id_of(&path);
        Self { path, socket, id }
    }

    /// Begins to listen. A file that a process has left which is gone is taken away first.
    ///
    /// # Errors
    /// Somebody listens there, there is something else than a socket, or the folder does not allow it.
    pub fn bind(path: PathBuf) -> io::Result<Self> {
        remove_left(&path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(&path)?)?;
        // Nobody can connect before it listens.
        fs::set_permissions(&path, fs::Permissions::from_mode(MODE))?;
        socket.listen(LISTEN_BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(Self::inherited(path, OwnedFd::from(socket).into()))
    }

    /// Takes the file away, so that nobody comes any more. Who waits already is still served.
    pub fn remove(&self) {
        if self.id.is_some() && id_of(&self.path) == self.id {
            // Somebody else may be faster.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn remove_left(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "there is a file that is no socket"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Ok(_) => Err(ErrorKind::AddrInUse.into()),
        Err(error) => Err(error),
    }
}

fn id_of(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// A connection of such a socket, which is read, written and polled like one of TCP.
pub fn stream_of(stream: tokio::net::UnixStream) -> io::Result<TcpStream> {
    TcpStream::from_std(OwnedFd::from(stream.into_std()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_left_is_taken_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("front.sock");
        let first = ListeningFile::bind(path.clone()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(ListeningFile::bind(path.clone()).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(first);
        let second = ListeningFile::bind(path.clone()).unwrap();
        UnixStream::connect(&path).unwrap();
        fs::rename(&path, dir.path().join("moved.sock")).unwrap();
        let third = ListeningFile::bind(path.clone()).unwrap();
        second.remove();
        assert!(path.exists(), "it is another one's");
        third.remove();
        assert!(!path.exists());
        fs::write(&path, "kept").unwrap();
        assert_eq!(ListeningFile::bind(path.clone()).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
        assert!(ListeningFile::bind(dir.path().join("none/front.sock")).is_err());
    }
}
