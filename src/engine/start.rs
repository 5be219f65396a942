//! Containers of one engine: made, started, ended, removed, described.
//!
//! Each call can be repeated: what is done already is no error. None but [`Engine::create`] touches a container that carries
//! no label of a deployment.

use std::time::Duration;

use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
};

use super::{
    container::Container,
    engines::Engine,
    error::EngineError,
    limits::{CALL_MS, START_MS, STOP_SECONDS_MAX},
    name::{ContainerName, NetworkName, is_object_name},
    refusal::Refusal,
    spec::ContainerSpec,
};

impl Engine {
    /// Makes a container, and starts nothing.
    ///
    /// # Errors
    /// The policy refuses it, its name is taken, or the engine has no such image or network.
    pub async fn create(&self, name: &ContainerName, spec: &ContainerSpec) -> Result<Container, EngineError> {
        spec.check()?;
        self.policy().check(spec)?;
        if let Some(network) = &spec.network {
            self.check_network(network).await?;
        }
        let options = CreateContainerOptionsBuilder::default().name(name.as_str()).build();
        let making = self.docker().create_container(Some(options), spec.body(self.host()));
        let made = self.call_within(start_limit(), "make a container", making).await;
        made.map_err(|error| in_creating(error, name, spec))?;
        let made = self.inspect(name).await?;
        made.ok_or_else(|| EngineError::NotFound {
            what: format!("container {name}, which it made just now"),
        })
    }

    /// Starts a container of ours. One that runs goes on running.
    ///
    /// # Errors
    /// Its port is taken, the disk is full, or its process cannot be started.
    pub async fn start(&self, name: &ContainerName) -> Result<(), EngineError> {
        self.ours(name.as_str()).await?;
        let starting = self.docker().start_container(name.as_str(), None);
        self.call_within(start_limit(), "start a container", starting).await.map_err(in_starting)
    }

    /// Asks a container of ours to end, and kills it when the grace time is over. One that does not run stays as it is.
    pub async fn stop(&self, name: &ContainerName, grace: Duration) -> Result<(), EngineError> {
        self.ours(name.as_str()).await?;
        let seconds = grace.as_secs().min(STOP_SECONDS_MAX);
        let options =
            StopContainerOptionsBuilder::default().t(i32::try_from(seconds).unwrap_or(i32::MAX)).build();
        let stopping = self.docker().stop_container(name.as_str(), Some(options));
        let limit = Duration::from_secs(seconds) + start_limit();
        self.call_within(limit, "stop a container", stopping).await
    }

    /// Sends a signal to a container of ours, by its id or name.
    pub async fn kill(&self, id: &str, signal: &str) -> Result<(), EngineError> {
        let signal: super::signal::Signal = signal.parse()?;
        self.ours(id).await?;
        let options = KillContainerOptionsBuilder::default().signal(&signal.name()).build();
        self.call("send a signal", self.docker().kill_container(id, Some(options))).await
    }

