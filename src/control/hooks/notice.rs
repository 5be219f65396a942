//! Notices: alarms, and that endpoints can be stopped. They are in no history.
//!
//! Each router raises those about itself (whether it reads the store, whether its clock is off); the router that holds
//! the claim raises the others. Each process sends a notice once, so it is sent again after a restart.

use std::{collections::HashMap, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::{
    control::{
        fleet::{
            alarms::{Alarm, AlarmKind, alarms, engine_lost},
            release_loads::ReleaseLoads,
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

/// Something that is so now, and that people want to know.
#[derive(Debug, Clone)]
struct Condition {
    kind: EventKind,
    app: Option<AppName>,
    /// What it is about. Kind and subject tell conditions apart.
    subject: String,
    text: String,
    /// What is sent when it has ended; none: nothing.
    over: Option<String>,
    /// It is about this router, which raises it whoever holds the claim.
    own: bool,
}

/// A condition, since when it stands (monotonic), and whether its notice was sent.
#[derive(Debug)]
struct ConditionState {
    condition: Condition,
    since: Duration,
    sent: bool,
}

/// Raises notices until the task is dropped.
pub async fn run(core: Core) {
    let mut ticks = interval(ACTIVITY_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut standing = HashMap::new();
    loop {
        ticks.tick().await;
        if core.hooks.is_empty() {
            standing.clear();
        } else {
            update(&core, &mut standing);
        }
    }
}

fn update(core: &Core, standing: &mut HashMap<(EventKind, String), ConditionState>) {
    let now = core.clock.monotonic();
    let has_claim = core.hooks.has_claim(now);
    let mut conditions = router_conditions(core);
    conditions.extend(fleet_conditions(core));
    conditions.extend(invalid_values(core));
    conditions.extend(stoppable_releases(core));
    let mut before = std::mem::take(standing);
    for condition in conditions {
        let key = (condition.kind.clone(), condition.subject.clone());
        let mut entry = before.remove(&key).unwrap_or(ConditionState {
            condition: condition.clone(),
            since: now,
            sent: false,
        });
        let is_due = (condition.own || has_claim) && now.saturating_sub(entry.since) >= HOOK_NOTICE_AFTER;
        if is_due && !entry.sent {
            entry.sent = true;
            send(core, &condition, condition.text.clone(), true);
        }
        standing.insert(key, entry);
    }
    for ended in before.into_values().filter(|entry| entry.sent && (entry.condition.own || has_claim)) {
        if let Some(over) = ended.condition.over.clone() {
            send(core, &ended.condition, over, false);
        }
    }
}

fn send(core: &Core, condition: &Condition, text: String, standing: bool) {
    let at = core.clock.wall_ms();
    core.hooks.queue_notice(Message::notice(
        condition.kind.clone(),
        condition.app.clone(),
        text,
        at,
        standing,
    ));
}

/// What is wrong with this router.
fn router_conditions(core: &Core) -> Vec<Condition> {
    let name = core.name();
    let own = |kind, text, over| Condition {
        kind,
        app: None,
        subject: name.to_owned(),
        text,
        over: Some(over),
        own: true,
    };
    let mut conditions = Vec::new();
    let status = &core.replica.status;
    let why = || status.diverged().or_else(|| status.down()).unwrap_or_else(|| "no answer".into());
    match status.state() {
        StoreState::Current => {}
        StoreState::Diverged => conditions.push(own(
            EventKind::StoreDiverged,
            format!("{name}: {}; it serves its last good table and refuses commands", why()),
            format!("{name}: the store is settled, and commands are accepted again"),
        )),
        StoreState::Stale | StoreState::Down => conditions.push(own(
            EventKind::StoreStale,
            format!("{name} cannot read the store ({}) and serves its last good table", why()),
            format!("{name} reads the store again"),
        )),
    }
    if core.roster.is_own_clock_off() {
        conditions.push(own(
            EventKind::ClockSkew,
            format!("the clock of {name} differs by more than 5 s from the others', so it ends no drain"),
            format!("the clock of {name} is right again"),
        ));
    }
    conditions.extend(core.engines.lost().into_iter().map(|(engine, why)| Condition {
        subject: format!("{name} {engine}"),
        ..own(EventKind::EngineLost, engine_lost(&why), format!("the engine {engine} answers {name} again"))
    }));
    conditions.extend(core.names.faults(&core.addresses.load()).into_iter().map(|(endpoint, fault)| {
        let text = format!("{name}: the endpoint {endpoint} {fault}");
        let over =
            format!("{name}: the endpoint {endpoint} is found again, and all that it stands for is allowed");
        Condition { subject: format!("{name} {endpoint}"), ..own(EventKind::EndpointName, text, over) }
    }));
    conditions
}

/// What is wrong with other members, apart from what each raises about itself.
fn fleet_conditions(core: &Core) -> impl Iterator<Item = Condition> {
    let kind = |alarm: &Alarm| match alarm.kind {
        AlarmKind::Silent => Some((EventKind::MemberSilent, "is heard from again, or was removed")),
        AlarmKind::Behind => Some((EventKind::MemberBehind, "serves the same state again")),
        AlarmKind::SameName => Some((EventKind::SameName, "is the only one of its name")),
        AlarmKind::ClockSkew
        | AlarmKind::Stale
        | AlarmKind::Hook
        | AlarmKind::Misdirected
        | AlarmKind::History
        | AlarmKind::LocalAbort
        | AlarmKind::EngineLost
        | AlarmKind::EndpointName
        | AlarmKind::Certificate
        | AlarmKind::Secrets
        | AlarmKind::CandidateWorse => None,
    };
    alarms(core).into_iter().filter_map(move |alarm| {
        let (kind, over) = kind(&alarm)?;
        let over = Some(format!("{} {over}", alarm.name));
        Some(Condition { kind, app: None, subject: alarm.node, text: alarm.message, over, own: false })
    })
}

/// The first stored values that are not valid.
fn invalid_values(core: &Core) -> Vec<Condition> {
    let reading = core.replica.reading.load();
    let condition = |problem: &Problem| Condition {
        kind: EventKind::BadValue,
        app: app_of(&problem.key),
        subject: problem.key.clone(),
        text: format!("{} holds `{}`; allowed is {}", problem.key, problem.value, problem.allowed),
        over: Some(format!("the value of {} is valid again, or deleted", problem.key)),
        own: false,
    };
    reading.problems.iter().take(HOOK_NOTICES_MAX / 2).map(condition).collect()
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
        | Meaning::Previews(app)
        | Meaning::PipelineLock(app)
        | Meaning::Deployment(app, _) => Some(app),
        _ => None,
    }
}

/// Said of a draining release that a rollback goes to.
const WAY_BACK_NEEDS_THEM: &str = ", but it is the way back: a rollback needs them";

/// Draining releases at which nobody is left, on any member.
fn stoppable_releases(core: &Core) -> Vec<Condition> {
    let (published, board, loads) = (core.live.load_full(), core.board.load(), ReleaseLoads::of(core));
    let apps = published.table.all_routes();
    let releases = apps.flat_map(|app| app.releases.iter().map(move |release| (app, release)));
    let draining = releases.filter(|(_, release)| matches!(release.standing, Standing::Draining { .. }));
    let stops = draining.filter(|(_, release)| {
        let state = published.release(release.slot);
        let own = board.releases.get(state.key()).is_some_and(|activity| activity.can_be_stopped);
        loads.sum(state, own).can_be_stopped
    });
    let reading = core.replica.reading.load();
    let is_way_back = |app: &AppRoutes, release: &ReleaseRoutes| {
        let record = reading.apps.get(&app.name).and_then(|app| app.record.as_ref());
        record.is_some_and(|record| record.previous.as_ref() == Some(&release.id))
    };
    let condition = |(app, release): (&AppRoutes, &ReleaseRoutes)| Condition {
        kind: EventKind::CanBeStopped,
        app: Some(app.name.clone()),
        subject: format!("{} {}", app.name, release.tenure),
        text: format!(
            "{}: nobody is left at {name}: its endpoints can be stopped{}",
            app.name,
            if is_way_back(app, release) { WAY_BACK_NEEDS_THEM } else { "" },
            name = app.names().name_of(&release.id),
        ),
        over: None,
        own: false,
    };
    stops.map(condition).collect()
}
