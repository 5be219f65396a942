//! `explain`: why a request goes where it goes.

use std::{collections::BTreeMap, net::IpAddr};

use clap::Args;
use reqwest::Method;

use super::{
    ask::ask,
    blend::parse_percent,
    client::Request,
    connect::{AppChoice, Connection},
    exit::{Exit, Failure},
    printer::{Printer, Style},
    session::Session,
};
use crate::schema::{
    change::Blend,
    explain::{ExplainRequest, Explanation, Findings, TrackName},
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
    blend: Option<Blend>,

    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Arguments, printer: &Printer) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.connection, arguments.app.clone(), printer)?;
    let app = session.app().await?;
    let request = Request::new(Method::POST, &["api", "v1", "apps", &app, "explain"]);
    let lines = |told: Explanation| {
        let why = told.findings.why.iter().map(|line| format!("  {line}"));
        [headline(&told, printer)].into_iter().chain(why).collect()
    };
    ask(&session.client, printer, request.json(&arguments.request()), lines).await
}

impl Arguments {
    /// As the API takes it.
    fn request(&self) -> ExplainRequest {
        let mut headers: BTreeMap<String, String> = self.headers.iter().cloned().collect();
        let says = |name: &&str| headers.keys().any(|known| known.eq_ignore_ascii_case(name));
        if !SAYS_WHAT_IT_LOADS.iter().any(says) {
            headers.insert("Sec-Fetch-Mode".into(), "navigate".into());
            headers.insert("Sec-Fetch-Dest".into(), "document".into());
        }
        ExplainRequest {
            path: Some(self.path.clone()),
            method: Some(self.method.clone()),
            headers: Some(headers),
            host: self.host.clone(),
            cookies: self.cookie.clone(),
            blend: self.blend,
            preview: self.preview.clone(),
            address: self.address.map(|address| address.to_string()),
        }
    }
}

fn headline(told: &Explanation, printer: &Printer) -> String {
    let Findings { release, endpoint, status, reason, .. } = &told.findings;
    let Some(release) = release else {
        let text = match status {
            None | Some(503) => "503: no release is routed".to_owned(),
            Some(status) => format!("{status}: the request goes to no release"),
        };
        return printer.styled(Style::Bad, &text);
    };
    let style = match release.track {
        TrackName::Stable => Style::Stable,
        TrackName::Candidate => Style::Candidate,
        TrackName::Draining | TrackName::Previous => Style::Bold,
    };
    let endpoint = endpoint.as_ref().map(|endpoint| format!("   {}", endpoint.title())).unwrap_or_default();
    let reason = reason.map_or("", |reason| reason.as_str());
    let supposed = if told.supposed { "   at the blend asked about" } else { "" };
    let name = printer.styled(style, &release.release);
    format!("{name}   {}{endpoint}   reason {reason}{supposed}", release.track)
}

/// `Name: value`.
fn parse_header(text: &str) -> Result<(String, String), String> {
    let split = text.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
    let (name, value) = split
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| "allowed is a name and a value, such as `Accept: text/html`".to_owned())?;
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

    fn request(line: &[&str]) -> ExplainRequest {
        Line::parse_from([&["explain"], line].concat()).arguments.request()
    }

    #[test]
    fn a_request_loads_a_page_unless_a_header_says_what_it_loads() {
        let plain = request(&[]).headers.unwrap();
        assert_eq!(plain["Sec-Fetch-Mode"], "navigate");
        let asked = request(&["--header", "sec-fetch-mode: cors", "--cookie", "a=b", "--blend", "30"]);
        assert_eq!(asked.headers, Some([("sec-fetch-mode".to_owned(), "cors".to_owned())].into()));
        assert_eq!((asked.cookies.as_deref(), asked.blend), (Some("a=b"), parse_percent("30").ok()));
        let tester = request(&["--preview", "/_rolling/preview?token=x", "--address", "10.0.0.7"]);
        assert_eq!(tester.preview.as_deref(), Some("/_rolling/preview?token=x"));
        assert_eq!(tester.address.as_deref(), Some("10.0.0.7"));
        assert!(parse_header("no colon").is_err() && parse_header(": x").is_err());
    }
}
