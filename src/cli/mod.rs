//! The command line: one file per verb.
//!
//! `serve` and `demo` run a router in this process. All other verbs speak HTTP with a router's admin port and
//! know nothing of its inside, so they work from any machine, and what they can do a script with `curl` can do.

mod abort;
mod answer;
mod app;
mod app_lines;
mod approve;
mod apps;
mod ask;
mod blend;
mod candidate;
mod certificates;
mod change;
mod check;
mod client;
mod completions;
mod connect;
mod degraded;
mod demo;
mod deploy;
mod deployment_change;
mod deployment_lines;
mod deployments;
mod drain;
mod duration;
mod endpoint;
mod endpoint_change;
mod exit;
mod explain;
mod facts;
mod fleet;
mod freeze;
mod history;
mod history_diff;
mod hook;
mod hook_in;
mod hook_in_lines;
mod hook_lines;
mod kv;
mod lock;
mod lock_call;
mod lock_command;
mod log_lines;
mod logging;
mod logs;
mod man;
mod nearest;
mod nodes;
mod pause;
mod plan;
mod plan_lines;
mod preview;
mod printer;
mod promote;
mod recycle;
mod release;
mod release_verb;
mod releases;
mod resume;
mod rollback;
mod router_settings;
mod scale;
mod serve;
mod services;
mod session;
mod settings;
mod shadow;
mod stable;
mod start;
mod status;
mod sticky;
mod stop;
mod store;
mod table;
mod terminate;
mod token;
mod unlock;
mod upgrade;
mod user_config;
mod variables;
mod verdict;
mod wait;
mod waiting;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::Exit;
use printer::Printer;

use crate::printable::{escaped, is_hidden};

/// What stands below the list of verbs.
const AFTER_HELP: &str = "\
Examples:
  rolling-router demo                        two sample releases, nothing to install
  rolling-router serve                       a router on ports 80 and 8080, store in ./rolling-router-state
  rolling-router stable set 1.0.0 --app hello --new --endpoint 10.0.0.5:3000
  rolling-router candidate set 1.0.1 --endpoint 10.0.0.6:3000 --blend 10
  rolling-router promote --reason \"smoke tests green\"
  rolling-router rollback --reason \"errors in checkout\"

Exit codes:
  0 done   1 failed here   2 usage   3 unreachable, or the store is   4 refused or conflict   5 unauthorised
  6 done, but not applied by every router yet; `wait`: not so yet

The address of the admin port comes from --admin or ROLLING_ROUTER_ADMIN_URL, the token from --token,
ROLLING_ROUTER_TOKEN, OCCS_API_TOKEN or --token-file; else both from ~/.config/rolling-router/config.toml.";

/// A sticky-session rolling reverse proxy: release, blend, promote and roll back without losing a request.
///
/// Splits end users between the stable and the candidate release of an app, keeps every client on the release
/// and the endpoint it was pinned to, and promotes, aborts or rolls back with one atomic write.
#[derive(Debug, Parser)]
#[command(name = "rolling-router", version, after_help = AFTER_HELP, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Serve(serve::Arguments),
    Demo(demo::Arguments),
    Status(status::Arguments),
    Wait(wait::Arguments),
    Explain(explain::Arguments),
    Apps(apps::Arguments),
    App(app::Arguments),
    Releases(releases::Arguments),
    Stable(stable::Arguments),
    Candidate(candidate::Arguments),
    Blend(blend::Arguments),
    Sticky(sticky::Arguments),
    Approve(approve::Arguments),
    Plan(plan::Arguments),
    Promote(promote::Arguments),
    Abort(abort::Arguments),
    Rollback(rollback::Arguments),
    Drain(drain::Arguments),
    Endpoint(endpoint::Arguments),
    Release(release_verb::Arguments),
    Settings(settings::Arguments),
    History(history::Arguments),
    Verdict(verdict::Arguments),
    Shadow(shadow::Arguments),
    Preview(preview::Arguments),
    Deploy(Box<deploy::Arguments>),
    Deployments(deployments::Arguments),
    Pause(pause::Arguments),
    Stop(stop::Arguments),
    Resume(resume::Arguments),
    Start(start::Arguments),
    Scale(scale::Arguments),
    Recycle(recycle::Arguments),
    Terminate(terminate::Arguments),
    Logs(logs::Arguments),
    Services(services::Arguments),
    Nodes(nodes::Arguments),
    Certificates(certificates::Arguments),
    Hook(hook::Arguments),
    Token(token::Arguments),
    Lock(lock::Arguments),
    Freeze(freeze::Arguments),
    Unlock(unlock::Arguments),
    Fleet(fleet::Arguments),
    Kv(kv::Arguments),
    Store(store::Arguments),
    Upgrade(upgrade::Arguments),
    Check(check::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Runs the verb named on the command line and says how it ended.
pub fn run() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => return usage(&shown(error)),
    };
    let printer = Printer::new();
    // The settings of these two name them where they warn of other things.
    if !matches!(line.verb, Verb::Serve(_) | Verb::Check(_)) {
        variables::unknown_variables().iter().for_each(|warning| printer.note(warning));
    }
    let outcome = match line.verb {
        Verb::Serve(arguments) => serve::run(arguments),
        Verb::Demo(arguments) => demo::run(arguments, &printer),
        Verb::Check(arguments) => check::run(arguments, &printer),
        Verb::Completions(arguments) => completions::run(arguments, &printer, CommandLine::command()),
        Verb::Man(arguments) => man::run(arguments, &printer, CommandLine::command()),
        verb => ask_router(verb, &printer),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.exit.into()
        }
    }
}

