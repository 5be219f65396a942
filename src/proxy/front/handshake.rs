//! The TLS handshake of a connection.
//!
//! While no app asks clients for certificates, every connection of a listener is made by one configuration. Else the first
//! message of the client, which says for whom it comes, decides.

use std::{io, sync::Arc};

use rustls::server::{Acceptor, ClientHello};
use tokio::net::TcpStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, server::TlsStream};

use super::{
    asking::AskingHandshake,
    tls::{ListenerTls, is_of_ca},
};
use crate::{
    authority::Authority,
    proxy::{
        downstream::{handshake::HandshakeFacts, stream::Secured},
        worker::{Worker, client_certificate::ClientCertificate},
    },
};

/// Makes the handshake.
///
/// # Errors
/// The client does not speak TLS, leaves, or does not show what it is asked for.
pub async fn shake_hands(worker: &Worker, stream: TcpStream, tls: &ListenerTls) -> io::Result<Secured> {
    if worker.shared.table.load().table.asking.is_empty() {
        let session = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream).await?;
        return Ok(secured(session, tls, None));
    }
    let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let asking = asking(worker, &begun.client_hello(), tls)?;
    let config = asking.as_ref().map_or(&tls.config, |asking| &asking.config);
    let session = begun.into_stream(Arc::clone(config)).await?;
    let certificate = asking.map(|asking| asking.outcome(session.get_ref().1)).transpose()?;
    Ok(secured(session, tls, certificate))
}

/// How the client is asked for a certificate; none: it is not. A CA that looks whether a host leads here has none to show.
fn asking(
    worker: &Worker,
    hello: &ClientHello<'_>,
    tls: &ListenerTls,
) -> io::Result<Option<Arc<AskingHandshake>>> {
    let host = hello.server_name().map_or(Authority::NONE, Authority::split);
    let policy = worker.shared.table.load().table.client_policy(host).filter(|_| !is_of_ca(hello));
    policy.map(|policy| tls.asking(policy)).transpose()
}

fn secured(
    session: TlsStream<TcpStream>,
    tls: &ListenerTls,
    certificate: Option<ClientCertificate>,
) -> Secured {
    let names = tls.names_for(session.get_ref().1.server_name());
    Secured { session, facts: HandshakeFacts::new(names, certificate) }
}
