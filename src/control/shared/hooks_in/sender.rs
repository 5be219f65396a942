//! Who sends to a hook in, and how each proves it: GitHub, GitLab, Standard Webhooks, or anybody with a token.
//!
//! All comparisons take the same time whatever is compared. What a sender does not sign proves nothing: so deliveries of GitHub
//! are told apart by their bodies, and not by the header that numbers them.

use axum::http::HeaderMap;
use serde_json::Value;

use super::secret::InSecret;
use crate::{control::shared::hex::from_hex, rollout::text_form::serde_as_text};

/// How far the time of a message may be from ours, in seconds (Standard Webhooks, "Verifying webhook authenticity").
const TIME_TOLERANCE_SECONDS: u64 = 300;
/// The longest id of a delivery, in bytes.
const ID_BYTES_MAX: usize = 256;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    Github,
    Gitlab,
    Standard,
    Token,
}

serde_as_text!(Sender);

/// What is allowed as a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("allowed are github, gitlab, standard and token")]
pub struct SenderError;

/// One request of a sender.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// Now, in Unix seconds.
    pub now: u64,
}

impl Sender {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Github, Self::Gitlab, Self::Standard, Self::Token];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Standard => "standard",
            Self::Token => "token",
        }
    }

    /// A new secret, of the kind that such a sender takes.
    pub fn new_secret(self) -> Result<InSecret, getrandom::Error> {
        if self == Self::Standard { InSecret::generate_standard() } else { InSecret::generate() }
    }

    /// Refuses what can be seen to be unproven before the body is read.
    pub fn check_head(self, secret: &InSecret, headers: &HeaderMap) -> Result<(), String> {
        match self {
            Self::Github => only(headers, "x-hub-signature-256").map(drop),
            Self::Standard => only(headers, "webhook-signature").map(drop),
            Self::Gitlab => check_token(secret, only(headers, "x-gitlab-token")?, "X-Gitlab-Token"),
            Self::Token => check_token(secret, bearer(headers)?, "Authorization"),
        }
    }

    /// Refuses what is not proven. Gives the name by which the delivery is known: it is the same for each repeat.
    pub fn check(self, secret: &InSecret, request: Request<'_>) -> Result<Option<String>, String> {
        let Request { headers, body, now } = request;
        match self {
            Self::Github => {
                let signature = only(headers, "x-hub-signature-256")?;
                let bytes = signature.strip_prefix("sha256=").and_then(from_hex).unwrap_or_default();
                if !secret.has_signed(body, &bytes) {
                    return Err(
                        "X-Hub-Signature-256 is not the signature of this body by the hook's secret".into()
                    );
                }
                Ok(Some(secret.name_of(&[b"body", body])))
            }
            Self::Gitlab => {
                self.check_head(secret, headers)?;
                let id = given(headers, &["idempotency-key", "x-gitlab-event-uuid"])?;
                Ok(Some(id.map_or_else(
                    || secret.name_of(&[b"body", body]),
                    |id| secret.name_of(&[b"id", id.as_bytes()]),
                )))
            }
            Self::Standard => check_standard(secret, headers, body, now).map(Some),
            Self::Token => {
                self.check_head(secret, headers)?;
                let id = given(headers, &["idempotency-key", "webhook-id"])?;
                Ok(id.map(|id| secret.name_of(&[b"id", id.as_bytes()])))
            }
        }
    }

    /// The event that a delivery is about, in one spelling for all senders: GitLab's `Tag Push Hook` is `tag_push`.
    pub fn event(self, headers: &HeaderMap, payload: &Value) -> String {
        let header = match self {
            Self::Github => headers.get("x-github-event"),
            Self::Gitlab => headers.get("x-gitlab-event"),
            Self::Standard | Self::Token => None,
        };
        let named = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let in_payload = || {
            let found = ["type", "event"].iter().find_map(|field| payload.get(field)?.as_str());
            found.unwrap_or_default().to_owned()
        };
        let event: String = named.unwrap_or_else(in_payload).chars().take(100).collect();
        let event = event.to_lowercase();
        event.strip_suffix(" hook").unwrap_or(&event).replace(' ', "_")
    }

    /// Whether an event only asks whether somebody listens.
    pub fn is_ping(self, event: &str) -> bool {
        self == Self::Github && event == "ping"
    }
}

