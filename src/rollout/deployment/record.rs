//! What is stored of a deployment, at `rolling/<app>/deployments/<id>`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{compose::service::Service, id::DeploymentId, run::Run, state::State};
use crate::rollout::{app::AppName, facts::Facts, release::ReleaseId};

/// The most bytes of JSON that are read as a deployment.
const DEPLOYMENT_BYTES_MAX: usize = 256 << 10;

/// A deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The app.
    pub app: AppName,
    /// Its id, which begins with the app's name.
    pub id: DeploymentId,
    /// The service that stands before the id in its releases' ids, as old scripts have it. None: the id begins them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What runs.
    pub spec: Service,
    /// How many containers of it.
    pub replicas: u32,
    /// What is wanted.
    pub desired: DesiredState,
    /// Who made it: the name of a token.
    pub created_by: String,
    /// When, Unix ms.
    pub created_at: u64,
    /// What the old API shows beside that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<OldFields>,
    /// How an engine runs it. None: somebody else does, and registers its endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}

/// What is wanted of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredState {
    /// Its containers run, and are endpoints.
    Serving,
    /// Its containers are stopped, and kept.
    Stopped,
    /// Nothing of it is left.
    Removed,
}

/// What the old API takes and shows, and nothing here depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldFields {
    /// What people call it.
    pub deployment_name: String,
    /// Where it was to run.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub placement: serde_json::Map<String, serde_json::Value>,
    /// What its stack is called.
    pub service_id: String,
    /// What people call that.
    pub service_name: String,
    /// `service` or `stack`.
    pub subtype: String,
    /// The other services of the stack. They are somebody else's to run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, Service>,
    /// How many containers of each of these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantities: BTreeMap<String, u32>,
}

impl DesiredState {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Stopped => "stopped",
            Self::Removed => "removed",
        }
    }
}

impl Deployment {
    /// Parses and checks the JSON that is stored for an app's deployment.
    ///
    /// # Errors
    /// The JSON is too long or malformed, or of another deployment; the text says what is allowed.
    pub fn parse(json: &[u8], app: &AppName, id: &DeploymentId) -> Result<Self, String> {
        if json.len() > DEPLOYMENT_BYTES_MAX {
            return Err(format!(
                "a deployment of at most {DEPLOYMENT_BYTES_MAX} bytes; this value has {}",
                json.len()
            ));
        }
        // The reader's own words would repeat what stands there, which may be a secret.
        let deployment: Self = serde_json::from_slice(json).map_err(|error| {
            format!("a deployment as JSON (line {}, column {})", error.line(), error.column())
        })?;
        if deployment.app != *app || deployment.id != *id {
            return Err(format!("the deployment `{id}` of `{app}`, as its key says"));
        }
        Ok(deployment)
    }

    /// It is to serve: anew, if it was to stop or has failed. Whether it can be: not while something is left of what failed.
    pub fn start(&mut self, now: u64) -> bool {
        if self.run.as_ref().is_some_and(Run::is_being_cleaned_up) {
            return false;
        }
        let is_down = self.wanted() != DesiredState::Serving;
        self.desired = DesiredState::Serving;
        if let Some(run) = self.run.as_mut().filter(|run| is_down || run.state == State::Failed) {
            run.begin(now);
        }
        true
    }

    /// What is wanted, also where the router itself has stopped it: nobody was left at its release.
    pub fn wanted(&self) -> DesiredState {
        match self.desired {
            DesiredState::Serving if self.is_parked() => DesiredState::Stopped,
            desired => desired,
        }
    }

    /// Whether its containers are kept, stopped, as a way back.
    pub fn is_parked(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.parked_at.is_some())
    }

    /// What the ids of its releases begin with, up to the port.
    pub fn release_prefix(&self) -> String {
        match &self.service {
            Some(service) => format!("apps/{service}-{}-", self.id),
            None => format!("apps/{}-", self.id),
        }
    }

    /// Whether a release is of this deployment: each of its ports is one.
    pub fn has_release(&self, release: &ReleaseId) -> bool {
        let rest = release.as_str().strip_prefix(&self.release_prefix());
        let port = rest.and_then(|rest| rest.strip_suffix("/containers"));
        port.is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// The release at one of its ports.
    pub fn release(&self, port: u16) -> Option<ReleaseId> {
        format!("{}{port}/containers", self.release_prefix()).parse().ok()
    }

    /// What is said of its release: what was given with the call, and its image.
    pub fn facts(&self) -> Facts {
        let mut facts = self.facts_given().cloned().unwrap_or_default();
        facts.entry("image".to_owned()).or_insert_with(|| self.spec.image.clone());
        facts
    }

    /// What was given with the call; none: it puts no release on a track.
    pub fn facts_given(&self) -> Option<&Facts> {
        Some(&self.run.as_ref()?.candidate.as_ref()?.facts)
    }

    /// Says other things of its release.
    pub fn say(&mut self, facts: &Facts) {
        if let Some(wish) = self.run.as_mut().and_then(|run| run.candidate.as_mut()) {
            wish.facts.clone_from(facts);
        }
    }

    /// The release of its first port.
    pub fn main_release(&self) -> Option<ReleaseId> {
        self.release(self.spec.ports.first()?.container)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::deployment::compose::port::Port;

    fn deployment(service: Option<&str>) -> Deployment {
        Deployment {
            app: "shop".parse().unwrap(),
            id: "shop-1.0".parse().unwrap(),
            service: service.map(str::to_owned),
            spec: Service {
                image: "shop:1.0".into(),
                ports: vec![Port { host: None, container: 80 }],
                ..Service::default()
            },
            replicas: 1,
            desired: DesiredState::Serving,
            created_by: "ci".into(),
            created_at: 1,
            old: None,
            run: None,
        }
    }

    #[test]
    fn each_of_its_ports_is_a_release() {
        let release = |id: &str| id.parse::<ReleaseId>().unwrap();
        let old = deployment(Some("app"));
        assert_eq!(old.main_release(), Some(release("apps/app-shop-1.0-80/containers")));
        assert!(old.has_release(&release("apps/app-shop-1.0-8080/containers")));
        assert_eq!(deployment(None).main_release(), Some(release("apps/shop-1.0-80/containers")));
        for other in [
            "apps/app-shop-1.0-rc1-80/containers",
            "apps/app-shop-1.0/containers",
            "apps/shop-1.0-80/containers",
        ] {
            assert!(!old.has_release(&release(other)), "{other}");
        }
    }

    #[test]
    fn what_is_written_is_what_is_read_and_only_at_its_own_key() {
        let shop = deployment(Some("app"));
        let json = serde_json::to_vec(&shop).unwrap();
        assert_eq!(Deployment::parse(&json, &shop.app, &shop.id).as_ref(), Ok(&shop));
        assert!(Deployment::parse(&json, &"blog".parse().unwrap(), &shop.id).is_err());
        let garbage = Deployment::parse(br#"{"app":"hunter2"}"#, &shop.app, &shop.id).unwrap_err();
        assert!(!garbage.contains("hunter2"), "{garbage}");
    }
}
