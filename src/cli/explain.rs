//! `explain`: why a request goes where it goes.

use std::net::IpAddr;

use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    blend::parse_percent,
    client::{Body, Request},
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::{Printer, Style},
    session::Session,
};

/// Headers by which a browser says what it loads.
const SAYS_WHAT_IT_LOADS: [&str; 3] = ["sec-fetch-mode", "sec-fetch-dest", "accept"];

/// Explain which release and endpoint a request gets, and why
///
/// Asks the router's live table; nothing is drawn, counted or changed. Unless a header says otherwise (Sec-Fetch-Mode,
/// Sec-Fetch-Dest, Accept), the request loads a page.
///
/// Examples:
///   rolling-router explain                                       a new client
///   rolling-router explain --cookie "rolling_pin=AQHx..."        this client; the pin alone will do
///   rolling-router explain --cookie "AQHx..." --blend 30         if the blend were 30
///   rolling-router explain --path /api/cart --header "Sec-Fetch-Mode: cors"
///   rolling-router explain --preview "https://shop.example/_rolling/preview?token=..."     a tester's link
///   rolling-router explain --header "X-Rolling-Release: candidate" --address 10.0.0.7      a tester's header
///   rolling-router explain --header "X-Device-Id: 4711"          a client without cookies
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// A Cookie header's value, or the value of the pin cookie
    #[arg(long, value_name = "COOKIE")]
    cookie: Option<String>,

    /// The path, with its query
    #[arg(long, value_name = "PATH", default_value = "/")]
    path: String,

    /// The method
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    method: String,

    /// The host, to see which app it leads to
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// A header of the request; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,

    /// A preview link, or the token in it
    #[arg(long, value_name = "LINK")]
    preview: Option<String>,

    /// Where the request comes from: what the override header and clients without cookies go by
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,

    /// As if the blend were this, 0 to 100
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    blend: Option<f64>,

    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

/// The part of the answer that is printed.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(default)]
    reason: Option<String>,
    /// Of the router's own answer.
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    release: Option<Named>,
    #[serde(default)]
    endpoint: Option<Endpoint>,
    #[serde(default)]
    supposed: bool,
    #[serde(default)]
    why: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    release: String,
    track: String,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    address: String,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app.clone(), printer)?;
    let app = session.app().await?;
    let mut request = Request::new(Method::POST, &["api", "v1", "apps", &app, "explain"]);
    request.body = Body::Json(arguments.body().into());
    let answer = session.client.send(request).await?;
    if printer.is_json() {
        printer.line(answer.text());
        return Ok(Exit::Done);
    }
    let told: Told = answer.read()?;
    printer.line(headline(&told, printer));
    for line in &told.why {
        printer.line(format!("  {line}"));
    }
    Ok(Exit::Done)
}

impl Arguments {
    fn body(&self) -> Map<String, Value> {
        let mut headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let says = |name: &&str| headers.keys().any(|known| known.eq_ignore_ascii_case(name));
        if !SAYS_WHAT_IT_LOADS.iter().any(says) {
            headers.insert("Sec-Fetch-Mode".into(), "navigate".into());
            headers.insert("Sec-Fetch-Dest".into(), "document".into());
        }
        let mut body = super::session::body([
            ("path", self.path.as_str().into()),
            ("method", self.method.as_str().into()),
            ("headers", headers.into()),
            ("host", self.host.as_deref().into()),
            ("cookies", self.cookie.as_deref().into()),
            ("blend", self.blend.into()),
            ("preview", self.preview.as_deref().into()),
            ("address", self.address.map(|address| address.to_string()).into()),
        ]);
        body.retain(|_, value| !value.is_null());
        body
    }
}

fn headline(told: &Told, printer: &Printer) -> String {
    let Some(release) = &told.release else {
        let text = match told.status {
            None | Some(503) => "503: no release is routed".to_owned(),
            Some(status) => format!("{status}: it goes to no release"),
        };
        return printer.styled(Style::Bad, &text);
    };
    let style = match release.track.as_str() {
        "stable" => Style::Stable,
        "candidate" => Style::Candidate,
        _ => Style::Bold,
    };
    let endpoint =
        told.endpoint.as_ref().map(|endpoint| format!("   {}", endpoint.address)).unwrap_or_default();
    let reason = told.reason.as_deref().unwrap_or_default();
    let supposed = if told.supposed { "   at the blend asked about" } else { "" };
    format!(
        "{}   {}{endpoint}   reason {reason}{supposed}",
        printer.styled(style, &release.release),
        release.track
    )
}

/// `Name: value`.
fn parse_header(text: &str) -> Result<(String, String), String> {
    let split = text.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
    let (name, value) =
        split.filter(|(name, _)| !name.is_empty()).ok_or_else(|| "a header is `Name: value`".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn body(line: &[&str]) -> Value {
        let line = Line::parse_from([&["explain"], line].concat());
        line.arguments.body().into()
    }

    #[test]
    fn a_request_loads_a_page_unless_a_header_says_what_it_loads() {
        assert_eq!(body(&[])["headers"]["Sec-Fetch-Mode"], "navigate");
        let asked = body(&["--header", "sec-fetch-mode: cors", "--cookie", "a=b", "--blend", "30"]);
        assert_eq!(asked["headers"], serde_json::json!({"sec-fetch-mode": "cors"}));
        assert_eq!((&asked["cookies"], &asked["blend"]), (&"a=b".into(), &30.0.into()));
        let tester = body(&["--preview", "/_rolling/preview?token=x", "--address", "10.0.0.7"]);
        assert_eq!(
            (&tester["preview"], &tester["address"]),
            (&"/_rolling/preview?token=x".into(), &"10.0.0.7".into())
        );
        assert!(parse_header("no colon").is_err() && parse_header(": x").is_err());
    }
}
