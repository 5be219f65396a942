//! Placeholders in a compose file, `{{...}}`: the systems of old scripts filled them in on the node. They are kept out of the
//! reader's way, since braces mean something in YAML, and stand in the values again afterwards.

/// Marks the place of a placeholder: private characters, which no file has.
const MARKS: (char, char) = ('\u{f8f0}', '\u{f8f1}');

/// The placeholders of one file.
#[derive(Debug, Default)]
pub struct Placeholders(Vec<String>);

impl Placeholders {
    /// Takes the placeholders out of a text.
    ///
    /// # Errors
    /// One of them does not end, or the text has the characters that mark them; the text says so.
    pub fn take_out(text: &str) -> Result<(String, Self), String> {
        if text.contains([MARKS.0, MARKS.1]) {
            return Err("the file has private characters (U+F8F0, U+F8F1), which mean nothing".to_owned());
        }
        let (mut out, mut rest, mut taken) = (String::new(), text, Vec::new());
        while let Some(start) = rest.find("{{") {
            let Some(length) = rest[start..].find("}}") else {
                return Err("a placeholder begins with `{{` and does not end with `}}`".to_owned());
            };
            let end = start + length + 2;
            out.push_str(&rest[..start]);
            out.push_str(&format!("{}{}{}", MARKS.0, taken.len(), MARKS.1));
            taken.push(rest[start..end].to_owned());
            rest = &rest[end..];
        }
        out.push_str(rest);
        Ok((out, Self(taken)))
    }

    /// A value with its placeholders.
    pub fn put_back(&self, value: &str) -> String {
        let mut out = String::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once(MARKS.0) {
            let (index, after) = after.split_once(MARKS.1).unwrap_or(("", after));
            out.push_str(before);
            let taken = index.parse::<usize>().ok().and_then(|index| self.0.get(index));
            out.push_str(taken.map_or("", String::as_str));
            rest = after;
        }
        out + rest
    }
}
