//! The form of a request head in each version of HTTP: where it says which host is meant.

use http::header::{CONNECTION, HOST, TE, TRANSFER_ENCODING};
use http::uri::{Authority, Parts, Scheme};
use http::{HeaderValue, Request, Uri, Version};

/// Let another host be meant than the one that is.
pub(super) fn meant_for<B>(request: &mut Request<B>, host: &HeaderValue) {
    // An earlier try over HTTP/2 has left it in the target, where it would win.
    if let Some(target) = request.uri().path_and_query().filter(|_| request.uri().authority().is_some()) {
        *request.uri_mut() = Uri::from(target.clone());
    }
    request.headers_mut().insert(HOST, host.clone());
}

/// Origin form, with a Host field (RFC 9112 section 3.2). Whether trailers are wanted is not said: that field would
/// need another beside it, and who sends trailers over HTTP/1.1 sends them unasked.
pub(super) fn to_http1<B>(request: &mut Request<B>) {
    request.headers_mut().remove(TE);
    *request.version_mut() = Version::HTTP_11;
    let Some(authority) = request.uri().authority() else { return };
    if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
        request.headers_mut().insert(HOST, host);
    }
    let target = request.uri().path_and_query().cloned();
    *request.uri_mut() = target.map(Uri::from).unwrap_or_default();
}

/// Scheme and authority beside the path, and no fields of a connection (RFC 9113 sections 8.2.2 and 8.3.1).
pub(crate) fn to_http2<B>(request: &mut Request<B>, tls: bool) {
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    headers.remove(TRANSFER_ENCODING);
    headers.remove(CONNECTION);
    let Some(authority) = headers.remove(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok()) else {
        return;
    };
    let mut parts = Parts::default();
    parts.scheme = Some(if tls { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(authority);
    parts.path_and_query = request.uri().path_and_query().cloned();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_keeps_its_meaning_from_one_version_to_the_other_and_back() {
        let mut request = Request::builder()
            .uri("/pets?limit=1")
            .header(HOST, "pets.example:8080")
            .header(TE, "trailers")
            .header(TRANSFER_ENCODING, "chunked")
            .body(())
            .unwrap();
        to_http2(&mut request, true);
        assert_eq!(request.uri(), "https://pets.example:8080/pets?limit=1");
        assert_eq!(request.headers().len(), 1, "{:?}", request.headers());
        assert_eq!(request.headers()[TE], "trailers");
        to_http1(&mut request);
        assert_eq!(request.uri(), "/pets?limit=1");
        assert_eq!(request.headers().len(), 1, "{:?}", request.headers());
        assert_eq!(request.headers()[HOST], "pets.example:8080");
    }

    #[test]
    fn another_host_takes_the_place_of_the_one_before_wherever_that_stands() {
        let other = HeaderValue::from_static("other.example");
        let mut request = Request::builder().uri("/pets?limit=1").header(HOST, "pets.example").body(()).unwrap();
        meant_for(&mut request, &other);
        assert_eq!((request.uri().to_string().as_str(), &request.headers()[HOST]), ("/pets?limit=1", &other));
        to_http2(&mut request, false);
        assert_eq!(request.uri(), "http://other.example/pets?limit=1");
        meant_for(&mut request, &HeaderValue::from_static("third.example"));
        to_http1(&mut request);
        assert_eq!(
            (request.uri().to_string().as_str(), request.headers()[HOST].as_bytes()),
            ("/pets?limit=1", &b"third.example"[..])
        );
    }
}