    /// Removes a container of ours that does not run, with what it wrote. One that is gone already is no error.
    pub async fn remove(&self, name: &ContainerName) -> Result<(), EngineError> {
        match self.ours(name.as_str()).await {
            Ok(_) => {}
            Err(EngineError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
        let options = RemoveContainerOptionsBuilder::default().v(true).build();
        let removing = self.docker().remove_container(name.as_str(), Some(options));
        match self.call_within(start_limit(), "remove a container", removing).await {
            Err(EngineError::Answer { status: 404, .. }) => Ok(()),
            Err(EngineError::Answer { status: 409, why }) if why.contains("already in progress") => Ok(()),
            removed => removed,
        }
    }

    /// Describes a container. None: there is none of that name.
    pub async fn inspect(&self, name: &ContainerName) -> Result<Option<Container>, EngineError> {
        self.find(name.as_str()).await
    }

    /// Describes a container by its id or name. None: there is none.
    pub async fn find(&self, id: &str) -> Result<Option<Container>, EngineError> {
        if !is_object_name(id) {
            return Err(Refusal::new("container", id, "the id or name of a container").into());
        }
        match self.call("describe a container", self.docker().inspect_container(id, None)).await {
            Ok(answer) => Ok(Container::read(answer, self.host())),
            Err(EngineError::Answer { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Describes every container, running or not, that carries all of these labels. An empty value stands for any.
    pub async fn list(&self, labels: &[(String, String)]) -> Result<Vec<Container>, EngineError> {
        let wanted = labels.iter().map(|(name, value)| match value.as_str() {
            "" => name.clone(),
            value => format!("{name}={value}"),
        });
        let filters = [("label".to_owned(), wanted.collect::<Vec<String>>())].into();
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = self.call("list its containers", self.docker().list_containers(Some(options))).await?;
        let mut containers = Vec::with_capacity(listed.len());
        for id in listed.into_iter().filter_map(|summary| summary.id) {
            // One that is gone by now is left out.
            containers.extend(self.find(&id).await?);
        }
        Ok(containers)
    }

    /// The container, if the router started it.
    async fn ours(&self, id: &str) -> Result<Container, EngineError> {
        let found = self.find(id).await?;
        let container = found.ok_or_else(|| EngineError::NotFound { what: format!("container {id}") })?;
        if container.is_ours() { Ok(container) } else { Err(EngineError::Foreign { name: container.name }) }
    }

    /// A network is meant by its whole name: an engine would also take the begin of another one's id.
    async fn check_network(&self, network: &NetworkName) -> Result<(), EngineError> {
        let not_found = || EngineError::NotFound { what: format!("network {network}") };
        let asking = self.docker().inspect_network(network.as_str(), None);
        let found = self.call("describe a network", asking).await.map_err(|error| match error {
            EngineError::Answer { status: 404, .. } => not_found(),
            other => other,
        })?;
        let of_host = matches!(found.driver.as_deref(), Some("host" | "null"));
        if found.name.as_deref() == Some(network.as_str()) && !of_host { Ok(()) } else { Err(not_found()) }
    }
}

fn start_limit() -> Duration {
    Duration::from_millis(START_MS.max(CALL_MS))
}

fn in_creating(error: EngineError, name: &ContainerName, spec: &ContainerSpec) -> EngineError {
    match error {
        EngineError::Answer { status: 409, .. } => EngineError::NameTaken { name: name.clone() },
        EngineError::Answer { status: 404, why } => {
            EngineError::NoImage { image: spec.image.to_string(), why }
        }
        other => in_disk(other),
    }
}

/// Engines answer 500 to all of these, so their words have to tell.
fn in_starting(error: EngineError) -> EngineError {
    match in_disk(error) {
        EngineError::Answer { why, .. } if is_port_taken(&why) => {
            EngineError::PortTaken { port: port_in(&why).unwrap_or_default(), why }
        }
        EngineError::Answer { status: 400 | 500, why } => EngineError::CannotStart { why: in_words(&why) },
        other => other,
    }
}

/// A full disk looks alike in every call that writes.
pub(super) fn in_disk(error: EngineError) -> EngineError {
    match error {
        EngineError::Answer { why, .. }
            if why.contains("no space left on device") || why.contains("disk quota exceeded") =>
        {
            EngineError::DiskFull { why }
        }
        other => other,
    }
}

fn is_port_taken(why: &str) -> bool {
    why.contains("port is already allocated") || why.contains("address already in use")
}

/// The port in a message such as `Bind for 127.0.0.1:8000 failed: port is already allocated`.
fn port_in(why: &str) -> Option<u16> {
    let after = ["Bind for ", "listen tcp4 ", "listen tcp6 ", "listen tcp "];
    let address = after.iter().find_map(|text| why.split_once(text))?.1;
    let address = address.split(' ').next()?.trim_end_matches(':');
    address.rsplit_once(':')?.1.parse().ok()
}

/// What an OCI runtime says without the names of all who passed it on.
fn in_words(why: &str) -> String {
    let marks = ["unable to start container process: ", "container_linux.go", "OCI runtime create failed: "];
    let said = marks.iter().find_map(|mark| why.split_once(mark)).map_or(why, |(_, rest)| rest);
    said.trim_end_matches(": unknown").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(why: &str) -> EngineError {
        in_starting(EngineError::Answer { status: 500, why: why.into() })
    }

    #[test]
    fn why_a_container_does_not_start_is_told_apart() {
        let taken = "driver failed programming external connectivity on endpoint shop (ab): Bind for 127.0.0.1:8000 failed: port is \
                     already allocated";
        assert!(matches!(answered(taken), EngineError::PortTaken { port: 8000, .. }));
        let taken = "Error starting userland proxy: listen tcp4 0.0.0.0:8001: bind: address already in use";
        assert!(matches!(answered(taken), EngineError::PortTaken { port: 8001, .. }));
        let full = "failed to mkdir: write /data/x: no space left on device";
        assert!(matches!(answered(full), EngineError::DiskFull { .. }));
        let oci = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: \
                   exec: \"nothing\": executable file not found in $PATH: unknown";
        assert_eq!(
            answered(oci),
            EngineError::CannotStart { why: "exec: \"nothing\": executable file not found in $PATH".into() }
        );
    }
}
