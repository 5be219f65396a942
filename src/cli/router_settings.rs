//! The settings of a router as flags, made from the table in `config`, so that `--help`, the file and the
//! environment can never differ.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, error::ErrorKind};

use super::{
    exit::{Exit, Failure},
    variables::unknown_variables,
};
use crate::config::{Config, ConfigError, FILE_ENVIRONMENT, RawConfig, setting};

/// Settings given as flags, and the file with the others.
#[derive(Debug, Default)]
pub(super) struct Settings {
    flags: RawConfig,
    file: Option<PathBuf>,
}

impl Settings {
    /// Flags over environment over file over defaults.
    pub(super) fn read(self) -> Result<Config, Failure> {
        let usage = |error: ConfigError| Failure::chain(Exit::Usage, &error);
        let environment = RawConfig::from_environment(&|name| std::env::var(name).ok()).map_err(usage)?;
        let named = || std::env::var_os(FILE_ENVIRONMENT).filter(|file| !file.is_empty()).map(PathBuf::from);
        let path = self.file.or_else(named);
        let file = match &path {
            Some(path) => RawConfig::from_file(path).map_err(usage)?,
            None => RawConfig::default(),
        };
        let mut config = Config::from_raw(&self.flags.over(environment).over(file)).map_err(usage)?;
        config.file = path;
        config.warnings.extend(unknown_variables());
        Ok(config)
    }
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        let command = command.next_help_heading("Settings");
        let command = setting::ALL.iter().fold(command, |command, setting| match setting.flag {
            Some(_) => command.arg(flag(setting)),
            None => command,
        });
        command.arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .help("A TOML file with these settings and tables [limits] and [engines.NAME], `-` written as `_`")
                .long_help(format!(
                    "A TOML file with these settings and tables [limits] and [engines.NAME], `-` written as `_`\n[env: {FILE_ENVIRONMENT}]"
                )),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn flag(setting: &'static setting::Setting) -> Arg {
    let default = match setting.default {
        "" => String::new(),
        default => format!("\n[default: {default}]"),
    };
    let meaning = capitalised(setting.meaning);
    let long = format!(
        "{meaning}\n[allowed: {}]{default}\n[env: {}]",
        setting.allowed,
        setting.environment.join(", ")
    );
    let arg = Arg::new(setting.name)
        .long(setting.flag.unwrap_or(setting.name).trim_start_matches('-'))
        .value_name(setting.placeholder);
    let arg = match setting.is_switch() {
        true => arg.num_args(0..=1).default_missing_value("on"),
        false => arg.allow_hyphen_values(true),
    };
    arg.help(format!("{meaning}{}", default.replace('\n', " "))).long_help(long)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut settings = Self::default();
        settings.update_from_arg_matches(matches)?;
        Ok(settings)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let unreadable = |error| clap::Error::raw(ErrorKind::InvalidValue, error);
        let text = |name: &str| matches.try_get_one::<String>(name).map_err(unreadable);
        for setting in setting::ALL.iter().filter(|setting| setting.flag.is_some()) {
            if let Some(value) = text(setting.name)? {
                self.flags.set_flag(setting, value);
            }
        }
        self.file = text("config")?.map(PathBuf::from);
        Ok(())
    }
}
