//! Which pages of other origins may read the demo's answers: those that are served by this machine too.
//!
//! A developer's own page comes from a development server at another port of `localhost`, and may ask the demo's signer.
//! Nobody else's page may: any site could open a call from the browser of whoever has the demo running. The origin `null`
//! of a page that was opened as a file is not taken, since every site can have it, by a sandboxed frame.

use crate::host;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Lets pages from this machine read the answer.
pub(crate) async fn from_this_machine(request: Request, next: Next) -> Response {
    let origin = allowed(request.headers()).cloned();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

/// What a browser asks before it posts JSON for a page of another origin.
pub(crate) async fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn allowed(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(header::ORIGIN).filter(|origin| origin.to_str().is_ok_and(is_this_machine))
}

/// Whether an origin (`scheme://host[:port]`) is a loopback one.
fn is_this_machine(origin: &str) -> bool {
    let Some((_, authority)) =
        origin.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
    else {
        return false;
    };
    let (host, port) = host::split_port(authority);
    host::is_loopback(host) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_may_read_and_no_others() {
        for origin in [
            "http://localhost",
            "http://localhost:5173",
            "https://app.localhost:8443",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
        ] {
            assert!(is_this_machine(origin), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://example.com",
            "http://localhost.example.com",
            "http://notlocalhost",
            "http://127.0.0.1.example.com",
            "http://192.168.1.5:8080",
            "http://localhost:8080@example.com",
            "http://[::1].example.com",
            "file://localhost",
            "localhost:8080",
        ] {
            assert!(!is_this_machine(origin), "{origin}");
        }
    }
}
