use super::*;
use std::time::Duration;

mod bad_input;
mod properties;
mod vectors;

/// The public sample key of the Python library's documents.
const SAMPLE_KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
const APP: u32 = 1_400_000_000;
const T: u64 = 1_700_000_000;

fn key() -> Key {
    Key::parse(SAMPLE_KEY).unwrap()
}

fn other_key() -> Key {
    Key::from_random([7; 32])
}

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// Packs any JSON as a UserSig text.
fn pack(json: &str) -> String {
    pack_bytes(json.as_bytes())
}

fn pack_bytes(bytes: &[u8]) -> String {
    to_text(&deflate(bytes))
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn to_text(packed: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(packed).replace('+', "*").replace('/', "-").replace('=', "_")
}

fn from_text(text: &str) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.decode(text.replace('*', "+").replace('-', "/").replace('_', "=")).unwrap()
}
