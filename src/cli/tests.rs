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
        ("post", format!("{app}/promote")),
        ("post", format!("{app}/abort")),
        ("post", format!("{app}/rollback")),
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
