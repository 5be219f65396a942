//! The dry run of a command: decided as the command would be, with nothing written, and told by what it would do to the
//! clients seen lately, in numbers and in sentences.
//!
//! The clients are those whose pins came back at this router in the last five to ten minutes, known by the sketch of
//! each release: its count, and its sample of at most 1,024 clients, which stands for all.

use super::{
    adoption::plan_adoption,
    approved::with_endpoints,
    command::refuse_unknown,
    gate,
    raw_gate::{GateVerdict, RawStable},
    stored::StoredApp,
};
use crate::{
    control::shared::{core::Core, error::ApiError},
    live::table::PublishedTable,
    rollout::{
        app::AppName,
        command::{Asker, Command, Decision, decide},
        dry_run::{ClientGroup, Move, MoveTime, Side, list_moves},
        explain::ReleaseSummary,
        table::{AppRoutes, RoutingTable},
        target::ReleaseIndex,
    },
    schema::dry_run::{ClientMove, DryRun, DryRunResult, NewClients},
    span::in_words,
};

/// Two standard errors of a sketch's count, in percent of the count. Below some hundred clients it is exact to one or
/// two.
const ERROR_PERCENT: f64 = 6.6;
/// Two standard errors of a share of 1,024 sampled clients at worst, in percent of the release's clients.
const ERROR_POINTS: f64 = 3.2;

/// Decides a command as [`execute`](super::command::execute) would, refusals included, and writes nothing.
pub async fn dry_run(
    core: &Core,
    app: &AppName,
    command: &Command,
    asker: &Asker,
    force: bool,
) -> Result<DryRun, ApiError> {
    core.replica.require_known_store().await?;
    let mut stored = StoredApp::read(core, app).await?;
    refuse_unknown(&stored, command)?;
    // A raw write that is not adopted yet would get the seq before the command.
    let mut pending = plan_adoption(core, &stored, None).await?;
    if let Some(question) = pending.raw.as_ref().and_then(RawStable::question) {
        let verdict = GateVerdict::of(core, question.clone()).await;
        pending = plan_adoption(core, &stored, Some(&verdict)).await?;
    }
    if let Decision::Change(event) = pending.adoption.decision {
        stored.record = Some(event.record);
    }
    let background = stored.background(core, matches!(command, Command::Rollback { .. })).await?;
    let background = with_endpoints(core, &stored, command, None, background).await?;
    let mut refusal = None;
    let table = match decide(stored.record.as_ref(), command, asker, &background)? {
        Decision::Change(event) => {
            if let Some(question) = gate::check(core, &stored, command, &event, &[], false).await? {
                let (answers, found) = question.judge(core).await;
                refusal = found;
                if let Some(refusal) = refusal.as_ref().filter(|_| !gate::is_overruled(force, asker)) {
                    return Err(gate::refused(refusal, &answers));
                }
            }
            Some(gate::build_table(core, &stored, &event.record, &[]).await?)
        }
        Decision::Unchanged => None,
    };
    Ok(DryRun {
        app: app.to_string(),
        seq: stored.seq(),
        command: command.name().to_string(),
        refusal,
        ..effect(core, app, table)
    })
}

/// Compares the table that would be served with the one that is; none: it would stay.
fn effect(core: &Core, app: &AppName, table: Option<RoutingTable>) -> DryRun {
    let published = core.live.load_full();
    let base = DryRun {
        result: if table.is_some() { DryRunResult::Change } else { DryRunResult::Unchanged },
        error_percent: ERROR_PERCENT,
        error_points: ERROR_POINTS,
        ..DryRun::default()
    };
    let Some(now) = published.table.apps.get(app) else { return base };
    let seen = seen(&published, now);
    let all: f64 = seen.iter().map(|seen| seen.clients).sum();
    let supposed = core.live.prepare(table.unwrap_or_default());
    let after = supposed.table.apps.get(app).unwrap_or(now);
    let hour = u32::try_from(core.clock.wall_ms() / 3_600_000).unwrap_or(u32::MAX);
    let sides = (Side { app: now, health: &*published }, Side { app: after, health: &supposed });
    let moves = match supposed.table.apps.is_empty() {
        true => Vec::new(),
        false => list_moves(sides.0, sides.1, &seen, hour),
    };
    let moving: f64 = moves.iter().map(|each| each.clients).sum();
    let mut effect = DryRun {
        seen: whole(all),
        stay: whole(all - moving),
        moves: moves.iter().map(|each| client_move(each, now, after, all)).collect(),
        new_clients: NewClients { before: candidates_share(now), after: candidates_share(after) },
        ..base
    };
    effect.words = words(&effect, now, after);
    effect
}

