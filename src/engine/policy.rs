//! What the configuration of an engine allows. None of it is allowed by default.

use std::fmt;

use super::{
    name::NetworkName,
    reference::{ImageReference, is_domain_like, is_path, normal_domain, split_domain},
    refusal::Refusal,
    spec::{ContainerSpec, Volume},
};
use crate::rollout::app::AppName;

/// The registry whose images may be named without it.
const HUB: &str = "docker.io";
/// Where that registry keeps images that name no owner.
const HUB_OWNER: &str = "library";

/// What an engine may be asked for, whoever asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The images, by what their names begin with.
    pub allowed_images: Vec<ImagePrefix>,
    /// The networks that a container may be in, beside the engine's default one.
    pub allowed_networks: Vec<NetworkName>,
    /// The volumes that a container may have, by name.
    pub allowed_volumes: Vec<String>,
    /// The apps whose containers are endpoints because their labels say so.
    pub adopt_labels: Vec<AppName>,
}

/// The begin of images' names, up to a `/` or the end: `registry.example/shop` allows `registry.example/shop:1` and
/// `registry.example/shop/web`, and not `registry.example/shopping`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePrefix {
    domain: String,
    /// Empty: everything of the registry.
    path: String,
}

impl Policy {
    /// Refuses an image that no prefix allows.
    pub fn check_image(&self, image: &ImageReference) -> Result<(), Refusal> {
        if self.allowed_images.iter().any(|prefix| prefix.allows(image)) {
            return Ok(());
        }
        let allowed = match listed(&self.allowed_images) {
            Some(list) => format!("images whose names begin with {list} (`allowed_images` of the engine)"),
            None => "no image, until `engine_images` or `allowed_images` of the engine names some".into(),
        };
        Err(Refusal::new("image", &image.to_string(), allowed))
    }

    /// Refuses a network that is not listed.
    pub fn check_network(&self, network: &NetworkName) -> Result<(), Refusal> {
        if self.allowed_networks.contains(network) {
            return Ok(());
        }
        let allowed = allowed_of("network", "allowed_networks", &self.allowed_networks);
        Err(Refusal::new("network", network.as_str(), allowed))
    }

    /// Refuses a volume that is not listed.
    pub fn check_volume(&self, volume: &Volume) -> Result<(), Refusal> {
        if self.allowed_volumes.iter().any(|name| name == volume.name()) {
            return Ok(());
        }
        let allowed = allowed_of("volume", "allowed_volumes", &self.allowed_volumes);
        Err(Refusal::new("volume", &volume.to_string(), allowed))
    }

    /// Refuses a container if anything that it names is not allowed.
    pub fn check(&self, spec: &ContainerSpec) -> Result<(), Refusal> {
        self.check_image(&spec.image)?;
        spec.network.iter().try_for_each(|network| self.check_network(network))?;
        spec.volumes.iter().try_for_each(|volume| self.check_volume(volume))
    }

    /// Whether containers become endpoints of an app because their labels say so.
    pub fn adopts(&self, app: &AppName) -> bool {
        self.adopt_labels.contains(app)
    }
}

impl ImagePrefix {
    /// Whether an image's name begins so.
    pub fn allows(&self, image: &ImageReference) -> bool {
        let (domain, path) = (image.domain(), image.path());
        // People write docker.io/nginx for docker.io/library/nginx, as they do on a command line.
        let unowned = path.strip_prefix(HUB_OWNER).and_then(|rest| rest.strip_prefix('/'));
        let unowned = unowned.filter(|_| domain == HUB);
        self.domain == domain && (self.covers(path) || unowned.is_some_and(|path| self.covers(path)))
    }

