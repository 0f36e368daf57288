//! The pages: files from the binary or from a folder, as browsers like them served.

mod folder;
mod names;
mod negotiation;
pub(crate) mod reload;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tracing::warn;

use folder::Folder;
use negotiation::Encoding;

/// What a page may do. WebAssembly and workers of its own, and, because the user may type the
/// address of any signaling server, sockets to anywhere. Nothing else from or to anywhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The pages that a server serves.
#[derive(Debug, Clone)]
pub struct Site {
    source: Source,
    reload: bool,
}

#[derive(Debug, Clone)]
enum Source {
    None,
    Embedded(Arc<BTreeMap<&'static str, Embedded>>),
    Folder(Folder),
}

/// A file that is part of the binary, with what it is when compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Its name below the root of the site, with `/` between folders: `index.html`.
    pub name: &'static str,
    /// Its content.
    pub content: &'static [u8],
    /// The content in Brotli.
    pub brotli: Option<&'static [u8]>,
    /// The content in gzip.
    pub gzip: Option<&'static [u8]>,
}

#[derive(Debug)]
struct Embedded {
    asset: Asset,
    hash: u64,
}

/// A file to be sent.
struct Found {
    content: Content,
    encoding: Option<Encoding>,
    /// Of the content before it is encoded.
    tag: String,
}

enum Content {
    Embedded(&'static [u8]),
    File(PathBuf),
}

impl Site {
    /// No pages: `/` says how to get some.
    pub fn none() -> Self {
        Self { source: Source::None, reload: false }
    }

    /// Files that are part of the binary; without any, like [`Site::none`].
    pub fn embedded(assets: &'static [Asset]) -> Self {
        if assets.is_empty() {
            return Self::none();
        }
        let entry = |asset: &Asset| (asset.name, Embedded { asset: *asset, hash: hash(asset.content) });
        Self { source: Source::Embedded(Arc::new(assets.iter().map(entry).collect())), reload: false }
    }

    /// Files from a folder, looked up again at each request. Links that lead out of the folder are
    /// not followed. A file `x.br` or `x.gz` that is not older than `x` is sent in its place.
    ///
    /// # Errors
    /// If the path is no folder that can be read.
    pub fn folder(path: impl Into<PathBuf>) -> io::Result<Self> {
        Ok(Self { source: Source::Folder(Folder::open(path.into())?), reload: false })
    }

    /// For development: pages reload when the folder changes. Only folders change.
    #[must_use]
    pub fn reloading(self) -> Self {
        Self { reload: matches!(self.source, Source::Folder(_)), ..self }
    }

    /// Whether there are pages.
    pub fn is_none(&self) -> bool {
        matches!(self.source, Source::None)
    }

    pub(crate) fn reloads(&self) -> bool {
        self.reload
    }

    pub(crate) async fn respond(&self, path: &str, headers: &HeaderMap) -> Response {
        let mut response = match names::file_name(path) {
            Some(name) => match self.page(&name, headers).await {
                Some(page) => page,
                None => self.not_found().await,
            },
            None => self.not_found().await,
        };
        secure(&mut response);
        response
    }

    async fn page(&self, name: &str, headers: &HeaderMap) -> Option<Response> {
        if matches!(self.source, Source::None) && name == "index.html" {
            let html =
                (no_cache(), [(CONTENT_TYPE, "text/html; charset=utf-8")], include_str!("no-site.html"));
            return Some(html.into_response());
        }
        let content_type = names::content_type(name);
        if self.reload && content_type.starts_with("text/html") {
            let found = self.find(name, &HeaderMap::new()).await?;
            let html = read(found.content).await?;
            let headers = [(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, content_type)];
            return Some((headers, reload::inject(&html)).into_response());
        }
        let found = self.find(name, headers).await?;
        let mut answer = HeaderMap::new();
        let etag = match found.encoding {
            Some(encoding) => format!("\"{}-{}\"", found.tag, encoding.token()),
            None => format!("\"{}\"", found.tag),
        };
        answer.insert(VARY, HeaderValue::from_static("accept-encoding"));
        let cache = if names::is_hashed(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
        answer.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        let held = negotiation::is_held(headers, &etag);
        answer.insert(ETAG, HeaderValue::try_from(etag).expect("tags are hexadecimal digits and dashes"));
        if held {
            return Some((StatusCode::NOT_MODIFIED, answer).into_response());
        }
        answer.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(encoding) = found.encoding {
            answer.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.token()));
        }
        Some((answer, Body::from(read(found.content).await?)).into_response())
    }

    async fn not_found(&self) -> Response {
        let html = match self.find("404.html", &HeaderMap::new()).await {
            Some(found) => read(found.content).await,
            None => None,
        };
        let html = html.unwrap_or_else(|| Bytes::from_static(include_bytes!("not-found.html")));
        let headers = [(CONTENT_TYPE, "text/html; charset=utf-8")];
        (StatusCode::NOT_FOUND, no_cache(), headers, html).into_response()
    }

    async fn find(&self, name: &str, headers: &HeaderMap) -> Option<Found> {
        match &self.source {
            Source::None => None,
            Source::Embedded(files) => files.get(name).map(|file| file.found(headers)),
            Source::Folder(folder) => folder.find(name, headers).await,
        }
    }
}

impl Embedded {
    fn found(&self, headers: &HeaderMap) -> Found {
        let tag = format!("{:016x}", self.hash);
        for encoding in Encoding::ALL {
            let content = match encoding {
                Encoding::Brotli => self.asset.brotli,
                Encoding::Gzip => self.asset.gzip,
            };
            if let Some(content) = content.filter(|_| encoding.is_accepted(headers)) {
                return Found { content: Content::Embedded(content), encoding: Some(encoding), tag };
            }
        }
        Found { content: Content::Embedded(self.asset.content), encoding: None, tag }
    }
}

async fn read(content: Content) -> Option<Bytes> {
    match content {
        Content::Embedded(bytes) => Some(Bytes::from_static(bytes)),
        Content::File(path) => match tokio::fs::read(&path).await {
            Ok(bytes) => Some(bytes.into()),
            Err(error) => {
                // It was there a moment ago; while a folder is rebuilt that is not unusual.
                warn!(path = %path.display(), %error, "cannot read a file of the site");
                None
            }
        },
    }
}

fn hash(content: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

fn no_cache() -> [(HeaderName, &'static str); 1] {
    [(CACHE_CONTROL, "no-cache")]
}

/// Adds what tells a browser to be careful. Links carry room names, so no referrer leaves.
fn secure(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert("content-security-policy", HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
}
