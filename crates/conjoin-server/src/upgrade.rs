//! The opening handshake of a signaling socket (RFC 6455, 4.2).

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::debug;

use crate::service::App;
use crate::socket;

/// What the kernel keeps for a client that does not read, beside the queue that has its own limit.
/// Left alone, it would let this grow to several MiB before the queue even begins to fill.
const SEND_BUFFER: usize = 64 * 1024;

/// Whether a request asks for a WebSocket.
pub(crate) fn is_asked(headers: &HeaderMap) -> bool {
    names(headers, &UPGRADE, "websocket")
}

/// Answers a request for a WebSocket, and serves the socket that results.
pub(crate) fn accept(app: &Arc<App>, mut request: Request) -> Response {
    let headers = request.headers();
    if !names(headers, &CONNECTION, "upgrade")
        || headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|it| it != "13")
    {
        let version = [(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))];
        return (StatusCode::UPGRADE_REQUIRED, version, "This is a WebSocket of version 13\n")
            .into_response();
    }
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY) else {
        return (StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is missing\n").into_response();
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    let (hub, max_message, running) = (app.hub.clone(), app.max_message, app.stopped.clone());
    tokio::spawn(async move {
        match upgrade.await.map(|upgraded| upgraded.downcast::<TokioIo<TcpStream>>()) {
            Ok(Ok(parts)) => {
                // A copy of what is mostly nothing: the original would keep its 8 KiB for good.
                let read = parts.read_buf.to_vec();
                drop(parts.read_buf);
                let stream = parts.io.into_inner();
                if let Err(error) = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER) {
                    debug!(%error, "the send buffer stays as it is");
                }
                socket::serve(stream, read, max_message, hub).await;
            }
            Ok(Err(_)) => debug!("the connection was not accepted by this server"),
            Err(error) => debug!(%error, "the opening handshake broke off"),
        }
        drop(running);
    });
    let headers = [
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, HeaderValue::try_from(accept).expect("base64 is valid in a header")),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// Whether a header that is a list names `token`.
fn names(headers: &HeaderMap, header: &HeaderName, token: &str) -> bool {
    headers
        .get_all(header)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
}
