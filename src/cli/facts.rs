//! `--meta`: what is said of a release for others to read, shared by `candidate set`, `stable set` and `deploy`.

use std::collections::BTreeMap;

use clap::Args;

/// Facts about the release.
#[derive(Debug, Args)]
pub(super) struct FactChoice {
    /// A fact about it for others to read, such as commit=3f2a9c1 or build=https://ci.example/1188; may be given several times
    #[arg(long = "meta", value_name = "NAME=VALUE", value_parser = parse)]
    facts: Vec<(String, String)>,
}

impl FactChoice {
    /// Those that were given, if any were.
    pub(super) fn given(&self) -> Option<BTreeMap<String, String>> {
        (!self.facts.is_empty()).then(|| self.facts.iter().cloned().collect())
    }
}

/// A fact as it is typed.
fn parse(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("allowed is NAME=VALUE, such as commit=3f2a9c1")?;
    Ok((name.to_owned(), value.to_owned()))
}
