//! The dry run of a command: decided as the command would be, with nothing written, and told by what it would do to the
//! clients seen lately, in numbers and in sentences.
//!
//! The clients are those whose pins came back at this router in the last five to ten minutes, known by the sketch of
//! each release: its count, and its sample of at most 1,024 clients, which stands for all.

use serde::Serialize;

use super::{adoption::adopted, command::refuse_unknown, gate, stored::StoredApp};
use crate::{
    control::shared::{core::Core, error::ApiError},
    live::table::Published,
    rollout::{
        app::AppName,
        command::{Asker, Command, Decision, decide},
        command_name::CommandName,
        dry_run::{ClientGroup, Move, MoveTime, Side, list_moves},
        explain::ReleaseSummary,
        table::{AppRoutes, RoutingTable},
        target::ReleaseIndex,
    },
};

/// Two standard errors of a sketch's count, in percent of the count. Below some hundred clients it is exact to one or
/// two.
const ERROR_PERCENT: f64 = 6.6;
/// Two standard errors of a share of 1,024 sampled clients at worst, in percent of the release's clients.
const ERROR_POINTS: f64 = 3.2;

/// What a command would do.
#[derive(Debug, Serialize)]
pub struct DryRun {
    app: AppName,
    /// The seq of the record that it was decided on.
    seq: u64,
    command: CommandName,
    #[serde(flatten)]
    effect: Effect,
}

/// What a change would do to clients.
#[derive(Debug, Default, Serialize)]
struct Effect {
    /// `change`, or `unchanged` when all is as asked already.
    result: &'static str,
    /// Clients seen lately.
    seen: u64,
    /// Those whom the change does not move.
    stay: u64,
    moves: Vec<ClientMove>,
    /// The candidate's share of new clients, in percent.
    new_clients: ShareChange,
    error_percent: f64,
    error_points: f64,
    words: Vec<String>,
}

/// Clients that go the same way.
#[derive(Debug, Serialize)]
struct ClientMove {
    from: Option<ReleaseSummary>,
    to: Option<ReleaseSummary>,
    when: MoveTime,
    clients: u64,
    /// Of all that were seen.
    percent: f64,
}

#[derive(Debug, Default, Serialize)]
struct ShareChange {
    before: f64,
    after: f64,
}

/// Decides a command as [`execute`](super::command::execute) would, refusals included, and writes nothing.
pub async fn dry_run(
    core: &Core,
    app: &AppName,
    command: &Command,
    asker: &Asker,
    force: bool,
) -> Result<DryRun, ApiError> {
    core.replica.refuse_when_diverged()?;
    let mut stored = StoredApp::read(core, app).await?;
    refuse_unknown(&stored, command)?;
    // What a script wrote past the API would be adopted first.
    if let Decision::Change(event) = adopted(core, &stored).await?.decision {
        stored.record = Some(event.record);
    }
    let background = stored.background(core, matches!(command, Command::Rollback { .. })).await?;
    let table = match decide(stored.record.as_ref(), command, asker, &background)? {
        Decision::Change(event) => {
            gate::check(core, &stored, command, &event, &[], force).await?;
            Some(gate::table_of(core, &stored, &event.record, &[]).await?)
        }
        Decision::Unchanged => None,
    };
    let effect = Effect::new(core, app, table);
    Ok(DryRun { app: app.clone(), seq: stored.seq(), command: command.name(), effect })
}