/// Verbs that speak with a router's admin port.
fn ask_router(verb: Verb, printer: &Printer) -> Result<Exit, exit::Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| exit::Failure::here(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        match verb {
            Verb::Status(arguments) => status::run(arguments, printer).await,
            Verb::Wait(arguments) => wait::run(arguments, printer).await,
            Verb::Explain(arguments) => explain::run(arguments, printer).await,
            Verb::Apps(arguments) => apps::run(arguments, printer).await,
            Verb::App(arguments) => app::run(arguments, printer).await,
            Verb::Releases(arguments) => releases::run(arguments, printer).await,
            Verb::Stable(arguments) => stable::run(arguments, printer).await,
            Verb::Candidate(arguments) => candidate::run(arguments, printer).await,
            Verb::Blend(arguments) => blend::run(arguments, printer).await,
            Verb::Sticky(arguments) => sticky::run(arguments, printer).await,
            Verb::Approve(arguments) => approve::run(arguments, printer).await,
            Verb::Plan(arguments) => plan::run(arguments, printer).await,
            Verb::Promote(arguments) => promote::run(arguments, printer).await,
            Verb::Abort(arguments) => abort::run(arguments, printer).await,
            Verb::Rollback(arguments) => rollback::run(arguments, printer).await,
            Verb::Drain(arguments) => drain::run(arguments, printer).await,
            Verb::Endpoint(arguments) => endpoint::run(arguments, printer).await,
            Verb::Release(arguments) => release_verb::run(arguments, printer).await,
            Verb::Settings(arguments) => settings::run(arguments, printer).await,
            Verb::History(arguments) => history::run(arguments, printer).await,
            Verb::Verdict(arguments) => verdict::run(arguments, printer).await,
            Verb::Shadow(arguments) => shadow::run(arguments, printer).await,
            Verb::Preview(arguments) => preview::run(arguments, printer).await,
            Verb::Deploy(arguments) => deploy::run(*arguments, printer).await,
            Verb::Deployments(arguments) => deployments::run(arguments, printer).await,
            Verb::Pause(arguments) => pause::run(arguments, printer).await,
            Verb::Stop(arguments) => stop::run(arguments, printer).await,
            Verb::Resume(arguments) => resume::run(arguments, printer).await,
            Verb::Start(arguments) => start::run(arguments, printer).await,
            Verb::Scale(arguments) => scale::run(arguments, printer).await,
            Verb::Recycle(arguments) => recycle::run(arguments, printer).await,
            Verb::Terminate(arguments) => terminate::run(arguments, printer).await,
            Verb::Logs(arguments) => logs::run(arguments, printer).await,
            Verb::Services(arguments) => services::run(arguments, printer).await,
            Verb::Certificates(arguments) => certificates::run(arguments, printer).await,
            Verb::Nodes(arguments) => nodes::run(arguments, printer).await,
            Verb::Hook(arguments) => hook::run(arguments, printer).await,
            Verb::Token(arguments) => token::run(arguments, printer).await,
            Verb::Lock(arguments) => lock::run(arguments, printer).await,
            Verb::Freeze(arguments) => freeze::run(arguments, printer).await,
            Verb::Unlock(arguments) => unlock::run(arguments, printer).await,
            Verb::Fleet(arguments) => fleet::run(arguments, printer).await,
            Verb::Kv(arguments) => kv::run(arguments, printer).await,
            Verb::Store(arguments) => store::run(arguments, printer).await,
            Verb::Upgrade(arguments) => upgrade::run(arguments, printer).await,
            Verb::Serve(_) | Verb::Demo(_) | Verb::Check(_) | Verb::Completions(_) | Verb::Man(_) => {
                Ok(Exit::Usage)
            }
        }
    })
}

/// An error that can be shown. It repeats words of the command line, which a pipeline may have taken from elsewhere.
fn shown(error: clap::Error) -> clap::Error {
    let words: Vec<OsString> = std::env::args_os().collect();
    if !words.iter().any(|word| word.to_string_lossy().contains(is_hidden)) {
        return error;
    }
    let escape = |word: &OsString| escaped(&word.to_string_lossy()).into_owned();
    let again = CommandLine::try_parse_from(words.iter().map(escape)).err();
    again.unwrap_or_else(|| clap::Error::raw(error.kind(), "a word has characters that cannot be shown\n"))
}

/// Help and version are no errors; anything else that cannot be parsed is one of usage.
fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    let asked_for = !error.use_stderr() && printed.is_ok();
    if asked_for { Exit::Done.into() } else { Exit::Usage.into() }
}

#[cfg(test)]
mod tests;
