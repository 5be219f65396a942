//! Pulling the image of a deployment, and telling meanwhile how far that is. It stands in no record, since every line of an engine
//! would be a write to the store: the router that pulls knows at once, the others from what it reports every few seconds.

use std::collections::BTreeMap;

use super::{held::Held, place::engines_of, step_error::StepError};
use crate::{
    control::shared::{core::Core, deployments::DeploymentKey},
    engine::{Engines, ImageReference, PullProgress},
    rollout::deployment::run::StepOutcome,
};

/// Has every engine of a deployment fetch its image.
pub async fn pull(
    core: &Core,
    engines: &Engines,
    held: &Held,
    image: &ImageReference,
) -> Result<StepOutcome, StepError> {
    let key = (held.deployment.app.clone(), held.deployment.id.clone());
    let note = Note { core, key };
    let (mut digest, mut layers) = (None, Layers::default());
    for engine in engines_of(engines, &held.run) {
        let mut progress = |line: PullProgress| {
            layers.take(&line);
            core.deployments.set_progress(&note.key, Some(layers.to_string()));
        };
        let found = engine.pull(image, &mut progress).await.map_err(StepError::of_engine)?;
        digest = digest.or(Some(found.to_string()));
    }
    let digest = digest.ok_or_else(|| StepError::no_engine(&held.run.engine))?;
    Ok(StepOutcome::Pulled { digest, amount: layers.to_string() })
}

/// What is told while it is pulled ends with the pull, however that ends.
struct Note<'a> {
    core: &'a Core,
    key: DeploymentKey,
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        self.core.deployments.set_progress(&self.key, None);
    }
}

/// The layers of an image, as far as an engine told of them.
#[derive(Debug, Default)]
struct Layers(BTreeMap<String, Layer>);

#[derive(Debug, Default)]
struct Layer {
    bytes: u64,
    bytes_in_all: u64,
    is_there: bool,
}

impl Layers {
    fn take(&mut self, line: &PullProgress) {
        let Some(name) = &line.layer else { return };
        match line.status.as_str() {
            "Downloading" => {
                let layer = self.0.entry(name.clone()).or_default();
                (layer.bytes, layer.bytes_in_all) = line.bytes.unwrap_or_default();
            }
            "Download complete" | "Pull complete" | "Already exists" => {
                let layer = self.0.entry(name.clone()).or_default();
                layer.is_there = true;
                layer.bytes = layer.bytes_in_all;
            }
            "Pulling fs layer" | "Waiting" => drop(self.0.entry(name.clone()).or_default()),
            // The tag, and what is done with a layer that is there.
            _ => {}
        }
    }
}

impl std::fmt::Display for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let there = self.0.values().filter(|layer| layer.is_there).count();
        let sum = |of: fn(&Layer) -> u64| self.0.values().map(of).sum::<u64>() as f64 / 1e6;
        let (bytes, in_all) = (sum(|layer| layer.bytes), sum(|layer| layer.bytes_in_all));
        write!(f, "{there} of {} layers, {bytes:.1} of {in_all:.1} MB", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_counted_and_their_bytes_summed() {
        let mut layers = Layers::default();
        assert_eq!(layers.to_string(), "");
        let mut told = |layer: &str, status: &str, bytes| {
            layers.take(&PullProgress { layer: Some(layer.into()), status: status.into(), bytes });
            layers.to_string()
        };
        assert_eq!(told("1.0", "Pulling from team/shop", None), "");
        told("a", "Pulling fs layer", None);
        told("b", "Already exists", None);
        assert_eq!(told("a", "Downloading", Some((1_500_000, 4_000_000))), "1 of 2 layers, 1.5 of 4.0 MB");
        assert_eq!(told("a", "Pull complete", None), "2 of 2 layers, 4.0 of 4.0 MB");
        assert_eq!(told("a", "Extracting", Some((7, 9))), "2 of 2 layers, 4.0 of 4.0 MB");
    }
}