impl Effect {
    /// Compares the table that would be served with the one that is; none: it would stay.
    fn new(core: &Core, app: &AppName, table: Option<RoutingTable>) -> Self {
        let published = core.live.load_full();
        let base = Self {
            result: if table.is_some() { "change" } else { "unchanged" },
            error_percent: ERROR_PERCENT,
            error_points: ERROR_POINTS,
            ..Self::default()
        };
        let Some(now) = published.table.apps.get(app) else { return base };
        let seen = seen(&published, now);
        let all: f64 = seen.iter().map(|seen| seen.clients).sum();
        let supposed = core.live.suppose(table.unwrap_or_default());
        let after = supposed.table.apps.get(app).unwrap_or(now);
        let hour = u32::try_from(core.clock.wall_ms() / 3_600_000).unwrap_or(u32::MAX);
        let sides = (Side { app: now, health: &*published }, Side { app: after, health: &supposed });
        let going = if supposed.table.apps.is_empty() {
            Vec::new()
        } else {
            list_moves(sides.0, sides.1, &seen, hour)
        };
        let moving: f64 = going.iter().map(|going| going.clients).sum();
        let mut effect = Self {
            seen: whole(all),
            stay: whole(all - moving),
            moves: going.iter().map(|going| ClientMove::of(going, now, after, all)).collect(),
            new_clients: ShareChange { before: candidates_share(now), after: candidates_share(after) },
            ..base
        };
        effect.words = effect.words(now, after);
        effect
    }

    fn words(&self, now: &AppRoutes, after: &AppRoutes) -> Vec<String> {
        if self.result == "unchanged" {
            return vec!["Nothing would change.".into()];
        }
        let mut lines: Vec<String> = self.moves.iter().map(|going| going.words(after)).collect();
        if !now.sticky {
            lines.push("The app is not sticky: nobody is pinned, and every request draws anew.".into());
        } else if lines.is_empty() {
            lines.push(format!("No pinned client moves ({} seen in the last minutes).", self.seen));
        } else {
            lines.push(format!(
                "{} of {} clients seen in the last minutes stay where they are.",
                self.stay, self.seen
            ));
        }
        lines.extend(self.new_clients_words(now, after));
        lines
    }

    fn new_clients_words(&self, now: &AppRoutes, after: &AppRoutes) -> Option<String> {
        let name = |app: &AppRoutes, index: Option<ReleaseIndex>| {
            index.map(|index| app.release(index).id.name().to_owned())
        };
        let (stable, candidate) = (name(after, after.stable)?, name(after, after.candidate));
        let ShareChange { before, after: share } = self.new_clients;
        match candidate {
            Some(candidate) if name(now, now.candidate).as_ref() == Some(&candidate) => {
                Some(format!("Of new clients {share} % go to {candidate}, now {before} %."))
            }
            Some(candidate) => Some(format!("Of new clients {share} % go to {candidate}.")),
            None => Some(format!("New clients all go to {stable}.")),
        }
    }
}

impl ClientMove {
    fn of(going: &Move, now: &AppRoutes, after: &AppRoutes, all: f64) -> Self {
        let by_tenure =
            |app: &AppRoutes, tenure| app.by_tenure(tenure).map(|index| ReleaseSummary::of(app, index));
        Self {
            from: by_tenure(now, going.from),
            to: by_tenure(after, going.to),
            when: going.when,
            clients: whole(going.clients),
            percent: (going.clients * 1_000.0 / all).round() / 10.0,
        }
    }

    fn words(&self, after: &AppRoutes) -> String {
        let name = |named: &Option<ReleaseSummary>| {
            named.as_ref().map_or_else(String::new, |named| named.release.clone())
        };
        let (from, to, clients) = (name(&self.from), name(&self.to), self.clients);
        let many = if clients == 1 { "client goes" } else { "clients go" };
        let when = match self.when {
            MoveTime::AtOnce => "at once".to_owned(),
            MoveTime::NextPage => "at their next page".to_owned(),
            MoveTime::AfterDrain => {
                let settings = &after.settings;
                let (drain, most) = (settings.drainseconds, settings.drainmaxseconds);
                format!("over time: at their first page after {drain} s, the last after {most} s")
            }
        };
        format!("About {clients} {many} from {from} to {to} {when} ({} %).", self.percent)
    }
}

/// The clients seen lately, by what their pins say.
fn seen(published: &Published, app: &AppRoutes) -> Vec<ClientGroup> {
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
