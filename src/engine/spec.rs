//! What a container is made of. What is not a field here cannot be said: privileged, devices, capabilities, a path or a
//! namespace of the host, another user, another runtime.

use std::{fmt, net::IpAddr, time::Duration};

use bollard::models::{
    ContainerCreateBody, HostConfig, Mount, MountType, PortBinding, RestartPolicy, RestartPolicyNameEnum,
};

use super::{
    name::{NetworkName, is_object_name},
    reference::{Digest, ImageReference},
    refusal::Refusal,
    signal::Signal,
};

/// The longest value of a variable, in bytes: what Linux takes with the name (`MAX_ARG_STRLEN`, 128 KiB).
const VALUE_BYTES_MAX: usize = 120 * 1024;
/// The longest name of a variable, in bytes.
const VARIABLE_NAME_BYTES_MAX: usize = 255;
/// The longest path of a volume in a container, in bytes.
const PATH_BYTES_MAX: usize = 1024;
/// The least memory that an engine takes, in bytes.
const MEMORY_BYTES_MIN: u64 = 6 << 20;
/// Words of a command, and bytes of all of them: what a kernel takes.
const COMMAND_MAX: (usize, usize) = (1_000, VALUE_BYTES_MAX);
/// Processors, in thousandths: the least that an engine takes, and more than a host has.
const CPU_MILLIS: (u32, u32) = (10, 1_024_000);

/// What a container is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSpec {
    /// The image as people name it, which the policy is asked about.
    pub image: ImageReference,
    /// What that image was when it was pulled; it is what runs.
    pub digest: Digest,
    /// The command's words. None: the image's own.
    pub command: Vec<String>,
    /// Variables of its environment.
    pub environment: Vec<Variable>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// The port that it serves on.
    pub port: u16,
    /// The port of the engine's host under which that is reached. None: any free one.
    pub host_port: Option<u16>,
    /// The network that it is in. None: the engine's default one, and the port is published. In a named network the container
    /// has an address of its own, and nothing is published unless `host_port` asks for it.
    pub network: Option<NetworkName>,
    /// Its volumes.
    pub volumes: Vec<Volume>,
    /// How much memory it may use, in bytes.
    pub memory_bytes: Option<u64>,
    /// How many processors it may use, in thousandths.
    pub cpu_millis: Option<u32>,
    /// The signal that ends it. None: the image's.
    pub stop_signal: Option<Signal>,
    /// How long it may take to end before it is killed.
    pub stop_timeout: Option<Duration>,
    /// Whether the engine starts it again when it ends by itself or the host was started again.
    pub restarts: bool,
}

/// A variable of a container's environment. Its value is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    name: String,
    value: String,
}

/// A volume of the engine, and where a container finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    name: String,
    path: String,
    read_only: bool,
}

impl ContainerSpec {
    /// A container of an image that was pulled, which serves on a port. The rest is what the image says.
    pub fn new(image: ImageReference, digest: Digest, port: u16) -> Self {
        Self {
            image,
            digest,
            command: Vec::new(),
            environment: Vec::new(),
            labels: Vec::new(),
            port,
            host_port: None,
            network: None,
            volumes: Vec::new(),
            memory_bytes: None,
            cpu_millis: None,
            stop_signal: None,
            stop_timeout: None,
            restarts: false,
        }
    }

