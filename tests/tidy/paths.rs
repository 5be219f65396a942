//! No file names a folder of the machine on which it was written: such a path leads nowhere for everybody else.

use crate::source::report;
use tidy::texts;

/// Folders of one machine. What follows them is somebody's own; `/tmp` by itself is everybody's.
const OF_A_MACHINE: [&str; 5] = ["/work", "/root", "/home", "/tmp", "/Users"];

#[test]
fn no_file_names_a_path_of_one_machine() {
    let mut findings = Vec::new();
    for (path, text) in texts("") {
        for (at, line) in text.lines().enumerate() {
            let found = path_of_a_machine(line);
            findings.extend(found.map(|found| format!("{path}:{}: {found}: a path of one machine", at + 1)));
        }
    }
    report(findings);
}

/// The first such path of a line.
fn path_of_a_machine(line: &str) -> Option<&str> {
    OF_A_MACHINE.iter().find_map(|folder| {
        line.match_indices(folder).map(|(at, _)| at).find_map(|at| {
            let begins = !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-/}>*".contains(c));
            let rest = line[at + folder.len()..].strip_prefix('/')?;
            let name = rest.find(|c: char| !c.is_alphanumeric() && !"._-/".contains(c)).unwrap_or(rest.len());
            let written = begins && rest.starts_with(|c: char| c.is_alphanumeric() || c == '.');
            written.then(|| &line[at..at + folder.len() + 1 + name])
        })
    })
}

#[test]
fn a_path_of_a_machine_is_told_from_others() {
    // Put together, since this file is looked at as well.
    let path = |parts: &[&str]| parts.concat();
    for found in [path(&["/ro", "ot/.cargo"]), path(&["/ho", "me/ada/x"]), path(&["/tm", "p/hours"])] {
        assert_eq!(path_of_a_machine(&format!("see `{found}`.")), Some(found.as_str()));
    }
    for fine in ["target/tmp/gui", "$DIR/work/x", "/tmp", "https://example.org/home/x", "/workers/1", "/root"]
    {
        assert_eq!(path_of_a_machine(fine), None, "{fine}");
    }
}
