//! Holds the source tree to what ARCHITECTURE.md promises: imports in one direction, and no file that is too long to read.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file, in lines. Higher: a file may have two subjects. Lower: one subject is torn apart.
const MAX_LINES: usize = 600;

/// Crates with folders in them: each says in its `lib.rs` which way their imports go.
const LAYERED: [&str; 5] = ["client", "media", "medianet", "server", "store"];

/// Folders with sources. What is built or brought by a package manager is not below them, or passed over by name.
const ROOTS: [&str; 6] = ["bench", "clients", "crates", "e2e", "fuzz", "scripts"];
const NOT_OURS: [&str; 6] = ["node_modules", "dist", "test-dist", "target", "out", "corpus"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// All files below a folder whose names end so.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !NOT_OURS.contains(&name) {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found
}

/// The order of a crate's modules from the line `//! Imports: a b ← c` in the text of its `lib.rs`: each module's level.
/// A module imports from lower levels only.
fn levels(lib: &str) -> BTreeMap<String, usize> {
    let line = lib.lines().find_map(|line| line.strip_prefix("//! Imports: "));
    let line = line.expect("lib.rs says `//! Imports: a b ← c`: what is imported left of what imports it");
    let named = |(level, names): (usize, &str)| {
        names.split_whitespace().map(|name| (name.to_owned(), level)).collect::<Vec<_>>()
    };
    line.split('←').enumerate().flat_map(named).collect()
}

/// What code imports from its own crate: the first name after each `crate::`, those in braces among them. Comments do not
/// count, nor does a fuzz target that reads the fuzzer's bytes.
fn imports(code: &str) -> Vec<String> {
    let code: String =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let (before, after) = (&code[..at], &code[at + "crate::".len()..]);
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$')
            || after.starts_with("fuzzing::input::")
        {
            continue;
        }
        let name =
            |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match after.strip_prefix('{') {
            None => found.push(name(after)),
            Some(list) => found.extend(outer_parts(list).iter().map(|part| name(part))),
        }
    }
    found
}

/// The parts between the commas of `a, b::{c, d}}…`, as far as the brace that closes the list.
fn outer_parts(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                parts.push(list[from..at].trim());
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// What is wrong with the imports of a module's code.
fn faults(levels: &BTreeMap<String, usize>, module: &str, code: &str) -> Vec<String> {
    let Some(own) = levels.get(module) else {
        return vec![format!("the module {module} is not in the line `//! Imports:` of lib.rs")];
    };
    let wrong = |name: String| match levels.get(&name) {
        Some(level) if level < own || name == module => None,
        Some(_) => Some(format!("{module} imports from {name}, against the order")),
        None => Some(format!("imports crate::{name}: name the module that it is in")),
    };
    imports(code).into_iter().filter_map(wrong).collect()
}

#[test]
fn imports_between_the_folders_of_a_crate_go_in_one_direction() {
    let mut wrong = Vec::new();
    for name in LAYERED {
        let src = root().join("crates").join(name).join("src");
        let levels = levels(&fs::read_to_string(src.join("lib.rs")).unwrap());
        for path in files(&src, &[".rs"]) {
            let place = path.strip_prefix(&src).unwrap();
            let module =
                place.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
            if module == "lib" {
                continue; // it names everything
            }
            let found = faults(&levels, module, &fs::read_to_string(&path).unwrap());
            wrong.extend(found.iter().map(|fault| format!("{name}/src/{}: {fault}", place.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_import_against_the_order_is_seen() {
    let levels = levels("//! A crate.\n//!\n//! Imports: rtp ice ← room ← shard\n");
    let of = |code: &str| faults(&levels, "room", code).len();
    assert_eq!(of("use crate::rtp::loss::X;\nuse crate::room::codecs::Y;\n// crate::shard is above\n"), 0);
    assert_eq!(of("use crate::{\n    ice::Z,\n    rtp::{a, b::{c, d}},\n};"), 0);
    assert_eq!(of("use crate::shard::session::X;"), 1);
    assert_eq!(of("use crate::{rtp::{a, b}, shard::c};"), 1);
    assert_eq!(of("fn f() { crate::shard::g(crate::rtp::h()) }"), 1);
    assert_eq!(of("use crate::Output;"), 1, "by the root's name nobody sees where it is from");
    assert_eq!(faults(&levels, "rtp", "use crate::ice::Y;").len(), 1, "a neighbour between the same arrows");
    assert_eq!(faults(&levels, "new", "").len(), 1, "a module without a place");
}

#[test]
fn no_source_file_is_too_long_to_read() {
    let mut long = Vec::new();
    for folder in ROOTS {
        for path in files(&root().join(folder), &[".rs", ".ts", ".js", ".mjs", ".css"]) {
            let text = fs::read_to_string(&path).unwrap();
            let is_generated = text.lines().take(3).any(|line| line.contains("enerated"));
            let lines = text.lines().count();
            if lines > MAX_LINES && !is_generated {
                long.push(format!("{}: {lines} lines", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(
        long.is_empty(),
        "more than {MAX_LINES} lines: give each subject a file of its own\n{}",
        long.join("\n")
    );
}
