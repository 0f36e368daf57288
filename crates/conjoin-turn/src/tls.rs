//! TLS in front of a server over TCP, as a reverse proxy has it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Ends TLS and passes on what is in it, until it is dropped.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    certificate: String,
    task: JoinHandle<()>,
}

impl TlsFront {
    /// Stands before the server at `behind`, under a name and at an address of this machine.
    ///
    /// # Panics
    /// If the address cannot be had, or the name is none.
    pub async fn start(name: &str, at: IpAddr, behind: SocketAddr) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([name.to_owned()]).expect("the name is one");
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .expect("they belong together");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((at, 0)).await.expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                tokio::spawn(pass(acceptor.clone(), stream, behind));
            }
        });
        Self { address, certificate: pem(cert.der()), task }
    }

    /// Stands before the server at `behind`, as `localhost`.
    pub async fn on_localhost(behind: SocketAddr) -> Self {
        Self::start("localhost", Ipv4Addr::LOCALHOST.into(), behind).await
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate, in PEM, for those who shall trust it.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whoever ends it, it is over for both.
async fn pass(acceptor: TlsAcceptor, stream: TcpStream, behind: SocketAddr) -> Option<()> {
    let mut front = acceptor.accept(stream).await.ok()?;
    let mut back = TcpStream::connect(behind).await.ok()?;
    let _ = back.set_nodelay(true);
    copy_bidirectional(&mut front, &mut back).await.ok()?;
    Some(())
}

fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
