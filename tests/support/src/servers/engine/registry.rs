//! A real registry of images, which an engine pushes to and pulls from.

use std::{fs, net::TcpStream};

use super::TestEngine;
use crate::{clock::eventually, servers::Server};

/// Who may use a registry that asks for a login.
pub const USER: &str = "ci";
/// His password.
pub const PASSWORD: &str = "registry-password";
/// The same as bcrypt has it.
const HASH: &str = "$2b$04$w1DJ9CaQv9BMamek.nDl6OJp02kMb14m5W7Z1qkQptfk8ZdCpHgRS";

/// A registry on this machine, which the engine reaches.
pub struct Registry {
    /// Its host and port, as they stand before the names of images.
    pub name: String,
    server: Server,
}

impl Registry {
    /// A registry that anybody may use.
    pub fn start(engine: &TestEngine) -> Self {
        Self::start_with(engine, false)
    }

    /// A registry that asks for a login.
    pub fn with_login(engine: &TestEngine) -> Self {
        Self::start_with(engine, true)
    }

    fn start_with(engine: &TestEngine, login: bool) -> Self {
        let host = engine.gateway;
        let server = Server::start("docker-registry", 1, |folder, ports| {
            let file = folder.join("config.yml");
            let users = folder.join("users");
            fs::write(&users, format!("{USER}:{HASH}\n")).expect("the file can be written");
            let auth = format!("auth:\n  htpasswd:\n    realm: suite\n    path: {}\n", users.display());
            let text = format!(
                "version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {host}:{}\n{}",
                folder.join("images").display(),
                ports[0],
                if login { auth } else { String::new() }
            );
            fs::write(&file, text).expect("the file can be written");
            vec!["serve".into(), file.display().to_string()]
        });
        let port = server.ports[0];
        eventually("the registry answers", || TcpStream::connect((host, port)).is_ok());
        Self { name: format!("{host}:{port}"), server }
    }

    /// Ends it.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Makes an image of the server on the engine, pushes it here under a name such as `shop:1`, and removes it there.
    pub fn push(&self, engine: &TestEngine, name: &str, variables: &[&str]) -> String {
        let whole = format!("{}/{name}", self.name);
        engine.image(&whole, variables);
        self.push_made(engine, whole)
    }

    /// The same with an image of so many MiB that cannot be compressed.
    pub fn push_large(&self, engine: &TestEngine, name: &str, mib: usize) -> String {
        let whole = format!("{}/{name}", self.name);
        engine.large_image(&whole, mib);
        self.push_made(engine, whole)
    }

    fn push_made(&self, engine: &TestEngine, whole: String) -> String {
        let (repository, tag) = whole.rsplit_once(':').expect("a name has a tag");
        let login = base64(&format!(r#"{{"username": "{USER}", "password": "{PASSWORD}"}}"#));
        let path = format!("/images/{repository}/push?tag={tag}");
        let (status, answer) = engine.send("POST", &path, &[("X-Registry-Auth", &login)], &[]);
        assert!(status == 200 && !answer.contains("\"error\""), "push of {whole}: {status} {answer}");
        engine.call("DELETE", &format!("/images/{whole}?force=1"), None);
        whole
    }

    /// A `config.json` with the login.
    pub fn login_file(&self) -> String {
        format!(
            r#"{{"auths": {{"{}": {{"auth": "{}"}}}}}}"#,
            self.name,
            base64(&format!("{USER}:{PASSWORD}"))
        )
    }
}

fn base64(text: &str) -> String {
    use ::base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}
