//! Writes the TypeScript face of this crate to `clients/core/src/protocol.ts`, and fails where that file differs.
//!
//! `make types` writes it anew.

use crate::*;
use std::path::Path;
use ts_rs::TS;

fn declaration<T: TS + 'static>(cfg: &ts_rs::Config) -> String {
    let docs = T::docs().unwrap_or_default();
    format!("{docs}export {}\n\n", T::decl(cfg))
}

/// The bounds of `limits.rs` that a client can know of before it sends.
fn bounds() -> String {
    let mut text = String::new();
    macro_rules! all { ($($name:ident)*) => { $(text += &bound(stringify!($name), limits::$name as u64);)* } }
    all!(MAX_MESSAGE_BYTES MAX_USER_ID_BYTES MAX_CALL_DATA_BYTES MAX_CALLEES
        RING_TIMEOUT_MIN_S RING_TIMEOUT_MAX_S RING_TIMEOUT_DEFAULT_S);
    text
}

fn bound(name: &str, value: u64) -> String {
    let (before, _) = include_str!("limits.rs").split_once(&format!("pub const {name}:")).unwrap();
    let doc: Vec<&str> = before
        .rsplit("\n\n")
        .next()
        .unwrap()
        .lines()
        .map(|l| l.trim_start_matches("///").trim_start())
        .collect();
    format!("/**\n * {}\n */\nexport const {name} = {}\n\n", doc.join("\n * ").replace(" \n", "\n"), value)
}

fn generated() -> String {
    let cfg = ts_rs::Config::default();
    let mut text = String::from(
        "// Generated from crates/protocol by `make types`. Do not edit: change the Rust types.\n\n",
    );
    text += &format!(
        "/** The newest protocol version this build speaks. */\nexport const PROTOCOL_VERSION = {PROTOCOL_VERSION}\n\n"
    );
    text += &bounds();
    macro_rules! all { ($($t:ty),* $(,)?) => { $(text += &declaration::<$t>(&cfg);)* } }
    all!(
        SdkAppId,
        UserId,
        CallId,
        RoomId,
        UserSig,
        ResumeTicket,
        MediaUrl,
        MediaType,
        VideoCodec,
        Source,
        SourceSet,
        DeviceKind,
        DeviceInfo,
        EndReason,
        KickReason,
        StreamFault,
        ErrorCode,
        ErrorBody,
        CallRequest,
        Request,
        ClientMessage,
        Welcome,
        PlayStream,
        Success,
        Outcome,
        Answer,
        Event,
        EventMessage,
    );
    text.trim_end().to_owned() + "\n"
}

#[test]
fn typescript_types_are_those_of_this_crate() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients/core/src/protocol.ts");
    let text = generated();
    if std::env::var_os("TRING_WRITE_TYPES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "clients/core/src/protocol.ts has drifted from crates/protocol: run `make types`");
}
