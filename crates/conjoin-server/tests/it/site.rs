//! The pages, from the binary and from a folder.

use std::fs;
use std::time::{Duration, SystemTime};

use conjoin_server::{Asset, Config, Site};
use tokio::time::timeout;

use crate::support::{BOUND, Running, get, request};

static ASSETS: &[Asset] = &[
    Asset { name: "index.html", content: b"<head></head>start", brotli: None, gzip: None },
    Asset { name: "app.wasm", content: b"plain", brotli: Some(b"as brotli"), gzip: Some(b"as gzip") },
    Asset { name: "app-0123456789ab.js", content: b"js", brotli: None, gzip: None },
];

async fn embedded() -> Running {
    Running::with(Config { site: Site::embedded(ASSETS), ..Config::default() }).await
}

#[tokio::test]
async fn pages_come_with_their_type_and_are_guarded() {
    let server = embedded().await;
    let index = get(server.address, "/?room=r&server=ws://x/").await;
    assert_eq!((index.status, index.text()), (200, "<head></head>start"));
    assert_eq!(index.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(index.header("cache-control"), Some("no-cache"));
    assert_eq!(index.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(index.header("referrer-policy"), Some("no-referrer"));
    let policy = index.header("content-security-policy").unwrap();
    assert!(policy.contains("'wasm-unsafe-eval'") && policy.contains("connect-src 'self' ws: wss:"));
    let hashed = get(server.address, "/app-0123456789ab.js").await;
    assert_eq!(hashed.header("cache-control"), Some("public, max-age=31536000, immutable"));
}

#[tokio::test]
async fn the_smallest_form_that_the_client_takes_is_sent() {
    let server = embedded().await;
    for (accepted, encoding, body) in [
        ("gzip, deflate, br", Some("br"), "as brotli"),
        ("gzip", Some("gzip"), "as gzip"),
        ("br;q=0, gzip", Some("gzip"), "as gzip"),
        ("identity", None, "plain"),
    ] {
        let answer = request(server.address, "GET", "/app.wasm", &[("Accept-Encoding", accepted)]).await;
        assert_eq!((answer.header("content-encoding"), answer.text()), (encoding, body), "{accepted}");
        assert_eq!(answer.header("content-type"), Some("application/wasm"));
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
    }
    let index = request(server.address, "GET", "/", &[("Accept-Encoding", "br")]).await;
    assert_eq!(index.header("content-encoding"), None);
}

#[tokio::test]
async fn what_the_client_holds_is_not_sent_again() {
    let server = embedded().await;
    let accept = ("Accept-Encoding", "br");
    let first = request(server.address, "GET", "/app.wasm", &[accept]).await;
    let etag = first.header("etag").unwrap().to_owned();
    let again = request(server.address, "GET", "/app.wasm", &[accept, ("If-None-Match", &etag)]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!((again.header("etag"), again.header("cache-control")), (Some(&*etag), Some("no-cache")));
    let plain = request(server.address, "GET", "/app.wasm", &[("If-None-Match", &etag)]).await;
    assert_eq!((plain.status, plain.text()), (200, "plain"), "another encoding is another content");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = embedded().await;
    for path in ["/", "/healthz", "/nothing"] {
        let (get, head) = (get(server.address, path).await, request(server.address, "HEAD", path, &[]).await);
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        assert_eq!(head.header("content-length"), Some(&*get.body.len().to_string()), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_page_too() {
    let server = embedded().await;
    let answer = get(server.address, "/nothing").await;
    assert_eq!((answer.status, answer.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(answer.text().contains("Not found") && answer.header("content-security-policy").is_some());
}

#[tokio::test]
async fn a_folder_is_served_as_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("docs")).unwrap();
    for (name, content) in
        [("index.html", "one"), ("docs/index.html", "docs"), ("a.css", "plain"), ("a.css.br", "br")]
    {
        fs::write(path(name), content).unwrap();
    }
    let site = Site::folder(folder.path()).unwrap();
    let server = Running::with(Config { site, ..Config::default() }).await;
    assert_eq!(get(server.address, "/docs/").await.text(), "docs");
    assert_eq!(get(server.address, "/docs").await.status, 404);

    let first = get(server.address, "/").await;
    let etag = first.header("etag").unwrap();
    assert_eq!(request(server.address, "GET", "/", &[("If-None-Match", etag)]).await.status, 304);
    fs::write(path("index.html"), "another").unwrap();
    let second = request(server.address, "GET", "/", &[("If-None-Match", etag)]).await;
    assert_eq!((second.status, second.text()), (200, "another"));
    fs::write(path("404.html"), "own page").unwrap();
    let missing = get(server.address, "/nothing").await;
    assert_eq!((missing.status, missing.text()), (404, "own page"));

    let br = [("Accept-Encoding", "br")];
    assert_eq!(request(server.address, "GET", "/a.css", &br).await.text(), "br");
    let css = fs::File::options().write(true).open(path("a.css")).unwrap();
    css.set_modified(SystemTime::now() + Duration::from_secs(10)).unwrap();
    assert_eq!(
        request(server.address, "GET", "/a.css", &br).await.text(),
        "plain",
        "the compressed one is older"
    );
}

#[tokio::test]
async fn nothing_outside_the_folder_is_served() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("site");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("index.html"), "start").unwrap();
    fs::write(folder.join(".hidden"), "secret").unwrap();
    fs::write(outer.path().join("secret"), "secret").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outer.path().join("secret"), folder.join("link")).unwrap();
    let server = Running::with(Config { site: Site::folder(&folder).unwrap(), ..Config::default() }).await;
    for path in [
        "/../secret",
        "/..%2fsecret",
        "/%2e%2e/secret",
        "/x/../../secret",
        "/.hidden",
        "/link",
        "//secret",
        "/./../secret",
        "/..\\secret",
        "/..%5csecret",
        "/%252e%252e/secret",
        "/index.html/../../secret",
    ] {
        let answer = get(server.address, path).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret"), "{path}");
    }
}

#[tokio::test]
async fn a_site_needs_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Site::folder(folder.path().join("missing")).is_err());
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(Site::folder(folder.path().join("file")).is_err());
}

#[tokio::test]
async fn pages_reload_when_the_folder_changes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("index.html"), "<head></head>one").unwrap();
    let site = Site::folder(folder.path()).unwrap().reloading();
    let server = Running::with(Config { site, ..Config::default() }).await;
    let index = get(server.address, "/").await;
    assert_eq!(index.text(), "<head><script src=\"/.conjoin/reload.js\" defer></script></head>one");
    assert_eq!(index.header("cache-control"), Some("no-store"));
    let script = get(server.address, "/.conjoin/reload.js").await;
    assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript; charset=utf-8")));

    let known = get(server.address, "/.conjoin/reload").await.text().to_owned();
    let address = server.address;
    let wait = format!("/.conjoin/reload?{known}");
    let mut waiting = tokio::spawn(async move { get(address, &wait).await });
    // No news while nothing changes: several looks at the folder long.
    assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err());
    fs::write(folder.path().join("style.css"), "x").unwrap();
    let news = timeout(BOUND, waiting).await.expect("news within the bound").unwrap();
    assert_ne!(news.text(), known);
}

#[tokio::test]
async fn without_the_flag_nothing_reloads() {
    let server = embedded().await;
    assert_eq!(get(server.address, "/.conjoin/reload").await.status, 404);
    assert!(!get(server.address, "/").await.text().contains("reload"));
}
