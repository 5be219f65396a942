//! A command without its commit: what it would decide, and the table that would be served then.

use super::{
    adoption::adopted,
    command::{Given, check, refuse_unknown},
    gate,
    stored::StoredApp,
};
use crate::{
    control::shared::{core::Core, error::ApiError},
    rollout::{
        app::AppName,
        command::{Asker, Command, Decision, decide},
        table::RoutingTable,
    },
};

/// What a command would do.
#[derive(Debug)]
pub struct Preview {
    /// The seq of the record that it was decided on.
    pub seq: u64,
    /// What would be served; none if all is as asked already.
    pub table: Option<RoutingTable>,
}

/// Decides a command as [`super::command::execute`] would, refusals included, and writes nothing.
pub async fn preview(
    core: &Core,
    app: &AppName,
    command: &Command,
    asker: &Asker,
    given: &Given,
) -> Result<Preview, ApiError> {
    core.replica.refuse_when_diverged()?;
    let mut stored = StoredApp::read(core, app).await?;
    refuse_unknown(&stored, command)?;
    // What a script wrote past the API would be adopted first.
    if let Decision::Change(event) = adopted(core, &stored).await?.decision {
        stored.record = Some(event.record);
    }
    let seq = stored.record.as_ref().map_or(0, |record| record.seq);
    let background = stored.background(core, matches!(command, Command::Rollback { .. })).await?;
    let event = match decide(stored.record.as_ref(), command, asker, &background)? {
        Decision::Change(event) => event,
        Decision::Unchanged => return Ok(Preview { seq, table: None }),
    };
    check(core, &stored, command, &event, &[], given.force).await?;
    let table = gate::table_of(core, &stored, &event.record, &[]).await?;
    Ok(Preview { seq, table: Some(table) })
}
