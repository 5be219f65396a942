//! How the fleet stands with the keys for the store's secrets: which one everybody holds, and what is wrong with them.
//!
//! A key takes the place of another once it is the first in the file of every member, also of those that are presumed gone: when
//! one of them returns it has to read what is written. What a file says in another place only lets its router read.

use std::collections::BTreeMap;

use keyvalues::sealed::PLAIN;

use crate::{
    control::shared::{core::Core, secrets::board::ANY_KEY},
    rollout::keys,
    schema::fleet::StoredSecrets,
};

/// The name of each member, and the marks that its file lists. Members that leave this to another router are left out.
fn told(core: &Core) -> Vec<(String, Vec<String>)> {
    let mut told = BTreeMap::new();
    for (node, member) in core.roster.members() {
        let keys = match &member.entry {
            _ if node == core.node => core.secrets.told(),
            Some(entry) => entry.secrets_keys.clone(),
            None => Vec::new(),
        };
        told.insert(node.clone(), (member.name(&node).to_owned(), keys));
    }
    told.entry(core.node.clone()).or_insert_with(|| (core.name().to_owned(), core.secrets.told()));
    told.into_values().filter(|(_, keys)| keys.first().is_none_or(|first| first != ANY_KEY)).collect()
}

/// The key that every member has first.
pub fn agreed(core: &Core) -> Option<String> {
    let told = told(core);
    let first = told.first()?.1.first()?;
    told.iter().all(|(_, keys)| keys.first() == Some(first)).then(|| first.clone())
}

/// How secrets are encrypted; none: they are not, and never were.
pub fn standing(core: &Core) -> Option<StoredSecrets> {
    let secrets = &core.secrets;
    let (key, counts) = (secrets.seals.current(), secrets.seals.counts());
    if !secrets.has_file() && key.as_ref().is_none_or(|key| key == PLAIN) && counts.unreadable == 0 {
        return None;
    }
    let next = secrets.told().first().filter(|first| key.as_ref() != Some(*first)).cloned();
    let lacks = |keys: &[String]| next.is_some() && keys.first() != next.as_ref();
    let told = told(core).into_iter();
    Some(StoredSecrets {
        waits_for: told.filter(|(_, keys)| lacks(keys)).map(|(name, _)| name).collect(),
        key,
        next,
        all: counts.all as u64,
        written: counts.of_today as u64,
        unreadable: counts.unreadable as u64,
    })
}

/// What is wrong, and what to do about it.
pub fn faults(core: &Core) -> Vec<String> {
    let (secrets, name) = (&core.secrets, core.name());
    let mut faults: Vec<String> = secrets.fault().into_iter().collect();
    let counts = secrets.seals.counts();
    if counts.unreadable > 0 {
        let census = secrets.seals.census();
        let why = census.unreadable().next().map(|(_, why)| why.to_owned()).unwrap_or_default();
        let mut kinds: Vec<&str> = census.unreadable().map(|(key, _)| kind_of(key)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        faults.push(format!(
            "{name} cannot read {} of the store's secrets ({}): {why}; what it read before is used on and none of them is replaced: \
             give its `secrets_key_file` the key, or import a backup `--with-secrets`",
            counts.unreadable,
            kinds.join(", ")
        ));
    }
    if let Some(current) = secrets.seals.current().filter(|current| current != PLAIN) {
        let keys = secrets.seals.keys();
        if !secrets.seals.holds_current() {
            faults.push(format!(
                "the store's secrets are written with the key `{current}`, which {name} does not hold: it writes none until its \
                 `secrets_key_file` has that key"
            ));
        } else if !keys.lists(&current) {
            faults.push(format!(
                "the `secrets_key_file` of {name} does not have the key `{current}` any more, with which the store's secrets are \
                 written: put it back before {name} is started again"
            ));
        }
    }
    faults
}

/// What a secret is, without saying whose.
fn kind_of(key: &str) -> &'static str {
    match key.strip_prefix(keys::ROUTER).map(|own| own.split('/').next().unwrap_or_default()) {
        Some("pinkeys") => "the pin keys",
        Some("tokenkey") => "the key of tokens",
        Some("acme") => "certificates",
        Some("hooks") => "hooks",
        Some("hooks-in") => "hooks in",
        _ => "deployments",
    }
}
