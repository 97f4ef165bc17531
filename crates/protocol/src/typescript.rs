//! Writes the TypeScript face of this crate to `clients/core/src/protocol.ts`, and fails where that file differs.
//!
//! `TRING_WRITE_TYPES=1 cargo test -p tring-protocol` writes it anew.

use crate::*;
use std::path::Path;
use ts_rs::TS;

fn declaration<T: TS + 'static>(cfg: &ts_rs::Config) -> String {
    let docs = T::docs().unwrap_or_default();
    format!("{docs}export {}\n\n", T::decl(cfg))
}

fn generated() -> String {
    let cfg = ts_rs::Config::default();
    let mut text = String::from(
        "// Generated from crates/protocol by `make types`. Do not edit: change the Rust types.\n\n",
    );
    text += &format!(
        "/** The newest protocol version this build speaks. */\nexport const PROTOCOL_VERSION = {PROTOCOL_VERSION}\n\n"
    );
    macro_rules! all { ($($t:ty),* $(,)?) => { $(text += &declaration::<$t>(&cfg);)* } }
    all!(
        SdkAppId,
        UserId,
        CallId,
        RoomId,
        UserSig,
        Ticket,
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
