//! The engines: by a list of names and addresses, and in the file by a table for each, `[engines.NAME]`.

use std::{
    collections::BTreeMap,
    fs,
    net::IpAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{error::ConfigError, fault::Fault, needed_file::NeededFile, raw::RawConfig, setting};
use crate::{
    engine::{
        EngineAddress, EngineName, EngineOptions, EngineTls, ImagePrefix, Policy, Refusal, RegistryLogins,
        Volume,
    },
    rollout::app::AppName,
};

/// Permission bits by which others than the owner read.
const READABLE_BY_OTHERS: u32 = 0o044;

/// A table `[engines.NAME]`, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Table {
    address: Option<String>,
    host: Option<String>,
    network: Option<String>,
    tls_ca: Option<PathBuf>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    allowed_images: Option<Vec<String>>,
    allowed_networks: Vec<String>,
    allowed_volumes: Vec<String>,
    adopt_labels: Vec<String>,
    registry_login_file: Option<PathBuf>,
}

/// What an engine is told of, before it is known to be right.
struct Draft {
    name: EngineName,
    /// As the list has it, which counts before the table.
    listed: Option<EngineAddress>,
    table: Table,
}

/// What all settings say of engines.
pub(super) struct Engines {
    pub options: Vec<EngineOptions>,
    /// The files that they name, whether they can be read or not.
    pub files: Vec<NeededFile>,
}

/// Reads all engines, and what an operator should know about how they are reached.
///
/// A router that served before leaves out an engine whose files cannot be read, since everything else goes on without it.
pub(super) fn read(
    raw: &RawConfig,
    served_before: bool,
    warnings: &mut Vec<String>,
) -> Result<Engines, ConfigError> {
    let images = raw.list(&setting::ENGINE_IMAGES, |text| text.parse::<ImagePrefix>().map_err(fault_of))?;
    let path = raw.engines.as_ref().map_or(Path::new(""), |(path, _)| path);
    let mut engines = Engines { options: Vec::new(), files: Vec::new() };
    for draft in drafts(raw)? {
        engines.files.extend(draft.files());
        let name = draft.name.clone();
        let wrong = |fault: (&str, String)| ConfigError::Engine {
            path: path.into(),
            fault: format!("engines.{name}.{} {}", fault.0, fault.1),
        };
        let files = match draft.read_files() {
            Err((field, fault)) if served_before => {
                warnings.push(format!("the engine {name} is left out: engines.{name}.{field} {fault}"));
                continue;
            }
            files => files.map_err(wrong)?,
        };
        engines.options.push(draft.options(files, &images, warnings).map_err(wrong)?);
    }
    Ok(engines)
}

/// Every engine that is named, in the order of names.
fn drafts(raw: &RawConfig) -> Result<Vec<Draft>, ConfigError> {
    let mut drafts: BTreeMap<EngineName, Draft> = BTreeMap::new();
    if let Some((path, tables)) = &raw.engines {
        let wrong = |fault: String| ConfigError::Engine { path: path.clone(), fault };
        for (name, value) in tables {
            let name: EngineName =
                name.parse().map_err(|refusal: Refusal| wrong(format!("engines: {refusal}")))?;
            let table = serde_path_to_error::deserialize(value.clone()).map_err(|error| {
                let (field, inner) = (error.path().to_string(), error.inner().message().to_owned());
                let field = if field == "." { String::new() } else { format!(".{field}") };
                wrong(format!("engines.{name}{field}: {inner}"))
            })?;
            drafts.insert(name.clone(), Draft { name, listed: None, table });
        }
    }
    for (name, address) in raw.list(&setting::ENGINE, listed)? {
        let draft = drafts.entry(name.clone()).or_insert_with(|| Draft {
            name,
            listed: None,
            table: Table::default(),
        });
        draft.listed = Some(address);
    }
    Ok(drafts.into_values().collect())
}

