//! HTTP to a server: the client, what its failures mean for an operation, and answers that come line by line.

use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Response, StatusCode, redirect::Policy};

use super::{address::Address, timing::CONNECT_WITHIN};
use crate::{contract::StoreError, open_error::OpenError};

/// The longest line taken: above what a commit of the largest size becomes as base64 in JSON.
const LINE_BYTES_MAX: usize = 16 << 20;

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It had no effect.
    Refused(StoreError),
    /// It was sent; whether it had an effect is not known.
    Lost(String),
}

impl From<Failure> for StoreError {
    /// For calls whose effect does not matter.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::Lost(text) => Self::Unreachable(text),
        }
    }
}

/// How long a connection that nobody uses is kept: a server closes what is idle for 10 s, and a connection that is used just
/// then would lose an answer.
pub(crate) const IDLE_WITHIN: Duration = Duration::from_secs(5);

/// A client as the options `ca`, `cert` and `key` of an address say.
pub(crate) fn client(address: &mut Address) -> Result<Client, OpenError> {
    build(builder(&Tls::of(address)?)?)
}

/// What the options `ca`, `cert` and `key` name.
pub(super) struct Tls {
    ca: Option<Vec<u8>>,
    own: Option<Vec<u8>>,
}

impl Tls {
    /// Takes them out of an address.
    pub(super) fn of(address: &mut Address) -> Result<Self, OpenError> {
        let ca = address.pem("ca")?;
        let own = match (address.pem("cert")?, address.pem("key")?) {
            (Some(cert), Some(key)) => Some([cert, key].join(&b'\n')),
            (None, None) => None,
            _ => {
                return Err(OpenError::Address(
                    "`cert` and `key` need each other: give both or neither".into(),
                ));
            }
        };
        Ok(Self { ca, own })
    }
}

/// The beginning of a client.
pub(super) fn builder(tls: &Tls) -> Result<ClientBuilder, OpenError> {
    // A redirect would send keys, values and the token wherever somebody in between says.
    let builder = Client::builder().no_proxy().redirect(Policy::none());
    let mut builder = builder.connect_timeout(CONNECT_WITHIN).pool_idle_timeout(IDLE_WITHIN);
    if let Some(ca) = &tls.ca {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(ca).map_err(bad)?);
    }
    match &tls.own {
        Some(own) => Ok(builder.identity(Identity::from_pem(own).map_err(bad)?)),
        None => Ok(builder),
    }
}

/// The client.
pub(super) fn build(builder: ClientBuilder) -> Result<Client, OpenError> {
    builder.build().map_err(bad)
}

/// What a client may refuse stands in the files of these options.
fn bad(error: reqwest::Error) -> OpenError {
    OpenError::File(innermost(&error))
}

/// What a redirect means: whoever sent it has done nothing, and is not the store.
pub(crate) fn redirected(status: StatusCode) -> Option<StoreError> {
    let text = || {
        format!("the server answered {status}; redirects are not followed, so name the store's own address")
    };
    status.is_redirection().then(|| StoreError::Unreachable(text()))
}

/// The base address of a host.
pub(crate) fn base(tls: bool, (host, port): &(String, u16)) -> String {
    let scheme = if tls { "https" } else { "http" };
    match host.contains(':') {
        true => format!("{scheme}://[{host}]:{port}"),
        false => format!("{scheme}://{host}:{port}"),
    }
}

/// What an error of the client comes down to: the layers above the innermost only say that a request was sent, and where to.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// An answer that goes on and on, a line at a time.
#[derive(Debug)]
pub(crate) struct Lines {
    response: Response,
    buffer: BytesMut,
}

impl Lines {
    pub(crate) fn of(response: Response) -> Self {
        Self { response, buffer: BytesMut::new() }
    }

    /// The next line, without its end. Cancelling this loses nothing.
    pub(crate) async fn next(&mut self) -> Result<BytesMut, StoreError> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(searched + at);
                self.buffer.advance(1);
                return Ok(line);
            }
            searched = self.buffer.len();
            if searched > LINE_BYTES_MAX {
                return Err(StoreError::Unreachable(format!(
                    "a message has more than {LINE_BYTES_MAX} bytes"
                )));
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.buffer.extend_from_slice(&bytes),
                Ok(None) => return Err(StoreError::Unreachable("the server ended the watch".into())),
                Err(error) => return Err(StoreError::Unreachable(format!("the watch broke: {error}"))),
            }
        }
    }
}
