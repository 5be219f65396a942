//! The command line as a whole: it parses, and every verb explains itself.

use super::*;

#[test]
fn the_command_line_is_consistent() {
    CommandLine::command().debug_assert();
}

#[test]
fn every_verb_and_flag_has_a_help_text() {
    fn look(command: &clap::Command, path: &str) {
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path} {} has no help", argument.get_id());
        }
        for verb in command.get_subcommands() {
            let path = format!("{path} {}", verb.get_name());
            assert!(verb.get_about().is_some(), "{path} has no help");
            look(verb, &path);
        }
    }
    look(&CommandLine::command(), "rolling-router");
}

/// Every verb with what stands before it, such as `kv export`, and every flag that is not a setting's.
fn verbs_and_flags(command: &clap::Command, path: &str, verbs: &mut Vec<String>, flags: &mut Vec<String>) {
    flags.extend(command.get_arguments().filter_map(clap::Arg::get_long).map(|long| format!("--{long}")));
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        let path = format!("{path} {}", verb.get_name()).trim_start().to_owned();
        verbs_and_flags(verb, &path, verbs, flags);
        verbs.push(path);
    }
}

#[test]
fn the_command_line_page_names_every_verb_and_the_changelog_every_flag_too() {
    let (mut verbs, mut flags) = (Vec::new(), Vec::new());
    verbs_and_flags(&CommandLine::command(), "", &mut verbs, &mut flags);
    let of_settings: Vec<&str> = crate::config::setting::ALL.iter().filter_map(|each| each.flag).collect();
    flags.retain(|flag| {
        !of_settings.contains(&flag.as_str()) && !["--help", "--version"].contains(&flag.as_str())
    });
    assert!(verbs.len() > 25 && flags.len() > 25, "{verbs:?} {flags:?}");
    let page = include_str!("../../docs/command-line.md");
    let missing: Vec<&String> = verbs.iter().filter(|verb| !names(page, verb)).collect();
    assert!(missing.is_empty(), "docs/command-line.md does not name {missing:?}");
    let changelog = include_str!("../../CHANGELOG.md");
    let missing: Vec<&String> = verbs.iter().chain(&flags).filter(|word| !names(changelog, word)).collect();
    assert!(missing.is_empty(), "CHANGELOG.md does not name {missing:?}");
}

/// Whether a page has this word, alone or among others, in backticks.
fn names(page: &str, word: &str) -> bool {
    page.split('`').skip(1).step_by(2).any(|quoted| {
        let rest = quoted
            .strip_prefix(word)
            .or_else(|| quoted.split_once(&format!(" {word}")).map(|(_, rest)| rest));
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-'))
    })
}

#[test]
fn every_setting_is_in_the_help_of_serve() {
    let mut command = CommandLine::command();
    command.build();
    let serve = command.find_subcommand_mut("serve").unwrap();
    let help = serve.render_long_help().to_string();
    for setting in crate::config::setting::ALL {
        assert!(setting.flag.is_none_or(|flag| help.contains(flag)), "{} is missing", setting.name);
        assert!(setting.flag.is_none() || help.contains(setting.environment[0]), "{}", setting.name);
    }
}

#[test]
fn what_is_no_blend_is_a_matter_of_usage() {
    for line in [
        &["blend", "101"][..],
        &["blend", "ten"],
        &["promote", "--wait", "forever"],
        &["sticky", "maybe"],
        &["lock", "--for", "soon"],
        &["fly"],
        &[],
    ] {
        let words = ["rolling-router"].iter().chain(line);
        let error = CommandLine::try_parse_from(words).unwrap_err();
        assert!(error.use_stderr() || line.is_empty(), "{line:?}");
    }
}

#[test]
fn the_api_page_describes_every_call_that_the_command_line_makes() {
    let page: serde_json::Value = serde_json::from_str(include_str!("../../docs/openapi.json")).unwrap();
    let app = "/api/v1/apps/{app}";
    let calls = [
        ("get", "/api/v1/apps".to_owned()),
        ("get", app.to_owned()),
        ("get", format!("{app}/releases")),
        ("get", format!("{app}/history")),
        ("put", format!("{app}/stable")),
        ("put", format!("{app}/candidate")),
        ("delete", format!("{app}/candidate")),
        ("put", format!("{app}/blend")),
        ("put", format!("{app}/sticky")),
        ("put", format!("{app}/lock")),
        ("delete", format!("{app}/lock")),
        ("get", format!("{app}/previews")),
        ("post", format!("{app}/previews")),
        ("delete", format!("{app}/previews/{{id}}")),
        ("post", format!("{app}/approvals")),
        ("delete", format!("{app}/approvals")),
        ("post", format!("{app}/pause")),
        ("post", format!("{app}/stop")),
        ("post", format!("{app}/resume")),
        ("post", format!("{app}/promote")),
        ("post", format!("{app}/abort")),
        ("post", format!("{app}/rollback")),
        ("get", "/api/v1/freeze-windows".to_owned()),
        ("put", "/api/v1/freeze-windows".to_owned()),
        ("post", format!("{app}/prune")),
        ("get", format!("{app}/wait")),
        ("post", format!("{app}/drain/finish")),
        ("put", format!("{app}/releases/{{release}}/endpoints/{{endpoint}}/drain")),
        ("delete", format!("{app}/releases/{{release}}/endpoints/{{endpoint}}/drain")),
        ("post", format!("{app}/explain")),
        ("post", format!("{app}/who-moves")),
        ("get", "/api/v1/fleet".to_owned()),
        ("delete", "/api/v1/fleet/{member}".to_owned()),
        ("post", "/api/v1/fleet/rotate-keys".to_owned()),
        ("get", "/api/v1/hooks".to_owned()),
        ("get", "/api/v1/hooks/{hook}".to_owned()),
        ("put", "/api/v1/hooks/{hook}".to_owned()),
        ("delete", "/api/v1/hooks/{hook}".to_owned()),
        ("post", "/api/v1/hooks/{hook}/test".to_owned()),
        ("get", "/api/v1/hooks-in".to_owned()),
        ("get", "/api/v1/hooks-in/{hook}".to_owned()),
        ("put", "/api/v1/hooks-in/{hook}".to_owned()),
        ("delete", "/api/v1/hooks-in/{hook}".to_owned()),
        ("post", "/api/v1/hooks-in/{hook}/test".to_owned()),
        ("get", "/api/kv/{key}".to_owned()),
        ("put", "/api/kv/{key}".to_owned()),
        ("delete", "/api/kv/{key}".to_owned()),
        ("post", "/api/v1/store/list".to_owned()),
        ("post", "/api/v1/store/commit".to_owned()),
        ("post", "/api/v1/store/accept".to_owned()),
        ("post", "/api/v1/store/restore".to_owned()),
    ];
    for (method, path) in calls {
        assert!(page["paths"][&path][method].is_object(), "{method} {path}");
    }
}
