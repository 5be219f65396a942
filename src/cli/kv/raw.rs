//! One keyvalue as the API shows it, and the call for one key.

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;

use super::super::{
    client::Request,
    exit::{Exit, Failure},
};
use crate::schema::keyvalue::Keyvalue;

/// A request for one key or prefix. A segment `.` or `..` would be taken out of the URL on the way, and another
/// key asked for, so it is refused here.
pub(super) fn request(method: Method, key: &str) -> Result<Request, Failure> {
    if key.split('/').any(|segment| matches!(segment, "." | "..")) || key.starts_with('/') {
        return Err(Failure::usage(format!(
            "the key is `{key}`; it must not begin with `/` and must have no segment `.` or `..`, \
             such as rolling/hello/stable/id"
        )));
    }
    let mut request = Request::new(method, &["api", "kv"]);
    request.path.extend(key.split('/').map(str::to_owned));
    Ok(request)
}

/// The bytes of its value.
pub(super) fn bytes(keyvalue: &Keyvalue) -> Result<Vec<u8>, Failure> {
    decode(&keyvalue.key, keyvalue.value.as_deref().unwrap_or_default())
}

/// The bytes of a value that came as base64.
pub(super) fn decode(key: &str, value: &str) -> Result<Vec<u8>, Failure> {
    STANDARD.decode(value).map_err(|error| {
        Failure::new(
            Exit::Unreachable,
            format!("the router's answer has a value of {key} that is not base64: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_would_become_another_is_refused() {
        for key in ["a/../b", "./a", "/a", ".."] {
            assert_eq!(request(Method::GET, key).unwrap_err().exit, Exit::Usage, "{key}");
        }
        assert_eq!(request(Method::GET, "apps/").unwrap().path, ["api", "kv", "apps", ""]);
    }
}
