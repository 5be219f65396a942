//! The files of the repository, as the checks of `rules.rs` read them.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose files nobody wrote here (`results` are those of the benches). What Cargo builds is told by the mark that it leaves.
const MADE: [&str; 4] = [".git", "node_modules", "__pycache__", "results"];
const MARK_OF_CARGO: &str = "CACHEDIR.TAG";

/// The root of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("it lies two folders deep")
}

/// The path of a file from the root.
pub fn relative(file: &Path) -> String {
    file.strip_prefix(root()).expect("it lies below the root").display().to_string()
}

/// Every text file below a folder, by its path from the root, with its text; in order.
pub fn texts(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    files.sort();
    // Pictures are no text.
    files.iter().filter_map(|file| Some((relative(file), fs::read_to_string(file).ok()?))).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    if folder.join(MARK_OF_CARGO).exists() {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_symlink() || MADE.iter().any(|made| name == *made) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
