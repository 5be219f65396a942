//! Set-Cookie values without the cookie's value: written once per table, so that a response only adds the value.

use cookie::{Cookie, CookieBuilder, time::Duration};

use super::{
    preview::COOKIE_SUFFIX,
    settings::{SameSite, Settings},
};

/// What stands before and after the value in a Set-Cookie header (RFC 6265 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    /// The name, such as `rolling_pin=`.
    pub before: Box<str>,
    /// The attributes, such as `; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400`.
    pub after: Box<str>,
}

impl SetCookie {
    /// The pin cookie of an app with these settings. `https` says that plain http redirects to https.
    pub fn for_pin(settings: &Settings, https: bool) -> Self {
        let cookie = &settings.cookie;
        let same_site = match cookie.samesite {
            SameSite::Lax => cookie::SameSite::Lax,
            SameSite::Strict => cookie::SameSite::Strict,
            SameSite::None => cookie::SameSite::None,
        };
        let built = base(cookie.name.clone(), cookie.secure.unwrap_or(https), cookie.domain.as_deref())
            .same_site(same_site)
            .partitioned(cookie.partitioned)
            .max_age(Duration::seconds(settings.pinseconds.into()));
        Self::split(&built.build())
    }

    /// The tester's cookie on the app's own hosts. It has no Max-Age, which depends on the preview.
    pub fn for_preview(settings: &Settings, https: bool) -> Self {
        let cookie = &settings.cookie;
        let secure = cookie.secure.unwrap_or(https);
        Self::split(&base(preview_name(settings), secure, cookie.domain.as_deref()).build())
    }

    /// The tester's cookie on hosts of the admin port. They share no Domain with the app's hosts and are served over plain
    /// http, so the cookie is `Secure` only if the settings say so.
    pub fn for_admin_preview(settings: &Settings) -> Self {
        let secure = settings.cookie.secure.unwrap_or(false);
        Self::split(&base(preview_name(settings), secure, None).build())
    }

    /// The two parts of a cookie that was built without a value.
    fn split(cookie: &Cookie<'_>) -> Self {
        let before = format!("{}=", cookie.name());
        let after = cookie.to_string().split_off(before.len());
        Self { before: before.into(), after: after.into() }
    }
}

fn preview_name(settings: &Settings) -> String {
    format!("{}{COOKIE_SUFFIX}", settings.cookie.name)
}

/// A cookie without a value, for all paths.
fn base(name: String, secure: bool, domain: Option<&str>) -> CookieBuilder<'static> {
    let cookie =
        Cookie::build((name, "")).path("/").http_only(true).same_site(cookie::SameSite::Lax).secure(secure);
    match domain {
        Some(domain) => cookie.domain(domain.to_owned()),
        None => cookie,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: &str) -> Settings {
        Settings::parse(json.as_bytes()).unwrap()
    }

    fn parts(set_cookie: &SetCookie) -> (&str, &str) {
        (&set_cookie.before, &set_cookie.after)
    }

    #[test]
    fn the_pin_cookie_has_the_attributes_of_the_settings() {
        let plain = SetCookie::for_pin(&Settings::default(), false);
        assert_eq!(parts(&plain), ("rolling_pin=", "; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400"));
        let https = SetCookie::for_pin(&Settings::default(), true);
        assert_eq!(&*https.after, "; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=86400");
        let all = settings(
            r#"{"pinseconds": 60, "cookie": {"name": "p", "domain": "shop.example", "samesite": "None",
                "secure": true, "partitioned": true}}"#,
        );
        assert_eq!(
            parts(&SetCookie::for_pin(&all, false)),
            ("p=", "; HttpOnly; SameSite=None; Partitioned; Secure; Path=/; Domain=shop.example; Max-Age=60")
        );
        let insecure = settings(r#"{"cookie": {"secure": false, "samesite": "Strict"}}"#);
        assert_eq!(
            &*SetCookie::for_pin(&insecure, true).after,
            "; HttpOnly; SameSite=Strict; Path=/; Max-Age=86400"
        );
    }

    #[test]
    fn the_testers_cookie_is_as_secure_as_the_pin_and_no_wider_than_a_host_of_the_admin_port() {
        let plain = Settings::default();
        let front = SetCookie::for_preview(&plain, true);
        assert_eq!(parts(&front), ("rolling_pin_preview=", "; HttpOnly; SameSite=Lax; Secure; Path=/"));
        assert_eq!(&*SetCookie::for_admin_preview(&plain).after, "; HttpOnly; SameSite=Lax; Path=/");
        let set = settings(r#"{"cookie": {"domain": "shop.example", "samesite": "None", "secure": true}}"#);
        assert_eq!(
            &*SetCookie::for_preview(&set, true).after,
            "; HttpOnly; SameSite=Lax; Secure; Path=/; Domain=shop.example"
        );
        assert_eq!(&*SetCookie::for_admin_preview(&set).after, "; HttpOnly; SameSite=Lax; Secure; Path=/");
    }
}
