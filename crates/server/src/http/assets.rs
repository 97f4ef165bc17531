//! The built clients, inside the binary.
//!
//! | path | what |
//! |---|---|
//! | `/` | the demo page (`--demo` only) |
//! | `/install` | the page of the local CA |
//! | `/sdk/core/…`, `/sdk/web/…` | the browser SDK as ES modules, and its class as one script |

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

/// What is served of `clients/dist`, as `npm run build` leaves it; the folders for mini-programs beside it are copied by
/// people, not served. Build the clients before the server: `make` does.
#[derive(RustEmbed)]
#[folder = "../../clients/dist/demo"]
#[prefix = "demo/"]
struct Demo;

#[derive(RustEmbed)]
#[folder = "../../clients/dist/install"]
#[prefix = "install/"]
struct Install;

#[derive(RustEmbed)]
#[folder = "../../clients/dist/core"]
#[prefix = "core/"]
struct Core;

#[derive(RustEmbed)]
#[folder = "../../clients/dist/web"]
#[prefix = "web/"]
struct Web;

/// A built file, by its path in `clients/dist`.
fn built(path: &str) -> Option<EmbeddedFile> {
    Demo::get(path).or_else(|| Install::get(path)).or_else(|| Core::get(path)).or_else(|| Web::get(path))
}

/// A file of the demo page; the folder itself is its index.
pub(crate) fn demo(path: &str, headers: &HeaderMap) -> Response {
    let name =
        if path.is_empty() || path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() };
    file(&format!("demo/{name}"), headers)
}

/// A file of the page of the local CA.
pub(crate) fn install(name: &str, headers: &HeaderMap) -> Response {
    file(&format!("install/{name}"), headers)
}

/// A file of the SDK.
pub(crate) fn sdk(path: &str, headers: &HeaderMap) -> Response {
    if path.starts_with("core/") || path.starts_with("web/") {
        return file(path, headers);
    }
    not_found()
}

/// True if the clients were built before this binary was.
pub(crate) fn present() -> bool {
    built("demo/index.html").is_some()
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    let Some(EmbeddedFile { data, metadata }) = built(path) else { return not_found() };
    // Files keep their names from build to build, so a browser asks each time and is told "not modified".
    let etag: String = metadata.sha256_hash()[..8].iter().map(|b| format!("{b:02x}")).collect();
    let etag = format!("\"{etag}\"");
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let mime = if mime.type_() == "text" { format!("{mime}; charset=utf-8") } else { mime.to_string() };
    let mut response = data.into_owned().into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, mime.as_str()),
        (header::ETAG, etag.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"), // modules of the SDK may be imported by pages of other origins
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "not found\n").into_response()
}
