//! One call of rolling-router's API: which endpoints a release has, and what the answer means.

use std::{
    collections::BTreeSet,
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Certificate, Client, Response, StatusCode, Url, header::RETRY_AFTER, redirect::Policy};
use serde::Deserialize;
use serde_json::json;

use crate::{
    arguments::RouterArguments,
    failure::{Failure, innermost, one_line},
    release::Release,
};

/// How long a connection may take: a router answers at once or is not there.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take: it asks new endpoints whether they are healthy.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a router may ask to be left alone.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// How much of an answer that is no router's is shown: enough to recognise whose it is.
const EXCERPT_CHARS_MAX: usize = 60;

/// Where the endpoints are written.
pub(crate) struct Router {
    http: Client,
    api: Url,
    token_file: PathBuf,
}

/// How a write ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// The release has these endpoints; whether it had others before.
    Done { changed: bool },
    /// It may be taken later, after so long at the soonest.
    Later { why: String, after: Duration },
    /// It is not taken as things are.
    Refused(String),
}

/// What a router says to a change.
#[derive(Deserialize)]
struct ChangeAnswer {
    result: String,
}

/// What a router says when it did not do as asked.
#[derive(Deserialize)]
struct ErrorAnswer {
    error: ErrorDetail,
}

#[derive(Deserialize)]
struct ErrorDetail {
    code: String,
    message: String,
}

impl Router {
    /// A client for the router that is named. Its token file has to be readable now, so that a wrong name is told at once.
    pub(crate) fn new(arguments: &RouterArguments) -> Result<Self, Failure> {
        let api = parse_api(&arguments.api)?;
        read_token(&arguments.token_file).map_err(Failure::usage)?;
        let mut builder = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .user_agent(concat!("rolling-router-k8s/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none());
        if let Some(file) = arguments.ca.as_deref().filter(|file| !file.as_os_str().is_empty()) {
            builder = builder.tls_certs_only(read_roots(file)?);
        }
        let http = builder.build().map_err(|error| Failure::here(innermost(&error)))?;
        Ok(Self { http, api, token_file: arguments.token_file.clone() })
    }

    /// Says which endpoints a release has.
    pub(crate) async fn replace(&self, release: &Release, endpoints: &BTreeSet<SocketAddr>) -> Written {
        let token = match read_token(&self.token_file) {
            Ok(token) => token,
            Err(why) => return Written::Later { why, after: Duration::ZERO },
        };
        let endpoints: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
        let body = json!({ "endpoints": endpoints, "reason": "EndpointSlices of Kubernetes" });
        let call = self.http.put(self.url(release)).bearer_auth(token).json(&body);
        match call.send().await {
            Ok(response) => read(response).await,
            Err(error) => self.unreachable(&error),
        }
    }

    fn url(&self, release: &Release) -> Url {
        let mut url = self.api.clone();
        let path = ["api", "v1", "apps", &release.app, "releases", &release.name, "endpoints"];
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    fn unreachable(&self, error: &reqwest::Error) -> Written {
        let why = if error.is_timeout() { "it did not answer in time".to_owned() } else { innermost(error) };
        Written::Later { why: format!("no answer from {self}: {why}"), after: Duration::ZERO }
    }
}

impl fmt::Display for Router {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "rolling-router at {}", self.api)
    }
}

async fn read(response: Response) -> Written {
    let status = response.status();
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let after = Duration::from_secs(seconds.unwrap_or(0)).min(RETRY_AFTER_MAX);
    match response.bytes().await {
        Ok(body) => judge(status, &body, after),
        Err(error) => Written::Later { why: format!("an answer broke off: {}", innermost(&error)), after },
    }
}

/// What an answer means: done, worth another try by itself, or not before something changes.
fn judge(status: StatusCode, body: &[u8], after: Duration) -> Written {
    if status.is_success() {
        return match serde_json::from_slice::<ChangeAnswer>(body) {
            Ok(answer) => Written::Done { changed: answer.result != "unchanged" },
            Err(_) => Written::Refused(foreign(status, body)),
        };
    }
    let (code, why) = match serde_json::from_slice::<ErrorAnswer>(body) {
        Ok(ErrorAnswer { error }) => {
            (error.code, format!("{} {}", status.as_u16(), one_line(&error.message)))
        }
        Err(_) => (String::new(), foreign(status, body)),
    };
    let is_passing = match status.as_u16() {
        408 | 429 => true,
        // Somebody else was first, as often as the router tried.
        409 => code == "contended",
        // A full disk may be mended meanwhile; a limit stays until something is removed.
        507 => code != "quota",
        501 | 508 => false,
        status => status >= 500,
    };
    if is_passing { Written::Later { why, after } } else { Written::Refused(why) }
}

/// Whoever answered is no router: what it sent, as far as it tells who it is.
fn foreign(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let shown: String = text.trim().chars().take(EXCERPT_CHARS_MAX).flat_map(char::escape_debug).collect();
    format!("{status}, \"{shown}\", which is not what a rolling-router answers: is --api its admin port?")
}

fn parse_api(text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or_else(|| {
        Failure::usage(format!(
            "--api is `{text}`; it must be a URL such as http://rolling-router-admin:8080"
        ))
    })?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(Failure::usage(
            "--api is a URL without user, password and query: the token is in --token-file",
        ));
    }
    Ok(url)
}

