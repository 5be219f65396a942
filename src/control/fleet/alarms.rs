//! What is wrong with the fleet, as this router sees it: for the API, the metrics, the GUI and the command line.

use std::sync::atomic::Ordering;

use super::{history, secrets};
use crate::{
    control::{
        limits::{CERTIFICATE_ALARM, MISDIRECTED_ALARM, SIGN_OF_LIFE_EVERY, STALE_AFTER},
        shared::{
            acme::overview::certificates, core::Core, fleet::roster::Member,
            hooks::progress::DeliveryOutcome, status::StoreState,
        },
    },
    schema::fleet as schema,
};

/// The kinds of alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmKind {
    /// A wall clock that differs from the others'.
    ClockSkew,
    /// A member whose last confirmed read of the store is too long ago.
    Stale,
    /// A member that is not heard from.
    Silent,
    /// A member that serves something else than this one.
    Behind,
    /// Two members of one name.
    SameName,
    /// A hook to which a message could not be delivered.
    Hook,
    /// Requests that led to no app.
    Misdirected,
    /// A store that keeps its history for ever.
    History,
    /// An abort that one router alone applies.
    LocalAbort,
    /// An engine that does not answer.
    EngineLost,
    /// A candidate that is worse than stable, and stays.
    CandidateWorse,
    /// An endpoint's name that does not resolve, or stands for an address that may not be an endpoint.
    EndpointName,
    /// A certificate that ends soon, cannot be used, or cannot be ordered.
    Certificate,
    /// Secrets of the store that cannot be read or written, or whose keys are at risk.
    Secrets,
}

impl AlarmKind {
    pub const ALL: [Self; 14] = [
        Self::ClockSkew,
        Self::Stale,
        Self::Silent,
        Self::Behind,
        Self::SameName,
        Self::Hook,
        Self::Misdirected,
        Self::History,
        Self::LocalAbort,
        Self::EngineLost,
        Self::CandidateWorse,
        Self::EndpointName,
        Self::Certificate,
        Self::Secrets,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClockSkew => "clock_skew",
            Self::Stale => "stale",
            Self::Silent => "silent",
            Self::Behind => "behind",
            Self::SameName => "same_name",
            Self::Hook => "hook",
            Self::Misdirected => "misdirected",
            Self::History => "history",
            Self::LocalAbort => "local_abort",
            Self::EngineLost => "engine_lost",
            Self::CandidateWorse => "candidate_worse",
            Self::EndpointName => "endpoint_name",
            Self::Certificate => "certificate",
            Self::Secrets => "secrets",
        }
    }
}

/// One alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    pub kind: AlarmKind,
    /// The member's node id.
    pub node: String,
    /// The member's name.
    pub name: String,
    /// What of the member it is about: a hook, an app or an engine. Empty: the member.
    pub subject: String,
    pub message: String,
}

impl Alarm {
    /// As the API shows it.
    pub fn to_answer(&self) -> schema::Alarm {
        let Self { kind, node, name, subject, message } = self.clone();
        schema::Alarm { kind: kind.as_str().to_owned(), node, name, subject, message }
    }
}

/// All alarms, by member.
pub fn alarms(core: &Core) -> Vec<Alarm> {
    let members = core.roster.members();
    let mut alarms = Vec::new();
    let mut raise = |kind: AlarmKind, node: &str, name: &str, message: String| {
        let (node, name, subject) = (node.to_owned(), name.to_owned(), String::new());
        alarms.push(Alarm { kind, node, name, subject, message });
    };
    if core.replica.status.state() != StoreState::Current {
        let (name, state) = (core.name(), core.replica.status.state().as_str());
        let message = match core.replica.status.detail() {
            Some(why) => format!("{name}: the store is {state}: {why}"),
            None => format!("{name} has had no confirmed read of the store lately"),
        };
        raise(AlarmKind::Stale, &core.node, core.name(), message);
    }
    for (node, member) in &members {
        let name = member.name(node);
        if core.roster.is_clock_off(node) {
            let message =
                format!("the clock of {name} differs by more than 5 s from the others'; it ends no drain");
            raise(AlarmKind::ClockSkew, node, name, message);
        }
        if members.iter().any(|(other, same)| other != node && same.name(other) == name) {
            let message = format!("another member is called {name} too; give each a --node of its own");
            raise(AlarmKind::SameName, node, name, message);
        }
        if *node != core.node {
            raise_for_member(core, node, member, &mut raise);
        }
    }
    raise_for_this_router(core, &mut raise);
    alarms.extend(hook_alarms(core).chain(local_alarms(core)).chain(certificate_alarms(core)));
    let secrets = secrets::faults(core).into_iter();
    alarms.extend(secrets.map(|message| own(core, AlarmKind::Secrets, "", message)));
    alarms
}

/// An alarm about something of this router.
fn own(core: &Core, kind: AlarmKind, subject: &str, message: String) -> Alarm {
    let (node, name) = (core.node.clone(), core.name().to_owned());
    Alarm { kind, node, name, subject: subject.to_owned(), message }
}

