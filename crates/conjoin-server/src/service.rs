//! What the server answers over HTTP: signaling, the pages, and how it fares.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;

use crate::Site;
use crate::hub::{Hub, Load};
use crate::{site, upgrade};

/// What all requests share.
pub(crate) struct App {
    pub(crate) hub: Arc<Hub>,
    pub(crate) max_message: usize,
    pub(crate) site: Site,
    /// Turns true when the server stops; whoever holds a clone is waited for.
    pub(crate) stopped: watch::Receiver<bool>,
}

pub(crate) fn router(app: Arc<App>) -> Router {
    let router = Router::new().route("/healthz", get(healthz));
    let router = if app.site.reloads() {
        router
            .route(site::reload::SCRIPT, get(site::reload::script))
            .route(site::reload::WAIT, get(site::reload::wait))
    } else {
        router
    };
    router.fallback(page_or_signaling).with_state(app)
}

async fn healthz(State(app): State<Arc<App>>) -> Response {
    let Load { rooms, peers, connections } = app.hub.load();
    let version = env!("CARGO_PKG_VERSION");
    let health = format!(
        r#"{{"status":"ok","version":"{version}","rooms":{rooms},"peers":{peers},"connections":{connections}}}"#
    );
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], health).into_response()
}

async fn page_or_signaling(State(app): State<Arc<App>>, request: Request) -> Response {
    let method = request.method();
    if method == Method::GET && request.uri().path() == "/" && upgrade::is_asked(request.headers()) {
        return upgrade::accept(&app, request);
    }
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")], "Only GET and HEAD\n")
            .into_response();
    }
    app.site.respond(request.uri().path(), request.headers()).await
}
