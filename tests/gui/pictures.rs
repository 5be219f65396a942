//! The pictures of every page and state: those in `docs/gui/` are made by `GUI_PICTURES=docs/gui cargo test --workspace --test gui`,
//! with a palette, so that they stay small.

use crate::browser::Browser;
use crate::{PAGES, SCREENS};
use serde_json::json;
use std::collections::HashMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// What the whole folder may weigh: it is cloned by everybody and looked at by few.
const FOLDER_BYTES_MAX: u64 = 6_000_000;
/// How many colours a palette holds.
const COLOURS_MAX: usize = 256;
/// As far down as a reader scrolls.
const HEIGHT_MAX: u32 = 2400;
/// A screen of a desk, and of a phone.
const STATE_HEIGHTS: [(u32, u32); 2] = [(1000, 900), (0, 780)];
/// What pages show in between, each kept by the test that gets there: dialogs, and what is wrong.
const STATES: [&str; 29] = [
    "approve",
    "apps-many",
    "choose",
    "compare",
    "deployments-served",
    "diverged",
    "endpoints",
    "explain",
    "frozen",
    "hooks-in",
    "local-abort",
    "lost",
    "moved",
    "plan",
    "plans-running",
    "promote",
    "recycle-dialog",
    "rise",
    "rollback-bad",
    "setup-done",
    "sign-in",
    "silent",
    "start",
    "store-differs",
    "token-dialog",
    "token-made",
    "viewer",
    "worse",
    "worse-promote",
];

/// Whether the buttons of the dialog that is open can be seen, however long it is.
const BUTTONS_IN_SIGHT: &str = "
    const rows = [...document.querySelectorAll('dialog[open] .dialog-buttons')].filter((row) => row.checkVisibility());
    return rows.every((row) => {
        const { top, bottom } = row.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
    });";

/// Brings into sight what the reader is at, which another screen may have moved out of it.
const TO_FOCUS: &str = "
    const at = document.activeElement;
    const { top, bottom } = at.getBoundingClientRect();
    if (at !== document.body && !at.closest('dialog') && (top < 0 || bottom > innerHeight)) at.scrollIntoView({ block: 'center' });";

/// Where the pictures for the documentation go, if this run is to make them.
pub fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("GUI_PICTURES")?;
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(named))
}

/// Keeps a picture of the page that is open, whole, for people to look at, and for the documentation if wanted.
pub fn keep(browser: &Browser, page: &str, (screen, width, scheme): (&str, u32, &str)) {
    let height = browser.script("return document.documentElement.scrollHeight").as_u64().expect("a height");
    browser.screen(width, u32::try_from(height).map_or(HEIGHT_MAX, |height| height.min(HEIGHT_MAX)), scheme);
    let png = browser.shown();
    let name = file_name(page, screen);
    browser.save(&name, &png);
    if let Some(folder) = folder() {
        fs::write(folder.join(name), with_palette(&png)).expect("a picture can be written");
    }
}

/// Keeps pictures of what is in sight of a page in some state, and says whether it fits every screen.
pub fn state(browser: &Browser, name: &str) {
    assert!(STATES.contains(&name), "{name} is not in the list of states");
    for (screen, width, scheme) in SCREENS {
        let height =
            STATE_HEIGHTS.into_iter().find(|(least, _)| width >= *least).map_or(0, |(_, height)| height);
        browser.screen(width, height, scheme);
        browser.script(TO_FOCUS);
        let over = "return Math.max(...[document.documentElement, ...document.querySelectorAll('dialog')].map((each) => each.scrollWidth - each.clientWidth))";
        assert_eq!(browser.script(over), json!(0), "{name} is wider than the {screen} screen");
        assert_eq!(
            browser.script(BUTTONS_IN_SIGHT),
            json!(true),
            "{name}: its buttons on the {screen} screen"
        );
        if let Some(folder) = folder() {
            fs::write(folder.join(file_name(name, screen)), with_palette(&browser.shown()))
                .expect("a picture can be written");
        }
    }
    browser.own_screen();
    browser.picture(name);
}

fn file_name(page: &str, screen: &str) -> String {
    format!("{page}-{screen}.png")
}

