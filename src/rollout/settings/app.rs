//! All settings of one app.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    assets::AssetSettings,
    certificate::CertificateSource,
    client_certificates::ClientCertificateSettings,
    compression::CompressionSettings,
    cookie::CookieSettings,
    error::{SettingsError, check_range},
    error_pages::ErrorPages,
    headers::HeaderSettings,
    health::HealthSettings,
    hsts::HstsSettings,
    pin::PinSource,
    proxy_protocol::UpstreamProxyProtocol,
    shadow::ShadowSettings,
    shielding::ShieldingSettings,
    testers::OverrideSettings,
    timeouts::TimeoutSettings,
    upgrades::Upgrade,
    upstream::{Upstream, UpstreamTlsSettings},
    verdict::VerdictSettings,
};
use crate::{
    limits::{BODY_BYTES_MAX, DRAIN_SECONDS_MAX},
    rollout::{
        blend::Blend,
        facts,
        freeze::{FreezeWindow, WINDOWS_MAX},
        host_name::is_host,
        plan::template::{PLANS_MAX, PlanTemplate},
        underscores::Underscores,
    },
};

/// The most hosts of one app. With more, a `*.` name or the default app serves better.
const HOSTS_MAX: usize = 1_000;
/// The most tokens that may register under a lock: one for each place that starts replicas.
const REGISTRATORS_MAX: usize = 32;
/// The most approvals that an app may need: with more, nobody is there to give them at night.
const APPROVALS_NEEDED_MAX: u32 = 3;
/// The most releases that keep their containers: they take room on the disks of engines.
const KEPT_MAX: u32 = 10;
/// The longest name of a token in a setting, in bytes.
const TOKEN_NAME_BYTES_MAX: usize = 100;

