//! Whether an app may become what a file says, or what this router served before its store became another one
//! (docs/design.md section 4, "Caps hold at every door").
//!
//! What the store has lost is nobody's: it is written back without a question.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    gate::{GateQuestion, replaces_stable},
    stored::StoredApp,
};
use crate::{
    control::shared::{
        core::Core,
        error::{ApiError, Kind},
    },
    rollout::{
        app::AppName,
        command::{Asker, Background, Replacement, check_replacement, replace},
        endpoint::Endpoint,
        record::{HistoryEvent, Record},
        release::ReleaseId,
        settings::Settings,
    },
};

/// What an app is to become.
#[derive(Debug, Default)]
pub struct NextApp {
    /// None: it goes.
    pub record: Option<Record>,
    pub settings: Settings,
    /// The endpoints of its stable release then.
    pub endpoints: Vec<Endpoint>,
    /// The releases that its history calls stable then.
    pub stables: Vec<ReleaseId>,
}

/// Who replaces apps, and whether refusals are overruled.
#[derive(Debug, Clone)]
pub struct Replacer {
    pub asker: Asker,
    pub force: bool,
}

impl Replacer {
    /// 422 if refusals are to be overruled, and nobody says why.
    pub fn new(asker: Asker, force: bool) -> Result<Self, ApiError> {
        if force && asker.reason.is_empty() {
            let message = "none was given; whoever sends `force` says why, for the history";
            return Err(ApiError::value("reason", message));
        }
        Ok(Self { asker, force })
    }

    /// Whether this app may become that. An event, if that overrules a refusal: it is written in place of the record.
    pub async fn admit(
        &self,
        core: &Core,
        app: &AppName,
        next: &NextApp,
    ) -> Result<Option<HistoryEvent>, ApiError> {
        let stored = StoredApp::read(core, app).await?;
        let Some(present) = stored.record.as_ref() else { return Ok(None) };
        match self.check(core, &stored, present, next).await {
            Ok(()) => Ok(None),
            Err(refusal) if !self.force => Err(with_advice(app, refusal)),
            Err(refusal) => {
                let (actor, reason) = (&self.asker.actor, &self.asker.reason);
                tracing::warn!(%app, actor, ?reason, refusal = refusal.message(), "a refusal was overruled, and the app replaced");
                Ok(next.record.clone().map(|record| replace(present, record, &self.asker)))
            }
        }
    }

    async fn check(
        &self,
        core: &Core,
        stored: &StoredApp,
        present: &Record,
        next: &NextApp,
    ) -> Result<(), ApiError> {
        let background = stored.background(core, stored.settings.approvals > 0).await?;
        let stable = next.record.as_ref().and_then(Record::stable_release);
        let endpoints = stable.map(|stable| (stable.clone(), next.endpoints.iter().cloned().collect()));
        let background =
            Background { endpoints: endpoints.into_iter().collect::<BTreeMap<_, _>>(), ..background };
        let replacement = Replacement {
            record: next.record.as_ref(),
            approvals: next.settings.approvals,
            stables: &next.stables,
        };
        check_replacement(present, &replacement, &self.asker, &background)?;
        match stable.filter(|stable| replaces_stable(stored) && present.stable_release() != Some(*stable)) {
            None => Ok(()),
            Some(stable) => {
                let settings = Arc::new(next.settings.clone());
                let question = GateQuestion::new(stable, next.endpoints.clone(), settings);
                match question.judge(core).await {
                    (_, None) => Ok(()),
                    (answers, Some(refusal)) => {
                        Err(ApiError::new(Kind::Refused("target_unhealthy"), refusal)
                            .endpoints(answers.to_answer()))
                    }
                }
            }
        }
    }
}

/// The refusal, which names the app and says how it is overruled.
fn with_advice(app: &AppName, refusal: ApiError) -> ApiError {
    let message = format!(
        "`{app}` is not replaced, and nothing was written: {}. To replace it all the same, send `force`: true and a `reason` \
         (`--force --reason TEXT`), which its history shows",
        refusal.message()
    );
    refusal.told(message)
}
