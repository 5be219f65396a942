//! How the plans of all apps stand, as this router last looked. Written by `plans` alone.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;

use crate::rollout::{app::AppName, plan::PlanStanding};

/// How one plan stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownPlan {
    /// The seq of the record with the plan.
    pub seq: u64,
    pub standing: PlanStanding,
    /// Why its next step was refused when it was due.
    pub refusal: Option<String>,
}

/// The plans by app.
#[derive(Debug, Default)]
pub struct PlanBoard {
    plans: ArcSwap<HashMap<AppName, KnownPlan>>,
}

impl PlanBoard {
    /// All of them.
    pub fn all(&self) -> Arc<HashMap<AppName, KnownPlan>> {
        self.plans.load_full()
    }

    pub fn store(&self, plans: HashMap<AppName, KnownPlan>) {
        self.plans.store(Arc::new(plans));
    }
}
