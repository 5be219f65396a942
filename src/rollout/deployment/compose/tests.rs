//! What a compose file may say, what it may not, and that reading one never costs more than it is worth.

use proptest::prelude::*;

use super::{
    port::Port,
    stack::{self, Services},
    words,
};

/// The stack of an old script.
const OLD: &str = "version: 2\nservices:\n  app:\n    image: \"registry.example/hello:7\"\n    ports:\n      - 80/tcp\n    environment:\n      - \"occs:availability=per-pool\"\n      - \"occs:scheduler=random\"\n";

fn read(text: &str) -> Services {
    stack::read(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn refused(text: &str) -> String {
    stack::read(text).map_or_else(|fault| fault, |services| panic!("{text} is read as {services:?}"))
}

#[test]
fn the_stack_of_an_old_script_is_read() {
    let app = &read(OLD)["app"];
    assert_eq!(app.image, "registry.example/hello:7");
    assert_eq!(app.ports, [Port { host: None, container: 80 }]);
    assert_eq!(app.directives, ["occs:availability=per-pool", "occs:scheduler=random"]);
    assert!(app.environment.is_empty());
}

#[test]
fn every_form_of_a_field_is_read() {
    let services = read(
        "services:\n  web:\n    image: shop\n    restart: always\n    command: sh -c 'echo \"a b\"' x\\ y\n    environment:\n      A: 1\n      B: \"two\"\n    ports: [8002:8080/tcp, \"9000\"]\n    volumes: [data:/var/data]\n  worker: {image: worker, command: [run, --all]}\n",
    );
    let web = &services["web"];
    assert_eq!(web.command, ["sh", "-c", "echo \"a b\"", "x y"]);
    assert_eq!(web.environment.reveal().collect::<Vec<_>>(), [("A", "1"), ("B", "two")]);
    assert_eq!(web.ports, [Port { host: Some(8002), container: 8080 }, Port { host: None, container: 9000 }]);
    assert_eq!(services["worker"].command, ["run", "--all"]);
    assert_eq!(read("web:\n  image: shop\n").len(), 1, "the first format");
}

#[test]
fn placeholders_stay_what_they_are() {
    let text = "services:\n  app:\n    image: {{registry}}/hello:1\n    environment:\n      - \"TOKEN={{ api_token }}\"\n      - PEER={{proxy \"db:80\"}}\n";
    let app = &read(text)["app"];
    assert_eq!(app.image, "{{registry}}/hello:1");
    let values: Vec<_> = app.environment.reveal().collect();
    assert_eq!(values, [("PEER", "{{proxy \"db:80\"}}"), ("TOKEN", "{{ api_token }}")]);
    assert_eq!(app.placeholder().as_deref(), Some("image"));
    assert!(refused("services:\n  app:\n    image: \"{{x\"\n").contains("does not end"));
}

#[test]
fn what_would_give_more_of_the_host_is_refused_by_name() {
    for (field, value) in [
        ("privileged", "true"),
        ("network_mode", "host"),
        ("pid", "host"),
        ("cap_add", "[SYS_ADMIN]"),
        ("devices", "[/dev/sda]"),
        ("volumes", "['/:/host']"),
        ("volumes", "['/var/run/docker.sock:/var/run/docker.sock']"),
        ("volumes", "['./x:/y']"),
        ("volumes", "['data:/a/../../etc']"),
        ("volumes", "[{type: bind, source: /, target: /host}]"),
        ("security_opt", "['seccomp:unconfined']"),
    ] {
        let fault = refused(&format!("services: {{app: {{image: shop, {field}: {value}}}}}"));
        assert!(fault.contains(field), "{field}: {fault}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (text, named) in [
        ("services: {app: {image: shop, imaeg: x}}", "imaeg"),
        ("services: {app: {ports: [80]}}", "image"),
        ("services: {app: {image: 'a b'}}", "a b"),
        ("services: {app: {image: shop, ports: [0]}}", "ports"),
        ("services: {app: {image: shop, ports: ['8000-8010:80']}}", "8000-8010:80"),
        ("services: {app: {image: shop, ports: ['80/udp']}}", "80/udp"),
        ("services: {app: {image: shop, ports: [80, '8080:80']}}", "twice"),
        ("services: {app: {image: shop, environment: [PATH]}}", "PATH"),
        ("services: {app: {image: shop, environment: ['A B=1']}}", "A B"),
        ("services: {app: {image: a, image: b}}", "twice"),
        ("services: {app: {image: shop}}\nprivileged: true\n", "privileged"),
        ("services: {'a/b': {image: shop}}", "a/b"),
        ("services: {app: {image: shop, command: \"sh 'x\"}}", "command"),
        ("services: {app: {image: shop, build: .}}", "build"),
        ("services: {}", "no service"),
        ("", "empty"),
        ("just text", "map"),
        ("a: [", "line"),
        ("services: {app: {image: shop}}\n---\nservices: {}\n", "document"),
        ("services: {app: {image: !!python/object shop}}", "tags"),
    ] {
        let fault = refused(text);
        assert!(fault.contains(named), "{text}: {fault}");
    }
}

#[test]
fn a_secret_is_in_no_refusal_and_in_no_file_that_is_written() {
    for text in [
        "services: {app: {image: shop, environment: ['1X=hunter2']}}",
        "services: {app: {image: shop, environment: {A: [hunter2]}}}",
        "services:\n  app:\n    image: shop\n    environment:\n      - \"A=hunter2\n",
    ] {
        assert!(!refused(text).contains("hunter2"), "{text}");
    }
    let services =
        read("services: {app: {image: shop, environment: ['A=hunter2', 'occs:scheduler=random']}}");
    let written = stack::write(&services.iter().map(|(name, service)| (name.as_str(), service)).collect());
    assert!(!written.contains("hunter2") && written.contains("A=(secret)"), "{written}");
    assert!(refused(&written).contains("(secret)"), "what is not shown is not taken for the value");
}

#[test]
fn a_bomb_costs_nothing() {
    let laughs =
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n";
    assert!(refused(laughs).contains("anchors"));
    assert!(refused("a: *b\n").contains("line"));
    // The reader or the parser refuses these, whichever sees it first.
    for deep in ["[", "- ", "{a: ", "? "] {
        let fault = refused(&deep.repeat(15_000));
        assert!(fault.contains("levels") || fault.contains("line"), "{fault}");
    }
    assert!(refused(&format!("services: [{}]", "a,".repeat(20_000))).contains("values"));
    assert!(refused(&"x".repeat(70_000)).contains("bytes"));
}

#[test]
fn a_command_is_split_as_a_shell_would() {
    assert_eq!(words::split(r#"a  'b "c' "d\"e\f" g\ h """#).unwrap(), ["a", "b \"c", "d\"e\\f", "g h", ""]);
    for fault in ["'a", "\"a", "a\\"] {
        assert!(words::split(fault).is_err(), "{fault}");
    }
}

proptest! {
    #[test]
    fn nothing_from_outside_breaks_the_reader(text in "(\\PC|[\\n{}\\[\\]&*!:,'\" -]|services|image|app| {2,4}){0,60}") {
        let _ = stack::read(&text);
        let _ = words::split(&text);
    }

    #[test]
    fn what_is_written_is_read_again(image in "[a-z]{1,8}(:[0-9.]{1,4})?", word in "\\PC{0,12}", port in 1_u16..) {
        prop_assume!(!word.contains("{{") && !word.contains(['\u{f8f0}', '\u{f8f1}']));
        let service = super::service::Service {
            image, command: vec![word], ports: vec![Port { host: None, container: port }], ..Default::default()
        };
        let written = stack::write(&[("app", &service)].into_iter().collect());
        prop_assert_eq!(stack::read(&written).map(|mut services| services.remove("app")), Ok(Some(service)), "{}", written);
    }
}
