//! Each target on its seeds and on mutations of them that are the same in every run, without a fuzzing engine.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use tring_fuzz_bodies::TARGETS;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The seeds of a target, by their file names.
fn seeds(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = fuzz().join("seeds").join(name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut seeds: Vec<_> = files
        .map(|f| f.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "no seeds of {name}");
    seeds
}

/// PCG (XSH RR 64/32).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        let old = self.0;
        self.0 = old.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let shifted = (((old >> 18) ^ old) >> 27) as u32;
        shifted.rotate_right((old >> 59) as u32)
    }

    fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n.max(1)
    }

    /// One of the seeds, changed in one to eight places.
    fn mutate(&mut self, seeds: &[(String, Vec<u8>)]) -> Vec<u8> {
        const TELLING: [u8; 8] = [0, 1, 3, 0x7f, 0x80, 0xc0, 0xfe, 0xff];
        let mut bytes = seeds[self.below(seeds.len())].1.clone();
        for _ in 0..=self.below(8) {
            let (at, n) = (self.below(bytes.len()), self.below(16) + 1);
            let end = (at + n).min(bytes.len());
            match self.below(8) {
                0 | 1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                2 if at < bytes.len() => bytes[at] = TELLING[self.below(TELLING.len())],
                3 => bytes.truncate(at),
                4 => drop(bytes.drain(at..end)),
                5 => {
                    let more: Vec<u8> = (0..n).map(|_| self.next() as u8).collect();
                    bytes.splice(at..at, more);
                }
                6 => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
                _ => {
                    let other = &seeds[self.below(seeds.len())].1;
                    let from = self.below(other.len());
                    let piece = &other[from..(from + 4 * n).min(other.len())];
                    bytes.splice(at..end, piece.iter().copied());
                }
            }
        }
        bytes
    }
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|t| t.name == name).unwrap();
    let seeds = seeds(name);
    let run = |what: &str, bytes: &[u8]| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.body)(bytes))) {
            let at = std::env::temp_dir().join(format!("tring-{name}.crash"));
            std::fs::write(&at, bytes).unwrap();
            eprintln!("{name} fails at {what}; the bytes are in {}", at.display());
            std::panic::resume_unwind(panic);
        }
    };
    run("nothing", &[]);
    for (file, bytes) in &seeds {
        run(file, bytes);
    }
    let mut random = Random(20_260_101);
    for n in 0..target.replays {
        run(&format!("mutation {n}"), &random.mutate(&seeds));
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        const REPLAYED: &[&str] = &[$(stringify!($name)),*];
    };
}

replays! {
    rtmp_chunk rtmp_amf0 rtmp_session flv streams stream_ticket demux rtp_rewrite red srtp offer answer webrtc request reply usersig
    map_key bridge_h264 bridge_phone bridge_browser rtp_header rtcp rtp_session
}

/// A target that is missing in one of the places would be run by nobody.
#[test]
fn every_target_is_everywhere() {
    let known: BTreeSet<String> = TARGETS.iter().map(|t| t.name.to_owned()).collect();
    assert_eq!(known.len(), TARGETS.len());
    assert_eq!(known, REPLAYED.iter().map(|&n| n.to_owned()).collect(), "tests/replay.rs");
    let names = |folder: &str| -> BTreeSet<String> {
        let files = std::fs::read_dir(fuzz().join(folder)).unwrap();
        files.map(|f| f.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(known, names("fuzz_targets"), "fuzz/fuzz_targets");
    assert_eq!(known, names("seeds"), "fuzz/seeds");
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in &known {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name} in fuzz/Cargo.toml"
        );
        let target = std::fs::read_to_string(fuzz().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("run(\"{name}\"")), "{name}");
    }
}
