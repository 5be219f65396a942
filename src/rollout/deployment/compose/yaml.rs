//! YAML as a tree, bounded in every direction: bytes, depth, nodes. No aliases, no tags: what a file says is what it has.

use saphyr_parser::{Event, Parser};

use super::placeholder::Placeholders;

/// The most bytes of a file.
pub const YAML_BYTES_MAX: usize = 64 << 10;
/// How deep a file nests: a compose file needs 4.
const DEPTH_MAX: usize = 16;
/// The most values in a file: a stack of ten services has a few hundred.
const NODES_MAX: usize = 4_000;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yaml {
    /// A text, a number, a truth value, or nothing at all.
    Scalar(String),
    /// A list.
    List(Vec<Self>),
    /// A map, in the order of the file.
    Map(Vec<(String, Self)>),
}

/// A list or a map that is being read.
enum Open {
    List(Vec<Yaml>),
    /// With the key whose value comes next.
    Map(Vec<(String, Yaml)>, Option<String>),
}

/// Reads the one document of a file.
///
/// # Errors
/// It is no YAML, or more of it than is allowed; the text says where, and what is allowed.
pub fn read(text: &str) -> Result<Yaml, String> {
    if text.len() > YAML_BYTES_MAX {
        return Err(format!("the file has {} bytes; allowed are at most {YAML_BYTES_MAX}", text.len()));
    }
    let (text, placeholders) = Placeholders::take_out(text)?;
    let mut reader = Reader { placeholders, open: Vec::new(), nodes: 0, root: None };
    for event in Parser::new_from_str(&text) {
        // The parser's own words repeat what stands there, which may be a secret.
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            format!("the file is no YAML: line {}, column {}", at.line(), at.col() + 1)
        })?;
        reader.take(event).map_err(|fault| format!("line {}: {fault}", span.start.line()))?;
    }
    reader.root.ok_or_else(|| "the file is empty; allowed is a compose file".to_owned())
}

struct Reader {
    placeholders: Placeholders,
    open: Vec<Open>,
    nodes: usize,
    root: Option<Yaml>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Alias(_) => {
                return Err("aliases (`*name`) are not allowed; write the value out".to_owned());
            }
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor > 0 =>
            {
                return Err("anchors (`&name`) are not allowed; write the value out".to_owned());
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                return Err("tags (`!name`) are not allowed".to_owned());
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                return Err("the file has more than one document; allowed is one".to_owned());
            }
            Event::Scalar(text, ..) => self.add(Yaml::Scalar(self.placeholders.put_back(&text)))?,
            Event::SequenceStart(..) => self.begin(Open::List(Vec::new()))?,
            Event::MappingStart(..) => self.begin(Open::Map(Vec::new(), None))?,
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(items)) => self.add(Yaml::List(items))?,
                Some(Open::Map(fields, _)) => self.add(Yaml::Map(fields))?,
                None => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, open: Open) -> Result<(), String> {
        if self.open.len() == DEPTH_MAX {
            return Err(format!("the file nests deeper than {DEPTH_MAX} levels, which are allowed"));
        }
        self.open.push(open);
        Ok(())
    }

    fn add(&mut self, value: Yaml) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(format!("the file has more than {NODES_MAX} values, which are allowed"));
        }
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map(fields, key @ Some(_))) => {
                let key = key.take().unwrap_or_default();
                fields.push((key, value));
            }
            Some(Open::Map(fields, key)) => {
                let Yaml::Scalar(name) = value else { return Err("a key must be a text".to_owned()) };
                if fields.iter().any(|(known, _)| *known == name) {
                    return Err(format!("`{}` stands there twice", name.escape_debug()));
                }
                *key = Some(name);
            }
        }
        Ok(())
    }
}
