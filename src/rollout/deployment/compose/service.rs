//! One service of a compose file.

use serde::{Deserialize, Serialize};

use super::{fields, port::Port, words, yaml::Yaml};
use crate::rollout::deployment::environment::Environment;

/// The longest name of an image, in bytes.
const IMAGE_BYTES_MAX: usize = 512;
/// What begins variables by which old scripts spoke to their scheduler, and not to the program.
const DIRECTIVE: &str = "occs:";

/// What runs in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The image, by name and tag or digest.
    pub image: String,
    /// The command; empty: the image's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The environment.
    #[serde(default, skip_serializing_if = "Environment::is_empty")]
    pub environment: Environment,
    /// What old scripts tell their scheduler in the environment, such as `occs:scheduler=random`. It is shown, and has no effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directives: Vec<String>,
    /// The ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// Named volumes with their places, `NAME:/path`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
}

impl Service {
    /// Reads a service.
    ///
    /// # Errors
    /// A field is not allowed, or has a value that is not; the text names it and says what is allowed.
    pub(super) fn read(value: Yaml) -> Result<Self, String> {
        let Yaml::Map(fields) = value else { return Err("a service is a map of fields".to_owned()) };
        let mut service = Self::default();
        for (name, value) in fields {
            fields::check(&name)?;
            let read = match name.as_str() {
                "image" => service.read_image(&value),
                "command" => service.read_command(value),
                "environment" => service.read_environment(value),
                "ports" => service.read_ports(value),
                "volumes" => service.read_volumes(value),
                _ => Ok(()),
            };
            read.map_err(|fault| format!("{name}: {fault}"))?;
        }
        if service.image.is_empty() {
            return Err("`image` is missing; allowed is the name of an image".to_owned());
        }
        Ok(service)
    }

    /// Whether a value still has a placeholder, which nobody here fills in; which field that is.
    pub fn placeholder(&self) -> Option<String> {
        let has = |text: &str| text.contains("{{");
        if has(&self.image) {
            return Some("image".to_owned());
        }
        if self.command.iter().any(|word| has(word)) {
            return Some("command".to_owned());
        }
        let variable = self.environment.reveal().find(|(_, value)| has(value));
        variable.map(|(name, _)| format!("environment.{name}"))
    }

    fn read_image(&mut self, value: &Yaml) -> Result<(), String> {
        let image = scalar(value)?;
        let allowed = |c: char| c.is_ascii_graphic() || image.contains("{{") && c == ' ';
        if image.is_empty() || image.len() > IMAGE_BYTES_MAX || !image.chars().all(allowed) {
            return Err(format!(
                "`{}` is no name of an image; allowed is such as `registry.example/shop:1.0`",
                shown(image)
            ));
        }
        self.image = image.to_owned();
        Ok(())
    }

    fn read_command(&mut self, value: Yaml) -> Result<(), String> {
        self.command = match value {
            Yaml::Scalar(line) => words::split(&line)?,
            list => scalars(&list)?.into_iter().map(str::to_owned).collect(),
        };
        Ok(())
    }

    fn read_environment(&mut self, value: Yaml) -> Result<(), String> {
        match value {
            Yaml::Scalar(text) if text.is_empty() => Ok(()),
            Yaml::Map(fields) => {
                fields.iter().try_for_each(|(name, value)| self.add_variable(name, scalar(value)?))
            }
            list => scalars(&list)?.into_iter().try_for_each(|variable| match variable.split_once('=') {
                Some((name, value)) => self.add_variable(name, value),
                // Its value would be the one of whoever starts the container.
                None => Err(format!("`{}` has no value; allowed is NAME=VALUE", shown(variable))),
            }),
        }
    }

    fn add_variable(&mut self, name: &str, value: &str) -> Result<(), String> {
        if name.starts_with(DIRECTIVE) {
            let line = format!("{name}={value}");
            if !line.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
                return Err(format!("`{}` has characters that are no plain text", shown(&line)));
            }
            self.directives.push(line);
            return Ok(());
        }
        self.environment.add(name, value)
    }

    fn read_ports(&mut self, value: Yaml) -> Result<(), String> {
        for text in scalars(&value)? {
            let port: Port = text.parse().map_err(|error| format!("`{}`: {error}", shown(text)))?;
            if self.ports.iter().any(|known| known.container == port.container) {
                return Err(format!("the port {} stands there twice", port.container));
            }
            self.ports.push(port);
        }
        Ok(())
    }

    fn read_volumes(&mut self, value: Yaml) -> Result<(), String> {
        for text in scalars(&value)? {
            check_volume(text)?;
            self.volumes.push(text.to_owned());
        }
        Ok(())
    }
}

/// Refuses what is no named volume at a place: a path of the host least of all.
///
/// # Errors
/// The text is no volume; what is allowed.
pub fn check_volume(text: &str) -> Result<(), String> {
    let refused = || {
        format!(
            "`{}` is no named volume; allowed is NAME:/path (or NAME:/path:ro), and never a path of the host",
            shown(text)
        )
    };
    let (name, place) = text.split_once(':').ok_or_else(refused)?;
    let place = place.strip_suffix(":ro").unwrap_or(place);
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_name = starts && name.len() <= 128 && name.bytes().all(named);
    let is_place = place.starts_with('/')
        && place.len() > 1
        && place.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
        && !place.split('/').any(|part| part == "..");
    if is_name && is_place { Ok(()) } else { Err(refused()) }
}

fn scalar(value: &Yaml) -> Result<&str, String> {
    match value {
        Yaml::Scalar(text) => Ok(text),
        _ => Err("allowed is one text or number".to_owned()),
    }
}

/// The texts of a list; of nothing, none.
fn scalars(value: &Yaml) -> Result<Vec<&str>, String> {
    match value {
        Yaml::List(items) => items.iter().map(scalar).collect(),
        Yaml::Scalar(text) if matches!(text.as_str(), "" | "~" | "null") => Ok(Vec::new()),
        _ => Err("allowed is a list of texts".to_owned()),
    }
}

/// As much of a value as tells what it is; what follows a `=` may be a secret.
fn shown(text: &str) -> String {
    let name = text.split_once('=').map_or(text, |(name, _)| name);
    name.chars().take(40).flat_map(char::escape_debug).collect()
}
