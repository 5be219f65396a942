//! A whole compose file: its services by name.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    fields,
    service::Service,
    yaml::{self, Yaml},
};
use crate::rollout::deployment::environment::HIDDEN;

/// Services of a file that are read.
const SERVICES_MAX: usize = 32;
/// The longest name of a service, in bytes: it stands in the ids of releases.
const SERVICE_NAME_BYTES_MAX: usize = 40;

/// The services of a compose file, by name.
pub type Services = BTreeMap<String, Service>;

/// Reads a compose file. One without `services` is of the first format, whose services stand at the top.
///
/// # Errors
/// It is no YAML, or says what is not allowed; the text names the field.
pub fn read(text: &str) -> Result<Services, String> {
    let Yaml::Map(file) = yaml::read(text)? else {
        return Err("a compose file is a map; allowed is such as `services: {app: {image: shop}}`".to_owned());
    };
    let has_services = file.iter().any(|(name, _)| name == "services");
    let mut services = Services::new();
    if !has_services {
        let listed = file.into_iter().filter(|(name, _)| name != "version" && !name.starts_with("x-"));
        listed.into_iter().try_for_each(|(name, value)| add(&mut services, name, value))?;
        return some(services);
    }
    for (name, value) in file {
        fields::check_of_file(&name)?;
        if name == "services" {
            let Yaml::Map(listed) = value else {
                return Err("services: allowed is a map of services by name".to_owned());
            };
            listed.into_iter().try_for_each(|(name, value)| add(&mut services, name, value))?;
        }
    }
    some(services)
}

fn some(services: Services) -> Result<Services, String> {
    match services.len() {
        0 => Err("the file has no service; allowed is at least one".to_owned()),
        1..=SERVICES_MAX => Ok(services),
        count => Err(format!("the file has {count} services; allowed are at most {SERVICES_MAX}")),
    }
}

fn add(services: &mut Services, name: String, value: Yaml) -> Result<(), String> {
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !starts || name.len() > SERVICE_NAME_BYTES_MAX || !name.bytes().all(allowed) {
        return Err(format!(
            "`{}` is no name of a service; allowed are letters, digits, `.`, `_` and `-`, at most \
             {SERVICE_NAME_BYTES_MAX}, a letter or digit first",
            name.chars().take(SERVICE_NAME_BYTES_MAX).flat_map(char::escape_debug).collect::<String>()
        ));
    }
    let service = Service::read(value).map_err(|fault| format!("services.{name}: {fault}"))?;
    services.insert(name, service);
    Ok(())
}

/// A compose file that says the same, less the values of the environment.
pub fn write(services: &BTreeMap<&str, &Service>) -> String {
    let mut out = "version: 2\nservices:\n".to_owned();
    for (name, service) in services {
        // Writing to a string does not fail.
        let _ = writeln!(out, "  {name}:\n    image: {}", quoted(&service.image));
        let list = |out: &mut String, field: &str, items: Vec<String>| {
            if !items.is_empty() {
                let _ = writeln!(out, "    {field}:");
                for item in &items {
                    let _ = writeln!(out, "      - {}", quoted(item));
                }
            }
        };
        list(&mut out, "command", service.command.clone());
        let hidden = service.environment.names().map(|name| format!("{name}={HIDDEN}"));
        list(&mut out, "environment", service.directives.iter().cloned().chain(hidden).collect());
        list(&mut out, "ports", service.ports.iter().map(ToString::to_string).collect());
        list(&mut out, "volumes", service.volumes.clone());
    }
    out
}

/// A text between double quotes, as YAML and JSON have it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
