//! Set-Cookie values without the cookie's value: written once per table, so that a response only adds the value.

use cookie::{Cookie, CookieBuilder, time::Duration};

use super::{
    cookie::HTTPS_SUFFIX,
    preview::COOKIE_SUFFIX,
    settings::{SameSite, SchemeAttributes, Settings},
};

/// What stands before and after the value in a Set-Cookie header (RFC 6265 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    /// The name, such as `rolling_pin=`.
    pub before: Box<str>,
    /// The attributes, such as `; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400`.
    pub after: Box<str>,
}

/// An app's pin cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinCookies {
    http: PinCookie,
    https: PinCookie,
}

impl PinCookies {
    /// Those of an app with these settings.
    pub fn new(settings: &Settings) -> Self {
        Self { http: PinCookie::new(settings, false), https: PinCookie::new(settings, true) }
    }

    /// The one for requests that came by https, or by http.
    #[inline]
    pub fn by(&self, https: bool) -> &PinCookie {
        if https { &self.https } else { &self.http }
    }
}

/// The pin cookie of an app, for requests that came by https or for those that came by http.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinCookie {
    /// Sets it.
    pub set: SetCookie,
    /// `Lax` or `Strict`: browsers do not send it with a cross-site request of another method than GET or HEAD.
    pub withheld: bool,
    /// Set-Cookie values that take away other cookies of the same name, which browsers keep beside it: one that is not
    /// partitioned, one without its `Domain`. They go before the one that sets it, since a browser that knows no partitions
    /// takes them for one cookie.
    pub same_name: Box<[Box<str>]>,
    /// A Set-Cookie value that takes away the cookie of http, in whose place this one is set.
    pub other_name: Option<Box<str>>,
}

impl PinCookie {
    fn new(settings: &Settings, https: bool) -> Self {
        let cookie = &settings.cookie;
        let attributes = cookie.attributes(https);
        let name = if https { format!("{}{HTTPS_SUFFIX}", cookie.name) } else { cookie.name.clone() };
        let (domain, path) = (cookie.domain.as_deref(), settings.cookie_path());
        let built = pin_base(&name, attributes, domain, path);
        let built = match settings.cookie.session {
            true => built,
            false => built.max_age(Duration::seconds(settings.pinseconds.into())),
        };
        let removal = |name: &str, partitioned: bool, domain: Option<&str>| {
            // By https a cookie has to be `SameSite=None` to be taken away from an embedded page.
            let samesite = if https { SameSite::None } else { SameSite::Lax };
            let attributes = SchemeAttributes { samesite, secure: https, partitioned };
            pin_base(name, attributes, domain, path)
                .max_age(Duration::ZERO)
                .build()
                .to_string()
                .into_boxed_str()
        };
        let partitioned = attributes.partitioned;
        let unpartitioned = partitioned.then(|| removal(&name, false, domain));
        let host_only = domain.is_some().then(|| removal(&name, partitioned, None));
        Self {
            set: SetCookie::split(&built.build()),
            withheld: attributes.samesite != SameSite::None,
            same_name: unpartitioned.into_iter().chain(host_only).collect(),
            other_name: https.then(|| removal(&cookie.name, false, domain)),
        }
    }
}

/// A pin cookie without a value.
fn pin_base(
    name: &str,
    attributes: SchemeAttributes,
    domain: Option<&str>,
    path: &str,
) -> CookieBuilder<'static> {
    let same_site = match attributes.samesite {
        SameSite::Lax => cookie::SameSite::Lax,
        SameSite::Strict => cookie::SameSite::Strict,
        SameSite::None => cookie::SameSite::None,
    };
    base(name.to_owned(), attributes.secure, domain, path)
        .same_site(same_site)
        .partitioned(attributes.partitioned)
}

