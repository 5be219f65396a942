//! Variables of the environment that look as if this program read them, and that it does not.

use super::nearest::nearest;
use crate::config::{FILE_ENVIRONMENT, TAKES_OVER_ENVIRONMENT, setting};

/// Letters that a name may differ by and still be taken for a slip of another one.
const SLIPS_MAX: usize = 3;

const PREFIX: &str = "ROLLING_ROUTER_";

/// Those that only verbs which ask a router read.
const OF_VERBS: [&str; 3] =
    ["ROLLING_ROUTER_ADMIN_URL", "ROLLING_ROUTER_ADMIN_CA", "ROLLING_ROUTER_HOOK_SECRET"];

/// A warning for each variable of this process that nothing here reads, in the order of their names.
pub(super) fn unknown_variables() -> Vec<String> {
    let set = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        Some((name, value.to_string_lossy().into_owned()))
    });
    warnings(set)
}

fn warnings(set: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let unknown = |(name, value): &(String, String)| {
        name.starts_with(PREFIX) && !known().any(|known| known == name) && !is_service_link(name, value)
    };
    let mut names: Vec<String> = set.filter(unknown).map(|(name, _)| name).collect();
    names.sort();
    names.iter().map(|name| warning(name)).collect()
}

fn known() -> impl Iterator<Item = &'static str> {
    let of_settings = setting::ALL.iter().flat_map(|setting| setting.environment.iter().copied());
    of_settings.chain([FILE_ENVIRONMENT, TAKES_OVER_ENVIRONMENT]).chain(OF_VERBS)
}

/// Kubernetes tells every container of a service `rolling-router` by such variables.
fn is_service_link(name: &str, value: &str) -> bool {
    let rest = &name[PREFIX.len()..];
    rest.starts_with("SERVICE_") || rest.starts_with("PORT_") || value.starts_with("tcp://")
}

fn warning(name: &str) -> String {
    let hint = nearest(name, known(), SLIPS_MAX)
        .map_or_else(String::new, |known| format!("; did you mean {known}?"));
    format!("the variable {} is not read by anything here{hint}", name.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> Vec<String> {
        warnings(set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn variables_that_nothing_reads_are_named() {
        let found = of(&[
            ("ROLLING_ROUTER_WHATEVER", "1"),
            ("ROLLING_ROUTER_LISTN", "80"),
            ("ROLLING_ROUTER_LISTEN", "80"),
            ("ROLLING_ROUTER_ADMIN_URL", "http://localhost:8080"),
            ("ROLLING_STONES", "1"),
        ]);
        assert_eq!(
            found,
            [
                "the variable ROLLING_ROUTER_LISTN is not read by anything here; did you mean ROLLING_ROUTER_LISTEN?",
                "the variable ROLLING_ROUTER_WHATEVER is not read by anything here",
            ]
        );
    }

    #[test]
    fn a_service_of_the_same_name_is_no_slip() {
        let links = [
            ("ROLLING_ROUTER_PORT", "tcp://10.0.0.1:80"),
            ("ROLLING_ROUTER_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("ROLLING_ROUTER_SERVICE_HOST", "10.0.0.1"),
        ];
        assert_eq!(of(&links), Vec::<String>::new());
        assert_eq!(of(&[("ROLLING_ROUTER_PORT", "80")]).len(), 1);
    }
}
