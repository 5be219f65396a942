//! README.md and the pages of `docs/`, as the tests read them: blocks of code with their language.

use std::{fs, path::Path};

/// One block of a page.
pub struct Block {
    /// The page, below the root, such as `docs/hooks.md`.
    pub page: String,
    /// The line of its fence.
    pub line: usize,
    /// The heading that it stands under, without its signs.
    pub heading: String,
    /// The first word behind the fence; empty if there is none.
    pub language: String,
    /// What stands between the fences.
    pub text: String,
}

impl Block {
    /// Why it cannot run, if it says so.
    pub fn excuse(&self) -> Option<&str> {
        self.text.lines().next()?.strip_prefix("# Not run by the tests: ")
    }

    /// Its lines, without empty ones and comments.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    }
}

/// Every page: README.md and those of `docs/`, by name.
pub fn pages() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let names = fs::read_dir(folder).expect("docs/ can be read").flatten().map(|entry| entry.file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let mut pages: Vec<String> =
        names.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}")).collect();
    pages.push("README.md".to_owned());
    pages.sort();
    pages
}

/// The blocks of a page, in its order.
pub fn blocks(page: &str) -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
    let (mut blocks, mut open, mut heading) = (Vec::new(), None::<Block>, String::new());
    for (line, at) in text.lines().zip(1..) {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(info), None) => {
                let language = info.split_whitespace().next().unwrap_or_default().to_owned();
                let (page, heading) = (page.to_owned(), heading.clone());
                open = Some(Block { page, line: at, heading, language, text: String::new() });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text += line;
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) if line.starts_with('#') => {
                line.trim_start_matches('#').trim().clone_into(&mut heading);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: its last block has no end");
    blocks
}

/// The lines of the nth block under a heading, without empty ones and comments.
pub fn lines(page: &str, heading: &str, nth: usize) -> Vec<String> {
    let mut under = blocks(page).into_iter().filter(|block| block.heading == heading);
    let block = under.nth(nth).unwrap_or_else(|| panic!("{page}, `{heading}`: it has no block {nth}"));
    block.lines().map(str::to_owned).collect()
}
