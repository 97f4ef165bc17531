//! The page that leads a phone to trust the local CA, and the files that it gives. Served without TLS too: it must work
//! before anything is trusted.
//!
//! | path | what |
//! |---|---|
//! | `/install` | the page, from `clients/install` |
//! | `/install/facts.json` | the CA's name and fingerprint, the port of HTTPS, where to go on to |
//! | `/install/tring-ca.crt` | the CA in DER: Android, Windows, macOS, browsers |
//! | `/install/tring-ca.mobileconfig` | the CA as a profile: iOS |

use crate::http::assets;
use crate::http::state::AppState;
use crate::tls::Authority;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Where the third device goes on to: the other two are on the laptop's page.
const DEMO_PATH: &str = "/?phone=carol";

/// The routes; they answer 404 where no local CA is used.
pub(crate) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/install", get(page))
        .route("/install/", get(page))
        .route("/install/facts.json", get(facts))
        .route("/install/tring-ca.crt", get(certificate))
        .route("/install/tring-ca.mobileconfig", get(profile))
        .route("/install/{file}", get(file))
}

/// This server uses no local CA.
struct NothingToInstall;

impl IntoResponse for NothingToInstall {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, "nothing to install: this server uses no local CA\n").into_response()
    }
}

fn authority(state: &AppState) -> Result<&Authority, NothingToInstall> {
    state.identity.as_ref().and_then(|identity| identity.authority()).ok_or(NothingToInstall)
}

async fn page(State(state): State<Arc<AppState>>, headers: HeaderMap) -> Result<Response, NothingToInstall> {
    authority(&state)?;
    if !assets::present() {
        let text = "this binary was built without its clients. The CA is at /install/tring-ca.crt\n";
        return Ok((StatusCode::NOT_FOUND, text).into_response());
    }
    Ok(assets::install("index.html", &headers))
}

async fn file(
    State(state): State<Arc<AppState>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, NothingToInstall> {
    authority(&state)?;
    Ok(assets::install(&file, &headers))
}

async fn facts(State(state): State<Arc<AppState>>) -> Result<Response, NothingToInstall> {
    let authority = authority(&state)?;
    let body = json!({
        "name": authority.name(),
        "fingerprint": authority.fingerprint(),
        "plainPort": state.address.port(),
        "httpsPort": state.tls.map(|address| address.port()),
        "then": state.config.demo.then_some(DEMO_PATH),
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

async fn certificate(State(state): State<Arc<AppState>>) -> Result<Response, NothingToInstall> {
    let der = authority(&state)?.der().to_vec();
    Ok(download("application/x-x509-ca-cert", "tring-ca.crt", der))
}

async fn profile(State(state): State<Arc<AppState>>) -> Result<Response, NothingToInstall> {
    let authority = authority(&state)?;
    let text = mobileconfig(&authority.name(), authority.der());
    Ok(download("application/x-apple-aspen-config", "tring-ca.mobileconfig", text.into_bytes()))
}

fn download(kind: &'static str, name: &str, body: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, body).into_response()
}

/// A configuration profile with one root certificate (Apple's Configuration Profile Reference, `com.apple.security.root`).
/// The identifiers come from the certificate, so that installing the profile twice is installing it once.
fn mobileconfig(name: &str, der: &[u8]) -> String {
    let name = escaped(name);
    let hash = Sha256::digest(der);
    let (outer, inner) = (uuid(&hash[..16]), uuid(&hash[16..]));
    let data = STANDARD.encode(der);
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadVersion</key><integer>1</integer>
  <key>PayloadIdentifier</key><string>tring.local-ca.{outer}</string>
  <key>PayloadUUID</key><string>{outer}</string>
  <key>PayloadDisplayName</key><string>{name}</string>
  <key>PayloadDescription</key><string>Lets this device trust the Tring server of your own network.</string>
  <key>PayloadContent</key>
  <array>
    <dict>
      <key>PayloadType</key><string>com.apple.security.root</string>
      <key>PayloadVersion</key><integer>1</integer>
      <key>PayloadIdentifier</key><string>tring.local-ca.{outer}.{inner}</string>
      <key>PayloadUUID</key><string>{inner}</string>
      <key>PayloadDisplayName</key><string>{name}</string>
      <key>PayloadCertificateFileName</key><string>tring-ca.crt</string>
      <key>PayloadContent</key><data>{data}</data>
    </dict>
  </array>
</dict>
</plist>
"#
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// 16 bytes in the form of a UUID (RFC 9562, version 8: of one's own making).
fn uuid(bytes: &[u8]) -> String {
    let hex: String = bytes
        .iter()
        .enumerate()
        .map(|(n, b)| match n {
            6 => b & 0x0f | 0x80,
            8 => b & 0x3f | 0x80,
            _ => *b,
        })
        .map(|b| format!("{b:02X}"))
        .collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_holds_the_certificate_and_is_the_same_each_time() {
        let profile = mobileconfig("Tring <of> A & B", b"certificate");
        assert_eq!(profile, mobileconfig("Tring <of> A & B", b"certificate"));
        assert!(profile.contains("<data>Y2VydGlmaWNhdGU=</data>"), "{profile}");
        assert!(profile.contains("<string>Tring &lt;of&gt; A &amp; B</string>"), "{profile}");
        assert_ne!(profile, mobileconfig("Tring <of> A & B", b"another"));
    }

    #[test]
    fn identifiers_have_the_form_of_a_uuid() {
        let id = uuid(&[0xff; 16]);
        assert_eq!(id, "FFFFFFFF-FFFF-8FFF-BFFF-FFFFFFFFFFFF");
    }
}