    /// Refuses values that no engine takes, or that would mean something else to it.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.port == 0 {
            return Err(Refusal::new("port", "0", "a port from 1 to 65535"));
        }
        if self.host_port == Some(0) {
            return Err(Refusal::new(
                "host_port",
                "0",
                "a port from 1 to 65535, or nothing for any free one",
            ));
        }
        let bytes: usize = self.command.iter().map(String::len).sum();
        if self.command.len() > COMMAND_MAX.0 || bytes > COMMAND_MAX.1 {
            let allowed = format!("at most {} words of {} bytes together", COMMAND_MAX.0, COMMAND_MAX.1);
            return Err(Refusal::new(
                "command",
                &format!("{} words of {bytes} bytes", self.command.len()),
                allowed,
            ));
        }
        if let Some(word) = self.command.iter().find(|word| word.contains('\0')) {
            return Err(Refusal::new("command", word, "words without a NUL byte"));
        }
        check_resources(self.memory_bytes, self.cpu_millis)
    }

    /// The body of the call that makes it. Its port is published on one address of the host alone.
    pub(super) fn body(&self, host: IpAddr) -> ContainerCreateBody {
        let port = format!("{}/tcp", self.port);
        let published = self.host_port.is_some() || self.network.is_none();
        let binding = PortBinding {
            host_ip: Some(host.to_string()),
            host_port: Some(self.host_port.map_or_else(String::new, |port| port.to_string())),
        };
        let restart = match self.restarts {
            true => RestartPolicyNameEnum::UNLESS_STOPPED,
            false => RestartPolicyNameEnum::NO,
        };
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let host = HostConfig {
            port_bindings: published.then(|| [(port.clone(), Some(vec![binding]))].into()),
            network_mode: self.network.as_ref().map(|network| network.as_str().to_owned()),
            mounts: Some(self.volumes.iter().map(Volume::mount).collect()),
            memory: self.memory_bytes.map(signed),
            nano_cpus: self.cpu_millis.map(|millis| i64::from(millis) * 1_000_000),
            restart_policy: Some(RestartPolicy { name: Some(restart), maximum_retry_count: None }),
            privileged: Some(false),
            ..HostConfig::default()
        };
        ContainerCreateBody {
            image: Some(self.digest.as_str().to_owned()),
            cmd: (!self.command.is_empty()).then(|| self.command.clone()),
            env: Some(self.environment.iter().map(|one| format!("{}={}", one.name, one.value)).collect()),
            labels: Some(self.labels.iter().cloned().collect()),
            exposed_ports: Some(vec![port]),
            stop_signal: self.stop_signal.map(Signal::name),
            stop_timeout: self.stop_timeout.map(|timeout| signed(timeout.as_secs())),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        }
    }
}

/// Refuses memory (bytes) and processors (thousandths) that no engine takes.
pub fn check_resources(memory_bytes: Option<u64>, cpu_millis: Option<u32>) -> Result<(), Refusal> {
    let memory = memory_bytes.filter(|bytes| *bytes < MEMORY_BYTES_MIN || i64::try_from(*bytes).is_err());
    if let Some(bytes) = memory {
        return Err(Refusal::new("memory", &bytes.to_string(), "6291456 bytes (6 MiB) or more"));
    }
    let (least, most) = CPU_MILLIS;
    if let Some(millis) = cpu_millis.filter(|millis| *millis < least || *millis > most) {
        let allowed = format!("{least} to {most} thousandths of a processor");
        return Err(Refusal::new("cpus", &millis.to_string(), allowed));
    }
    Ok(())
}

impl Variable {
    /// A variable of this name and value.
    pub fn new(name: &str, value: &str) -> Result<Self, Refusal> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if !begins || name.len() > VARIABLE_NAME_BYTES_MAX || !name.bytes().all(inner) {
            let allowed =
                "NAME=VALUE, the name a letter or `_`, then at most 254 of letters, digits, `_`, `.` and `-`";
            return Err(Refusal::new("env", name, allowed));
        }
        // What the value is stays unsaid: it may be a password.
        if value.contains(['\0', '\n', '\r']) {
            return Err(Refusal::new(
                "env",
                &format!("{name}=..."),
                "a value of one line, without a NUL byte",
            ));
        }
        if value.len() > VALUE_BYTES_MAX {
            let allowed = format!("a value of at most {VALUE_BYTES_MAX} bytes");
            return Err(Refusal::new("env", &format!("{name}=..."), allowed));
        }
        Ok(Self { name: name.into(), value: value.into() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value, to send or to store it.
    pub fn expose(&self) -> &str {
        &self.value
    }
}

impl std::str::FromStr for Variable {
    type Err = Refusal;

    /// Reads `NAME=VALUE`.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        match text.split_once('=') {
            Some((name, value)) => Self::new(name, value),
            None => Err(Refusal::new("env", "a text without `=`", "NAME=VALUE")),
        }
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=...", self.name)
    }
}

impl Volume {
    /// The volume's name on the engine.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where a container finds it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A mount of a volume, which an engine never takes for a path of its host.
    fn mount(&self) -> Mount {
        Mount {
            target: Some(self.path.clone()),
            source: Some(self.name.clone()),
            typ: Some(MountType::VOLUME),
            read_only: Some(self.read_only),
            ..Mount::default()
        }
    }
}

impl std::str::FromStr for Volume {
    type Err = Refusal;

