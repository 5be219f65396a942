//! Connecting to an endpoint: by TCP, or at a socket in the file system (docs/design.md section 14).
//!
//! Whoever may register endpoints names a path on the router's host, and reaches what no address reaches, such as the API of a
//! container engine. So a socket has to be below a folder that the settings name, after links are followed, and the kernel itself
//! keeps to the folder while it looks up the path: what may change in the folder meanwhile makes no difference.

use std::{io, path::PathBuf, sync::OnceLock, time::Duration};

use tokio::{net::TcpStream, time::sleep};

use crate::rollout::{
    address::Address,
    socket_path::{SocketPath, UNIX},
};

/// How long to wait before a socket whose queue is full is tried again, in ms; then always the last. TCP would wait in the same way.
const FULL_WAITS_MS: [u64; 5] = [1, 2, 5, 10, 20];

/// What may be connected to. Unset: no socket.
static PERMITTED: OnceLock<Permitted> = OnceLock::new();

#[derive(Debug)]
struct Permitted {
    folders: Vec<SocketPath>,
    own: Vec<PathBuf>,
}

/// Names the folders below which sockets may be endpoints, and the sockets that this process listens on itself, which never are.
/// What was said first counts.
pub fn permit(folders: Vec<SocketPath>, own: Vec<PathBuf>) {
    // A process has one configuration.
    let _ = PERMITTED.set(Permitted { folders, own });
}

/// Connects to an endpoint. A connection to a socket is read, written and polled like one of TCP.
///
/// # Errors
/// Nobody listens there, or it is a socket that may not be connected to.
pub async fn connect(address: Address) -> io::Result<TcpStream> {
    match address {
        Address::Tcp(address) => TcpStream::connect(address).await,
        Address::Socket(path) => connect_socket(path).await,
    }
}

async fn connect_socket(path: SocketPath) -> io::Result<TcpStream> {
    let permitted = PERMITTED.get().ok_or_else(|| forbidden(path))?;
    let mut waits = FULL_WAITS_MS.iter();
    let mut wait_ms = 0;
    loop {
        match system::connect(permitted, path) {
            // Who connects has a time-out, and ends this by it.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait_ms = waits.next().copied().unwrap_or(wait_ms);
                sleep(Duration::from_millis(wait_ms)).await;
            }
            Err(error) => return Err(error),
            Ok(stream) => return TcpStream::from_std(stream),
        }
    }
}

fn forbidden(path: SocketPath) -> io::Error {
    let what = format!("`{UNIX}{path}` is not below a folder of the router's setting `endpoint_sockets`");
    io::Error::new(io::ErrorKind::PermissionDenied, what)
}

#[cfg(target_os = "linux")]
mod system {
    use std::{
        fs, io,
        net::TcpStream,
        os::{
            fd::{AsRawFd as _, OwnedFd},
            linux::fs::MetadataExt as _,
        },
    };

    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
    use socket2::{Domain, SockAddr, Socket, Type};

    use super::{Permitted, SocketPath, forbidden};

    /// Connects without waiting; a socket whose queue is full would block.
    pub fn connect(permitted: &Permitted, path: SocketPath) -> io::Result<TcpStream> {
        let folder = permitted.folders.iter().find(|folder| folder.has_below(path.as_str()));
        let folder = folder.ok_or_else(|| forbidden(path))?;
        let found = find(*folder, path)?;
        refuse_own(permitted, &found, path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
        // The descriptor's entry leads to what was looked up, whatever the path leads to by now.
        socket.connect(&SockAddr::unix(format!("/proc/self/fd/{}", found.as_raw_fd()))?)?;
        Ok(OwnedFd::from(socket).into())
    }

    /// Looks up a path without leaving its folder: no link leads out of it, and none is absolute.
    fn find(folder: SocketPath, path: SocketPath) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let below = path.as_str()[folder.as_str().len()..].trim_start_matches('/');
        let folder = openat(CWD, folder.as_str(), flags | OFlags::DIRECTORY, Mode::empty())?;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        openat2(&folder, below, flags, Mode::empty(), beneath)
            .map_err(|error| if error == rustix::io::Errno::XDEV { forbidden(path) } else { error.into() })
    }

    fn refuse_own(permitted: &Permitted, found: &OwnedFd, path: SocketPath) -> io::Result<()> {
        let stat = fstat(found)?;
        let is_it = |own: &fs::Metadata| own.st_dev() == stat.st_dev && own.st_ino() == stat.st_ino;
        if permitted.own.iter().filter_map(|own| fs::metadata(own).ok()).any(|own| is_it(&own)) {
            let what = format!("`unix:{path}` is the router itself");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
        }
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Permitted, SocketPath, forbidden};

    /// No other system keeps to a folder while it looks up a path.
    pub fn connect(_: &Permitted, path: SocketPath) -> std::io::Result<std::net::TcpStream> {
        Err(forbidden(path))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::ErrorKind,
        os::unix::{fs::symlink, net::UnixListener},
    };

    use super::*;

    fn at(folder: &std::path::Path, name: &str) -> SocketPath {
        format!("{}/{name}", folder.display()).parse().unwrap()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn no_link_leads_out_of_a_folder_and_nothing_leads_to_the_router() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let folder = root.join("apps");
        std::fs::create_dir_all(folder.join("v1")).unwrap();
        let listeners = ["engine.sock", "apps/v1/web.sock", "apps/front.sock"]
            .map(|name| UnixListener::bind(root.join(name)).unwrap());
        symlink("v1/web.sock", folder.join("within.sock")).unwrap();
        symlink("../engine.sock", folder.join("out.sock")).unwrap();
        symlink(root.join("engine.sock"), folder.join("absolute.sock")).unwrap();
        symlink("..", folder.join("up")).unwrap();
        symlink("front.sock", folder.join("self.sock")).unwrap();
        std::fs::write(folder.join("file"), "").unwrap();
        drop(UnixListener::bind(folder.join("dead.sock")).unwrap());
        let permitted = Permitted {
            folders: vec![root.join("apps").to_str().unwrap().parse().unwrap()],
            own: vec![folder.join("front.sock")],
        };
        let connect = |name: &str| {
            system::connect(&permitted, at(&folder, name)).map(drop).map_err(|error| error.kind())
        };
        assert_eq!((connect("v1/web.sock"), connect("within.sock")), (Ok(()), Ok(())));
        for name in ["out.sock", "absolute.sock", "up/engine.sock", "front.sock", "self.sock"] {
            assert_eq!(connect(name), Err(ErrorKind::PermissionDenied), "{name}");
        }
        assert_eq!(
            system::connect(&permitted, at(&root, "engine.sock")).unwrap_err().kind(),
            ErrorKind::PermissionDenied
        );
        assert_eq!(
            (connect("none.sock"), connect("v1/none.sock")),
            (Err(ErrorKind::NotFound), Err(ErrorKind::NotFound))
        );
        assert_eq!(
            (connect("dead.sock"), connect("file")),
            (Err(ErrorKind::ConnectionRefused), Err(ErrorKind::ConnectionRefused))
        );
        drop(listeners);
    }
}
