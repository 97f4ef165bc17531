//! The signing service of the guide: `POST /v1/usersig`, and the demo's open signer.
//!
//! The caller of the service is the app's own server, which has already decided who its user is. It holds an API
//! secret, never the signing key; what it signs is bounded in life and number, and written down.

use crate::config::SIGNATURE_MIN_S as EXPIRE_MIN_S;
use crate::http::state::AppState;
use crate::limits::stranger_log::stranger_event;
use crate::signer::{self, SignError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tring_protocol::{SdkAppId, UserId};
use tring_store::App;

/// Life of a UserSig when the request names none, in seconds.
const EXPIRE_DEFAULT_S: u32 = 24 * 3600;

/// The users that the demo page offers.
const DEMO_USERS: [&str; 3] = ["alice", "bob", "carol"];

/// What is wrong with a request to the signing service.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the body is no request ({0}): send {{\"sdkAppID\":…,\"userID\":\"…\",\"expire\":seconds}}")]
    Body(String),
    #[error("`userID` cannot be signed for: {0}")]
    User(String),
    #[error("the header is missing: send Authorization: Bearer <API secret of the app>")]
    NoSecret,
    #[error("no app has this sdkAppID and this API secret")]
    WrongSecret,
    #[error("`expire` is {found}: it takes {EXPIRE_MIN_S} to {max} seconds")]
    Expire { found: u32, max: u32 },
    #[error("the demo app was deleted: start the server again with --demo, which makes a new one")]
    NoDemoApp,
    #[error("too many requests: wait a second and send again")]
    TooMany,
    #[error(
        "the server's database takes nothing now, and too much waits for it: GET /healthz says what to do"
    )]
    StoreFull,
}

impl From<SignError> for Refusal {
    fn from(error: SignError) -> Self {
        match error {
            SignError::User(error) => Self::User(error.to_string()),
            SignError::StoreFull => Self::StoreFull,
        }
    }
}

impl Refusal {
    /// The HTTP status, and the code in the body.
    fn parts(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Body(_) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::User(_) => (StatusCode::BAD_REQUEST, "user_id_invalid"),
            Self::NoSecret => (StatusCode::UNAUTHORIZED, "secret_missing"),
            Self::WrongSecret => (StatusCode::FORBIDDEN, "secret_wrong"),
            Self::Expire { .. } => (StatusCode::BAD_REQUEST, "expire_out_of_range"),
            Self::NoDemoApp => (StatusCode::GONE, "demo_app_gone"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            Self::StoreFull => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code) = self.parts();
        (status, Json(json!({ "error": { "code": code, "message": self.to_string() } }))).into_response()
    }
}

/// A body whose fields are read one by one, so that a refusal names the one that is wrong.
struct Body(Map<String, Value>);

impl Body {
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map(Self).map_err(|e| Refusal::Body(e.to_string()))
    }

    /// None if it is absent or null.
    fn field(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn app(&self) -> Result<SdkAppId, Refusal> {
        let value = self.field("sdkAppID").ok_or_else(|| Refusal::Body("`sdkAppID` is missing".into()))?;
        SdkAppId::deserialize(value).map_err(|e| Refusal::Body(format!("`sdkAppID`: {e}")))
    }

    /// A text, or a number other than 0 for its decimal text, as at sign-in.
    fn user(&self) -> Result<UserId, Refusal> {
        let value = self.0.get("userID").ok_or_else(|| Refusal::Body("`userID` is missing".into()))?;
        UserId::deserialize(value).map_err(|e| Refusal::User(e.to_string()))
    }

    fn expire_s(&self) -> Result<Option<u32>, Refusal> {
        let value = self.field("expire").map(u32::deserialize).transpose();
        value.map_err(|e| Refusal::Body(format!("`expire`: {e}")))
    }
}

/// `POST /v1/usersig`.
pub(crate) async fn usersig(
    State(state): State<Arc<AppState>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match sign_for_server(&state, from.ip(), &headers, &body).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn sign_for_server(
    state: &AppState,
    from: IpAddr,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Refusal> {
    let body = Body::read(body)?;
    let (app, user, expire) = (body.app()?, body.user()?, body.expire_s()?);
    let secret = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or(Refusal::NoSecret)?;
    let now = state.clock.now();
    let Some(app) = state.apps.app(app).filter(|app| signer::secret_fits(app, secret)) else {
        if !state.signer.may_be_wrong(from, now) {
            return Err(Refusal::TooMany);
        }
        // The bound above is of one address, and of addresses there are many.
        stranger_event!(WARN, %from, %app, "signing service: wrong API secret");
        return Err(Refusal::WrongSecret);
    };
    if !state.signer.may_sign(app.id, now) {
        return Err(Refusal::TooMany);
    }
    let max = state.config.limits.signature_max_s;
    let expire = expire.unwrap_or(EXPIRE_DEFAULT_S.min(max));
    if !(EXPIRE_MIN_S..=max).contains(&expire) {
        return Err(Refusal::Expire { found: expire, max });
    }
    sign(state, &app, &user, expire, "api").await
}

async fn sign(
    state: &AppState,
    app: &App,
    user: &UserId,
    expire_s: u32,
    by: &'static str,
) -> Result<Response, Refusal> {
    let lifetime = Duration::from_secs(expire_s.into());
    let signed = state.signer.sign(app, user, lifetime, by).await?;
    let body = json!({
        "sdkAppID": app.id, "userID": user, "userSig": signed.user_sig, "expire": expire_s,
        "expireAt": signed.at.as_secs() + u64::from(expire_s),
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// `GET /demo/config.json`.
pub(crate) async fn demo_config(State(state): State<Arc<AppState>>) -> Response {
    let authority = state.identity.as_ref().and_then(|identity| identity.authority());
    Json(json!({
        "sdkAppID": state.signer.demo_app,
        "users": DEMO_USERS,
        "httpsPort": state.tls.map(|address| address.port()),
        "localCa": authority.is_some(),
    }))
    .into_response()
}

/// `POST /demo/usersig`: anybody becomes anybody, in the demo app only.
pub(crate) async fn demo_usersig(State(state): State<Arc<AppState>>, body: Bytes) -> Response {
    let signed = async {
        let user = Body::read(&body)?.user()?;
        let app = state.signer.demo_app.and_then(|id| state.apps.app(id)).ok_or(Refusal::NoDemoApp)?;
        if !state.signer.may_sign(app.id, state.clock.now()) {
            return Err(Refusal::TooMany);
        }
        sign(&state, &app, &user, EXPIRE_DEFAULT_S, "demo").await
    };
    signed.await.unwrap_or_else(IntoResponse::into_response)
}
