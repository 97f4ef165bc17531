//! Holds the order of folders that the crate's text gives: no file imports from a folder that comes after its own.

use std::fs;
use std::path::{Path, PathBuf};

const SRC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// Folders and files that stand above all others: they name everything.
const TOP: [&str; 3] = ["lib", "layers", "fuzzing"];

/// The folders and the files at the root, in the order of the crate's text: each line begins with names, and the first word
/// that is none ends them.
fn order() -> Vec<String> {
    let lib = fs::read_to_string(format!("{SRC}/lib.rs")).unwrap();
    let block = lib.split("//! ```").nth(1).expect("the block with the folders").lines().skip(1);
    let exists =
        |name: &&str| ["", ".rs"].iter().any(|end| Path::new(&format!("{SRC}/{name}{end}")).exists());
    let names = |line: &str| -> Vec<String> {
        let words = line.trim_start_matches("//!").split_whitespace();
        words.take_while(exists).map(str::to_owned).collect()
    };
    block.flat_map(names).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The folder of a file, or the file itself at the root.
fn folder_of(path: &Path) -> String {
    let inside = path.strip_prefix(SRC).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// What follows each `crate::` in code.
fn paths(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = Vec::new();
    for line in code {
        for after in line.split("crate::").skip(1).filter(|_| !line.contains("$crate")) {
            found.push(after.chars().take_while(|c| c.is_alphanumeric() || "_:{".contains(*c)).collect());
        }
    }
    found
}

/// What is wrong with one file: an import from a later folder, or by a name of the crate's face, which hides where it is
/// from.
fn faults(order: &[String], folder: &str, path: &Path, text: &str) -> Vec<String> {
    let place = |name: &str| order.iter().position(|o| o == name);
    let own = place(folder);
    let is_fuzzing = path.file_name().is_some_and(|name| name == "fuzzing.rs");
    let mut faults = Vec::new();
    for import in paths(text) {
        let head = import.split("::").next().unwrap_or_default();
        let fault = match place(head) {
            Some(at) if own.is_some_and(|own| at <= own) => continue,
            // Entry points read the fuzzer's bytes.
            _ if import.starts_with("fuzzing::input::") && (is_fuzzing || text.contains("fn fuzz(")) => {
                continue;
            }
            Some(_) => "comes after it",
            None => "is no folder of the order",
        };
        faults.push(format!("{}: `crate::{import}`: `{head}` {fault}", path.display()));
    }
    faults
}

#[test]
fn no_folder_imports_from_a_later_one() {
    let order = order();
    let (mut files, mut wrong) = (Vec::new(), Vec::new());
    sources(Path::new(SRC), &mut files);
    for path in &files {
        let folder = folder_of(path);
        if TOP.contains(&&*folder) {
            continue;
        }
        assert!(order.contains(&folder), "{folder} has no place in the order of lib.rs");
        let text = fs::read_to_string(path).unwrap();
        wrong.extend(faults(&order, &folder, path, &text));
    }
    assert!(wrong.is_empty(), "against the order {order:?}:\n{}", wrong.join("\n"));
}

#[test]
fn an_edge_against_the_order_is_seen() {
    let order: Vec<String> = ["rtp", "room", "shard"].map(str::to_owned).into();
    let of = |text: &str| faults(&order, "room", Path::new("room/mod.rs"), text).len();
    assert_eq!(of("use crate::rtp::loss::X;\nuse crate::room::codecs::Y;\n// crate::shard is above\n"), 0);
    assert_eq!(of("use crate::shard::session::X;"), 1);
    assert_eq!(of("fn f() { crate::shard::g(crate::rtp::h()) }"), 1);
    assert_eq!(of("use crate::{Output, Notice};"), 1, "by the crate's face");
    assert_eq!(of("use crate::Output;"), 1);
    assert_eq!(of("use crate::fuzzing::input::Input;"), 1);
}
