//! The HTTP client of the ACME library: with deadlines, and with answers of a limited length.

use std::{error::Error as StdError, future::Future, pin::Pin};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use reqwest::{Certificate, Client, redirect::Policy};

use crate::control::{
    limits::{ACME_ANSWER_BYTES_MAX, ACME_CALL_MAX, ACME_CONNECT_MAX},
    shared::acme::options::AcmeOptions,
};

/// A client for the server of a CA.
pub struct CaClient(Client);

impl CaClient {
    /// With the trust that the options say.
    pub fn new(options: &AcmeOptions) -> Result<Self, String> {
        let said = |error: reqwest::Error| error.to_string();
        let mut builder = Client::builder()
            .user_agent(concat!("rolling-router/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(ACME_CONNECT_MAX)
            .timeout(ACME_CALL_MAX);
        if let Some(pem) = &options.roots {
            builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem).map_err(said)?);
        }
        Ok(Self(builder.build().map_err(said)?))
    }
}

impl HttpClient for CaClient {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move { exchange(client, request).await.map_err(Error::Other) })
    }
}

async fn exchange(
    client: Client,
    request: http::Request<BodyWrapper<Bytes>>,
) -> Result<BytesResponse, Box<dyn StdError + Send + Sync>> {
    let (head, body) = request.into_parts();
    let sent = client
        .request(head.method, head.uri.to_string())
        .headers(head.headers)
        .body(body.collect().await?.to_bytes())
        .send();
    let mut answer = sent.await.map_err(told)?;
    let mut parts = http::Response::new(()).into_parts().0;
    parts.status = answer.status();
    parts.headers = std::mem::take(answer.headers_mut());
    let mut read = BytesMut::new();
    while let Some(piece) = answer.chunk().await.map_err(told)? {
        if read.len() + piece.len() > ACME_ANSWER_BYTES_MAX {
            return Err(format!("the answer of the CA is longer than {ACME_ANSWER_BYTES_MAX} bytes").into());
        }
        read.extend_from_slice(&piece);
    }
    Ok(BytesResponse { parts, body: Box::new(read.freeze()) })
}

/// An error with its causes, which say what people need to know.
fn told(error: reqwest::Error) -> Box<dyn StdError + Send + Sync> {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text.into()
}
