//! What a setting is: its three spellings, its default, and what is allowed.

/// One setting and how it may be given.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name in the configuration file.
    pub name: &'static str,
    /// What stands for its value in a help text.
    pub placeholder: &'static str,
    /// Its flag on the command line; none where a value has no business in a process list.
    pub flag: Option<&'static str>,
    /// Its names in the environment; the first one that is set counts.
    pub environment: &'static [&'static str],
    /// Its default, in the form a user would write; empty: not set.
    pub default: &'static str,
    /// What is allowed.
    pub allowed: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// The placeholder of a setting that is on or off. Its flag alone means on.
pub(super) const SWITCH: &str = "off|on";

impl Setting {
    /// Whether it is on or off.
    pub fn is_switch(&self) -> bool {
        self.placeholder == SWITCH
    }
}