/// All settings of an app, valid by construction. Missing fields take their defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Host names that the app claims: exact (`shop.example`) or `*.shop.example`. Empty: the app serves only as the default
    /// app.
    pub hosts: Vec<String>,
    /// Path prefixes that the app claims on these hosts, such as `/shop`; without hosts, on every host that no app claims.
    /// Empty: all paths.
    pub paths: Vec<String>,
    /// Whether the prefix is taken off requests on their way to endpoints.
    pub strip_prefix: bool,
    /// Names of apps that may claim path prefixes on hosts of this app.
    pub share_host: Vec<String>,
    /// How long after a release left its track its clients stay: from then on a navigation moves them. In seconds, at most
    /// `drainmaxseconds`.
    pub drainseconds: u32,
    /// How long after a release left its track it retires, with whoever is left. In seconds, at most 30 days.
    pub drainmaxseconds: u32,
    /// How long open exchanges of an aborted or rolled-back release may go on, in seconds. At most an hour.
    pub abortseconds: u32,
    /// How long the last endpoints of a release serve on whose keys vanished although nobody ordered it, in seconds, at most a day.
    /// None: 600, and 30 if the health check only connects.
    pub unregistered_seconds: Option<u32>,
    /// The pin cookie's Max-Age, in seconds: a minute to 400 days, which is the most that browsers keep a cookie.
    pub pinseconds: u32,
    /// What clients are known by.
    pub pin: PinSource,
    /// What a blend change does to pinned clients.
    pub transition: Transition,
    /// The pin cookie.
    pub cookie: CookieSettings,
    /// Whether responses are marked `private` while several releases are routed.
    pub cache: CacheMode,
    /// What happens to the `traceparent` header.
    pub traceparent: Traceparent,
    /// Whether responses name their release, and say when their client moves.
    pub release_headers: bool,
    /// What becomes of request headers whose names have `_`.
    pub underscores: Underscores,
    /// Which paths are fingerprinted assets.
    pub assets: AssetSettings,
    /// How endpoints are checked.
    pub health: HealthSettings,
    /// Whether stable answers requests that the candidate failed.
    pub shielding: ShieldingSettings,
    /// How the candidate is judged, and what happens if it is worse.
    pub verdict: VerdictSettings,
    /// Which requests of stable's users are repeated at the candidate.
    pub shadow: ShadowSettings,
    /// Where the certificates of exact hosts come from.
    pub certificate: CertificateSource,
    /// Whether clients show a certificate in the TLS handshake.
    pub client_certificates: ClientCertificateSettings,
    /// The port under which clients that come by http are told to ask by https. None: http is served.
    pub https_redirect: Option<u16>,
    /// The host to which clients are sent that ask under another one. None: each host is served.
    pub canonical_host: Option<String>,
    /// What browsers are told about https.
    pub hsts: HstsSettings,
    /// Header rules.
    pub headers: HeaderSettings,
    /// The longest body of a request, in bytes. None: no limit of the app's own.
    pub body_max: Option<u64>,
    /// The app's own pages for what the router answers itself.
    pub error_pages: ErrorPages,
    /// Which responses are compressed.
    pub compression: CompressionSettings,
    /// The protocol of the endpoints.
    pub upstream: Upstream,
    /// How endpoints prove in TLS who they are.
    pub upstream_tls: UpstreamTlsSettings,
    /// Whether connections to endpoints begin with a header of the PROXY protocol.
    pub upstream_proxy_protocol: UpstreamProxyProtocol,
    /// Protocols beside WebSockets to which connections may be switched.
    pub upgrades: Vec<Upgrade>,
    /// Whether responses pass that break some rules of HTTP, as old endpoints do.
    pub lenient_responses: bool,
    /// How long endpoints and clients may take.
    pub timeouts: TimeoutSettings,
    /// A header by which requests from some networks choose a release.
    #[serde(rename = "override")]
    pub overriding: OverrideSettings,
    /// Names of `ci` tokens that may register endpoints under a lock, and of releases above their cap: those of registrators.
    pub register_under_lock: Vec<String>,
    /// What leads from a fact of a release to where it is told of, as [`facts::is_link`] reads it.
    pub fact_links: Vec<String>,
    /// Times in which `ci` changes nothing, as [`FreezeWindow`] reads them.
    pub freeze_windows: Vec<String>,
    /// The app's plans, as [`PlanTemplate`] reads them.
    pub plans: Vec<String>,
    /// The highest blend that a `ci` token may set, in percent. None: no cap.
    pub ci_blend_max: Option<Blend>,
    /// Whether a `ci` token may make a release stable in spite of that cap.
    pub ci_may_promote: bool,
    /// How many operators must have approved a release before it becomes stable, other than its author. At most 3.
    pub approvals: u8,
    /// How many releases that were stable keep their containers, stopped, once nobody is left at them. At most 10.
    pub keep_previous: u8,
    /// Whether the images of deployments are removed with them, where nobody else uses them.
    pub prune_images: bool,
    /// How long a release that a raw `stable/id` names is asked again while it may not become stable, in seconds. At most a day.
    pub pending_seconds: u32,
}

/// What a blend change does to pinned clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transition {
    /// Nothing.
    #[default]
    Keep,
    /// A top-level navigation is routed by bucket again.
    Navigate,
}

/// Whether the router guards responses against shared caches while several releases are routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheMode {
    /// It marks them `private`.
    #[default]
    Guard,
    /// It leaves them as the app sends them.
    Trust,
}

