//! How routers name themselves to whom they ask, in `CDN-Loop` (RFC 8586): so that a request that comes back, or that
//! reaches the admin port by way of a front, is known for what it is.

/// What stands before a node id.
const PREFIX: &str = "rolling-router-";

/// What a router with this node id calls itself.
pub fn name_of(node: &str) -> String {
    format!("{PREFIX}{node}")
}

/// The names that a value lists, without their parameters.
pub fn names(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let before_parameters = |info: &[u8]| info.iter().position(|&byte| byte == b';').unwrap_or(info.len());
    value.split(|&byte| byte == b',').map(move |info| info[..before_parameters(info)].trim_ascii())
}

/// The node ids among them, in lower case.
pub fn nodes(value: &[u8]) -> impl Iterator<Item = String> {
    names(value).filter_map(|name| {
        let (prefix, node) = std::str::from_utf8(name).ok()?.split_at_checked(PREFIX.len())?;
        (prefix.eq_ignore_ascii_case(PREFIX) && !node.is_empty()).then(|| node.to_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_found_among_other_names_and_parameters() {
        let value =
            b"cdn.example; trace=\"a\",, ROLLING-router-Ab12 ;x=1 ,rolling-router-,rolling-route,\xff, \
            rolling-router-c3";
        assert_eq!(nodes(value).collect::<Vec<_>>(), ["ab12", "c3"]);
        assert_eq!(nodes(name_of("7f").as_bytes()).collect::<Vec<_>>(), ["7f"]);
        assert_eq!(nodes(b"").count(), 0);
    }
}