fn check_standard(secret: &InSecret, headers: &HeaderMap, body: &[u8], now: u64) -> Result<String, String> {
    let (id, time) = (only(headers, "webhook-id")?, only(headers, "webhook-timestamp")?);
    let signatures = only(headers, "webhook-signature")?;
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return Err(format!("webhook-id must have 1 to {ID_BYTES_MAX} bytes"));
    }
    let seconds: u64 = time.parse().map_err(|_| "webhook-timestamp must be in Unix seconds".to_owned())?;
    let key = secret.standard().ok_or("the hook's secret is none of Standard Webhooks; write it anew")?;
    let is_signed = signatures.split(' ').fold(false, |found, signature| {
        let is_right = signature.starts_with("v1,") && key.has_signed(id, seconds, body, signature);
        found | is_right
    });
    if !is_signed {
        return Err("webhook-signature is not the signature of this message by the hook's secret".into());
    }
    if now.abs_diff(seconds) > TIME_TOLERANCE_SECONDS {
        return Err(format!(
            "webhook-timestamp is {} s away from this router's time; allowed are {TIME_TOLERANCE_SECONDS}",
            now.abs_diff(seconds)
        ));
    }
    Ok(secret.name_of(&[b"id", id.as_bytes()]))
}

fn check_token(secret: &InSecret, token: &str, header: &str) -> Result<(), String> {
    if secret.is(token.as_bytes()) { Ok(()) } else { Err(format!("{header} is not the hook's secret")) }
}

/// The token of an Authorization header, by either of the schemes that are in use for it.
fn bearer(headers: &HeaderMap) -> Result<&str, String> {
    let value = only(headers, "authorization")?;
    let (scheme, token) = value.split_once(' ').unwrap_or_default();
    if ["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        Ok(token.trim())
    } else {
        Err("send `Authorization: Bearer SECRET` with the hook's secret".into())
    }
}

/// The one value of a header.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, String> {
    let mut values = headers.get_all(name).iter();
    match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(format!("the header {name} is missing")),
        (Some(_), Some(_)) => Err(format!("the header {name} comes more than once")),
    }
}

/// The first of these headers that is there.
fn given<'a>(headers: &'a HeaderMap, names: &[&str]) -> Result<Option<&'a str>, String> {
    let Some(name) = names.iter().find(|name| headers.contains_key(**name)) else { return Ok(None) };
    let value = only(headers, name)?;
    if value.is_empty() || value.len() > ID_BYTES_MAX {
        return Err(format!("the header {name} must have 1 to {ID_BYTES_MAX} bytes"));
    }
    Ok(Some(value))
}

impl std::str::FromStr for Sender {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, SenderError> {
        Self::ALL.into_iter().find(|sender| sender.as_str() == text).ok_or(SenderError)
    }
}