/// What the router does about the trace a request belongs to (W3C Trace Context level 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Traceparent {
    /// It passes on what the client sent.
    #[default]
    Pass,
    /// It passes on a valid `traceparent`, and begins a sampled trace where there is none.
    Create,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            paths: Vec::new(),
            strip_prefix: false,
            share_host: Vec::new(),
            drainseconds: 300,
            drainmaxseconds: 3_600,
            abortseconds: 10,
            unregistered_seconds: None,
            pinseconds: 86_400,
            pin: PinSource::default(),
            transition: Transition::default(),
            cookie: CookieSettings::default(),
            cache: CacheMode::default(),
            traceparent: Traceparent::default(),
            release_headers: false,
            underscores: Underscores::default(),
            assets: AssetSettings::default(),
            health: HealthSettings::default(),
            shielding: ShieldingSettings::default(),
            verdict: VerdictSettings::default(),
            shadow: ShadowSettings::default(),
            certificate: CertificateSource::default(),
            client_certificates: ClientCertificateSettings::default(),
            https_redirect: None,
            canonical_host: None,
            hsts: HstsSettings::default(),
            headers: HeaderSettings::default(),
            body_max: None,
            error_pages: ErrorPages::default(),
            compression: CompressionSettings::default(),
            upstream: Upstream::default(),
            upstream_tls: UpstreamTlsSettings::default(),
            upstream_proxy_protocol: UpstreamProxyProtocol::default(),
            upgrades: Vec::new(),
            lenient_responses: false,
            timeouts: TimeoutSettings::default(),
            overriding: OverrideSettings::default(),
            register_under_lock: Vec::new(),
            fact_links: Vec::new(),
            freeze_windows: Vec::new(),
            plans: Vec::new(),
            ci_blend_max: None,
            ci_may_promote: false,
            approvals: 0,
            keep_previous: 1,
            prune_images: false,
            pending_seconds: 600,
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        self.check_hosts()?;
        self.check_paths()?;
        self.check_registrators()?;
        self.check_fact_links()?;
        self.check_freeze_windows()?;
        self.check_plans()?;
        check_range("drainmaxseconds", self.drainmaxseconds, 0..=DRAIN_SECONDS_MAX)?;
        if self.drainseconds > self.drainmaxseconds {
            let (drain, most) = (self.drainseconds, self.drainmaxseconds);
            let message = format!("{drain} is more than drainmaxseconds, which is {most}");
            return Err(SettingsError::new("drainseconds", message));
        }
        check_range("abortseconds", self.abortseconds, 0..=3_600)?;
        check_range("approvals", u32::from(self.approvals), 0..=APPROVALS_NEEDED_MAX)?;
        check_range("keep_previous", u32::from(self.keep_previous), 0..=KEPT_MAX)?;
        if let Some(seconds) = self.unregistered_seconds {
            check_range("unregistered_seconds", seconds, 0..=86_400)?;
        }
        check_range("pending_seconds", self.pending_seconds, 0..=86_400)?;
        check_range("pinseconds", self.pinseconds, 60..=400 * 24 * 3_600)?;
        self.cookie.check(self.cookie_path())?;
        self.assets.check()?;
        self.health.check()?;
        self.shielding.check()?;
        self.verdict.check()?;
        self.shadow.check()?;
        if let Some(port) = self.https_redirect {
            check_range("https_redirect", port, 1..=u16::MAX)?;
        }
        self.check_canonical_host()?;
        self.hsts.check()?;
        self.headers.check(self.overriding.header.as_deref())?;
        if let Some(bytes) = self.body_max {
            check_range("body_max", bytes, 0..=BODY_BYTES_MAX)?;
        }
        self.error_pages.check()?;
        self.compression.check()?;
        self.client_certificates.check()?;
        self.upstream_tls.check()?;
        self.check_grpc()?;
        self.check_proxy_protocol()?;
        self.timeouts.check()?;
        self.overriding.check()
    }

    fn check_grpc(&self) -> Result<(), SettingsError> {
        if self.health.grpc.is_none() || self.upstream.is_http2() {
            return Ok(());
        }
        let message = "gRPC goes by HTTP/2; set `upstream` to `h2c` or `h2` as well";
        Err(SettingsError::new("health.grpc", message))
    }

    fn check_proxy_protocol(&self) -> Result<(), SettingsError> {
        if !self.upstream_proxy_protocol.is_on() || !self.upstream.is_http2() {
            return Ok(());
        }
        let message =
            "connections of HTTP/2 are shared by clients; set `upstream` to `http` or `https` as well";
        Err(SettingsError::new("upstream_proxy_protocol", message))
    }

    fn check_canonical_host(&self) -> Result<(), SettingsError> {
        let Some(host) = &self.canonical_host else { return Ok(()) };
        if !is_host(host) {
            return Err(SettingsError::value("canonical_host", host.as_str()));
        }
        let covers = |claimed: &String| match claimed.strip_prefix('*') {
            Some(below) => host.ends_with(below),
            None => claimed == host,
        };
        if self.hosts.is_empty() || self.hosts.iter().any(covers) {
            return Ok(());
        }
        // Whoever is sent there would not come back to this app.
        let message = format!("{host} is none of the app's `hosts`, which are {}", self.hosts.join(", "));
        Err(SettingsError::new("canonical_host", message))
    }

    fn check_registrators(&self) -> Result<(), SettingsError> {
        if self.register_under_lock.len() > REGISTRATORS_MAX {
            return Err(SettingsError::value("register_under_lock", self.register_under_lock.clone()));
        }
        let refused = |name: &&String| name.is_empty() || name.len() > TOKEN_NAME_BYTES_MAX;
        match self.register_under_lock.iter().find(refused) {
            Some(name) => Err(SettingsError::entry("register_under_lock", name)),
            None => Ok(()),
        }
    }

    fn check_fact_links(&self) -> Result<(), SettingsError> {
        if self.fact_links.len() > facts::FACTS_MAX {
            return Err(SettingsError::value("fact_links", self.fact_links.clone()));
        }
        match self.fact_links.iter().find(|text| !facts::is_link(text)) {
            Some(text) => Err(SettingsError::entry("fact_links", text)),
            None => Ok(()),
        }
    }

    fn check_freeze_windows(&self) -> Result<(), SettingsError> {
        if self.freeze_windows.len() > WINDOWS_MAX {
            return Err(SettingsError::value("freeze_windows", self.freeze_windows.clone()));
        }
        match self.freeze_windows.iter().find(|text| FreezeWindow::parse(text).is_none()) {
            Some(text) => Err(SettingsError::entry("freeze_windows", text)),
            None => Ok(()),
        }
    }

    fn check_plans(&self) -> Result<(), SettingsError> {
        if self.plans.len() > PLANS_MAX {
            return Err(SettingsError::value("plans", self.plans.clone()));
        }
        let mut names = BTreeSet::new();
        for line in &self.plans {
            let plan: PlanTemplate = line.parse().map_err(|_| SettingsError::entry("plans", line))?;
            if !names.insert(plan.name.clone()) {
                return Err(SettingsError::new("plans", format!("two plans have the name {}", plan.name)));
            }
        }
        Ok(())
    }

    /// The app's own freeze windows, read.
    pub fn own_freezes(&self) -> Vec<FreezeWindow> {
        self.freeze_windows.iter().filter_map(|line| FreezeWindow::parse(line)).collect()
    }

    /// The app's plans.
    pub fn plans(&self) -> Vec<PlanTemplate> {
        self.plans.iter().filter_map(|line| line.parse().ok()).collect()
    }

    /// The hosts for which certificates are to be ordered from a CA.
    pub fn ordered_hosts(&self) -> impl Iterator<Item = &str> {
        let ordered = self.certificate == CertificateSource::Acme;
        let exact = self.hosts.iter().filter(move |host| ordered && !host.starts_with("*."));
        exact.map(String::as_str)
    }

    /// The Host that a health check sends: the setting's, or else the app's first exact host.
    pub fn check_host(&self) -> Option<&str> {
        self.health.host.as_deref().or_else(|| self.exact_host())
    }

    /// The name that the certificates of endpoints must be for. `None`: the endpoint's address.
    pub fn server_name(&self) -> Option<&str> {
        self.upstream_tls.server_name.as_deref().or_else(|| self.exact_host())
    }

    fn exact_host(&self) -> Option<&str> {
        self.hosts.iter().find(|host| !host.starts_with("*.")).map(String::as_str)
    }

    fn check_hosts(&self) -> Result<(), SettingsError> {
        if self.hosts.len() > HOSTS_MAX {
            let message =
                format!("{} hosts are claimed; an app may claim at most {HOSTS_MAX}", self.hosts.len());
            return Err(SettingsError::new("hosts", message));
        }
        for host in &self.hosts {
            if !is_host(host.strip_prefix("*.").unwrap_or(host)) {
                return Err(SettingsError::entry("hosts", host));
            }
        }
        Ok(())
    }
}
