//! One EndpointSlice (`discovery.k8s.io/v1`): whose endpoints it has, and which of them take requests.

use std::{collections::BTreeSet, net::SocketAddr};

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use thiserror::Error;

use crate::release::{APP_LABEL, PORT_LABEL, RELEASE_LABEL, Release};

/// The part of a release's endpoints that one EndpointSlice has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) release: Release,
    /// Those that are ready and do not end.
    pub(crate) addresses: BTreeSet<SocketAddr>,
}

/// Why an EndpointSlice says nothing.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum Unusable {
    #[error(
        "it has no label `{0}`: give its Service the labels `{app}` and `{release}`, or narrow --selector",
        app = APP_LABEL,
        release = RELEASE_LABEL
    )]
    NoLabel(&'static str),
    #[error("its addresses are of the type {0}; IPv4 and IPv6 are followed")]
    AddressType(String),
    #[error(
        "it has no TCP port named `{wanted}`, but {there}: see --port-name and the label `{label}`",
        label = PORT_LABEL
    )]
    NoSuchPort { wanted: String, there: String },
    #[error(
        "it has {0}: say which one counts by --port-name, or by the label `{label}` of the Service",
        label = PORT_LABEL
    )]
    SeveralPorts(String),
    #[error("it has no TCP port with a number")]
    NoPort,
}

impl Slice {
    /// What a slice says. `port_name` is the port of slices that name none by a label.
    pub(crate) fn read(slice: &EndpointSlice, port_name: Option<&str>) -> Result<Self, Unusable> {
        let label = |name: &str| slice.metadata.labels.as_ref()?.get(name).map(String::as_str);
        let said = |name| label(name).filter(|value| !value.is_empty()).ok_or(Unusable::NoLabel(name));
        let release = Release { app: said(APP_LABEL)?.to_owned(), name: said(RELEASE_LABEL)?.to_owned() };
        if !["IPv4", "IPv6"].contains(&slice.address_type.as_str()) {
            return Err(Unusable::AddressType(slice.address_type.clone()));
        }
        let ports = slice.ports.as_deref().unwrap_or_default();
        // While a Service has no pods, its slice may have no ports either; then there is nothing to choose.
        let endpoints = slice.endpoints.as_deref().unwrap_or_default();
        if endpoints.is_empty() {
            return Ok(Self { release, addresses: BTreeSet::new() });
        }
        let port = choose(ports, label(PORT_LABEL).or(port_name))?;
        let ready = endpoints.iter().filter(|endpoint| takes_requests(endpoint));
        // No semantics are defined for the addresses behind the first.
        let first = ready.filter_map(|endpoint| endpoint.addresses.first()?.parse().ok());
        Ok(Self { release, addresses: first.map(|ip| SocketAddr::new(ip, port)).collect() })
    }
}

/// Missing conditions read as ready, and as not ending. One that ends is left out although it still serves: so the router drains it.
fn takes_requests(endpoint: &Endpoint) -> bool {
    let Some(conditions) = &endpoint.conditions else { return true };
    conditions.ready.unwrap_or(true) && !conditions.terminating.unwrap_or(false)
}

/// The number of the port that is named, or of the only one.
fn choose(ports: &[EndpointPort], wanted: Option<&str>) -> Result<u16, Unusable> {
    let is_tcp = |port: &&EndpointPort| port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP");
    let numbered =
        |port: &EndpointPort| Some((port.name.clone().unwrap_or_default(), u16::try_from(port.port?).ok()?));
    let ports: Vec<(String, u16)> = ports.iter().filter(is_tcp).filter_map(numbered).collect();
    match (wanted, ports.as_slice()) {
        (_, []) => Err(Unusable::NoPort),
        (None, [(_, only)]) => Ok(*only),
        (None, several) => Err(Unusable::SeveralPorts(list(several))),
        (Some(wanted), there) => {
            let found = there.iter().find(|(name, _)| name == wanted).map(|(_, number)| *number);
            found.ok_or_else(|| Unusable::NoSuchPort { wanted: wanted.to_owned(), there: list(there) })
        }
    }
}

