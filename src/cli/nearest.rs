//! The known name that a name with a slip in it may mean.

/// The known name that is nearest to this one, if at most so many letters differ and one is the same.
pub(super) fn nearest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    slips_max: usize,
) -> Option<&'a str> {
    let near = known.into_iter().map(|known| (strsim::damerau_levenshtein(name, known), known));
    let near = near.filter(|(slips, _)| *slips <= slips_max && *slips < name.chars().count());
    near.min_by_key(|(slips, _)| *slips).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_those_that_are_near_is_named() {
        let known = ["hello", "shop", "shops"];
        assert_eq!(nearest("hlelo", known, 2), Some("hello"));
        assert_eq!(nearest("shopz", known, 2), Some("shop"));
        assert_eq!(nearest("blog", known, 2), None);
        assert_eq!(nearest("x", ["ab"], 2), None, "nothing is the same");
    }
}