/// The first word of the first line that is neither empty nor a comment.
fn read_token(file: &Path) -> Result<String, String> {
    let text = fs::read_to_string(file)
        .map_err(|error| format!("cannot read the token file {}: {error}", file.display()))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let token = lines.next().and_then(|line| line.split_whitespace().next());
    token.map(str::to_owned).ok_or_else(|| format!("the token file {} holds no token", file.display()))
}

/// The certificates of a PEM file.
fn read_roots(file: &Path) -> Result<Vec<Certificate>, Failure> {
    let refused = |why: String| Failure::usage(format!("--ca is {}: {why}", file.display()));
    let bytes = fs::read(file).map_err(|error| refused(format!("the file cannot be read: {error}")))?;
    let roots = Certificate::from_pem_bundle(&bytes);
    let roots =
        roots.map_err(|_| refused("the file is not PEM, or a certificate in it cannot be used".into()))?;
    if roots.is_empty() { Err(refused("the file has no certificate".into())) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Written {
        judge(StatusCode::from_u16(status).unwrap(), body.as_bytes(), Duration::ZERO)
    }

    fn error(status: u16, code: &str) -> Written {
        of(status, &json!({ "error": { "code": code, "message": "why\nnot" } }).to_string())
    }

    #[test]
    fn an_answer_is_done_refused_or_worth_another_try() {
        assert_eq!(of(200, r#"{"result":"done"}"#), Written::Done { changed: true });
        assert_eq!(of(202, r#"{"result":"unchanged"}"#), Written::Done { changed: false });
        for (status, code) in
            [(400, ""), (401, ""), (403, ""), (404, ""), (409, "target_unhealthy"), (422, "")]
        {
            assert_eq!(error(status, code), Written::Refused(format!("{status} why not")));
        }
        for (status, code) in [(423, "locked"), (501, ""), (507, "quota"), (508, "loop")] {
            assert!(matches!(error(status, code), Written::Refused(_)), "{status}");
        }
        for (status, code) in [(408, ""), (409, "contended"), (429, ""), (500, ""), (503, ""), (507, "disk")]
        {
            assert!(matches!(error(status, code), Written::Later { .. }), "{status}");
        }
    }

    #[test]
    fn what_is_no_router_is_named_and_not_repeated() {
        for (status, body) in [(200, "<html>\u{1b}[2J"), (301, ""), (404, "not here"), (200, "{}")] {
            let Written::Refused(why) = of(status, body) else { panic!("{status}") };
            assert!(why.contains("not what a rolling-router answers") && !why.contains('\u{1b}'), "{why}");
        }
        assert!(matches!(of(502, "<html>"), Written::Later { .. }));
    }

    #[test]
    fn apps_and_releases_are_escaped_into_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        fs::write(&token_file, "# ours\n\n  abc k8s ci\n").unwrap();
        assert_eq!(read_token(&token_file).unwrap(), "abc");
        let arguments =
            |api: &str| RouterArguments { api: api.into(), token_file: token_file.clone(), ca: None };
        let router = Router::new(&arguments("http://router.example:8080/behind/")).ok().unwrap();
        let release = Release { app: "shop".into(), name: "a/b 1".into() };
        let url = router.url(&release).to_string();
        assert_eq!(url, "http://router.example:8080/behind/api/v1/apps/shop/releases/a%2Fb%201/endpoints");
        for wrong in ["", "router", "ftp://h", "http://", "http://u:p@h", "http://h/?x"] {
            assert!(Router::new(&arguments(wrong)).is_err(), "{wrong}");
        }
    }
}