impl std::fmt::Display for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The signature that GitHub would send with a body, for tests.
#[cfg(test)]
fn github_signature(secret: &str, body: &[u8]) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    format!("sha256={}", crate::control::shared::hex::hex(aws_lc_rs::hmac::sign(&key, body).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn check(
        sender: Sender,
        secret: &str,
        pairs: &[(&'static str, &str)],
        body: &[u8],
    ) -> Result<Option<String>, String> {
        let (secret, headers) = (secret.parse().unwrap(), headers(pairs));
        sender.check_head(&secret, &headers)?;
        sender.check(&secret, Request { headers: &headers, body, now: 1_614_265_330 })
    }

    /// The example of GitHub's documentation ("Validating webhook deliveries").
    #[test]
    fn github_signs_the_body() {
        let (secret, body) = ("It's-a-Secret-to-Everybody", b"Hello, World!");
        let right = github_signature(secret, body);
        let named = check(Sender::Github, secret, &[("x-hub-signature-256", &right)], body).unwrap();
        assert!(named.is_some());
        let renumbered = [("x-hub-signature-256", right.as_str()), ("x-github-delivery", "another")];
        assert_eq!(
            check(Sender::Github, secret, &renumbered, body).unwrap(),
            named,
            "nobody signs that number"
        );
        for wrong in
            ["", "sha256=", "sha256=zz", "sha1=00", &right[..right.len() - 2], &right.replace("sha256=", "")]
        {
            assert!(
                check(Sender::Github, secret, &[("x-hub-signature-256", wrong)], body).is_err(),
                "{wrong}"
            );
        }
        assert!(check(Sender::Github, secret, &[("x-hub-signature-256", &right)], b"Hello, World?").is_err());
        assert!(check(Sender::Github, secret, &[], body).is_err());
    }

    #[test]
    fn standard_webhooks_sign_id_time_and_body() {
        let (secret, body) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", br#"{"test": 2432232314}"#);
        let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let of = |id: &str, time: &str, signature: &str| {
            let pairs = [("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)];
            check(Sender::Standard, secret, &pairs, body)
        };
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        assert!(of(id, "1614265330", right).is_ok());
        assert!(
            of(id, "1614265330", &format!("v1,AAAA v2,x {right}")).is_ok(),
            "a secret that is being replaced"
        );
        assert!(of("other", "1614265330", right).is_err() && of(id, "1614265331", right).is_err());
        assert!(of(id, "soon", right).is_err() && of(id, "1614265330", "v1,").is_err());
        let old = secret.parse::<InSecret>().unwrap().standard().unwrap().sign(id, 1_614_265_029, body);
        assert!(of(id, "1614265029", &old).unwrap_err().contains("301 s away"));
    }

    #[test]
    fn a_token_is_enough_for_gitlab_and_for_anybody() {
        let secret = "0123456789abcdef";
        for (sender, name, right) in [
            (Sender::Gitlab, "x-gitlab-token", secret.to_owned()),
            (Sender::Token, "authorization", format!("Bearer {secret}")),
            (Sender::Token, "authorization", format!("token {secret}")),
        ] {
            assert!(check(sender, secret, &[(name, &right)], b"{}").is_ok(), "{sender}");
            assert!(check(sender, secret, &[(name, &right), (name, &right)], b"{}").is_err(), "{sender}");
            for wrong in ["", "Bearer", "0123456789abcdeF", "Basic 0123456789abcdef"] {
                assert!(check(sender, secret, &[(name, wrong)], b"{}").is_err(), "{sender} {wrong}");
            }
        }
        let with =
            |id| check(Sender::Gitlab, secret, &[("x-gitlab-token", secret), ("idempotency-key", id)], b"{}");
        assert_ne!(with("a").unwrap(), with("b").unwrap());
        assert_eq!(with("a").unwrap(), with("a").unwrap());
        let token = format!("Bearer {secret}");
        assert_eq!(
            check(Sender::Token, secret, &[("authorization", &token)], b"{}"),
            Ok(None),
            "each counts"
        );
    }

    #[test]
    fn events_have_one_spelling() {
        let gitlab = headers(&[("x-gitlab-event", "Tag Push Hook")]);
        assert_eq!(Sender::Gitlab.event(&gitlab, &Value::Null), "tag_push");
        let github = headers(&[("x-github-event", "workflow_run")]);
        assert_eq!(Sender::Github.event(&github, &Value::Null), "workflow_run");
        let typed = serde_json::json!({"type": "Release.Published"});
        assert_eq!(Sender::Standard.event(&HeaderMap::new(), &typed), "release.published");
        assert_eq!(Sender::Token.event(&HeaderMap::new(), &Value::Null), "");
    }
}
