//! What the two processes of an upgrade say.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A socket that listens comes with this.
    Socket {
        /// What is served there.
        port: Port,
        /// The address of the settings that it listens for: with port 0 it is not its own.
        address: SocketAddr,
    },
    /// A socket of the front that listens on a file comes with this.
    File {
        /// The file, as the settings name it.
        path: PathBuf,
    },
    /// That were all sockets.
    All,
    /// The new process is ready to take the store and the state directory.
    Prepared,
    /// Nobody uses the store and the state directory any more.
    Released,
    /// The new process serves.
    Serving,
    /// The new process ends, since something failed.
    Failed(String),
}

/// What is served on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Port {
    /// End users, with TLS or without it.
    Front,
    /// The API and the GUI.
    Admin,
    /// Senders to hooks in.
    Hooks,
}
