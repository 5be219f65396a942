//! Where in the old API a request goes.

use axum::http::Method;
use percent_encoding::percent_decode_str;

use crate::control::shared::error::{ApiError, Kind};

const DEPLOYMENTS: &str = "/api/v2/deployments";
const CONTAINERS: &str = "/api/v2/containers/";

/// What a path names. Ids are as they came, and may be anything but empty.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// All deployments, or a deployment or container whose id is empty: nothing is done to that.
    All {
        has_no_id: bool,
    },
    Deployment(String),
    Stop(String),
    Start(String),
    Containers(String),
    Kill(String),
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Call {
    List,
    Create,
    Read(String),
    Update(String),
    Remove(String),
    Stop(String),
    Start(String),
    Containers(String),
    Kill(String),
}

/// The place of a deployment's id.
type PlaceOf = fn(String) -> Place;

/// How a path ends that asks for more than the deployment itself.
const ENDINGS: [(&str, PlaceOf); 4] = [
    ("/stop", Place::Stop),
    ("/start", Place::Start),
    ("/containers/", Place::Containers),
    ("/containers", Place::Containers),
];

impl Place {
    /// The place of a path as it came.
    pub fn parse(path: &str) -> Result<Self, ApiError> {
        let nothing = || ApiError::new(Kind::NotFound, "there is nothing at this path");
        let decoded = percent_decode_str(path).decode_utf8();
        let path = decoded.map_err(|_| ApiError::new(Kind::Malformed, "the path is not UTF-8"))?;
        if let Some(rest) = path.strip_prefix(CONTAINERS) {
            let id = rest.trim_end_matches('/').strip_suffix("/kill");
            return match id {
                Some("") => Ok(Self::All { has_no_id: true }),
                Some(id) => Ok(Self::Kill(id.to_owned())),
                None if rest.trim_end_matches('/') == "kill" => Ok(Self::All { has_no_id: true }),
                None => Err(nothing()),
            };
        }
        let rest = path.strip_prefix(DEPLOYMENTS).ok_or_else(nothing)?;
        let Some(rest) = rest.strip_prefix('/') else {
            return if rest.is_empty() { Ok(Self::All { has_no_id: false }) } else { Err(nothing()) };
        };
        if rest.is_empty() {
            return Ok(Self::All { has_no_id: false });
        }
        for (ending, place) in ENDINGS {
            if let Some(id) = format!("/{rest}").strip_suffix(ending) {
                let id = id.trim_start_matches('/');
                return Ok(if id.is_empty() { Self::All { has_no_id: true } } else { place(id.to_owned()) });
            }
        }
        match rest.trim_matches('/') {
            "" => Ok(Self::All { has_no_id: true }),
            id => Ok(Self::Deployment(id.to_owned())),
        }
    }

    /// What a method asks for here; none: it is not taken.
    pub fn call(&self, method: &Method) -> Option<Call> {
        let is_get = [Method::GET, Method::HEAD].contains(method);
        match (self, method) {
            (Self::All { has_no_id: false }, _) if is_get => Some(Call::List),
            (Self::All { has_no_id: false }, &Method::POST) => Some(Call::Create),
            (Self::Deployment(id), _) if is_get => Some(Call::Read(id.clone())),
            (Self::Deployment(id), &Method::PUT) => Some(Call::Update(id.clone())),
            (Self::Deployment(id), &Method::DELETE) => Some(Call::Remove(id.clone())),
            (Self::Stop(id), &Method::POST) => Some(Call::Stop(id.clone())),
            (Self::Start(id), &Method::POST) => Some(Call::Start(id.clone())),
            (Self::Containers(id), _) if is_get => Some(Call::Containers(id.clone())),
            (Self::Kill(id), &Method::POST) => Some(Call::Kill(id.clone())),
            _ => None,
        }
    }

    /// The methods that are taken here, for Allow.
    pub fn methods(&self) -> &'static str {
        match self {
            Self::All { has_no_id: true } => "",
            Self::All { .. } => "GET, HEAD, POST",
            Self::Deployment(_) => "GET, HEAD, PUT, DELETE",
            Self::Containers(_) => "GET, HEAD",
            Self::Stop(_) | Self::Start(_) | Self::Kill(_) => "POST",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, path: &str) -> Result<Option<Call>, Kind> {
        let place = Place::parse(path).map_err(|error| error.kind())?;
        Ok(place.call(&method.parse().unwrap()))
    }

    #[test]
    fn every_path_of_an_old_script_leads_where_it_should() {
        let id = || "shop-1".to_owned();
        for (method, path, asked) in [
            ("GET", "/api/v2/deployments/", Call::List),
            ("GET", "/api/v2/deployments", Call::List),
            ("POST", "/api/v2/deployments/", Call::Create),
            ("GET", "/api/v2/deployments/shop-1", Call::Read(id())),
            ("GET", "/api/v2/deployments/shop-1/", Call::Read(id())),
            ("PUT", "/api/v2/deployments/shop-1", Call::Update(id())),
            ("DELETE", "/api/v2/deployments/shop-1", Call::Remove(id())),
            ("POST", "/api/v2/deployments/shop-1/stop", Call::Stop(id())),
            ("POST", "/api/v2/deployments/shop-1/start", Call::Start(id())),
            ("GET", "/api/v2/deployments/shop-1/containers/", Call::Containers(id())),
            ("GET", "/api/v2/deployments/shop-1/containers", Call::Containers(id())),
            ("GET", "/api/v2/deployments/rolling/null", Call::Read("rolling/null".into())),
            ("GET", "/api/v2/deployments/rolling%2Fnull", Call::Read("rolling/null".into())),
            ("POST", "/api/v2/deployments/rolling/null/stop", Call::Stop("rolling/null".into())),
            ("POST", "/api/v2/containers/c1/kill", Call::Kill("c1".into())),
        ] {
            assert_eq!(call(method, path), Ok(Some(asked)), "{method} {path}");
        }
    }

    #[test]
    fn an_empty_id_names_nothing() {
        for (method, path) in [
            ("DELETE", "/api/v2/deployments/"),
            ("DELETE", "/api/v2/deployments"),
            ("DELETE", "/api/v2/deployments//"),
            ("PUT", "/api/v2/deployments/"),
            ("POST", "/api/v2/deployments//stop"),
            ("POST", "/api/v2/deployments/stop"),
            ("POST", "/api/v2/deployments//start"),
            ("GET", "/api/v2/deployments//containers/"),
            ("GET", "/api/v2/deployments//"),
            ("POST", "/api/v2/containers//kill"),
            ("POST", "/api/v2/containers/kill"),
            ("PATCH", "/api/v2/deployments/shop-1"),
            ("GET", "/api/v2/deployments/shop-1/stop"),
        ] {
            assert_eq!(call(method, path), Ok(None), "{method} {path}");
        }
        for path in
            ["/api/v2", "/api/v2/", "/api/v2/deploymentsx", "/api/v2/services/", "/api/v2/containers/c1"]
        {
            assert_eq!(call("GET", path), Err(Kind::NotFound), "{path}");
        }
    }
}
