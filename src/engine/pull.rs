//! Pulling an image, and removing one.

use std::{pin::pin, time::Duration};

use bollard::{
    models::CreateImageInfo,
    query_parameters::{CreateImageOptionsBuilder, RemoveImageOptions},
};
use futures_util::StreamExt as _;

use super::{
    engines::Engine,
    error::EngineError,
    limits::PULL_SILENCE_MS,
    login::RegistryLogins,
    reference::{Digest, ImageReference},
    start::in_disk,
};

/// How far a pull has come, as the engine says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullProgress {
    /// The layer that it is about, or the tag. None: the whole image.
    pub layer: Option<String>,
    /// What is done, such as `Downloading` or `Pull complete`.
    pub status: String,
    /// Bytes of the layer so far, and in all.
    pub bytes: Option<(u64, u64)>,
}

impl Engine {
    /// Fetches an image from its registry. One that is named by a digest and there already is not asked for again, nor is one
    /// that was built or loaded on the engine, since no registry has it.
    ///
    /// # Errors
    /// The policy refuses it, there is none, the registry refuses it, or the disk is full.
    pub async fn pull(
        &self,
        image: &ImageReference,
        progress: &mut (dyn FnMut(PullProgress) + Send),
    ) -> Result<Digest, EngineError> {
        self.policy().check_image(image)?;
        if let Some(there) = self.image(image).await?
            && (image.digest().is_some() || there.pinned.is_empty())
        {
            return Ok(there.digest);
        }
        self.fetch(image, progress).await?;
        let there = self.image(image).await?;
        let missing = || EngineError::PullFailed {
            image: image.to_string(),
            why: "the engine does not have it now".into(),
        };
        Ok(there.ok_or_else(missing)?.digest)
    }

    /// Whether an image's name means another content by now than this one. What the registry does not say, the engine's own images
    /// do.
    pub async fn has_newer(&self, image: &ImageReference, digest: &Digest) -> Result<bool, EngineError> {
        if image.digest().is_some() {
            return Ok(false);
        }
        let named = self.image(image).await?;
        let is_other = named.as_ref().is_some_and(|named| named.digest != *digest);
        let is_built = named.as_ref().is_some_and(|named| named.pinned.is_empty());
        let Some(known) = self.image_of(digest).await?.filter(|_| !is_built) else { return Ok(is_other) };
        match self.published(image).await {
            Some(published) => {
                let is_published =
                    |pinned: &ImageReference| pinned.digest().map(Digest::as_str) == Some(&published);
                Ok(!known.pinned.iter().any(is_published))
            }
            None => Ok(is_other),
        }
    }

    /// The digest of the manifest that a registry has under an image's name; none: it does not say.
    async fn published(&self, image: &ImageReference) -> Option<String> {
        let logins =
            self.options().registry_login_file.as_deref().and_then(|file| RegistryLogins::read(file).ok());
        let login = logins.and_then(|logins| logins.credentials(image.domain()));
        let name = image.asked();
        let asked = self.docker().inspect_registry_image(&name, login);
        let found = self.call("ask a registry for an image", asked).await.ok()?;
        found.descriptor.digest
    }

    async fn fetch(
        &self,
        image: &ImageReference,
        progress: &mut (dyn FnMut(PullProgress) + Send),
    ) -> Result<(), EngineError> {
        let failed = |why| EngineError::PullFailed { image: image.to_string(), why };
        let logins = self.options().registry_login_file.as_deref().map(RegistryLogins::read);
        let logins = logins.transpose().map_err(failed)?;
        let login = logins.and_then(|logins| logins.credentials(image.domain()));
        let options =
            CreateImageOptionsBuilder::default().from_image(&image.name()).tag(image.version()).build();
        let mut lines = pin!(self.docker().create_image(Some(options), None, login));
        let silence = Duration::from_millis(PULL_SILENCE_MS);
        loop {
            let next = async { lines.next().await.transpose() };
            match self
                .call_within(silence, "go on with a pull", next)
                .await
                .map_err(|error| in_pulling(error, image))?
            {
                Some(line) => progress(PullProgress::read(line)),
                None => return Ok(()),
            }
        }
    }

    /// Removes an image, under every name that the policy allows. It stays where a container uses it or somebody else has
    /// named it; one that is gone already is no error.
    pub async fn remove_image(&self, digest: &Digest) -> Result<(), EngineError> {
        let Some(image) = self.image_of(digest).await? else { return Ok(()) };
        let is_ours = |name: &&ImageReference| self.policy().check_image(name).is_ok();
        for name in image.tags.iter().chain(&image.pinned).filter(is_ours) {
            self.remove_name(&name.asked()).await?;
        }
        match self.image_of(digest).await? {
            Some(left) if left.tags.is_empty() && left.pinned.is_empty() => {
                self.remove_name(digest.as_str()).await
            }
            _ => Ok(()),
        }
    }

    async fn remove_name(&self, name: &str) -> Result<(), EngineError> {
        let removing = self.docker().remove_image(name, None::<RemoveImageOptions>, None);
        match self.call("remove an image", removing).await {
            Ok(_) | Err(EngineError::Answer { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl PullProgress {
    fn read(line: CreateImageInfo) -> Self {
        let unsigned = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        let bytes =
            line.progress_detail.and_then(|detail| unsigned(detail.current).zip(unsigned(detail.total)));
        Self { layer: line.id, status: line.status.unwrap_or_default(), bytes }
    }
}

/// Registries are quoted by engines with every status, so their words have to tell.
fn in_pulling(error: EngineError, image: &ImageReference) -> EngineError {
    let image = image.to_string();
    match in_disk(error) {
        EngineError::Answer { why, .. } if is_denied(&why) => EngineError::PullDenied { image, why },
        EngineError::Answer { status, why } if status == 404 || is_missing(&why) => {
            EngineError::NoImage { image, why }
        }
        EngineError::Answer { why, .. } => EngineError::PullFailed { image, why },
        other => other,
    }
}

fn is_denied(why: &str) -> bool {
    let lower = why.to_ascii_lowercase();
    ["denied", "unauthorized", "no basic auth credentials", "authentication required"]
        .iter()
        .any(|word| lower.contains(word))
}

fn is_missing(why: &str) -> bool {
    why.contains("not found") || why.contains("manifest unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_pull_fails_is_told_apart() {
        let image: ImageReference = "registry.example/shop:1".parse().unwrap();
        let said = |status, why: &str| in_pulling(EngineError::Answer { status, why: why.into() }, &image);
        let denied =
            "Head \"https://registry.example/v2/shop/manifests/1\": unauthorized: authentication required";
        assert!(matches!(said(500, denied), EngineError::PullDenied { .. }));
        let missing = "manifest for registry.example/shop:1 not found: manifest unknown: manifest unknown";
        assert!(matches!(said(404, missing), EngineError::NoImage { .. }));
        let full = "failed to register layer: write /x: no space left on device";
        assert!(matches!(said(0, full), EngineError::DiskFull { .. }));
        let refused =
            "Get \"https://registry.example/v2/\": dial tcp 10.0.0.9:443: connect: connection refused";
        let error = said(500, refused);
        assert!(matches!(&error, EngineError::PullFailed { .. }), "{error}");
        assert!(error.to_string().starts_with("registry.example/shop:1 cannot be pulled: Get"), "{error}");
    }
}
