//! Facts about a release, given with the command that puts it on a track: its commit, who made it, where it was built. The router
//! keeps and shows them, and reads nothing from them.

use std::collections::BTreeMap;

/// Facts by name.
pub type Facts = BTreeMap<String, String>;

/// Facts of one release. They stand in each record of the history.
pub const FACTS_MAX: usize = 12;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 32;
/// Bytes of a value: a long URL fits.
const VALUE_BYTES_MAX: usize = 300;

/// What is wrong with facts: the name of the one at fault, if it is one, and what is allowed.
pub fn fault(facts: &Facts) -> Option<(Option<&str>, String)> {
    if facts.len() > FACTS_MAX {
        return Some((None, format!("there are {}; allowed are at most {FACTS_MAX}", facts.len())));
    }
    facts.iter().find_map(|(name, value)| {
        let message = if !is_name(name) {
            format!("allowed as a name are 1 to {NAME_BYTES_MAX} letters a to z, digits and `-`")
        } else if value.is_empty() || value.len() > VALUE_BYTES_MAX {
            format!("{} bytes; allowed are 1 to {VALUE_BYTES_MAX}", value.len())
        } else if value.chars().any(char::is_control) {
            "a control character; allowed is a line of text".to_owned()
        } else {
            return None;
        };
        Some((Some(name.as_str()), message))
    })
}

/// Whether a text leads from a fact to where it is told of: `commit=https://git.example/commit/{}`, where `{}` stands for the value.
pub fn is_link(text: &str) -> bool {
    let Some((name, url)) = text.split_once('=') else { return false };
    let is_web = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
    let is_plain =
        url.len() <= VALUE_BYTES_MAX && !url.contains(|letter: char| letter.is_control() || letter == ' ');
    is_name(name) && is_web && is_plain && url.matches("{}").count() == 1
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pairs: &[(&str, &str)]) -> Facts {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_link_has_a_name_and_an_address_with_a_place_for_the_value() {
        assert!(is_link("commit=https://git.example/shop/commit/{}"));
        assert!(is_link("author=http://people.example/?name={}&x=y"));
        for wrong in [
            "https://git.example/{}",
            "commit=https://git.example/",
            "commit=javascript:{}",
            "a b=https://h/{}",
            "a=https://h/{}{}",
            "a=https://h/ {}",
        ] {
            assert!(!is_link(wrong), "{wrong}");
        }
    }

    #[test]
    fn facts_are_a_few_short_lines_with_plain_names() {
        let good = facts(&[("commit", "3f2a9c1"), ("build-url", "https://ci.example/builds/1188?x=é")]);
        assert_eq!(fault(&good), None);
        let long = "x".repeat(VALUE_BYTES_MAX + 1);
        for (name, value) in [
            ("", "x"),
            ("Commit", "x"),
            ("a b", "x"),
            ("notes", ""),
            ("notes", "a\nb"),
            ("notes", long.as_str()),
        ] {
            let given = facts(&[(name, value)]);
            assert_eq!(fault(&given).expect("refused").0, Some(name), "{name:?} {value:?}");
        }
        let many: Facts = (0..=FACTS_MAX).map(|n| (format!("n{n}"), "x".to_owned())).collect();
        assert!(fault(&many).is_some_and(|(name, message)| name.is_none() && message.contains("at most 12")));
    }
}
