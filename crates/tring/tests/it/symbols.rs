//! `scripts/separate-symbols`: a release binary without its symbols, which a backtrace finds in the file beside it.

#![cfg(target_os = "linux")] // elsewhere they are kept apart anyway
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::Path;
use std::process::Command;

const PROGRAM: &str =
    "#[inline(never)]\nfn fails() {\n    panic!(\"on line 3\")\n}\nfn main() {\n    fails()\n}\n";

fn backtrace(binary: &Path) -> String {
    let out = Command::new(binary).env("RUST_BACKTRACE", "1").output().unwrap();
    String::from_utf8(out.stderr).unwrap()
}

/// Whether a frame of the backtrace has its line; the message of the panic has it without symbols.
fn has_lines(backtrace: &str) -> bool {
    backtrace.lines().any(|line| line.trim().starts_with("at ") && line.contains("program.rs:3"))
}

#[test]
fn a_backtrace_has_its_lines_by_the_file_beside_the_binary() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("program.rs"), PROGRAM).unwrap();
    let built = Command::new("rustc")
        .args(["-C", "debuginfo=line-tables-only", "-o"])
        .args([at("program"), at("program.rs")])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    // As cargo has it: the same file under a second name.
    std::fs::hard_link(at("program"), at("second")).unwrap();
    let whole = std::fs::metadata(at("program")).unwrap().len();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/separate-symbols");
    // The second time there is nothing left to do, and nothing is lost.
    for _ in 0..2 {
        assert!(Command::new(&script).arg(at("program")).status().unwrap().success());
        let size = |name: &str| std::fs::metadata(at(name)).unwrap().len();
        assert!(size("program") < whole / 2, "{} of {whole}", size("program"));
        assert!(size("program.debug") > 0);
        assert_eq!(size("second"), whole, "cargo's own stays as it is");
        assert!(has_lines(&backtrace(&at("program"))), "{}", backtrace(&at("program")));
    }
    // By that file, and not by what is left in the binary.
    std::fs::remove_file(at("program.debug")).unwrap();
    assert!(!has_lines(&backtrace(&at("program"))));
}
