//! Names of files: from the path of a request, to a content type.

/// The name of a file below the root of a site, from the path of a URL; `None` if the path could
/// mean anything else.
///
/// Percent-encoding is undone once. A name never has empty, hidden, `.` or `..` parts, nor
/// characters that some system gives a meaning to.
pub(super) fn file_name(path: &str) -> Option<String> {
    let path = decode(path.strip_prefix('/')?)?;
    let folder = path.is_empty() || path.ends_with('/');
    let name = if folder { path + "index.html" } else { path };
    let is_safe = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.contains(|c: char| c.is_control() || "\\:*?\"<>|".contains(c))
    };
    name.split('/').all(is_safe).then_some(name)
}

fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = tail else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// The content type, by the ending of the name.
pub(super) fn content_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    match ending.as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

/// Whether the name holds a hash of the content, as bundlers write it (`app-1a2b3c4d5e.js`), so
/// that the content behind it never changes.
pub(super) fn is_hashed(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let Some((stem, _)) = file.split_once('.') else { return false };
    let Some((_, hash)) = stem.rsplit_once('-') else { return false };
    let is_hex = hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    hash.len() >= 8 && is_hex && hash.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_become_names() {
        assert_eq!(file_name("/").as_deref(), Some("index.html"));
        assert_eq!(file_name("/a/b.js").as_deref(), Some("a/b.js"));
        assert_eq!(file_name("/docs/").as_deref(), Some("docs/index.html"));
        assert_eq!(file_name("/a%20b%C3%BC.txt").as_deref(), Some("a bü.txt"));
    }

    #[test]
    fn no_path_leads_out_of_the_site() {
        for path in [
            "",
            "a",
            "/..",
            "/../x",
            "/a/../../x",
            "/%2e%2e/x",
            "/..%2fx",
            "/a//b",
            "/a%2f..%2fb",
            "/.git/config",
            "/a/.env",
            "/c:/x",
            "/a%5c..%5cx",
            "/a%00.html",
            "/%",
            "/%1",
            "/%zz",
            "/%ff",
            "//etc/passwd",
            "/./x",
        ] {
            assert_eq!(file_name(path), None, "{path}");
        }
        // Decoded once: what a second decoding would find stays text.
        assert_eq!(file_name("/%252e%252e").as_deref(), Some("%2e%2e"));
    }

    proptest! {
        #[test]
        fn a_name_has_only_plain_parts(path in "/([./\\\\%a2efF5cC:-]|%2e|%2f|%5c|\\.\\.|ü){0,24}") {
            if let Some(name) = file_name(&path) {
                let parts: Vec<_> = std::path::Path::new(&name).components().collect();
                prop_assert!(parts.iter().all(|part| matches!(part, std::path::Component::Normal(_))));
                prop_assert!(!name.contains('\\') && !name.split('/').any(|part| part.starts_with('.')));
            }
        }
    }

    #[test]
    fn hashed_names_are_told_from_plain_ones() {
        for name in ["app-1a2b3c4d5e.js", "a/b-0123456789abcdef.wasm.map"] {
            assert!(is_hashed(name), "{name}");
        }
        for name in
            ["index.html", "conjoin-site.js", "conjoin-site_bg.wasm", "cafe-deadbeef.css", "x-1234567.js"]
        {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