/// Ports for people: `http (3000), metrics (9100)`.
fn list(ports: &[(String, u16)]) -> String {
    let one = |(name, number): &(String, u16)| match name.as_str() {
        "" => format!("{number} without a name"),
        name => format!("`{name}` ({number})"),
    };
    ports.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn slice(address_type: &str, ports: Value, endpoints: Value) -> EndpointSlice {
        let labels = json!({ APP_LABEL: "shop", RELEASE_LABEL: "1.0.1" });
        serde_json::from_value(json!({
            "metadata": { "name": "shop-x", "labels": labels },
            "addressType": address_type,
            "ports": ports,
            "endpoints": endpoints,
        }))
        .unwrap()
    }

    fn addresses(slice: &EndpointSlice, port_name: Option<&str>) -> Result<Vec<String>, Unusable> {
        Slice::read(slice, port_name).map(|read| read.addresses.iter().map(ToString::to_string).collect())
    }

    fn http() -> Value {
        json!([{ "name": "http", "port": 3000, "protocol": "TCP" }])
    }

    #[test]
    fn conditions_say_who_takes_requests() {
        let endpoint = |ip: &str, conditions: Value| json!({ "addresses": [ip], "conditions": conditions });
        let endpoints = json!([
            { "addresses": ["10.0.0.9", "10.0.0.99"] },
            endpoint("10.0.0.1", json!({})),
            endpoint("10.0.0.2", json!({ "ready": true, "serving": true, "terminating": false })),
            endpoint("10.0.0.3", json!({ "ready": false, "serving": false })),
            endpoint("10.0.0.4", json!({ "ready": false, "serving": true, "terminating": true })),
            endpoint("10.0.0.5", json!({ "ready": true, "terminating": true })),
        ]);
        let read = addresses(&slice("IPv4", http(), endpoints), None).unwrap();
        assert_eq!(read, ["10.0.0.1:3000", "10.0.0.2:3000", "10.0.0.9:3000"]);
    }

    #[test]
    fn both_families_are_read_and_names_are_not() {
        let one = |address: &str| json!([{ "addresses": [address] }]);
        let read = addresses(&slice("IPv6", http(), one("fd00::9")), None).unwrap();
        assert_eq!(read, ["[fd00::9]:3000"]);
        let refused = addresses(&slice("FQDN", http(), one("db.example")), None);
        assert_eq!(refused, Err(Unusable::AddressType("FQDN".into())));
    }

    #[test]
    fn the_port_is_the_named_one_or_the_only_one() {
        let pods = json!([{ "addresses": ["10.0.0.1"] }]);
        let of = |ports: Value, name| addresses(&slice("IPv4", ports, pods.clone()), name);
        let two = json!([{ "name": "http", "port": 3000 }, { "name": "admin", "port": 9000 }]);
        assert_eq!(of(two.clone(), Some("admin")).unwrap(), ["10.0.0.1:9000"]);
        assert_eq!(of(http(), None).unwrap(), ["10.0.0.1:3000"]);
        let ambiguous = of(two.clone(), None).unwrap_err().to_string();
        assert!(ambiguous.contains("`http` (3000), `admin` (9000)"), "{ambiguous}");
        let missing = of(two, Some("web")).unwrap_err().to_string();
        assert!(missing.contains("no TCP port named `web`, but `http` (3000)"), "{missing}");
        let udp = json!([{ "name": "dns", "port": 53, "protocol": "UDP" }, { "name": "web", "port": 80 }]);
        assert_eq!(of(udp, None).unwrap(), ["10.0.0.1:80"]);
        for none in [json!(null), json!([]), json!([{ "name": "any" }]), json!([{ "port": 70_000 }])] {
            assert_eq!(of(none, None), Err(Unusable::NoPort));
        }
    }

    #[test]
    fn a_label_names_the_port_before_the_flag_and_none_without_pods() {
        let two = json!([{ "name": "http", "port": 3000 }, { "name": "admin", "port": 9000 }]);
        let mut labelled = slice("IPv4", two, json!([{ "addresses": ["10.0.0.1"] }]));
        labelled.metadata.labels.as_mut().unwrap().insert(PORT_LABEL.into(), "admin".into());
        assert_eq!(addresses(&labelled, Some("http")).unwrap(), ["10.0.0.1:9000"]);
        assert_eq!(addresses(&slice("IPv4", json!(null), json!([])), Some("web")), Ok(vec![]));
    }

    #[test]
    fn labels_name_the_release() {
        let mut unnamed = slice("IPv4", http(), json!([]));
        assert_eq!(
            Slice::read(&unnamed, None).unwrap().release.to_string(),
            "release `1.0.1` of the app `shop`"
        );
        unnamed.metadata.labels.as_mut().unwrap().remove(RELEASE_LABEL);
        assert_eq!(Slice::read(&unnamed, None), Err(Unusable::NoLabel(RELEASE_LABEL)));
        unnamed.metadata.labels = None;
        assert_eq!(Slice::read(&unnamed, None), Err(Unusable::NoLabel(APP_LABEL)));
    }
}