fn client_move(each: &Move, now: &AppRoutes, after: &AppRoutes, all: f64) -> ClientMove {
    let by_tenure =
        |app: &AppRoutes, tenure| app.by_tenure(tenure).map(|index| ReleaseSummary::of(app, index));
    ClientMove {
        from: by_tenure(now, each.from),
        to: by_tenure(after, each.to),
        when: each.when,
        clients: whole(each.clients),
        percent: (each.clients * 1_000.0 / all).round() / 10.0,
    }
}

fn words(effect: &DryRun, now: &AppRoutes, after: &AppRoutes) -> Vec<String> {
    if effect.result == DryRunResult::Unchanged {
        return vec!["Nothing would change.".into()];
    }
    let DryRun { seen, stay, .. } = effect;
    let mut lines: Vec<String> = effect.moves.iter().map(|each| move_words(each, after)).collect();
    if !now.sticky {
        lines.push("The app is not sticky: nobody is pinned, and every request draws anew.".into());
    } else if lines.is_empty() {
        lines.push(format!("No pinned client moves ({seen} seen in the last minutes)."));
    } else {
        lines.push(format!("{stay} of {seen} clients seen in the last minutes stay where they are."));
    }
    lines.extend(new_clients_words(effect.new_clients, now, after));
    lines
}

fn new_clients_words(share: NewClients, now: &AppRoutes, after: &AppRoutes) -> Option<String> {
    let name = |app: &AppRoutes, index: Option<ReleaseIndex>| {
        index.map(|index| app.names().name_of(&app.release(index).id).to_owned())
    };
    let (stable, candidate) = (name(after, after.stable)?, name(after, after.candidate));
    let NewClients { before, after: share } = share;
    match candidate {
        Some(candidate) if name(now, now.candidate).as_ref() == Some(&candidate) => {
            Some(format!("Of new clients {share} % go to {candidate}, now {before} %."))
        }
        Some(candidate) => Some(format!("Of new clients {share} % go to {candidate}.")),
        None => Some(format!("All new clients go to {stable}.")),
    }
}

fn move_words(each: &ClientMove, after: &AppRoutes) -> String {
    let name = |release: &Option<ReleaseSummary>| {
        release.as_ref().map_or_else(String::new, |release| release.release.clone())
    };
    let (from, to, clients) = (name(&each.from), name(&each.to), each.clients);
    let verb = if clients == 1 { "client goes" } else { "clients go" };
    let when = match each.when {
        MoveTime::AtOnce => "at once".to_owned(),
        MoveTime::NextPage => "at their next page".to_owned(),
        MoveTime::AfterDrain => {
            let settings = &after.settings;
            let [drain, most] =
                [settings.drainseconds, settings.drainmaxseconds].map(|each| in_words(each.into()));
            format!("over time: at their first page after {drain}, the last after {most}")
        }
    };
    format!("About {clients} {verb} from {from} to {to} {when} ({} %).", each.percent)
}

/// The clients seen lately, by what their pins say.
fn seen(published: &PublishedTable, app: &AppRoutes) -> Vec<ClientGroup> {
    let mut seen = Vec::new();
    for release in &app.releases {
        let sketch = published.release(release.slot).seen_lately();
        let sampled: Vec<_> = sketch.sample().collect();
        #[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let clients = sketch.estimate() as f64 / sampled.len().max(1) as f64;
        seen.extend(sampled.into_iter().map(|client| ClientGroup {
            tenure: release.tenure,
            bucket: client.bucket,
            left_candidate: client.left_candidate,
            clients,
        }));
    }
    seen
}

fn candidates_share(app: &AppRoutes) -> f64 {
    app.candidate.map_or(0.0, |_| app.blend.percent())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
fn whole(clients: f64) -> u64 {
    clients.round().clamp(0.0, 1e15) as u64
}
