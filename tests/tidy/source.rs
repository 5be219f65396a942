//! A source file, and the reader that tells code from comments and strings.

use std::path::Path;

use tidy::texts;

/// A source file: its path below the root, its text, and its text with comments and strings blanked out.
pub struct Source {
    pub path: String,
    pub text: String,
    pub code: String,
}

/// The Rust files below some folders.
pub fn sources(folders: &[&str]) -> Vec<Source> {
    let texts = folders.iter().flat_map(|folder| texts(folder));
    let rust = texts.filter(|(path, _)| path.ends_with(".rs"));
    rust.map(|(path, text)| Source { code: blank_out(&text), path, text }).collect()
}

pub fn report(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// The Rust files below some folders as they are outside tests: without files that are only for them, and their items blanked out.
pub fn outside_tests(folders: &[&str]) -> Vec<Source> {
    let mut all = sources(folders);
    let only_tests = test_modules(&all);
    all.retain(|source| !only_tests.iter().any(|module| source.path.starts_with(module)));
    for source in &mut all {
        source.code = without_tests(&source.code);
    }
    all
}

/// Path prefixes of modules that exist only for tests: those declared `#[cfg(test)] mod name;`.
fn test_modules(sources: &[Source]) -> Vec<String> {
    let mut out = Vec::new();
    for source in sources {
        let file = Path::new(&source.path);
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let parent = file.parent().unwrap_or(file);
        let home = if matches!(stem, "mod" | "lib" | "main") { parent.to_owned() } else { parent.join(stem) };
        for at in positions(&source.code, "#[cfg(test)]") {
            let rest = source.code[at + "#[cfg(test)]".len()..].trim_start();
            let rest = rest.strip_prefix("pub(crate) ").unwrap_or(rest);
            let Some(name) =
                rest.strip_prefix("mod ").and_then(|rest| rest.split_once(';')).map(|(name, _)| name)
            else {
                continue;
            };
            if !name.contains('{') {
                out.push(home.join(name).display().to_string());
            }
        }
    }
    out
}

/// The module names that follow `crate::`: one, or each first name inside braces.
pub fn first_names(rest: &str) -> Vec<String> {
    let ident =
        |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(inner) = rest.strip_prefix('{') else { return vec![ident(rest)] };
    let mut names = Vec::new();
    let (mut depth, mut expects) = (0_i32, true);
    for (at, char) in inner.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects = true,
            c if expects && (c.is_alphabetic() || c == '_') => {
                names.push(ident(&inner[at..]));
                expects = false;
            }
            _ => {}
        }
    }
    names
}

/// The length of the block that starts with the first brace of `code`.
pub fn closing(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// The code with every `#[cfg(test)]` item blanked out.
pub fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(at) = out.find("#[cfg(test)]") {
        let open = out[at..].find(['{', ';']).map_or(out.len(), |open| at + open);
        let end =
            if out[open..].starts_with('{') { open + closing(&out[open..]) } else { out.len().min(open + 1) };
        let blank: String = out[at..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(at..end, &blank);
    }
    out
}

/// The source with comments, strings and character literals blanked out, line breaks kept.
pub fn blank_out(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + literal_length(&bytes[at..], at.checked_sub(1).map(|before| bytes[before]));
        for byte in out[at..end].iter_mut().filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
        at = end.max(at + 1);
    }
    String::from_utf8(out).expect("whole literals were replaced by ASCII")
}

/// How many bytes a comment or literal takes that starts here; 0 when none does.
fn literal_length(rest: &[u8], before: Option<u8>) -> usize {
    let in_word = before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => find(rest, b"*/").map_or(rest.len(), |end| end + 2),
        [b'"', ..] => quoted(rest, b'"'),
        [b'r', b'"' | b'#', ..] if !in_word => raw_string(rest),
        [b'b', b'r', b'"' | b'#', ..] if !in_word => 1 + raw_string(&rest[1..]),
        [b'\'', b'\\', ..] => quoted(rest, b'\''),
        [b'\'', _, b'\'', ..] => 3,
        [b'\'', first, ..] if *first >= 0x80 => {
            find(&rest[1..6.min(rest.len())], b"'").map_or(0, |end| end + 2)
        }
        _ => 0,
    }
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let end = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    find(&rest[2 + hashes..], &end).map_or(rest.len(), |at| 2 + hashes + at + end.len())
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

pub fn positions<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at)
}

pub fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

pub fn lines_with<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.lines().enumerate().filter(move |(_, line)| line.contains(word)).map(|(at, _)| at + 1)
}

#[test]
fn the_reader_tells_code_from_text() {
    assert_eq!(without_tests("a #[cfg(test)] mod t { b } c").trim_end(), format!("a {} c", " ".repeat(24)));
    assert_eq!(blank_out("r#\"un\"wrap\"# b'x' 'a: 'é'").trim(), "b    'a:");
}