    /// Reads `NAME:/path` or `NAME:/path:ro`.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let allowed =
            "NAME:/path or NAME:/path:ro, where NAME is a volume of the engine and never a path of its host";
        let refuse = || Refusal::new("volume", text, allowed);
        let (name, rest) = text.split_once(':').ok_or_else(refuse)?;
        let (path, read_only) = match rest.split_once(':') {
            Some((path, "ro")) => (path, true),
            Some((path, "rw")) => (path, false),
            Some(_) => return Err(refuse()),
            None => (rest, false),
        };
        if is_object_name(name) && is_place(path) {
            Ok(Self { name: name.into(), path: path.into(), read_only })
        } else {
            Err(refuse())
        }
    }
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.path)?;
        if self.read_only { f.write_str(":ro") } else { Ok(()) }
    }
}

/// Whether a volume may be there: an absolute path other than the root, that goes nowhere back.
fn is_place(path: &str) -> bool {
    let mut parts = path.split('/').skip(1).filter(|part| !part.is_empty()).peekable();
    let plain = !path.chars().any(|char| crate::printable::is_hidden(char) || char == '\\');
    path.starts_with('/')
        && path.len() <= PATH_BYTES_MAX
        && plain
        && parts.peek().is_some()
        && parts.all(|part| part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_a_name_and_never_a_path_of_the_host() {
        let read: Volume = "data:/var/lib/data:ro".parse().unwrap();
        assert_eq!(
            (read.name(), read.path(), read.to_string().as_str()),
            ("data", "/var/lib/data", "data:/var/lib/data:ro")
        );
        let wrong = [
            "/:/host",
            "/var/run/docker.sock:/var/run/docker.sock",
            "./x:/x",
            "..:/x",
            "data",
            "data:",
            "data:x",
            "data:/",
            "data:/a/../..",
            "data:/x:z",
            ":/x",
            "data:/x\n",
            "~:/x",
            "d/x:/x",
            "data://",
        ];
        for text in wrong {
            assert!(text.parse::<Volume>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_value_of_a_variable_is_in_no_message() {
        let read: Variable = "DATABASE_URL=postgres://u:secret@db/x?a=b".parse().unwrap();
        assert_eq!((read.name(), read.expose()), ("DATABASE_URL", "postgres://u:secret@db/x?a=b"));
        assert_eq!(format!("{read:?}"), "DATABASE_URL=...");
        for text in
            ["secret", "A=secret\nB=2", "1A=secret", "=secret", "A B=secret", "A=secret\0", "A\n=secret"]
        {
            let said = text.parse::<Variable>().expect_err(text).to_string();
            assert!(said.starts_with("env is `") && !said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn a_container_asks_for_nothing_of_its_host() {
        let digest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
        let mut spec = ContainerSpec::new("shop".parse().unwrap(), digest, 8080);
        spec.volumes = vec!["data:/data".parse().unwrap()];
        let body = serde_json::to_value(spec.body([127, 0, 0, 1].into())).unwrap();
        let host = body["HostConfig"].as_object().unwrap();
        let said: Vec<&str> = host.keys().map(String::as_str).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        assert_eq!(host["Privileged"], false);
        assert_eq!(host["Mounts"][0]["Type"], "volume");
        assert_eq!(host["PortBindings"]["8080/tcp"][0]["HostIp"], "127.0.0.1");
        assert_eq!(host["RestartPolicy"]["Name"], "no");
    }

    #[test]
    fn what_no_engine_takes_is_refused_by_field() {
        let digest: Digest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
        let refused = |change: fn(&mut ContainerSpec)| {
            let mut spec = ContainerSpec::new("shop".parse().unwrap(), digest.clone(), 8080);
            assert_eq!(spec.check(), Ok(()));
            change(&mut spec);
            spec.check().unwrap_err().field
        };
        assert_eq!(refused(|spec| spec.port = 0), "port");
        assert_eq!(refused(|spec| spec.host_port = Some(0)), "host_port");
        assert_eq!(refused(|spec| spec.command = vec!["a\0".into()]), "command");
        assert_eq!(refused(|spec| spec.command = vec!["a".into(); 2_000]), "command");
        assert_eq!(refused(|spec| spec.memory_bytes = Some(1)), "memory");
        assert_eq!(refused(|spec| spec.cpu_millis = Some(0)), "cpus");
    }
}
