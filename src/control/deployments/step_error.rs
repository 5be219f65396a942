//! Why a step was not carried out, and whether it is of use to try it again.

use crate::{
    control::shared::error::{ApiError, Kind},
    engine::{EngineError, Refusal},
};

/// Why a step was not carried out.
#[derive(Debug)]
pub enum StepError {
    /// It can be tried again: an engine or the store does not answer.
    Passing(String),
    /// It was broken off: its time is over, or it is not wanted any more.
    BrokenOff,
    /// It is of no use to try again as it is.
    Final(String),
}

impl StepError {
    pub fn of(reason: String) -> Self {
        Self::Final(reason)
    }

    pub fn of_refusal(refusal: Refusal) -> Self {
        Self::of(refusal.to_string())
    }

    /// Another router may have it, or this one once it is configured again.
    pub fn no_engine(name: &str) -> Self {
        Self::Passing(format!("this router has no engine `{name}`"))
    }

    pub fn of_engine(error: EngineError) -> Self {
        if error.is_passing() { Self::Passing(error.to_string()) } else { Self::of(error.to_string()) }
    }

    pub fn of_command(error: ApiError) -> Self {
        let is_passing = matches!(
            error.kind(),
            Kind::StoreUnavailable
                | Kind::OutcomeUnknown
                | Kind::Contended
                | Kind::StoreDiverged
                | Kind::Busy
        );
        let text = error.message().to_owned();
        if is_passing { Self::Passing(text) } else { Self::of(text) }
    }
}