/// Rows of pixels, red, green and blue.
struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<[u8; 3]>,
}

/// Opens a PNG and reads what precedes its pixels.
fn open(png: &[u8]) -> png::Reader<Cursor<&[u8]>> {
    png::Decoder::new(Cursor::new(png)).read_info().expect("a PNG")
}

/// Reads a PNG as the browser writes it: eight bits a channel.
fn read(png: &[u8]) -> Picture {
    let mut reader = open(png);
    let mut bytes = vec![0; reader.output_buffer_size().expect("a small picture")];
    let frame = reader.next_frame(&mut bytes).expect("pixels");
    let samples = frame.color_type.samples();
    let pixels =
        bytes[..frame.buffer_size()].chunks_exact(samples).map(|pixel| [pixel[0], pixel[1], pixel[2]]);
    Picture { width: frame.width, height: frame.height, pixels: pixels.collect() }
}

fn distance(one: [u8; 3], other: [u8; 3]) -> u32 {
    one.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

/// The most frequent colours; one that can hardly be told from a more frequent one is left out.
fn palette(picture: &Picture) -> Vec<[u8; 3]> {
    const ALIKE: u32 = 60;
    let mut counted: HashMap<[u8; 3], usize> = HashMap::new();
    picture.pixels.iter().for_each(|pixel| *counted.entry(*pixel).or_default() += 1);
    let mut all: Vec<([u8; 3], usize)> = counted.into_iter().collect();
    all.sort_by_key(|(colour, count)| (std::cmp::Reverse(*count), *colour));
    let mut chosen: Vec<[u8; 3]> = Vec::new();
    for (colour, _) in all {
        if chosen.len() < COLOURS_MAX && chosen.iter().all(|other| distance(colour, *other) > ALIKE) {
            chosen.push(colour);
        }
    }
    chosen
}

/// The same picture, each pixel a place in a palette.
fn with_palette(png: &[u8]) -> Vec<u8> {
    let picture = read(png);
    let palette = palette(&picture);
    let mut nearest: HashMap<[u8; 3], u8> = HashMap::new();
    let mut place = |pixel: [u8; 3]| {
        *nearest.entry(pixel).or_insert_with(|| {
            let best = (0..palette.len()).min_by_key(|at| distance(palette[*at], pixel));
            u8::try_from(best.expect("a picture has a colour")).expect("a palette has 256 colours at most")
        })
    };
    let places: Vec<u8> = picture.pixels.iter().map(|pixel| place(*pixel)).collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, picture.width, picture.height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(palette.as_flattened().to_vec());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().expect("memory takes it");
    writer.write_image_data(&places).expect("memory takes it");
    writer.finish().expect("memory takes it");
    out
}

#[test]
fn the_pictures_are_those_of_the_pages_and_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/gui");
    let known = |page: &str| SCREENS.map(|(screen, width, _)| (file_name(page, screen), width));
    let names = PAGES.iter().map(|(page, _)| *page).chain(STATES);
    let known: HashMap<String, u32> = names.flat_map(known).collect();
    let (mut count, mut bytes) = (0, 0);
    for file in fs::read_dir(&folder).expect("the folder can be read") {
        let file = file.expect("an entry").path();
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let width = known.get(&name).unwrap_or_else(|| panic!("{name} is a picture of no page"));
        let png = fs::read(&file).expect("a picture can be read");
        assert_eq!(open(&png).info().width, *width, "{name} is {width} pixels wide");
        count += 1;
        bytes += png.len() as u64;
    }
    println!("{count} pictures of the pages: {bytes} bytes");
    assert!(count >= SCREENS.len() * PAGES.len(), "{count} pictures");
    assert!(count.is_multiple_of(SCREENS.len()), "{count} pictures: one is not there on every screen");
    assert!(bytes < FOLDER_BYTES_MAX, "{bytes} bytes");
    let readme = include_str!("../../README.md");
    let shown = readme.split("](docs/gui/").skip(1).filter_map(|rest| rest.split(')').next());
    let shown = shown.filter(|name| !name.is_empty());
    for name in shown {
        assert!(folder.join(name).is_file(), "README.md shows docs/gui/{name}");
    }
}
