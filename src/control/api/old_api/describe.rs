//! A deployment as the old API shows it. No value of its environment is shown: in the compose file `(secret)` stands for each.

use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

use crate::{
    control::shared::core::Core,
    rollout::{
        deployment::{
            compose::{service::Service, stack},
            record::{Deployment, DesiredState, OldFields},
            state::State,
        },
        endpoint_set::Containers,
        record::Record,
        release::ReleaseId,
    },
    schema::old_api::{
        OldContainer, OldContainers, OldDeployment, OldDeploymentAnswer, OldRemoval, OldRemovedDeployment,
        OldStack,
    },
};

/// All that is shown of a deployment.
pub fn describe(core: &Core, deployment: &Deployment) -> OldDeployment {
    let old = deployment.old.clone().unwrap_or_default();
    let service = deployment.service.as_deref().unwrap_or(deployment.app.as_str());
    let mut services: BTreeMap<&str, &Service> =
        old.others.iter().map(|(name, service)| (name.as_str(), service)).collect();
    services.insert(service, &deployment.spec);
    let content = stack::write(&services);
    let OldFields { deployment_name, placement, service_id, service_name, subtype, mut quantities, .. } = old;
    quantities.insert(service.to_owned(), deployment.replicas);
    OldDeployment {
        deployment_id: deployment.id.to_string(),
        deployment_name,
        desired_state: u8::from(deployment.wanted() == DesiredState::Serving),
        current_state: u8::from(runs(core, deployment)),
        placement,
        quantities,
        stack: OldStack { content, service_id, service_name, subtype },
        created_by: deployment.created_by.clone(),
        created_on: date(deployment.created_at),
    }
}

/// The same as an answer.
pub fn answer(core: &Core, deployment: &Deployment) -> OldDeploymentAnswer {
    OldDeploymentAnswer { deployment: describe(core, deployment) }
}

/// What is shown of a deployment that was removed. It has no `\`, which a shell could take for one of its own.
pub fn removed(deployment: &Deployment) -> OldRemoval {
    let deployment_id = deployment.id.to_string();
    OldRemoval { deployment: OldRemovedDeployment { deployment_id, desired_state: 0, current_state: 0 } }
}

/// Its containers, as they are registered.
pub fn containers(deployment: &Deployment, releases: &[(ReleaseId, Containers)]) -> OldContainers {
    let all = releases.iter().flat_map(|(release, containers)| {
        containers.iter().map(move |(container, address)| OldContainer {
            container_id: container.clone(),
            container_name: container.clone(),
            deployment_id: deployment.id.to_string(),
            image: deployment.spec.image.clone(),
            service: deployment.service.clone(),
            address: address.clone(),
            port: release.port(),
            state: "Running".to_owned(),
        })
    });
    OldContainers { containers: all.collect() }
}

/// Whether it runs. Of a deployment that is to serve: whether one of its releases has as many endpoints as were asked for, and
/// one at least. Of one that is to stop: whether an app still routes it.
fn runs(core: &Core, deployment: &Deployment) -> bool {
    let reading = core.replica.reading.load();
    let run = deployment.run.as_ref().map(|run| run.state);
    if run.is_some_and(|state| !matches!(state, State::Serving | State::Draining)) {
        return false;
    }
    if run == Some(State::Draining) {
        return true;
    }
    if deployment.desired == DesiredState::Serving {
        let mut own = reading.releases.iter().filter(|(release, _)| deployment.has_release(release));
        let least = deployment.replicas.max(1) as usize;
        return own.any(|(_, endpoints)| *endpoints >= least);
    }
    let routes = |record: &Record| record.routed().any(|(release, _)| deployment.has_release(release));
    reading.apps.iter().any(|(_, app)| app.record.as_deref().is_some_and(routes))
}

/// A time as `2016-10-26T21:59:03Z`, from Unix ms.
fn date(at: u64) -> String {
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(at));
    // `Wed, 26 Oct 2016 21:59:03 GMT`
    let [_, day, month, year, time, ..] = text.split(' ').collect::<Vec<&str>>()[..] else { return text };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| *name == month).unwrap_or(0) + 1;
    format!("{year}-{month:02}-{day}T{time}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_old_system() {
        assert_eq!(date(1_477_519_143_000), "2016-10-26T21:59:03Z");
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
    }
}