/// What this router alone knows of itself.
fn raise_for_this_router(core: &Core, raise: &mut impl FnMut(AlarmKind, &str, &str, String)) {
    if core.misdirected.was_within(MISDIRECTED_ALARM, core.clock.monotonic()) {
        let message = format!(
            "{} answered requests with 421 lately, since no app claims their hosts and none is the default",
            core.name()
        );
        raise(AlarmKind::Misdirected, &core.node, core.name(), message);
    }
    if core.replica.history_grows.load(Ordering::Relaxed) {
        raise(AlarmKind::History, &core.node, core.name(), history::message());
    }
}

/// Aborts that this router alone applies, candidates that are worse and stay, engines that do not answer it, and names that it
/// cannot resolve.
fn local_alarms(core: &Core) -> impl Iterator<Item = Alarm> {
    let aborts = core.replica.local_aborts.all().into_iter().map(|(app, abort)| {
        let message = format!(
            "{} alone has dropped the candidate {} of {app}, since its store did not take the abort; other routers may still serve it",
            core.name(),
            abort.candidate.release.name()
        );
        own(core, AlarmKind::LocalAbort, app.as_str(), message)
    });
    let verdicts = core.verdicts.all();
    let worse = verdicts.iter().filter(|(_, verdict)| verdict.holds()).map(|(app, verdict)| {
        let (name, sentence) = (verdict.release.name(), verdict.verdict.sentence());
        own(core, AlarmKind::CandidateWorse, app.as_str(), format!("{name} of {app}: {sentence}"))
    });
    let worse: Vec<Alarm> = worse.collect();
    let engines = core.engines.lost().into_iter();
    let lost =
        engines.map(|(engine, why)| own(core, AlarmKind::EngineLost, engine.as_str(), engine_lost(&why)));
    let names = core.names.faults(&core.addresses.load()).into_iter().map(|(name, fault)| {
        let name = name.to_string();
        own(core, AlarmKind::EndpointName, &name, format!("the endpoint {name} {fault}"))
    });
    let names: Vec<Alarm> = names.collect();
    aborts.chain(worse).chain(lost).chain(names)
}

/// What is said of an engine that does not answer.
pub fn engine_lost(why: &str) -> String {
    format!("{why}; what its containers serve goes on, and nothing is deployed there")
}

/// Hooks whose last message was given up. The store tells that, so every member raises it.
fn hook_alarms(core: &Core) -> impl Iterator<Item = Alarm> {
    core.hooks.names().into_iter().filter_map(|name| {
        let last = core.hooks.deliveries(&name).into_iter().next()?;
        let paused = core.hooks.hook(&name).is_some_and(|hook| hook.is_paused());
        (last.outcome == DeliveryOutcome::Dropped && !paused).then(|| {
            let why = last.error.unwrap_or_default();
            let message = format!("the hook {name} was not told of `{}`: {why}", last.kind);
            own(core, AlarmKind::Hook, &name.to_string(), message)
        })
    })
}

/// Certificates that end soon, cannot be used, or cannot be ordered.
fn certificate_alarms(core: &Core) -> impl Iterator<Item = Alarm> {
    let (now, all) = (core.clock.wall_ms(), certificates(core));
    let soon = u64::try_from(CERTIFICATE_ALARM.as_millis()).unwrap_or(u64::MAX);
    all.into_iter().filter_map(move |one| {
        let name = one.names.first().or(one.file.as_ref()).cloned().unwrap_or_default();
        let left = one.ends_at.map(|ends_at| ends_at.saturating_sub(now));
        let message = match (&one.error, left) {
            (Some(error), _) => format!("the certificate of {name} is {}: {error}", one.state),
            (None, Some(0)) => format!("the certificate of {name} has ended, and clients refuse it"),
            (None, Some(left)) if one.source == "file" && left < soon => {
                format!("the certificate of {name} ends in {} h", left / 3_600_000)
            }
            _ => return None,
        };
        Some(own(core, AlarmKind::Certificate, &name, message))
    })
}

fn raise_for_member(
    core: &Core,
    node: &str,
    member: &Member,
    raise: &mut impl FnMut(AlarmKind, &str, &str, String),
) {
    let name = member.name(node);
    let Some(sign) = &member.alive else {
        let silent = member.silent(&core.clock);
        if silent.is_some_and(|silent| silent < SIGN_OF_LIFE_EVERY) {
            // It entered or reported just now, and its next sign of life is not due yet.
            return;
        }
        let silent = silent.map(|silent| format!(" for {} s", silent.as_secs())).unwrap_or_default();
        let message = match core.is_presumed_gone(member) {
            false => format!("{name} is not heard from{silent}"),
            true => format!(
                "{name} is presumed gone, since it is not heard from{silent}: `--wait fleet` leaves it out; what it serves still \
                 counts until `fleet remove --gone` forgets it"
            ),
        };
        return raise(AlarmKind::Silent, node, name, message);
    };
    if sign.staleness_ms.is_some_and(|ms| u128::from(ms) > STALE_AFTER.as_millis()) {
        raise(AlarmKind::Stale, node, name, format!("{name} has had no confirmed read of the store lately"));
    }
    if member.is_behind(core.clock.monotonic()) {
        let apps = core.roster.differing(member);
        let apps: Vec<&str> = apps.keys().take(5).map(|app| app.as_str()).collect();
        let what = if apps.is_empty() { "pin keys".to_owned() } else { apps.join(", ") };
        raise(AlarmKind::Behind, node, name, format!("{name} serves another state than this router: {what}"));
    }
}
