//! `kv export`: everything, as a file that `kv import` and `serve --keyvalues` read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use reqwest::Method;

use super::{
    super::{
        client::Client,
        exit::{Exit, Failure},
        printer::Printer,
    },
    beside::{Backup, files_of, warning_of_pins},
    file::{self, Keyvalues},
    raw::{bytes, request},
    stored::{self, is_of_the_store},
};
use crate::schema::keyvalue::Keyvalue;

pub(super) async fn run(
    file: &str,
    with_secrets: bool,
    client: &Client,
    printer: &Printer,
) -> Result<Exit, Failure> {
    let mut keyvalues = if with_secrets { everything(client).await? } else { readable(client).await? };
    let count = keyvalues.len();
    let mut notes: Vec<String> = warning_of_pins(&keyvalues).map(str::to_owned).into_iter().collect();
    if with_secrets {
        let backup = Backup::of(&files_of(client).await?);
        backup.put(&mut keyvalues);
        notes.extend(backup.lines());
    }
    let text = file::render(&keyvalues);
    if file == "-" {
        printer.line(text);
        notes.iter().for_each(|note| printer.note(note));
        return Ok(Exit::Done);
    }
    let path = Path::new(file);
    let written = if with_secrets { write_private(path, &text) } else { write(path, &text) };
    written.map_err(|error| Failure::here(format!("cannot write {file}: {error}")))?;
    printer.line(format!("{count} keys in {file}"));
    notes.iter().for_each(|note| printer.line(note));
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    fill(file, text)
}

/// Writes the fleet's own keys. The file is a new one that takes the name, so that whoever could read an earlier one, or
/// has it open, reads none of it; and no link is followed to a place where somebody else waits.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => {
            let problem =
                "it is a link, a device or a folder; secrets are written to a file of their own, or to `-`";
            return Err(io::Error::other(problem));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&beside);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    let written = fill(file, text).and_then(|()| fs::rename(beside, path));
    if written.is_err() {
        let _ = fs::remove_file(beside);
    }
    written
}

fn fill(mut file: File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// What a viewer may see.
async fn readable(client: &Client) -> Result<Keyvalues, Failure> {
    let mut request = request(Method::GET, "")?;
    request.query.push(("recurse", "true".into()));
    let entries: Vec<Keyvalue> = client.send(request).await?.read_exact()?;
    entries.into_iter().map(|entry| Ok((entry.key.clone(), bytes(&entry)?))).collect()
}

/// The fleet's own keys too, less what belongs to this one store: its epoch, its members, what ends with a lease.
async fn everything(client: &Client) -> Result<Keyvalues, Failure> {
    let entries = stored::list(client).await?;
    let kept = entries.into_iter().filter(|entry| entry.lease.is_none() && !is_of_the_store(&entry.key));
    kept.map(|entry| Ok((entry.key.clone(), entry.bytes()?))).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn secrets_go_to_a_file_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let (path, target) = (dir.path().join("export"), dir.path().join("target"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let reader = File::open(&path).unwrap();
        write_private(&path, "secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(io::read_to_string(reader).unwrap(), "old", "who had it open reads no secret");
        fs::write(&target, "somebody's").unwrap();
        for name in ["link", "dangling"] {
            let link = dir.path().join(name);
            symlink(if name == "link" { &target } else { Path::new("nowhere") }, &link).unwrap();
            assert!(write_private(&link, "secret").is_err());
        }
        assert!(write_private(dir.path(), "secret").is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "somebody's");
        let left = fs::read_dir(dir.path()).unwrap().filter(|entry| {
            entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "new")
        });
        assert_eq!(left.count(), 0);
    }
}
