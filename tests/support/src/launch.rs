//! How the process of a router is started, the first time and again.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

/// Passes its standard input and output on as sockets of a service manager (sd_listen_fds(3)), and becomes a program, whose
/// number is the one that it had.
const PASS_ON: &str = "exec 3<&0 4<&1 </dev/null >&2; LISTEN_FDS=2 LISTEN_PID=$$ exec \"$0\" \"$@\"";

/// Its options.
pub(crate) struct Launch {
    /// Another program than the one that was built for the suite.
    pub(crate) program: Option<std::path::PathBuf>,
    pub(crate) store: String,
    pub(crate) workers: usize,
    pub(crate) access_log: String,
    pub(crate) flags: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) descriptors_max: Option<u64>,
    pub(crate) everywhere: bool,
    /// Where the front listens as well.
    pub(crate) also_on: Option<String>,
    /// A file that takes the numbers of a control group's processes.
    pub(crate) group: Option<std::path::PathBuf>,
    /// Nobody reads what it says.
    pub(crate) unread: bool,
    /// On sockets that `systemd-socket-activate` has opened.
    pub(crate) activated: bool,
    /// On these sockets, those of front and admin, which are opened with its first start and stay open.
    pub(crate) held: Option<Vec<(SocketAddr, TcpListener)>>,
    pub(crate) seeded: bool,
    /// With `--app`.
    pub(crate) names_app: bool,
}

impl Launch {
    /// Whether the admin port speaks https.
    pub(crate) fn admin_tls(&self) -> bool {
        self.flags.iter().any(|flag| flag == "--admin-tls" || flag == "--admin-tls=on")
    }

    /// The same, started by whoever opens its sockets with the first client.
    pub(crate) fn command_on(&self, sockets: &[SocketAddr]) -> Command {
        let plain = self.command();
        if !self.activated {
            return plain;
        }
        let mut command = Command::new("systemd-socket-activate");
        for socket in sockets {
            command.arg("-l").arg(socket.to_string());
        }
        command.arg("--").arg(plain.get_program()).args(plain.get_args());
        command
    }

    /// A program of which these are the sockets.
    pub(crate) fn on_held(&mut self, sockets: [SocketAddr; 2], program: Command) -> Command {
        let Some(held) = &mut self.held else { return program };
        if held.iter().map(|(address, _)| address).ne(&sockets) {
            let open = |address| (address, TcpListener::bind(address).expect("the port is free"));
            *held = sockets.map(open).into();
        }
        let mut passed =
            held.iter().map(|(_, socket)| OwnedFd::from(socket.try_clone().expect("it can be shared")));
        let mut command = Command::new("sh");
        command.args(["-c", PASS_ON]).arg(program.get_program()).args(program.get_args());
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        program.get_envs().filter(|(_, value)| value.is_none()).for_each(|(name, _)| {
            command.env_remove(name);
        });
        if let Some(folder) = program.get_current_dir() {
            command.current_dir(folder);
        }
        command.stdin(Stdio::from(passed.next().expect("one of the front")));
        command.stdout(Stdio::from(passed.next().expect("one of the admin port")));
        command
    }

    /// The binary; a shell that sets the limit becomes it, so that the process id stays the same.
    pub(crate) fn command(&self) -> Command {
        let built = || crate::binary().into();
        let named =
            self.program.clone().map(Into::into).or_else(|| std::env::var_os("ROLLING_ROUTER_BINARY"));
        let binary = named.unwrap_or_else(built);
        let mut before = String::new();
        if let Some(descriptors) = self.descriptors_max {
            before += &format!("ulimit -n {descriptors}; ");
        }
        if let Some(group) = &self.group {
            before += &format!("echo $$ > '{}'; ", group.display());
        }
        if before.is_empty() {
            return Command::new(binary);
        }
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before}exec \"$0\" \"$@\"")]).arg(binary);
        command
    }
}
