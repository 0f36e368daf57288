//! For development: pages reload when the folder changes.
//!
//! Each page asks, and is answered when there is news, so nothing has to be kept between
//! requests, and a page that was asleep or met a restarted server finds its way back.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use tokio::time::sleep;

use super::{Site, Source};
use crate::server::is_over;
use crate::service::App;

/// Where the script is.
pub(crate) const SCRIPT: &str = "/.conjoin/reload.js";

/// Where the script waits. The query is the fingerprint the page knows.
pub(crate) const WAIT: &str = "/.conjoin/reload";

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(200);

const TAG: &[u8] = b"<script src=\"/.conjoin/reload.js\" defer></script>";

/// Adds the script to a page.
pub(super) fn inject(html: &[u8]) -> Bytes {
    let head = html.windows(7).position(|part| part.eq_ignore_ascii_case(b"</head>")).unwrap_or(html.len());
    [&html[..head], TAG, &html[head..]].concat().into()
}

pub(crate) async fn script() -> Response {
    let headers = [(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (headers, include_str!("reload.js")).into_response()
}

/// Answers with the fingerprint of the folder, once it is another than the page knows.
pub(crate) async fn wait(State(app): State<Arc<App>>, RawQuery(known): RawQuery) -> Response {
    let mut stopped = app.stopped.clone();
    tokio::select! {
        now = changed(&app.site, known.as_deref()) => ([(CACHE_CONTROL, "no-store")], now).into_response(),
        () = is_over(&mut stopped) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn changed(site: &Site, known: Option<&str>) -> String {
    let mut last = look(site).await;
    loop {
        if Some(&*last) != known {
            // A build writes file after file: the page is told when it is quiet.
            sleep(LOOK).await;
            let again = look(site).await;
            if again == last {
                return last;
            }
            last = again;
        } else {
            sleep(LOOK).await;
            last = look(site).await;
        }
    }
}

async fn look(site: &Site) -> String {
    let Source::Folder(folder) = &site.source else { return String::new() };
    let folder = folder.clone();
    let fingerprint = tokio::task::spawn_blocking(move || folder.fingerprint()).await;
    fingerprint.map_or_else(|_| String::new(), |fingerprint| format!("{fingerprint:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_goes_into_the_head_or_to_the_end() {
        let tag = std::str::from_utf8(TAG).unwrap();
        assert_eq!(inject(b"<HEAD></HEAD>x"), format!("<HEAD>{tag}</HEAD>x"));
        assert_eq!(inject(b"x"), format!("x{tag}"));
    }
}