    fn covers(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.path.as_str());
        self.path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl std::str::FromStr for ImagePrefix {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let allowed = "the begin of an image's name up to a `/` or its end, without a tag, such as registry.example, \
                       registry.example/team or docker.io/library/nginx";
        let refuse = || Refusal::new("allowed_images", text, allowed);
        let bare = text.strip_suffix('/').unwrap_or(text);
        let (domain, path) = match split_domain(bare) {
            // Without a dot, what stands behind the colon could be a tag.
            ("", whole)
                if is_domain_like(whole) && (whole.contains('.') || whole.starts_with("localhost")) =>
            {
                (whole, String::new())
            }
            ("", "") => return Err(refuse()),
            ("", name) if name.contains('/') => (HUB, name.to_owned()),
            ("", name) => (HUB, format!("{HUB_OWNER}/{name}")),
            (domain, path) => (domain, path.to_owned()),
        };
        let domain = normal_domain(domain).ok_or_else(refuse)?;
        if path.is_empty() || is_path(&path) { Ok(Self { domain, path }) } else { Err(refuse()) }
    }
}

impl fmt::Display for ImagePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.domain)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, "/{}", self.path) }
    }
}

/// What a list allows, in words.
fn allowed_of(noun: &str, setting: &str, list: &[impl fmt::Display]) -> String {
    match listed(list) {
        Some(list) => format!("{list} (`{setting}` of the engine)"),
        None => format!("no {noun}, until `{setting}` of the engine names some"),
    }
}

fn listed(list: &[impl fmt::Display]) -> Option<String> {
    let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(prefix: &str, image: &str) -> bool {
        let prefix: ImagePrefix = prefix.parse().unwrap_or_else(|error| panic!("{error}"));
        let policy = Policy { allowed_images: vec![prefix], ..Policy::default() };
        policy.check_image(&image.parse().unwrap()).is_ok()
    }

    #[test]
    fn a_prefix_ends_where_a_name_does() {
        assert!(allows("registry.example/shop", "registry.example/shop"));
        assert!(allows("registry.example/shop", "registry.example/shop:1.2"));
        assert!(allows("registry.example/shop/", "registry.example/shop/web:1"));
        assert!(!allows("registry.example/shop", "registry.example/shopevil/x"));
        assert!(!allows("registry.example/shop", "registry.example/shop-evil"));
        assert!(!allows("registry.example/shop", "registry.example.evil/shop"));
        assert!(!allows("registry.example", "registry.example:5000/shop"));
        assert!(!allows("registry.example/shop", "evil.example/registry.example/shop"));
        assert!(allows("registry.example", "Registry.Example/any/thing"));
        assert!(allows("localhost:5000", "localhost:5000/shop"));
    }

    #[test]
    fn the_hub_has_many_spellings_and_one_meaning() {
        for prefix in
            ["nginx", "library/nginx", "docker.io/library/nginx", "docker.io/nginx", "index.docker.io/nginx"]
        {
            assert!(allows(prefix, "nginx"), "{prefix}");
            assert!(allows(prefix, "docker.io/library/nginx:1"), "{prefix}");
            assert!(!allows(prefix, "nginxevil"), "{prefix}");
            assert!(!allows(prefix, "registry.example/library/nginx"), "{prefix}");
        }
        assert!(!allows("nginx", "nginx/evil"), "an owner is no image of his name");
        assert!(allows("docker.io", "team/shop"));
        assert!(allows("team/shop", "docker.io/team/shop"));
        assert!(!allows("team/shop", "registry.example/team/shop"));
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        let policy = Policy::default();
        let said = policy.check_image(&"shop".parse().unwrap()).unwrap_err().to_string();
        assert!(
            said.starts_with("image is `docker.io/library/shop:latest`; allowed: no image, until"),
            "{said}"
        );
        let said = policy.check_network(&"back".parse().unwrap()).unwrap_err().to_string();
        assert_eq!(
            said,
            "network is `back`; allowed: no network, until `allowed_networks` of the engine names some"
        );
        assert!(policy.check_volume(&"data:/data".parse().unwrap()).is_err());
        assert!(!policy.adopts(&"shop".parse().unwrap()));
    }

    #[test]
    fn a_prefix_with_a_tag_or_a_star_is_refused() {
        for text in [
            "",
            "/",
            "*",
            "shop:1",
            "registry.example/shop:1",
            "registry.example/sh*",
            "a b",
            "registry.example//x",
        ] {
            assert!(text.parse::<ImagePrefix>().is_err(), "{text}");
        }
    }
}
