//! A file that the router writes line by line, read while it is being written.

use std::fs;
use std::path::Path;

/// Its whole lines; the one that is being written is none yet.
pub fn whole_lines(file: &Path) -> Vec<String> {
    let bytes = fs::read(file).unwrap_or_default();
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    String::from_utf8_lossy(&bytes[..end]).lines().map(str::to_owned).collect()
}

/// Its whole lines as JSON.
pub fn objects(file: &Path) -> Vec<serde_json::Value> {
    let object = |line: &String| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    whole_lines(file).iter().map(object).collect()
}
