//! Every call of the API, by what it is about.

mod access;
mod apps;
mod certificates;
mod commands;
mod deployments;
mod endpoints;
mod fleet;
mod hooks;
mod hooks_in;
mod keyvalues;
mod old_api;
mod previews;
mod router;
mod sessions;
mod store;

use super::{
    components::Components,
    operation::Operation,
    store_forms::{StoreContract, StoreEntry, StoreLease, StoreListing, StoreValue},
};
use crate::{
    rollout::explain::{self, BucketReport, CookieReport, EndpointReport, PinReport, TesterReport},
    schema::{
        activity::{Activity, FleetLoad, Moves},
        app::{App, Apps, DoneAnswer, Frozen, LocalAbort, NextFreeze, Removal, Shares, Update, Waiter},
        apply_status::{ApplyStatus, MissingMember},
        approval::{Approvals, GivenApproval, LoweringApprovals, ReleaseApprovals},
        audit::{AuditChange, AuditEntry, AuditPage},
        dry_run::{DryRun, NewClients},
        endpoint::{Endpoint, EndpointDrain, EndpointLoad, GoneEndpoint},
        error::ErrorDetail,
        explain::{ExplainedHost, Explanation},
        fleet::{Alarm, Fleet, Member, ServedApp},
        freeze::FreezeWindows,
        history::{HistoryEvent, HistoryPage},
        hook::{Delivery, Hook, HookEvent, HookTest},
        keyvalue::Keyvalue,
        past::{LatencyBucket, Past, PastRelease, PastStep},
        plan::Plans,
        preview::{Preview, PreviewRevocation, Previews},
        prune::PrunedReleases,
        registration::{RegisteredEndpoint, RegisteredEndpoints},
        release::{KnownRelease, KnownReleases, Release},
        router::{Router, RouterFile, RouterFiles, RouterStore},
        settings::EffectiveSettings,
        shadow::Shadow,
        stream::{ActivityEvent, EndpointActivity, GoneEvent, HooksEvent},
        verdict::{
            ArmCounts, EvidenceNumbers, LatencyNumbers, MissingNumbers, Receipt, ReceiptEndpoint,
            ReceiptFactor, ReceiptSample, SlowCounts, ThresholdNumbers, Verdict, VerdictSentence,
        },
        wait::Waited,
    },
};

/// All calls.
pub fn all() -> Vec<Operation> {
    let lists = [
        apps::calls(),
        commands::calls(),
        deployments::calls(),
        endpoints::calls(),
        previews::calls(),
        hooks::calls(),
        hooks_in::calls(),
        fleet::calls(),
        store::calls(),
        keyvalues::calls(),
        old_api::calls(),
        router::calls(),
        access::calls(),
        sessions::calls(),
        certificates::calls(),
    ];
    lists.into_iter().flatten().collect()
}

/// Says of types which fields are always written.
macro_rules! always {
    ($components:ident: $($answer:ty),* $(,)?) => { $( $components.always::<$answer>(); )* };
}

/// The answers, and their parts, of which the default value has every field that is always written.
pub fn always_written(components: &mut Components) {
    always_explained(components);
    always_held_back(components);
    always_judged(components);
    old_api::always_written(components);
    hooks_in::always_written(components);
    deployments::always_written(components);
    certificates::always_written(components);
    access::always_written(components);
    sessions::always_written(components);
    always!(
        components:
        Activity,
        ActivityEvent,
        Alarm,
        App,
        ApplyStatus,
        Apps,
        AuditChange,
        AuditEntry,
        AuditPage,
        Delivery,
        DoneAnswer,
        EffectiveSettings,
        Endpoint,
        EndpointActivity,
        EndpointDrain,
        EndpointLoad,
        ErrorDetail,
        Fleet,
        FleetLoad,
        GoneEndpoint,
        GoneEvent,
        HistoryEvent,
        HistoryPage,
        Hook,
        HookEvent,
        HookTest,
        HooksEvent,
        Keyvalue,
        KnownRelease,
        KnownReleases,
        LocalAbort,
        Member,
        MissingMember,
        Moves,
        Preview,
        PreviewRevocation,
        Previews,
        PrunedReleases,
        RegisteredEndpoint,
        RegisteredEndpoints,
        Release,
        Removal,
        Router,
        RouterFile,
        RouterFiles,
        RouterStore,
        ServedApp,
        Shares,
        StoreContract,
        StoreEntry,
        StoreLease,
        StoreListing,
        StoreValue,
        Update,
        Waited,
    );
}

/// What is said of the verdict and the past.
fn always_judged(components: &mut Components) {
    always!(
        components:
        ArmCounts,
        EvidenceNumbers,
        LatencyNumbers,
        MissingNumbers,
        Past,
        PastRelease,
        PastStep,
        LatencyBucket,
        Receipt,
        ReceiptEndpoint,
        ReceiptFactor,
        ReceiptSample,
        Shadow,
        SlowCounts,
        ThresholdNumbers,
        Verdict,
        VerdictSentence,
    );
}

/// Those that say who or what holds a change back: approvals, freezes, and who waits for a lock.
fn always_held_back(components: &mut Components) {
    always!(
        components:
        Approvals,
        FreezeWindows,
        Frozen,
        GivenApproval,
        LoweringApprovals,
        NextFreeze,
        Plans,
        ReleaseApprovals,
        Waiter,
    );
}

/// Those that say why.
fn always_explained(components: &mut Components) {
    always!(
        components:
        BucketReport,
        CookieReport,
        DryRun,
        EndpointReport,
        ExplainedHost,
        Explanation,
        NewClients,
        PinReport,
        TesterReport,
        explain::Explanation,
    );
}
