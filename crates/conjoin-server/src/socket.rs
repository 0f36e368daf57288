//! One signaling socket: a single task that reads, writes and, in the end, closes in order.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use tracing::debug;

use crate::hub::Hub;
use crate::outbox::{Next, Outbox};
use crate::rooms::{ConnId, Input};

/// How long a socket has to take what is still to be said, and to confirm that it closes.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_millis(500);

/// A socket mostly waits, and this is most of what one costs meanwhile. For a larger message the
/// buffer grows.
const READ_BUFFER: usize = 2 * 1024;

/// Messages are put together up to this size before they go to the kernel.
const WRITE_BUFFER: usize = 16 * 1024;

/// How a conversation ended.
enum End {
    /// The server closes; the reason is in the outbox.
    Closing,
    /// The server closes, and what the client sends cannot be told apart any more.
    ClosingMidway,
    /// The client closed or is gone, or takes nothing any more.
    Gone,
}

/// Serves a socket whose opening handshake is done, until it is closed. `read` came already.
pub(crate) async fn serve<S>(io: S, read: Vec<u8>, max_message: usize, hub: Arc<Hub>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(max_message))
        .max_frame_size(Some(max_message));
    let mut socket = WebSocketStream::from_partially_read(io, read, Role::Server, Some(config)).await;
    let (conn, outbox) = hub.connect();
    debug!(conn = conn.0, "socket open");
    let seat = Seat { hub: &hub, conn };
    let end = converse(&mut socket, &seat, &outbox).await;
    drop(seat);
    if timeout(CLOSE_GRACE, finish(&mut socket, &outbox, end)).await.is_err() {
        debug!(conn = conn.0, "socket did not close in time");
    }
    debug!(conn = conn.0, "socket closed");
}

/// Takes the socket out of the rooms, even if its task is dropped.
struct Seat<'a> {
    hub: &'a Hub,
    conn: ConnId,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.hub.input(Input::Closed(self.conn));
    }
}

async fn converse<S>(socket: &mut WebSocketStream<S>, seat: &Seat<'_>, outbox: &Outbox) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let &Seat { hub, conn } = seat;
    loop {
        tokio::select! {
            () = outbox.closing() => return End::Closing,
            next = outbox.next() => {
                // Once it closes, a socket has no longer than this to take what is half-way out.
                let late = async {
                    outbox.closing().await;
                    sleep(CLOSE_GRACE).await;
                };
                tokio::select! {
                    written = write(socket, outbox, next) => if written.is_err() { return End::Gone },
                    () = late => return End::Gone,
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => hub.input(Input::Text(conn, &text)),
                Some(Ok(Message::Binary(bytes))) => hub.input(Input::Binary(conn, &bytes)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => hub.input(Input::Pong(conn)),
                Some(Ok(Message::Frame(_))) => {}
                Some(Err(Error::Capacity(_))) => {
                    hub.input(Input::TooLarge(conn));
                    return End::ClosingMidway;
                }
                Some(Err(error)) if is_malformed(&error) => {
                    hub.input(Input::Malformed(conn));
                    return End::ClosingMidway;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
            },
        }
    }
}

/// Whether the client is still there, but speaks no WebSocket.
fn is_malformed(error: &Error) -> bool {
    match error {
        Error::Utf8(_) => true,
        Error::Protocol(error) => !matches!(error, ProtocolError::ResetWithoutClosingHandshake),
        _ => false,
    }
}

/// Writes `next` and all that is queued behind it except the close, with as few system calls as
/// that takes.
async fn write<S>(socket: &mut WebSocketStream<S>, outbox: &Outbox, next: Next) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut next = Some(next);
    while let Some(message) = next {
        match message {
            Next::Text(text) => socket.feed(Message::text(text)).await?,
            Next::Ping => socket.feed(Message::Ping(Bytes::new())).await?,
            Next::Close(_) => break,
        }
        next = outbox.take();
    }
    socket.flush().await
}

async fn finish<S>(socket: &mut WebSocketStream<S>, outbox: &Outbox, end: End)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !matches!(end, End::Gone) && last_words(socket, outbox).await.is_err() {
        return;
    }
    // Closing with unread input would reset the connection, and the reset could overtake the
    // last words: so all is read until the client closes too.
    match end {
        End::Closing | End::Gone => while let Some(Ok(_)) = socket.next().await {},
        End::ClosingMidway => {
            // On the heap, or every idle socket would have it as a part of its task.
            let mut scrap = vec![0; 4096];
            while socket.get_mut().read(&mut scrap).await.is_ok_and(|read| read > 0) {}
        }
    }
}

/// Writes what is still queued, and the close frame.
async fn last_words<S>(socket: &mut WebSocketStream<S>, outbox: &Outbox) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(next) = outbox.take() {
        if let Next::Close(reason) = next {
            let frame =
                CloseFrame { code: CloseCode::from(reason.code()), reason: reason.to_string().into() };
            return socket.send(Message::Close(Some(frame))).await;
        }
        write(socket, outbox, next).await?;
    }
    Ok(())
}
