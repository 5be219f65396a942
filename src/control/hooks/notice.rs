//! Notices: what people want to be told of and no history has. Alarms, and that endpoints can be stopped.
//!
//! Of itself each router tells: whether it reads the store, whether its clock is off. The rest is told by the one that holds
//! the claim. What stands is told once by each process, so it is told again after a restart.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::{
    control::{
        fleet::{
            alarms::{Alarm, AlarmKind, alarms},
            load::Loads,
        },
        limits::{ACTIVITY_TICK, HOOK_NOTICE_AFTER, HOOK_NOTICES_MAX},
        shared::{
            core::Core,
            hooks::{event::EventKind, message::Message},
            status::StoreState,
        },
    },
    rollout::{
        app::AppName,
        keys::{self, Meaning},
        keyspace::Problem,
        table::{AppRoutes, ReleaseRoutes, Standing},
    },
};

/// Something that stands now.
#[derive(Debug, Clone)]
struct Fact {
    kind: EventKind,
    app: Option<AppName>,
    /// What it is about: with the kind, what makes it another one.
    about: String,
    text: String,
    /// What is said when it stands no more; none: nothing.
    over: Option<String>,
    /// It is about this router, which tells it whoever holds the claim.
    own: bool,
}

/// Since when it stands (monotonic), and whether it was told.
#[derive(Debug)]
struct Known {
    fact: Fact,
    since: Duration,
    told: bool,
}

/// Looks what stands, until the task is dropped.
pub async fn run(core: Core) {
    let mut ticks = interval(ACTIVITY_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = HashMap::new();
    loop {
        ticks.tick().await;
        if core.hooks.is_empty() {
            known.clear();
        } else {
            look(&core, &mut known);
        }
    }
}

fn look(core: &Core, known: &mut HashMap<(EventKind, String), Known>) {
    let now = core.clock.monotonic();
    let holds = core.hooks.holds(now);
    let mut facts = of_this_router(core);
    facts.extend(of_the_fleet(core));
    facts.extend(bad_values(core));
    facts.extend(can_be_stopped(core));
    let mut before = std::mem::take(known);
    for fact in facts {
        let key = (fact.kind, fact.about.clone());
        let mut entry = before.remove(&key).unwrap_or(Known { fact: fact.clone(), since: now, told: false });
        let tells = (fact.own || holds) && now.saturating_sub(entry.since) >= HOOK_NOTICE_AFTER;
        if tells && !entry.told {
            entry.told = true;
            post(core, &fact, fact.text.clone(), true);
        }
        known.insert(key, entry);
    }
    for ended in before.into_values().filter(|entry| entry.told && (entry.fact.own || holds)) {
        if let Some(over) = ended.fact.over.clone() {
            post(core, &ended.fact, over, false);
        }
    }
}

fn post(core: &Core, fact: &Fact, text: String, standing: bool) {
    core.hooks.post(Message::notice(fact.kind, fact.app.clone(), text, core.clock.wall_ms(), standing));
}

fn of_this_router(core: &Core) -> Vec<Fact> {
    let name = core.name();
    let own = |kind, text, over| Fact {
        kind,
        app: None,
        about: name.to_owned(),
        text,
        over: Some(over),
        own: true,
    };
    let mut facts = Vec::new();
    let why = || {
        core.replica
            .status
            .diverged()
            .or_else(|| core.replica.status.down())
            .unwrap_or_else(|| "no answer".into())
    };
    match core.replica.status.state() {
        StoreState::Current => {}
        StoreState::Diverged => facts.push(own(
            EventKind::StoreDiverged,
            format!("{name}: {}; it serves its last good table and takes no command", why()),
            format!("{name}: the store is settled, and commands are taken again"),
        )),
        StoreState::Stale | StoreState::Down => facts.push(own(
            EventKind::StoreStale,
            format!("{name} cannot surely read the store ({}); its last good table serves on", why()),
            format!("{name} reads the store again"),
        )),
    }
    if core.roster.is_own_clock_off() {
        facts.push(own(
            EventKind::ClockSkew,
            format!("the clock of {name} differs by more than 5 s from the others'; it ends no drain"),
            format!("the clock of {name} is right again"),
        ));
    }
    facts
}

/// What is wrong with other members, less what each tells of itself.
fn of_the_fleet(core: &Core) -> impl Iterator<Item = Fact> {
    let kind = |alarm: &Alarm| match alarm.kind {
        AlarmKind::Silent => Some((EventKind::MemberSilent, "is heard from again, or was removed")),
        AlarmKind::Behind => Some((EventKind::MemberBehind, "serves the same state again")),
        AlarmKind::SameName => Some((EventKind::SameName, "is the only one of its name")),
        AlarmKind::ClockSkew | AlarmKind::Stale | AlarmKind::Hook => None,
    };
    alarms(core).into_iter().filter_map(move |alarm| {
        let (kind, over) = kind(&alarm)?;
        let over = Some(format!("{} {over}", alarm.name));
        Some(Fact { kind, app: None, about: alarm.node, text: alarm.message, over, own: false })
    })
}

/// Stored values that cannot be taken, the first so many of them.
fn bad_values(core: &Core) -> Vec<Fact> {
    let view = core.replica.view.load();
    let fact = |problem: &Problem| Fact {
        kind: EventKind::BadValue,
        app: app_of(&problem.key),
        about: problem.key.clone(),
        text: format!("{} holds `{}`; allowed is {}", problem.key, problem.value, problem.allowed),
        over: Some(format!("{} holds nothing wrong any more", problem.key)),
        own: false,
    };
    view.problems.iter().take(HOOK_NOTICES_MAX / 2).map(fact).collect()
}

/// The app that a key belongs to.
fn app_of(key: &str) -> Option<AppName> {
    match keys::meaning(key)? {
        Meaning::StableId(app)
        | Meaning::CandidateId(app)
        | Meaning::BlendPercent(app)
        | Meaning::Stickyness(app)
        | Meaning::Record(app)
        | Meaning::Settings(app)
        | Meaning::Previews(app) => Some(app),
        _ => None,
    }
}

/// Draining releases at which nobody is left, on any member.
fn can_be_stopped(core: &Core) -> Vec<Fact> {
    let (published, board, loads) = (core.live.load_full(), core.board.load(), Loads::of(core));
    let apps = published.table.apps.values();
    let releases = apps.flat_map(|app| app.releases.iter().map(move |release| (app, release)));
    let draining = releases.filter(|(_, release)| matches!(release.standing, Standing::Draining { .. }));
    let stops = draining.filter(|(_, release)| {
        let state = published.release(release.slot);
        let own = board.releases.get(state.key()).is_some_and(|activity| activity.can_be_stopped);
        loads.sum(state, own).can_be_stopped
    });
    let fact = |(app, release): (&Arc<AppRoutes>, &ReleaseRoutes)| Fact {
        kind: EventKind::CanBeStopped,
        app: Some(app.name.clone()),
        about: format!("{} {}", app.name, release.tenure),
        text: format!("{}: nobody is left at {}: its endpoints can be stopped", app.name, release.id.name()),
        over: None,
        own: false,
    };
    stops.map(fact).collect()
}