impl SetCookie {
    /// The tester's cookie on the app's own hosts. It has no Max-Age, which depends on the preview.
    pub fn for_preview(settings: &Settings, https: bool) -> Self {
        let cookie = &settings.cookie;
        let secure = cookie.secure.unwrap_or(https);
        let (domain, path) = (cookie.domain.as_deref(), settings.cookie_path());
        Self::split(&base(preview_name(settings), secure, domain, path).build())
    }

    /// The tester's cookie on hosts of the admin port. They share no Domain with the app's hosts and are served over plain
    /// http, so the cookie is `Secure` only if the settings say so.
    pub fn for_admin_preview(settings: &Settings) -> Self {
        let secure = settings.cookie.secure.unwrap_or(false);
        Self::split(&base(preview_name(settings), secure, None, settings.cookie_path()).build())
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

/// A cookie without a value.
fn base(name: String, secure: bool, domain: Option<&str>, path: &str) -> CookieBuilder<'static> {
    let cookie = Cookie::build((name, ""))
        .path(path.to_owned())
        .http_only(true)
        .same_site(cookie::SameSite::Lax)
        .secure(secure);
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

    fn pin(settings: &Settings, https: bool) -> PinCookie {
        PinCookies::new(settings).by(https).clone()
    }

    #[test]
    fn the_pin_cookie_of_https_is_another_one_than_that_of_http() {
        let http = pin(&Settings::default(), false);
        assert_eq!(parts(&http.set), ("rolling_pin=", "; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400"));
        assert_eq!((http.withheld, http.same_name.len(), http.other_name), (true, 0, None));
        let https = pin(&Settings::default(), true);
        let after = "; HttpOnly; SameSite=None; Partitioned; Secure; Path=/; Max-Age=86400";
        assert_eq!(parts(&https.set), ("rolling_pin_s=", after));
        assert!(!https.withheld);
        let gone = "; HttpOnly; SameSite=None; Secure; Path=/; Max-Age=0";
        assert_eq!(https.same_name[..], [format!("rolling_pin_s={gone}").into_boxed_str()]);
        assert_eq!(https.other_name, Some(format!("rolling_pin={gone}").into_boxed_str()));
    }

    #[test]
    fn the_pin_cookie_has_the_attributes_of_the_settings() {
        let all = settings(
            r#"{"pinseconds": 60, "cookie": {"name": "p", "domain": "shop.example", "samesite": "None",
                "secure": true, "partitioned": true}}"#,
        );
        let after = "; HttpOnly; SameSite=None; Partitioned; Secure; Path=/; Domain=shop.example; Max-Age=60";
        assert_eq!(parts(&pin(&all, false).set), ("p=", after));
        assert_eq!(parts(&pin(&all, true).set), ("p_s=", after));
        assert_eq!(pin(&all, true).same_name.len(), 2, "one not partitioned, one without the domain");
        let lax = settings(r#"{"cookie": {"samesite": "Lax", "session": true}}"#);
        assert_eq!(&*pin(&lax, true).set.after, "; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert!(pin(&lax, true).withheld);
        let insecure = settings(r#"{"cookie": {"secure": false}}"#);
        assert_eq!(&*pin(&insecure, true).set.after, "; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400");
        let whole = settings(r#"{"cookie": {"partitioned": false}}"#);
        let after = "; HttpOnly; SameSite=None; Secure; Path=/; Max-Age=86400";
        assert_eq!(&*pin(&whole, true).set.after, after);
    }

    #[test]
    fn cookies_are_for_the_paths_of_the_app() {
        let paths = settings(r#"{"paths": ["/shop/a", "/shop/b"]}"#);
        assert!(pin(&paths, false).set.after.contains("; Path=/shop; "));
        let https = pin(&paths, true);
        assert!(
            https.same_name.iter().chain(&https.other_name).all(|removal| removal.contains("; Path=/shop; "))
        );
        assert!(SetCookie::for_preview(&paths, false).after.ends_with("; Path=/shop"));
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
