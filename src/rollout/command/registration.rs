//! Who may change the endpoints of a release that an app routes: by whichever door, it changes what the app's users get.

use super::{
    admission::{check_freeze, check_lock, check_role},
    asker::Asker,
    holds::Holds,
    refusal::Refusal,
    role::Role,
};
use crate::rollout::{blend::Blend, record::Record, release::ReleaseId};

/// What an app says about registering.
#[derive(Debug, Clone, Default)]
pub struct RegistrationRules<'a> {
    /// The highest blend `ci` may set, if capped.
    pub ci_blend_max: Option<Blend>,
    /// Whether `ci` may give a release to everybody in spite of that cap.
    pub ci_may_promote: bool,
    /// Whether the release becomes stable as soon as it has an endpoint, since an old key says so.
    pub is_awaited: bool,
    /// The `ci` tokens that neither lock nor cap holds back.
    pub register_under_lock: &'a [String],
    /// What holds `ci` back beside the lock of the record.
    pub holds: Holds,
}

/// Admits a change of the endpoints of a release to an app's record. A new address (`adds`) exposes what answers there to as
/// many users as the release has. What the app does not name, it has no say about.
///
/// # Errors
/// The change is refused: by role, lock or cap.
pub fn admit_registration(
    record: &Record,
    release: &ReleaseId,
    adds: bool,
    asker: &Asker,
    rules: &RegistrationRules<'_>,
) -> Result<(), Refusal> {
    check_role(asker.role, Role::Ci)?;
    let is_named = record.names(release) || rules.is_awaited;
    if !is_named || rules.register_under_lock.contains(&asker.actor) {
        return Ok(());
    }
    check_lock(Some(record), asker, &rules.holds)?;
    check_freeze(asker, &rules.holds)?;
    let exposure = if rules.is_awaited { Blend::FULL } else { exposure(record, release) };
    if adds { check_cap(exposure, asker, rules) } else { Ok(()) }
}

fn check_cap(exposure: Blend, asker: &Asker, rules: &RegistrationRules<'_>) -> Result<(), Refusal> {
    match rules.ci_blend_max {
        Some(cap) if asker.role <= Role::Ci && !rules.ci_may_promote && exposure > cap => {
            Err(Refusal::CappedEndpoints { cap, exposure })
        }
        _ => Ok(()),
    }
}

/// The share of users that a release may have. Who is pinned to a draining release may be everybody.
fn exposure(record: &Record, release: &ReleaseId) -> Blend {
    if record.candidate_release() == Some(release) {
        return record.blend;
    }
    if record.routed().any(|(routed, _)| routed == release) { Blend::FULL } else { Blend::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::record::{DrainCause, DrainingRelease, Lock, Stay};

    fn id(release: &str) -> ReleaseId {
        format!("apps/shop-{release}-80/containers").parse().unwrap()
    }

    fn stay(release: &str, tenure: u32) -> Option<Stay> {
        Some(Stay {
            release: id(release),
            tenure,
            set_by: String::new(),
            set_by_token: String::new(),
            since: 0,
            served: true,
            facts: std::collections::BTreeMap::new(),
        })
    }

    /// Stable `1`, candidate `2` at 10 %, draining `0`, previous `p`.
    fn record(locked: bool) -> Record {
        let lock = Lock {
            reason: "an incident".into(),
            by: "maria".into(),
            at: 0,
            until: None,
            automatic: false,
            holder: None,
        };
        let draining = DrainingRelease {
            release: id("0"),
            tenure: 1,
            cause: DrainCause::Promote,
            since: 0,
            until: 9,
            served: true,
        };
        Record {
            seq: 3,
            stable: stay("1", 2),
            candidate: stay("2", 3),
            blend: "10".parse().unwrap(),
            previous: Some(id("p")),
            draining: vec![draining],
            lock: locked.then_some(lock),
            ..Record::empty()
        }
    }

    fn asker(role: Role) -> Asker {
        Asker {
            actor: "ci-main".into(),
            token: String::new(),
            role,
            reason: String::new(),
            at: 1,
            if_match: None,
        }
    }

    fn code(
        record: &Record,
        release: &str,
        adds: bool,
        role: Role,
        rules: &RegistrationRules<'_>,
    ) -> &'static str {
        let admitted = admit_registration(record, &id(release), adds, &asker(role), rules);
        admitted.err().map_or("", |refusal| refusal.code())
    }

    #[test]
    fn a_lock_holds_ci_back_from_every_release_that_the_app_names() {
        let rules = RegistrationRules::default();
        for (release, by_ci) in
            [("0", "locked"), ("1", "locked"), ("2", "locked"), ("p", "locked"), ("other", "")]
        {
            for adds in [true, false] {
                assert_eq!(code(&record(true), release, adds, Role::Ci, &rules), by_ci, "{release}");
                assert_eq!(code(&record(true), release, adds, Role::Operator, &rules), "", "{release}");
                assert_eq!(code(&record(false), release, adds, Role::Ci, &rules), "", "{release}");
                assert_eq!(
                    code(&record(false), release, adds, Role::Viewer, &rules),
                    "forbidden",
                    "{release}"
                );
            }
        }
    }

    #[test]
    fn a_cap_holds_ci_back_from_showing_new_addresses_to_more_users() {
        let capped =
            |cap: &str| RegistrationRules { ci_blend_max: cap.parse().ok(), ..RegistrationRules::default() };
        for (release, cap, refused) in [
            ("1", "99", "forbidden"),
            ("0", "99", "forbidden"),
            ("2", "9", "forbidden"),
            ("2", "10", ""),
            ("p", "0", ""),
        ] {
            assert_eq!(
                code(&record(false), release, true, Role::Ci, &capped(cap)),
                refused,
                "{release} {cap}"
            );
            assert_eq!(code(&record(false), release, false, Role::Ci, &capped(cap)), "", "{release} {cap}");
            assert_eq!(
                code(&record(false), release, true, Role::Operator, &capped(cap)),
                "",
                "{release} {cap}"
            );
            let promoter = RegistrationRules { ci_may_promote: true, ..capped(cap) };
            assert_eq!(code(&record(false), release, true, Role::Ci, &promoter), "", "{release} {cap}");
        }
    }

    #[test]
    fn who_registers_the_endpoint_that_a_release_waits_for_makes_it_stable() {
        let awaited = RegistrationRules { is_awaited: true, ..RegistrationRules::default() };
        assert_eq!(code(&record(true), "other", true, Role::Ci, &awaited), "locked");
        assert_eq!(code(&record(false), "other", true, Role::Ci, &awaited), "");
        let capped = RegistrationRules { ci_blend_max: "99".parse().ok(), ..awaited.clone() };
        assert_eq!(code(&record(false), "other", true, Role::Ci, &capped), "forbidden");
    }

    #[test]
    fn a_registrator_is_held_back_by_neither() {
        let names = ["ci-main".to_owned()];
        let rules = RegistrationRules {
            ci_blend_max: "5".parse().ok(),
            register_under_lock: &names,
            ..RegistrationRules::default()
        };
        assert_eq!(code(&record(true), "1", true, Role::Ci, &rules), "");
        assert_eq!(code(&record(true), "1", true, Role::Viewer, &rules), "forbidden");
    }
}