/// One entry of the list: `node1=unix:///var/run/docker.sock`.
fn listed(text: &str) -> Result<(EngineName, EngineAddress), Fault> {
    let (name, address) = text.split_once('=').ok_or_else(|| Fault::from(format!("`{text}` has no `=`")))?;
    Ok((name.parse().map_err(fault_of)?, address.parse().map_err(fault_of)?))
}

fn fault_of(refusal: Refusal) -> Fault {
    format!("{refusal}").into()
}

/// What a field is, and what is wrong with it.
type Wrong = (&'static str, String);

/// What the files of an engine hold.
struct Files {
    tls: Option<EngineTls>,
    /// The file of logins is there, and open to others.
    is_open: bool,
}

impl Draft {
    fn files(&self) -> impl Iterator<Item = NeededFile> {
        let Table { tls_ca, tls_certificate, tls_key, registry_login_file, .. } = &self.table;
        let named = [
            ("tls_ca", tls_ca),
            ("tls_certificate", tls_certificate),
            ("tls_key", tls_key),
            ("registry_login_file", registry_login_file),
        ];
        let of =
            move |field: &str, path: &Path| NeededFile::of(&format!("engines.{}.{field}", self.name), path);
        named.into_iter().filter_map(move |(field, path)| Some(of(field, path.as_deref()?)))
    }

    fn read_files(&self) -> Result<Files, Wrong> {
        let Table { tls_ca, tls_certificate, tls_key, registry_login_file, .. } = &self.table;
        let read = |field: &'static str, file: &Path| {
            fs::read(file)
                .map_err(|error| (field, format!("is {}, which cannot be read: {error}", file.display())))
        };
        let own = match (tls_certificate, tls_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some((read("tls_certificate", certificate)?, read("tls_key", key)?))
            }
            (Some(_), None) => {
                return Err(("tls_key", "is missing; allowed: the key of `tls_certificate`".into()));
            }
            (None, Some(_)) => {
                return Err(("tls_certificate", "is missing; allowed: the certificate of `tls_key`".into()));
            }
        };
        let tls = match tls_ca {
            None if own.is_some() => {
                return Err((
                    "tls_ca",
                    "is missing; allowed: a PEM file with who signed the engine's certificate".into(),
                ));
            }
            None => None,
            Some(ca) => {
                let own = own.as_ref().map(|(certificate, key)| (certificate.as_slice(), key.as_slice()));
                let read = EngineTls::read(&read("tls_ca", ca)?, own);
                Some(read.map_err(|(field, why)| (field, format!("cannot be used: {why}")))?)
            }
        };
        let mut is_open = false;
        if let Some(file) = registry_login_file {
            RegistryLogins::read(file)
                .map_err(|why| ("registry_login_file", format!("cannot be used: {why}")))?;
            is_open =
                fs::metadata(file).is_ok_and(|found| found.permissions().mode() & READABLE_BY_OTHERS != 0);
        }
        Ok(Files { tls, is_open })
    }

    fn options(
        self,
        files: Files,
        images: &[ImagePrefix],
        warnings: &mut Vec<String>,
    ) -> Result<EngineOptions, Wrong> {
        let Self { name, listed, table } = self;
        let written =
            table.address.as_deref().map(|text| text.parse::<EngineAddress>().map_err(wrong("address")));
        let address = listed.map(Ok).or(written).transpose()?;
        let missing =
            || ("address", "is missing; allowed: unix:///path/of/the/socket or tcp://host:port".to_owned());
        let address = address.ok_or_else(missing)?;
        let is_socket = matches!(address, EngineAddress::Unix(_));
        if files.tls.is_some() && is_socket {
            return Err(("tls_ca", "is given, but a socket has no TLS; allowed: with tcp:// alone".into()));
        }
        if files.tls.is_none() && !is_socket {
            warnings.push(format!(
                "the engine {name} is asked over TCP without TLS, and whoever reaches that port is root on its host; give it `tls_ca`, \
                 `tls_certificate` and `tls_key`"
            ));
        }
        if files.is_open {
            warnings
                .push(format!("the file of logins of the engine {name} is open to others; `chmod 600` it"));
        }
        let host = match table.host {
            Some(text) => read_host(&text)?,
            None => address.host().ok_or_else(|| {
                let why = "is missing, and the engine is named and not numbered; allowed: the IP address at which its containers \
                           publish their ports";
                ("host", why.to_owned())
            })?,
        };
        let allowed_images = match &table.allowed_images {
            Some(list) => parsed("allowed_images", list)?,
            None => images.to_vec(),
        };
        let policy = Policy {
            allowed_images,
            allowed_networks: parsed("allowed_networks", &table.allowed_networks)?,
            allowed_volumes: table
                .allowed_volumes
                .iter()
                .map(|text| volume_name(text))
                .collect::<Result<_, _>>()?,
            adopt_labels: table.adopt_labels.iter().map(|text| app_name(text)).collect::<Result<_, _>>()?,
        };
        let network =
            table.network.as_deref().map(|text| text.parse().map_err(wrong("network"))).transpose()?;
        let registry_login_file = table.registry_login_file;
        Ok(EngineOptions { name, address, tls: files.tls, policy, host, network, registry_login_file })
    }
}

