//! What a request says about the answer it wants (RFC 9110, 12.5.3 and 13.1.2).

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// The smaller first.
    pub(super) const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// As in `Content-Encoding`.
    pub(super) fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The ending of a file that was compressed beforehand.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// Whether the client takes it.
    pub(super) fn is_accepted(self, headers: &HeaderMap) -> bool {
        let mut any = false;
        for value in headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()) {
            for part in value.split(',') {
                let (token, weight) = part.split_once(';').unwrap_or((part, ""));
                let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), |q| q.trim().parse::<f32>());
                let wanted = weight.is_ok_and(|q| q > 0.0);
                match token.trim() {
                    token if token.eq_ignore_ascii_case(self.token()) => return wanted,
                    "*" => any = wanted,
                    _ => {}
                }
            }
        }
        any
    }
}

/// Whether the client holds the content with this tag already.
pub(super) fn is_held(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn encodings_are_taken_from_the_list() {
        let accepted =
            |value| Encoding::ALL.map(|encoding| encoding.is_accepted(&headers(ACCEPT_ENCODING, value)));
        assert_eq!(accepted("gzip, deflate, br, zstd"), [true, true]);
        assert_eq!(accepted("gzip"), [false, true]);
        assert_eq!(accepted("BR;q=0.5"), [true, false]);
        assert_eq!(accepted("*"), [true, true]);
        assert_eq!(accepted("br;q=0, *;q=0.1"), [false, true]);
        assert_eq!(accepted("gzip;q=0.0, brotli"), [false, false]);
        assert_eq!(accepted("br;q=x"), [false, false]);
        assert!(!Encoding::Gzip.is_accepted(&HeaderMap::new()));
    }

    #[test]
    fn tags_are_compared_weakly() {
        let held = |value| is_held(&headers(IF_NONE_MATCH, value), "\"abc\"");
        assert!(held("\"abc\"") && held("W/\"abc\"") && held("\"x\", \"abc\"") && held("*"));
        assert!(!held("\"ab\"") && !held("abc") && !is_held(&HeaderMap::new(), "\"abc\""));
    }
}
