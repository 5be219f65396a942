//! What the names of endpoints stand for, as this router found out last.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use super::endpoint_name::EndpointName;

/// The addresses of each host name that was looked up; none: it has never stood for any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolvedNames(BTreeMap<Arc<str>, Vec<IpAddr>>);

impl ResolvedNames {
    /// The addresses of a name with its port; nothing if it was never looked up.
    pub fn addresses(&self, name: &EndpointName) -> Option<impl Iterator<Item = SocketAddr>> {
        let found = self.0.get(&**name.host())?;
        Some(found.iter().map(|ip| SocketAddr::new(*ip, name.port())))
    }

    /// Every address that any of them stands for.
    pub fn all(&self) -> impl Iterator<Item = &IpAddr> {
        self.0.values().flatten()
    }

    /// Whether a name stands for the same in both.
    pub fn is_same(&self, other: &Self, name: &EndpointName) -> bool {
        self.0.get(&**name.host()) == other.0.get(&**name.host())
    }
}

impl FromIterator<(Arc<str>, Vec<IpAddr>)> for ResolvedNames {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Vec<IpAddr>)>>(found: I) -> Self {
        Self(found.into_iter().collect())
    }
}
