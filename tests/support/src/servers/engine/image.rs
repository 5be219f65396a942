//! Images of nothing but the server of the suites.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::TestEngine;

/// The source of the server.
const SOURCE: &str = include_str!("app.rs");

impl TestEngine {
    /// Makes an image of the server, with variables such as `RELEASE=v1`, under a name such as `shop:1`.
    pub fn image(&self, name: &str, variables: &[&str]) {
        let (repository, tag) = name.rsplit_once(':').expect("a name has a tag");
        let mut query = format!("/images/create?fromSrc=-&repo={repository}&tag={tag}");
        let fixed = ["CMD [\"/app\"]", "EXPOSE 80"].map(str::to_owned);
        let variables = variables.iter().filter_map(|variable| variable.split_once('='));
        let variables = variables.map(|(name, value)| format!("ENV {name}=\"{value}\""));
        for line in fixed.into_iter().chain(variables) {
            query += &format!("&changes={}", escaped(&line));
        }
        self.import(&query, archive());
    }

    /// Makes an image of so many MiB, which cannot be compressed.
    pub fn large_image(&self, name: &str, mib: usize) {
        let (repository, tag) = name.rsplit_once(':').expect("a name has a tag");
        let folder = tempfile::tempdir().expect("a folder");
        let noise = fs::File::open("/dev/urandom").expect("every Linux has it");
        let mut file = fs::File::create(folder.path().join("app")).expect("a file");
        std::io::copy(&mut noise.take((mib as u64) << 20), &mut file).expect("the file can be written");
        self.import(&format!("/images/create?fromSrc=-&repo={repository}&tag={tag}"), &pack(folder.path()));
    }

    fn import(&self, query: &str, archive: &[u8]) {
        let (status, answer) = self.send("POST", query, &[("Content-Type", "application/x-tar")], archive);
        assert!(status == 200 && !answer.contains("\"error\""), "{query}: {status} {answer}");
    }
}

/// An archive of the server as `/app`.
fn archive() -> &'static [u8] {
    static ARCHIVE: OnceLock<Vec<u8>> = OnceLock::new();
    ARCHIVE.get_or_init(|| pack(program().parent().expect("it lies in a folder")))
}

/// An archive of a folder's file `app`.
fn pack(folder: &Path) -> Vec<u8> {
    let packed =
        Command::new("tar").args(["-c", "--owner=0", "--group=0", "-C"]).arg(folder).arg("app").output();
    let packed = packed.unwrap_or_else(|error| panic!("tar is needed for this suite: {error}"));
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    packed.stdout
}

/// The server, compiled. It is kept beside the suites until its source changes.
fn program() -> PathBuf {
    let suite = std::env::current_exe().expect("a suite knows its own file");
    let root = suite.ancestors().nth(2).expect("a suite lies two folders deep").join("engine-app");
    let kept = root.join(format!("{:016x}", hash(SOURCE)));
    let program = kept.join("app");
    if !program.exists() {
        fs::create_dir_all(&root).expect("a folder");
        let fresh = tempfile::tempdir_in(&root).expect("a folder");
        compile(fresh.path());
        // Another suite may have been faster; its program is the same.
        let _ = fs::rename(fresh.keep(), &kept);
    }
    program
}

fn compile(folder: &Path) {
    let source = folder.join("app.rs");
    fs::write(&source, SOURCE).expect("the source can be written");
    let compiled = Command::new("rustc")
        .args([
            "--edition",
            "2024",
            "-C",
            "target-feature=+crt-static",
            "-C",
            "opt-level=s",
            "-C",
            "strip=symbols",
            "-o",
        ])
        .arg(folder.join("app"))
        .arg(&source)
        .output()
        .unwrap_or_else(|error| panic!("rustc is needed for this suite: {error}"));
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

/// FNV-1a, 64 bits.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
