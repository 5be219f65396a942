//! `demo`: everything in one process, to try a release on.
//!
//! Two releases of a little site, each on two real HTTP servers; a router with an embedded store in a temporary
//! folder; visitors who come, stay a while and leave. Nothing is faked: the GUI, the API, the command line and a
//! browser meet what they would meet in earnest.

mod ports;
mod site;
mod visitors;

use std::{
    fs::{self, DirBuilder},
    io,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
};

use clap::Args;
use serde_json::{Map, Value};
use site::Site;
use tokio::runtime::Runtime;

use super::{
    exit::{Exit, Failure},
    logging,
    printer::{Printer, Style},
};
use crate::{
    config::{Config, RawConfig, setting},
    server,
};

/// How long Ctrl-C waits for open requests: the visitors are gone, and the sample pages take 25 ms.
const SHUTDOWN_MS: u64 = 1_000;

/// Try it: a router with two sample releases and some visitors, in one process
///
/// Serves "Hello world" 1.0.0 (blue, stable) and 1.0.1 (green, the candidate, at blend 10) on two endpoints each,
/// on this machine only. Keeps its store in a temporary folder and removes it at the end. Ctrl-C ends it.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the site is; without it port 80, or the next free one from 8000 on
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,

    /// Where GUI and API are; without it port 8080, or the next free one
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,

    /// The level of the log on standard error: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: String,
}

pub(super) fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("cannot start", &error))?;
    let folder = Folder::new()?;
    let ports = ports::choose(arguments.listen, arguments.admin);
    let sites = runtime.block_on(bind_sites()).map_err(|error| failed("cannot start the samples", &error))?;
    let config = configure(&ports, &arguments.log, &folder, &sites)?;
    let _log = logging::start(config.log, config.log_format);
    let router = server::Router::start(config).map_err(|error| Failure::chain(Exit::Failed, &error))?;
    let front = reachable(router.front().first().copied().unwrap_or(router.admin()));
    let admin = reachable(router.admin());
    router.wait_for_first_table();
    introduce(front, admin, router.token().unwrap_or_default(), ports.note.as_deref(), printer);
    let ended = play(&runtime, sites, front, admin);
    router.stop();
    drop(folder);
    ended.map_err(|error| failed("cannot wait for Ctrl-C", &error))?;
    Ok(Exit::Done)
}

fn failed(what: &str, error: &io::Error) -> Failure {
    Failure::here(format!("{what}: {error}"))
}

/// The two releases, two endpoints each, bound but not serving yet.
async fn bind_sites() -> io::Result<Vec<Site>> {
    let mut sites = Vec::new();
    for release in [site::BLUE, site::GREEN] {
        for endpoint in ["a", "b"] {
            sites.push(Site::bind(release, endpoint).await?);
        }
    }
    Ok(sites)
}

fn configure(ports: &ports::Ports, log: &str, folder: &Folder, sites: &[Site]) -> Result<Config, Failure> {
    let usage = |error| Failure::chain(Exit::Usage, &error);
    let keyvalues = folder.0.join("keyvalues.json");
    let written = fs::write(&keyvalues, Value::from(seed(sites)).to_string());
    written.map_err(|error| failed("cannot write the sample keyvalues", &error))?;
    let mut raw = RawConfig::default();
    raw.set_flag(&setting::LISTEN, &ports.listen);
    raw.set_flag(&setting::ADMIN, &ports.admin);
    raw.set_flag(&setting::STORE, format!("embedded:{}", folder.0.join("keyvalues.redb").display()));
    raw.set_flag(&setting::KEYVALUES, keyvalues.display().to_string());
    raw.set_flag(&setting::APP, site::APP);
    raw.set_flag(&setting::LOG, log);
    let mut config = Config::from_raw(&raw).map_err(usage)?;
    config.limits.shutdown_ms = SHUTDOWN_MS;
    Ok(config)
}

/// The keyvalues that a deployment tool of the old kind would have written.
fn seed(sites: &[Site]) -> Map<String, Value> {
    let key = |name: &str| format!("rolling/{}/{name}", site::APP);
    let mut keyvalues = Map::new();
    for site in sites {
        let key = format!("{}/{}", site.release.id(), site.endpoint);
        keyvalues.insert(key, site.address.to_string().into());
    }
    keyvalues.insert(key("stable/id"), site::BLUE.id().into());
    keyvalues.insert(key("candidate/id"), site::GREEN.id().into());
    keyvalues.insert(key("blendpercent"), "10".into());
    keyvalues.insert(key("stickyness"), "1".into());
    keyvalues
}

/// Where one reaches a listener that may be on all addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address }
}

/// An address as a browser's user would write it.
fn link(address: SocketAddr) -> String {
    match (address.ip().is_loopback() && address.is_ipv4(), address.port()) {
        (true, 80) => "http://localhost/".into(),
        (true, port) => format!("http://localhost:{port}/"),
        (false, _) => format!("http://{address}/"),
    }
}

/// This program as it was started, for a shell.
fn program() -> String {
    let started = std::env::args().next().filter(|name| !name.is_empty());
    in_shell(&started.unwrap_or_else(|| "rolling-router".to_owned()))
}

/// A word as a shell takes it.
fn in_shell(word: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-._~/+:@%".contains(char);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

fn introduce(front: SocketAddr, admin: SocketAddr, token: &str, note: Option<&str>, printer: &Printer) {
    let bold = |text: String| printer.styled(Style::Bold, text);
    let faint = |text: &str| printer.styled(Style::Faint, text);
    printer.line("A router with two releases of one site, and some visitors, is running.\n");
    printer.line(format!(
        "  site    {}   {}",
        bold(link(front)),
        faint("reload: you stay; a private window is another visitor")
    ));
    printer.line(format!("  GUI     {}   {}", bold(link(admin)), faint("sign in with the token")));
    printer.line(format!("  token   {}\n", bold(token.to_owned())));
    if let Some(note) = note {
        printer.line(format!("{note}\n"));
    }
    printer.line("From another terminal:");
    printer.line(format!("  export ROLLING_ROUTER_ADMIN_URL=http://{admin} ROLLING_ROUTER_TOKEN={token}"));
    let program = program();
    printer.line(format!("  {program} status"));
    printer.line(format!("  {program} blend 50"));
    printer.line(format!("  {program} promote --reason \"looks good\""));
    printer.line(format!("  {program} rollback --reason \"it did not\"\n"));
    printer.line("Ctrl-C ends it and leaves nothing behind.");
}

/// Serves the sample releases and sends visitors until a signal ends it.
fn play(runtime: &Runtime, sites: Vec<Site>, front: SocketAddr, admin: SocketAddr) -> io::Result<()> {
    runtime.block_on(async {
        for site in sites {
            tokio::spawn(site.serve(link(admin)));
        }
        visitors::send(front);
        end_signal().await
    })
}

/// Resolves at Ctrl-C or SIGTERM.
async fn end_signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// A temporary folder that goes when it is dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("rolling-router-demo-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&folder).map_err(|error| {
            Failure::here(format!("cannot make the temporary folder {}: {error}", folder.display()))
        })?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("the temporary folder {} stays: {error}", self.0.display());
        }
    }
}
