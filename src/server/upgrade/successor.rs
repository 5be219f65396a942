//! The old process's side of an upgrade: it starts the new one, and waits for its words.

use std::{
    env,
    ffi::OsString,
    io,
    net::SocketAddr,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use super::{
    channel::Channel,
    message::{Message, Port},
};

use crate::config::TAKES_OVER_ENVIRONMENT;

/// How long each of a new process's steps may take.
const STEP_MAX: Duration = Duration::from_secs(60);

/// A new process that is to take over. Dropping it ends it, unless it serves.
#[derive(Debug)]
pub struct Successor {
    process: Child,
    channel: Channel,
    serves: bool,
}

impl Successor {
    /// Starts this program again, as the command line of this process says.
    pub fn start() -> io::Result<Self> {
        let (channel, its_end) = Channel::pair()?;
        let mut words = env::args_os();
        let mut command = Command::new(program(words.next())?);
        // A service manager watches whichever process serves.
        command.args(words).env(TAKES_OVER_ENVIRONMENT, "1").env_remove("WATCHDOG_PID");
        let process = command.stdin(its_end).spawn()?;
        Ok(Self { process, channel, serves: false })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Gives it a socket on which this process listens.
    pub fn give(&self, port: Port, address: SocketAddr, socket: impl AsFd) -> io::Result<()> {
        self.channel.send(&Message::Socket { port, address }, Some(socket.as_fd()))
    }

    /// Gives it a socket of the front that listens on a file.
    pub fn give_file(&self, path: &Path, socket: impl AsFd) -> io::Result<()> {
        self.channel.send(&Message::File { path: path.to_owned() }, Some(socket.as_fd()))
    }

    /// Says that it has all sockets. Gives what waits until it is prepared; this takes as long as the new process does, and
    /// ends with it.
    pub fn prepare(&self) -> io::Result<impl FnOnce() -> Result<(), String> + Send + use<>> {
        self.channel.send(&Message::All, None)?;
        let channel = self.channel.again()?;
        Ok(move || wait_for(&channel, &Message::Prepared))
    }

    /// Says that the store and the state directory are free, and waits until it serves.
    pub fn release(&mut self) -> Result<(), String> {
        self.channel.send(&Message::Released, None).map_err(|error| error.to_string())?;
        wait_for(&self.channel, &Message::Serving)?;
        self.serves = true;
        Ok(())
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if !self.serves {
            // It may have ended already.
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

fn wait_for(channel: &Channel, wanted: &Message) -> Result<(), String> {
    match channel.receive(STEP_MAX) {
        Ok((message, _)) if message == *wanted => Ok(()),
        Ok((Message::Failed(why), _)) => Err(why),
        Ok((other, _)) => Err(format!("the new process says {other:?}, where {wanted:?} is expected")),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err("the new process ended; what it said stands above".to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Err(format!("the new process said nothing for {} s", STEP_MAX.as_secs()))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The program to start: what stands now where this process was started from. A name without a folder is looked for again,
/// so that a link or a package that has changed counts.
fn program(word: Option<OsString>) -> io::Result<PathBuf> {
    let named = word.map(PathBuf::from).filter(|path| match path.parent() {
        Some(folder) if folder == Path::new("") => on_path(path),
        _ => path.is_file(),
    });
    if let Some(named) = named {
        return Ok(named);
    }
    let own = env::current_exe()?;
    // Of a file that was replaced meanwhile, the system says that it was deleted (proc_pid_exe(5)).
    let replaced = own.to_str().and_then(|path| path.strip_suffix(" (deleted)")).map(PathBuf::from);
    Ok(replaced.filter(|_| !own.is_file()).unwrap_or(own))
}

fn on_path(name: &Path) -> bool {
    env::var_os("PATH")
        .is_some_and(|folders| env::split_paths(&folders).any(|folder| folder.join(name).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_what_stands_there_now() {
        let own = env::current_exe().unwrap();
        assert_eq!(program(Some(own.clone().into())).unwrap(), own);
        assert_eq!(program(Some("sh".into())).unwrap(), Path::new("sh"));
        assert_eq!(program(Some("no-such-program".into())).unwrap(), own);
        assert_eq!(program(Some("./no/such/program".into())).unwrap(), own);
        assert_eq!(program(None).unwrap(), own);
    }

    #[test]
    fn a_process_that_ends_early_is_a_failure_and_so_is_what_it_says() {
        let (old, new) = Channel::pair().unwrap();
        let new = Channel::of(new).unwrap();
        new.send(&Message::Failed("no certificate".to_owned()), None).unwrap();
        assert_eq!(wait_for(&old, &Message::Prepared).unwrap_err(), "no certificate");
        new.send(&Message::Serving, None).unwrap();
        assert!(wait_for(&old, &Message::Prepared).unwrap_err().contains("Prepared"));
        drop(new);
        assert!(wait_for(&old, &Message::Prepared).unwrap_err().contains("ended"));
    }
}
