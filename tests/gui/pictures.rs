//! The pictures of every page: those in `docs/gui/` are made by
//! `GUI_PICTURES=docs/gui cargo test --workspace --test gui every_page_fits`, with a palette, so that they stay small.

use crate::browser::Browser;
use crate::{PAGES, SCREENS};
use flate2::{Compression, Crc, read::ZlibDecoder, write::ZlibEncoder};
use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// What the whole folder may weigh: it is cloned by everybody and looked at by few.
const FOLDER_BYTES_MAX: u64 = 3_000_000;
/// How many colours a palette holds (PNG, section 11.2.2).
const COLOURS_MAX: usize = 256;
/// As far down as a reader scrolls.
const HEIGHT_MAX: u32 = 2400;
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

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

fn file_name(page: &str, screen: &str) -> String {
    format!("{page}-{screen}.png")
}

/// Rows of pixels, red, green and blue.
struct Picture {
    width: usize,
    pixels: Vec<[u8; 3]>,
}

/// A chunk's type and data (PNG, section 5.3).
fn chunks(png: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    let mut rest = png.strip_prefix(SIGNATURE).expect("a PNG");
    while let [a, b, c, d, more @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        found.push((&more[..4], &more[4..4 + length]));
        rest = &more[4 + length + 4..];
    }
    found
}

/// Reads a PNG as the browser writes it: eight bits a channel, not interlaced.
fn read(png: &[u8]) -> Picture {
    let header = chunks(png)[0].1;
    let width = u32::from_be_bytes(header[..4].try_into().expect("four bytes")) as usize;
    let channels = if header[9] == 6 { 4 } else { 3 };
    let packed: Vec<u8> =
        chunks(png).iter().filter(|(kind, _)| *kind == b"IDAT").flat_map(|(_, data)| data.to_vec()).collect();
    let mut lines = Vec::new();
    ZlibDecoder::new(&packed[..]).read_to_end(&mut lines).expect("zlib");
    let mut above = vec![0; width * channels];
    let mut pixels = Vec::new();
    for line in lines.chunks_exact(1 + width * channels) {
        let mut line_of_pixels = line[1..].to_vec();
        unfilter(line[0], &mut line_of_pixels, &above, channels);
        pixels.extend(line_of_pixels.chunks_exact(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]));
        above = line_of_pixels;
    }
    Picture { width, pixels }
}

/// Undoes a line's filter (PNG, section 9.2).
fn unfilter(kind: u8, line: &mut [u8], above: &[u8], channels: usize) {
    for at in 0..line.len() {
        let left = if at < channels { 0 } else { line[at - channels] };
        let corner = if at < channels { 0 } else { above[at - channels] };
        let guess = match kind {
            0 => 0,
            1 => left,
            2 => above[at],
            3 => left.midpoint(above[at]),
            _ => paeth(left, above[at], corner),
        };
        line[at] = line[at].wrapping_add(guess);
    }
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let from = |one: u8| {
        let guess = i32::from(left) + i32::from(above) - i32::from(corner);
        (guess - i32::from(one)).abs()
    };
    if from(left) <= from(above) && from(left) <= from(corner) {
        left
    } else if from(above) <= from(corner) {
        above
    } else {
        corner
    }
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
    let mut lines = ZlibEncoder::new(Vec::new(), Compression::best());
    for line in picture.pixels.chunks_exact(picture.width) {
        let places: Vec<u8> = std::iter::once(0).chain(line.iter().map(|pixel| place(*pixel))).collect();
        lines.write_all(&places).expect("memory takes it");
    }
    let mut header = chunks(png)[0].1.to_vec();
    header[9] = 3;
    let mut out = SIGNATURE.to_vec();
    write_chunk(&mut out, b"IHDR", &header);
    write_chunk(&mut out, b"PLTE", palette.as_flattened());
    write_chunk(&mut out, b"IDAT", &lines.finish().expect("memory takes it"));
    write_chunk(&mut out, b"IEND", &[]);
    out
}

fn write_chunk(out: &mut Vec<u8>, kind: &[u8], data: &[u8]) {
    let mut sum = Crc::new();
    sum.update(kind);
    sum.update(data);
    out.extend(u32::try_from(data.len()).expect("a small chunk").to_be_bytes());
    out.extend(kind);
    out.extend(data);
    out.extend(sum.sum().to_be_bytes());
}

#[test]
fn the_pictures_are_those_of_the_pages_and_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/gui");
    let known = |page: &str| SCREENS.map(|(screen, width, _)| (file_name(page, screen), width));
    let known: HashMap<String, u32> = PAGES.iter().flat_map(|(page, _)| known(page)).collect();
    let (mut count, mut bytes) = (0, 0);
    for file in fs::read_dir(&folder).expect("the folder can be read") {
        let file = file.expect("an entry").path();
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let width = known.get(&name).unwrap_or_else(|| panic!("{name} is a picture of no page"));
        let png = fs::read(&file).expect("a picture can be read");
        assert_eq!(chunks(&png)[0].1[..4], width.to_be_bytes(), "{name} is {width} pixels wide");
        count += 1;
        bytes += png.len() as u64;
    }
    println!("{count} pictures of the pages: {bytes} bytes");
    assert!(count >= 4 * 12, "{count} pictures");
    assert!(bytes < FOLDER_BYTES_MAX, "{bytes} bytes");
    let readme = include_str!("../../README.md");
    let shown = readme.split("](docs/gui/").skip(1).filter_map(|rest| rest.split(')').next());
    let shown = shown.filter(|name| !name.is_empty());
    for name in shown {
        assert!(folder.join(name).is_file(), "README.md shows docs/gui/{name}");
    }
}
