//! The default app as an app's reading has it: where hosts lead that no app claims.
//!
//! The commit that makes an app while nothing is stored says which app is the default from then on: the one that was
//! alone until now, or the first one itself. So a second app never takes the first one off line, on any router.

use keyvalues::{Check, Entry, Write};

use crate::{
    control::shared::{
        entries::{as_read, own_key, text},
        reading::StoreReading,
    },
    rollout::{app::AppName, keys},
};

/// What is stored, and what would be if this reading's app were made.
#[derive(Debug)]
pub struct StoredDefault {
    entry: Option<Entry>,
    first: String,
}

impl StoredDefault {
    /// As it is stored (`entry`), for the app of this name, beside the apps that this router knows.
    pub fn of(entry: Option<Entry>, name: &AppName, reading: &StoreReading) -> Self {
        let first = if entry.is_some() { String::new() } else { first(name, reading) };
        Self { entry, first }
    }

    /// Adds what the making of the app writes.
    pub fn begin(&self, checks: &mut Vec<Check>, writes: &mut Vec<Write>) {
        if self.entry.is_none() {
            checks.push(as_read(None, keys::DEFAULT_APP));
            writes.push(Write::put(own_key(keys::DEFAULT_APP), self.first.clone()));
        }
    }

    /// Adds what the end of the app of this name writes.
    pub fn end(&self, name: &AppName, checks: &mut Vec<Check>, writes: &mut Vec<Write>) {
        if let Some(entry) = self.entry.as_ref().filter(|entry| text(entry) == name.as_str()) {
            checks.push(as_read(Some(entry), keys::DEFAULT_APP));
            writes.push(Write::delete(own_key(keys::DEFAULT_APP)));
        }
    }
}

/// The app that was alone until `name` is made; `name` itself, if there was none. Where several are, none of them was the
/// default, and none becomes it.
fn first(name: &AppName, reading: &StoreReading) -> String {
    let mut others = reading.apps.iter().filter(|(other, _)| *other != name);
    match (others.next(), others.next()) {
        (None, _) => name.to_string(),
        (Some((only, known)), None) if known.record.is_some() => only.to_string(),
        _ => keys::NO_DEFAULT.to_owned(),
    }
}