fn wrong(field: &'static str) -> impl Fn(Refusal) -> Wrong {
    move |refusal| (field, format!("is `{}`; allowed: {}", refusal.value, refusal.allowed))
}

fn parsed<T: std::str::FromStr<Err = Refusal>>(
    field: &'static str,
    texts: &[String],
) -> Result<Vec<T>, Wrong> {
    texts.iter().map(|text| text.parse().map_err(wrong(field))).collect()
}

fn volume_name(text: &str) -> Result<String, Wrong> {
    // The grammar of names is that of a volume with a place.
    let named = format!("{text}:/place").parse::<Volume>();
    let is_name = named.as_ref().is_ok_and(|volume| volume.name() == text);
    let allowed = "the name of a volume of the engine, and never a path of its host";
    if is_name {
        Ok(text.to_owned())
    } else {
        Err(("allowed_volumes", format!("is `{text}`; allowed: {allowed}")))
    }
}

fn app_name(text: &str) -> Result<AppName, Wrong> {
    let allowed =
        "the name of an app: a letter or digit, then at most 62 of letters, digits, `.`, `_` and `-`";
    text.parse().map_err(|_| ("adopt_labels", format!("is `{text}`; allowed: {allowed}")))
}

fn read_host(text: &str) -> Result<IpAddr, Wrong> {
    let host: Option<IpAddr> =
        text.parse().ok().filter(|host: &IpAddr| !host.is_unspecified() && !host.is_multicast());
    host.ok_or_else(|| ("host", format!("is `{text}`; allowed: one IP address of the engine's host")))
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn from_toml(text: &str) -> Result<Config, String> {
        let raw = RawConfig::from_toml(Path::new("router.toml"), text).map_err(|error| error.to_string())?;
        Config::from_raw(&raw).map_err(|error| error.to_string())
    }

    #[test]
    fn engines_are_a_list_and_tables_that_say_more() {
        let config = from_toml(
            r#"
            engine = ["node1=unix:///var/run/docker.sock", "node2=tcp://10.0.0.2:2376"]
            engine_images = "registry.example/shop"
            [engines.node2]
            address = "tcp://10.0.0.3:1"
            allowed_images = ["nginx"]
            allowed_networks = ["back"]
            allowed_volumes = ["data"]
            adopt_labels = ["shop"]
            network = "back"
            [engines.node3]
            address = "tcp://node3:2375"
            host = "10.0.0.4"
            "#,
        )
        .unwrap();
        let engines: Vec<_> = config
            .engines
            .iter()
            .map(|one| (one.name.as_str(), one.address.to_string(), one.host.to_string()))
            .collect();
        let expected = [
            ("node1", "unix:///var/run/docker.sock", "127.0.0.1"),
            ("node2", "tcp://10.0.0.2:2376", "10.0.0.2"),
            ("node3", "tcp://node3:2375", "10.0.0.4"),
        ];
        assert_eq!(
            engines,
            expected.map(|(name, address, host)| (name, address.to_owned(), host.to_owned()))
        );
        let allows =
            |at: usize, image: &str| config.engines[at].policy.check_image(&image.parse().unwrap()).is_ok();
        assert!(
            allows(0, "registry.example/shop:1")
                && !allows(1, "registry.example/shop:1")
                && allows(1, "nginx")
        );
        assert!(config.engines[1].policy.adopts(&"shop".parse().unwrap()));
        assert_eq!(config.warnings.iter().filter(|text| text.contains("over TCP without TLS")).count(), 2);
    }

    /// A backup does not hold them, so it names them; also those that cannot be read now.
    #[test]
    fn the_files_of_engines_are_needed_by_a_restore() {
        let state = tempfile::tempdir().unwrap();
        fs::write(state.path().join("table"), "served before").unwrap();
        let fields = ["tls_ca", "tls_certificate", "tls_key", "registry_login_file"];
        let lines: String = fields.map(|field| format!("{field} = \"/nowhere/{field}\"\n")).concat();
        let state = state.path().display();
        let text = format!("state = \"{state}\"\n[engines.node1]\naddress = \"tcp://10.0.0.2:1\"\n{lines}");
        let config = from_toml(&text).unwrap();
        assert!(config.engines.is_empty());
        let needed = config.needed_files();
        for field in fields {
            let file =
                NeededFile::of(&format!("engines.node1.{field}"), Path::new(&format!("/nowhere/{field}")));
            assert!(needed.contains(&file), "{field}: {needed:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_field_value_and_what_is_allowed() {
        let said = |text: &str| from_toml(text).unwrap_err();
        let table =
            |fields: &str| said(&format!("[engines.node1]\naddress = \"unix:///run/docker.sock\"\n{fields}"));
        assert_eq!(
            table("allowed_volumes = [\"/\"]"),
            "router.toml: engines.node1.allowed_volumes is `/`; allowed: the name of a volume of the engine, and never a path of its host"
        );
        assert!(
            table("allowed_networks = [\"host\"]")
                .contains("engines.node1.allowed_networks is `host`; allowed: ")
        );
        assert!(table("allowed_images = [\"*\"]").contains("engines.node1.allowed_images is `*`; allowed: "));
        assert!(table("adopt_labels = [\"a b\"]").contains("engines.node1.adopt_labels is `a b`; allowed: "));
        assert!(table("host = \"0.0.0.0\"").contains("engines.node1.host is `0.0.0.0`; allowed: "));
        assert!(
            table("privileged = true")
                .contains("engines.node1.privileged: unknown field `privileged`, expected one of `address`")
        );
        assert!(
            table("tls_ca = \"/nowhere/ca.pem\"")
                .contains("engines.node1.tls_ca is /nowhere/ca.pem, which cannot be read")
        );
        assert!(said("[engines.node1]\n").contains("engines.node1.address is missing; allowed: unix:///"));
        assert!(
            said("[engines.node1]\naddress = \"tcp://node1:1\"\n").contains("engines.node1.host is missing")
        );
        assert!(said("[engines.spread]\n").contains("engines: engine is `spread`; allowed: "));
        assert!(said("engine = \"node1\"").contains("`node1` has no `=`"));
        assert!(
            said("engine = \"node1=/run/docker.sock\"")
                .contains("address is `/run/docker.sock`; allowed: unix:///")
        );
        assert!(said("engines = 1").contains("engines"), "a table is expected");
    }
}
