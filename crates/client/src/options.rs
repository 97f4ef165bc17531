//! How a device signs in.

use crate::error::ClientError;
use std::sync::Arc;
use tokio_rustls::rustls::ClientConfig;
use tring_protocol::{DeviceKind, ErrorBody, ErrorCode, SdkAppId, UserId, UserSig};

/// How to sign in.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's WebSocket, `ws://host:port/v1/socket` or `wss://…`.
    pub url: String,
    /// The app.
    pub sdk_app_id: SdkAppId,
    /// The user.
    pub user_id: UserId,
    /// The proof, made by the app's own signing service. It is shown again when a session is lost, so a client that
    /// lives for long needs one that does too.
    pub user_sig: UserSig,
    /// What signs in. Default: native.
    pub kind: DeviceKind,
    /// Whom the server's certificate must be from, for `wss://`. None: anyone whom the system trusts.
    pub tls: Option<Arc<ClientConfig>>,
    /// Says `delivered` for each invitation by itself. Default on; off, the caller is never told that it rings.
    pub deliver: bool,
}

impl Options {
    /// Options with defaults. Errors: [`ClientError::Refused`] for an app of 0 and a userID that is none.
    pub fn new(
        url: &str,
        sdk_app_id: u32,
        user_id: &str,
        user_sig: impl Into<UserSig>,
    ) -> Result<Self, ClientError> {
        let refused =
            |code, e: tring_protocol::IdError| ClientError::Refused(ErrorBody::with(code, e.to_string()));
        Ok(Self {
            url: url.to_owned(),
            sdk_app_id: SdkAppId::new(sdk_app_id).map_err(|e| refused(ErrorCode::AppUnknown, e))?,
            user_id: UserId::new(user_id).map_err(|e| refused(ErrorCode::UserIdInvalid, e))?,
            user_sig: user_sig.into(),
            kind: DeviceKind::Native,
            tls: None,
            deliver: true,
        })
    }
}
