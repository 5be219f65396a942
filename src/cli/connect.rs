//! What every verb that asks a router takes: where the router is, who asks, which app is meant, how to print.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use reqwest::Certificate;

use super::{client::Client, exit::Failure, user_config::UserConfig};

/// Where a router's admin port usually is.
const ADMIN_DEFAULT: &str = "http://127.0.0.1:8080";

/// Where `serve` without settings keeps its tokens. Read only for a router on this machine.
const TOKEN_FILE_DEFAULT: &str = "./rolling-router-state/tokens";

/// Where the router is, and who asks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct Connection {
    /// The router's admin port; without it that of ~/.config/rolling-router/config.toml, else http://127.0.0.1:8080
    #[arg(long, value_name = "URL", env = "ROLLING_ROUTER_ADMIN_URL")]
    admin: Option<String>,

    /// A PEM file of certificates that the router's own may come from, in place of those that this machine trusts
    #[arg(long, value_name = "FILE", env = "ROLLING_ROUTER_ADMIN_CA")]
    admin_ca: Option<PathBuf>,

    /// The token; safer in the environment, where other users cannot see it
    #[arg(long, value_name = "TOKEN", env = "ROLLING_ROUTER_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// A file whose first word is the token, such as the router's token file
    #[arg(long, value_name = "FILE", env = "ROLLING_ROUTER_TOKEN_FILE")]
    token_file: Option<PathBuf>,

    /// Print the router's answer as it is, for programs
    #[arg(long)]
    pub(super) json: bool,
}

/// Which app.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct AppChoice {
    /// The app; without it the router's default app, or the only one
    #[arg(long, value_name = "NAME", env = "ROLLING_ROUTER_APP")]
    pub(super) app: Option<String>,
}

impl Connection {
    /// A client for that router.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let config = UserConfig::read()?;
        let admin = self.admin.as_ref().filter(|admin| !admin.is_empty()).or(config.admin.as_ref());
        let admin = admin.map_or(ADMIN_DEFAULT, String::as_str);
        let own = if config.is_for(admin) { config.clone() } else { UserConfig::default() };
        let roots =
            self.admin_ca.clone().filter(|file| !file.as_os_str().is_empty()).or(own.admin_ca.clone());
        let client = Client::new(admin, roots.as_deref().map(read_roots).transpose()?)?;
        let token = self.token(own, client.is_local())?;
        Ok(client.with_token(token))
    }

    /// The token: flag or `ROLLING_ROUTER_TOKEN`, else a file that was named, else `OCCS_API_TOKEN`, else what the person's file
    /// says, else, for a router on this machine, the file `serve` makes.
    fn token(&self, own: UserConfig, local: bool) -> Result<Option<String>, Failure> {
        if let Some(token) = self.token.as_ref().filter(|token| !token.is_empty()) {
            return Ok(Some(token.clone()));
        }
        if let Some(file) = &self.token_file {
            return read_token(file).map(Some);
        }
        if let Some(token) = std::env::var("OCCS_API_TOKEN").ok().filter(|token| !token.is_empty()) {
            return Ok(Some(token));
        }
        if let Some(file) = &own.token_file {
            return read_token(file).map(Some);
        }
        if own.token.is_some() {
            return Ok(own.token);
        }
        let usual = if local { fs::read_to_string(TOKEN_FILE_DEFAULT).ok() } else { None };
        Ok(usual.as_deref().and_then(first_token))
    }
}

/// The token of a file that somebody named.
fn read_token(file: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("cannot read the token file {}: {error}", file.display())))?;
    first_token(&text)
        .ok_or_else(|| Failure::usage(format!("the token file {} holds no token", file.display())))
}

/// The certificates of a PEM file.
fn read_roots(file: &Path) -> Result<Vec<Certificate>, Failure> {
    let refused = |why: String| Failure::usage(format!("--admin-ca is {}: {why}", file.display()));
    let bytes = fs::read(file).map_err(|error| refused(format!("the file cannot be read: {error}")))?;
    let roots = Certificate::from_pem_bundle(&bytes);
    let roots =
        roots.map_err(|_| refused("the file is not PEM, or a certificate in it cannot be used".into()))?;
    if roots.is_empty() { Err(refused("the file has no certificate".into())) } else { Ok(roots) }
}

/// The first word of the first line that is neither empty nor a comment.
fn first_token(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next()?.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_token_of_a_file_counts() {
        assert_eq!(first_token("# ours\n\n  abc maria operator\ndef\n").as_deref(), Some("abc"));
        assert_eq!(first_token("\n# nothing\n"), None);
    }
}
