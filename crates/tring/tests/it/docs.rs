//! Every command block of the documents at the root and in docs/ is run as it stands, in a scratch folder and in namespaces of its own, where
//! the documented ports and names are free; blocks of settings are read by the server. A block that is not in the tables
//! below fails. The README's page itself is opened in browsers by `e2e/tests/19-first-page.test.js`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

mod world;

use world::World;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tring_testkit::namespace::inside;
use tring_testkit::test_name;

/// Longest run of one block, and longest wait for a server to run. The example of the Rust client may have to be built.
const PATIENCE: Duration = Duration::from_secs(300);

/// The address of the server in the documents, and the names by which they call it.
const ADDRESS: &str = "198.51.100.5";
const NAMES: [&str; 2] = ["calls.example.com", "call.example.org"];

/// Documents at the root of the repository.
const AT_ROOT: [&str; 5] = ["README", "CONTRIBUTING", "SECURITY", "CHANGELOG", "ARCHITECTURE"];

/// How a line begins that is typed into a shell.
const COMMANDS: [&str; 14] = [
    "tring", "make", "curl", "cargo", "docker", "npm", "node", "git", "cd", "sudo", "echo", "npx", "TRING_",
    "./",
];

/// What becomes of a command block.
#[derive(Clone, Copy)]
enum Then {
    /// It ends well, and has said all of this.
    Says(&'static [&'static str]),
    /// Its last line is a server, which runs on for the blocks below it.
    Serves,
    /// It is not run, for the reason given; this stands in the place of a run.
    Not(&'static str, fn()),
}

use Then::{Not, Says, Serves};

/// The command blocks, by document and first command, in their order.
const BLOCKS: [(&str, &str, Then); 13] = [
    ("CONTRIBUTING", "make check", Not("it is what runs this", dry_run_of_make_test)),
    ("README", "make run", Serves),
    ("README", "make test", Not("it is what runs this", dry_run_of_make_test)),
    ("README", "echo \"const signed =", Says(&[])),
    (
        "README",
        "curl -s http://localhost:8080/demo/usersig",
        Says(&["calling bob", "packets of sound: 0 sent, 0 heard"]),
    ),
    ("README", "make install", Serves),
    ("docs/settings", "tring config > tring.toml", Serves),
    (
        "docs/deploy",
        "TRING_ADVERTISE=198.51.100.5 docker compose up -d",
        Says(&["secret key", "data folder"]),
    ),
    ("docs/deploy", "tring doctor", Says(&["sound arrives both ways through UDP 7700–7703 of 198.51.100.5"])),
    ("docs/deploy", "tring doctor --media --server", Says(&["sound arrives both ways", "198.51.100.5:7700"])),
    (
        "docs/usersig",
        "curl -s https://calls.example.com/v1/usersig",
        Says(&["\"userSig\":\"eJ", "\"expire\":86400"]),
    ),
    (
        "docs/usersig",
        "tring app create clinic",
        Says(&["secret key", "valid for \"alice\"", "signature  not checked"]),
    ),
    ("docs/miniprogram", "tring app create clinic", Serves),
];

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
}

/// A fenced block.
#[derive(Debug, Clone)]
struct Block {
    language: String,
    text: String,
    line: usize,
}

impl Block {
    /// Whether it is typed into a shell.
    fn is_commands(&self) -> bool {
        let typed = |line: &str| COMMANDS.iter().any(|c| line.starts_with(c));
        matches!(self.language.as_str(), "sh" | "bash" | "shell" | "console")
            || self.language.is_empty() && self.text.lines().any(typed)
    }

    /// Its lines without comments, which are in the reader's language.
    fn commands(&self) -> Vec<String> {
        let bare = |line: &str| line.split("  #").next().unwrap_or_default().trim_end().to_owned();
        self.text.lines().map(bare).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
    }
}

fn blocks(path: &Path) -> Vec<Block> {
    let text = fs::read_to_string(path).unwrap();
    let (mut found, mut open) = (Vec::new(), None::<Block>);
    for (n, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open.as_mut()) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(language), None) => {
                open = Some(Block { language: language.trim().to_owned(), text: String::new(), line: n + 1 });
            }
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{}: a block has no end", path.display());
    found
}

/// The documents in one language (`` or `.zh-CN`): name without ending, and path.
fn documents(ending: &str) -> Vec<(String, PathBuf)> {
    let ending = format!("{ending}.md");
    let at_root = AT_ROOT.map(|name| (name.to_owned(), root().join(format!("{name}{ending}"))));
    let mut found: Vec<_> = at_root.into_iter().filter(|(_, path)| path.exists()).collect();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let is_chinese = name.ends_with(".zh-CN.md");
        if let Some(name) = name.strip_suffix(&ending).filter(|_| is_chinese == ending.contains("zh")) {
            found.push((format!("docs/{name}"), path));
        }
    }
    found.sort();
    found
}

fn command_blocks(path: &Path) -> Vec<Block> {
    blocks(path).into_iter().filter(Block::is_commands).collect()
}

#[test]
fn every_command_block_is_in_the_table() {
    for (name, path) in documents("") {
        let found: Vec<String> = command_blocks(&path).iter().map(|b| b.commands()[0].clone()).collect();
        let listed: Vec<_> = BLOCKS.iter().filter(|(doc, _, _)| *doc == name).collect();
        assert_eq!(
            found.len(),
            listed.len(),
            "{name}: {found:?}: a block is missing here, or in tests/it/docs.rs"
        );
        for (found, (_, first, _)) in found.iter().zip(listed) {
            assert!(found.starts_with(first), "{name}: {found:?} is listed as {first:?} in tests/it/docs.rs");
        }
    }
    let names: BTreeSet<String> = documents("").into_iter().map(|(name, _)| name).collect();
    for (doc, _, _) in BLOCKS {
        assert!(names.contains(doc), "{doc} is in tests/it/docs.rs, and no document");
    }
}

#[test]
fn the_chinese_documents_have_the_same_commands() {
    let mut compared = 0;
    for (name, path) in documents(".zh-CN") {
        let english = root().join(format!("{name}.md"));
        let commands =
            |path: &Path| -> Vec<Vec<String>> { command_blocks(path).iter().map(Block::commands).collect() };
        if english.exists() {
            assert_eq!(commands(&path), commands(&english), "{}", path.display());
            compared += commands(&english).len();
        } else {
            assert_eq!(commands(&path), Vec::<Vec<String>>::new(), "{}: not run", path.display());
        }
    }
    assert!(compared >= 11, "{compared} blocks were compared");
}

/// The words behind `make ` in a document, in its text and in its blocks: targets of the Makefile, if they stand in code.
fn make_targets(text: &str) -> BTreeSet<String> {
    let in_code =
        |line: &str| -> Vec<String> { line.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut code: Vec<String> = text.lines().flat_map(in_code).collect();
    code.extend(text.lines().filter(|line| line.starts_with("make ")).map(str::to_owned));
    let target = |code: String| code.strip_prefix("make ")?.split_whitespace().next().map(str::to_owned);
    code.into_iter().filter_map(target).filter(|t| !t.contains('=')).collect()
}

#[test]
fn every_make_target_of_the_documents_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let mut found = BTreeSet::new();
    for (name, path) in documents("").into_iter().chain(documents(".zh-CN")) {
        for target in make_targets(&fs::read_to_string(&path).unwrap()) {
            let is_there = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
            assert!(is_there, "{name}: there is no `make {target}`");
            found.insert(target);
        }
    }
    assert!(["check", "test", "run", "settings"].iter().all(|t| found.contains(*t)), "{found:?}");
}

/// The targets of links in a document, `[text](target)`, but for those that lead out of the repository.
fn links(text: &str) -> Vec<String> {
    let ends = text.match_indices("](").map(|(at, mark)| &text[at + mark.len()..]);
    ends.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).filter(|l| !l.contains("://")).collect()
}

/// The anchor of a heading as code hosts make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    let (mut followed, mut headings) = (0, 0);
    for (name, path) in documents("").into_iter().chain(documents(".zh-CN")) {
        for link in links(&fs::read_to_string(&path).unwrap()) {
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let to = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(to.exists(), "{name}: {link} leads nowhere");
            followed += 1;
            if !heading.is_empty() {
                let text = fs::read_to_string(&to).unwrap();
                let found = text.lines().filter(|l| l.starts_with('#')).any(|l| anchor(l) == heading);
                assert!(found, "{name}: {link} names no heading");
                headings += 1;
            }
        }
    }
    assert!(followed > 100 && headings > 10, "{followed} links, {headings} headings");
}

/// Paths of all files below a folder, but for what is built or installed.
fn files_below(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !matches!(name, ".git" | "target" | "node_modules" | "dist" | "test-dist") {
            files_below(&path, found);
        } else if path.is_file() {
            found.push(path.to_str().unwrap().to_owned());
        }
    }
}

#[test]
fn every_source_file_that_the_documents_name_exists() {
    let mut files = Vec::new();
    files_below(&root(), &mut files);
    let is_source = |word: &&str| {
        (word.ends_with(".rs") || word.ends_with(".ts"))
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "/_-.".contains(c))
    };
    let (mut named, mut missing) = (0, BTreeSet::new());
    for (name, path) in documents("").into_iter().chain(documents(".zh-CN")) {
        let text = fs::read_to_string(&path).unwrap();
        for word in text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).filter(is_source) {
            named += 1;
            if !files.iter().any(|file| file.ends_with(&format!("/{word}"))) {
                missing.insert(format!("{name}: {word}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(named > 100, "{named} files are named");
}

/// Pairs of a source file and an identifier in it: two code spans with nothing but space between them, the first ending in
/// `.rs` or `.ts`. `path.rs` `function` is such a pair, `path.rs`, `word` is none.
fn steps(text: &str) -> Vec<(&str, &str)> {
    let spans: Vec<&str> = text.split('`').collect();
    let is_step = |w: &&[&str]| {
        (w[0].ends_with(".rs") || w[0].ends_with(".ts"))
            && w[1].trim().is_empty()
            && w[2].chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    spans[1..].windows(3).step_by(2).filter(is_step).map(|w| (w[0], w[2])).collect()
}

/// Whether a source file defines a function: `fn name(` or `fn name<` in Rust, a line `name(…` with modifiers in TypeScript.
fn defines(file: &str, text: &str, function: &str) -> bool {
    text.lines().filter_map(|line| line.trim_start().split_once(function)).any(|(before, after)| {
        let is_called_so = after.starts_with(['(', '<']);
        if file.ends_with(".rs") {
            return is_called_so && before.ends_with("fn ");
        }
        let modifiers = ["export", "private", "static", "async", "function"];
        is_called_so
            && (before.is_empty() || before.ends_with(' '))
            && before.split_whitespace().all(|m| modifiers.contains(&m))
    })
}

#[test]
fn every_function_that_is_followed_through_the_code_exists() {
    let mut files = Vec::new();
    files_below(&root(), &mut files);
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, section) = text.split_once("\n## Five things followed through the code\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let is_there = |file: &str, function: &str| {
        let mut paths = files.iter().filter(|path| path.ends_with(&format!("/{file}")));
        paths.any(|path| defines(file, &fs::read_to_string(path).unwrap(), function))
    };
    let followed = steps(section);
    let missing: Vec<_> = followed.iter().filter(|(file, function)| !is_there(file, function)).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md follows what is not there: {missing:#?}");
    assert!(followed.len() > 30, "{} functions are followed", followed.len());
    assert!(!is_there("shard/forward.rs", "no_such_function"));
}

#[test]
fn blocks_of_settings_are_accepted() {
    let mut read = 0;
    for (name, path) in documents("").into_iter().chain(documents(".zh-CN")) {
        for block in blocks(&path).iter().filter(|block| block.language == "toml") {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("tring.toml");
            fs::write(&file, &block.text).unwrap();
            let config = tring_server::Config::load(Some(&file));
            assert!(config.is_ok(), "{name}, line {}: {}", block.line, config.unwrap_err());
            assert_ne!(config.unwrap(), tring_server::Config::default(), "{name}, line {}", block.line);
            read += 1;
        }
    }
    assert!(read >= 6, "{read} blocks were read");
}

#[test]
fn every_end_to_end_test_file_is_in_the_list() {
    let list = fs::read_to_string(root().join("e2e/README.md")).unwrap();
    for folder in ["tests", "bridge/tests", "miniprogram/tests", "miniprogram/simulate/tests"] {
        for entry in fs::read_dir(root().join("e2e").join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if let Some(name) = name.strip_suffix(".test.js") {
                let is_listed =
                    list.contains(&format!("`{name}`")) || list.contains(&format!("{folder}/{name}`"));
                assert!(is_listed, "e2e/{folder}/{name}.test.js is not in e2e/README.md");
            }
        }
    }
}

fn dry_run_of_make_test() {
    let out = Command::new("make").args(["--dry-run", "test"]).current_dir(root()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("all tests passed"), "{text}");
}

/// What stands in for npm and cargo, where a block builds the clients and the release binary, which takes many minutes: they
/// write down what they were asked, and the binary is the one of these tests.
fn builds_in(world: &World) {
    let log = world.path("asked").display().to_string();
    let tring = env!("CARGO_BIN_EXE_tring");
    let examples = Path::new(tring).parent().unwrap().join("examples/call");
    let real = Command::new("sh").args(["-c", "command -v cargo"]).output().unwrap();
    let real = String::from_utf8(real.stdout).unwrap().trim().to_owned();
    world.program("npm", &format!("echo \"npm $*\" >> {log}"));
    world.program(
        "cargo",
        &format!(
            "echo \"cargo $*\" >> {log}\n\
             case \"$1\" in\n\
             --version) exec {real} --version ;;\n\
             build) mkdir -p target/release && cp {tring} target/release/tring ;;\n\
             run) (cd {root} && {real} build -q --locked --workspace --example call)\n\
               while [ \"$1\" != -- ]; do shift; done; shift\n\
               exec {example} \"$@\" ;;\n\
             esac",
            example = examples.display(),
            root = root().display(),
        ),
    );
    fs::create_dir_all(world.path("clone/clients")).unwrap();
    for name in ["Makefile", "scripts"] {
        symlink(root().join(name), world.path("clone").join(name)).unwrap();
    }
    fs::copy(root().join("clients/package-lock.json"), world.path("clone/clients/package-lock.json"))
        .unwrap();
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    if !inside(test_name!(the_commands_of_the_readme_do_what_it_says)) {
        return;
    }
    let mut world = World::new();
    builds_in(&world);
    let folder = |_: &mut World, first: &str| if first.starts_with("echo") { "empty" } else { "clone" };
    world.play("README", folder, |world, first, said| {
            let asked = fs::read_to_string(world.path("asked")).unwrap();
            if first == "make run" {
                assert!(said.trim_end().ends_with("http://localhost:8080/"), "the last line: {said}");
                assert!(asked.contains("cargo build --release --locked -p tring\n"), "{asked}");
                assert!(asked.contains("npm run --silent build"), "{asked}");
                // The binary that runs has no symbols any more; they are beside it.
                let size = |name: &str| fs::metadata(world.path("clone/target/release").join(name)).unwrap().len();
                let whole = fs::metadata(env!("CARGO_BIN_EXE_tring")).unwrap().len();
                assert!(size("tring") < whole / 2 && size("tring.debug") > 0, "{} of {whole}", size("tring"));
            } else if first.starts_with("echo") {
                let script = "const vm = require('vm'); vm.runInThisContext(require('fs').readFileSync('carol.js', 'utf8')); \
                              console.log(vm.runInThisContext('signed.userID + typeof signed.sdkAppID + typeof signed.userSig'))";
                let out = world.shell(&format!("node -e \"{script}\""), "empty").output().unwrap();
                assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), "carolnumberstring", "{out:?}");
            } else if first == "make install" {
                assert!(world.path("prefix/bin/tring").is_file());
                let data = world.path("clone/data").display().to_string();
                assert!(said.contains(&format!("data folder   {data}\n")), "{said}");
                // The same folder at the server; it has clinic, and the demo's app from above is not served.
                assert!(said.contains(&format!("{data} (apps: 1)")), "{said}");
            }
        });
}

#[test]
fn the_commands_of_the_settings_do_what_it_says() {
    if !inside(test_name!(the_commands_of_the_settings_do_what_it_says)) {
        return;
    }
    World::new().with_tring().play(
        "docs/settings",
        |_, _| "here",
        |_, _, said| {
            assert!(said.contains("settings: can be read") && !said.contains("WRONG"), "{said}");
        },
    );
}

#[test]
fn the_commands_of_deploying_do_what_it_says() {
    if !inside(test_name!(the_commands_of_deploying_do_what_it_says)) {
        return;
    }
    let mut world = World::new().with_tring();
    // No Docker is needed: what it would run is run, with what compose.yaml gives it. `docker.rs` holds the files of the
    // image against the server.
    fs::create_dir_all(world.path("here")).unwrap();
    world.program(
        "docker",
        "[ \"$1\" = compose ] && shift\n\
             case \"$1\" in\n\
             up) tring serve > server.log 2>&1 & while ! grep -q Ctrl-C server.log; do sleep 0.05; done ;;\n\
             exec) [ \"$2\" = tring ] && shift 2 && exec \"$@\" ;;\n\
             *) exit 64 ;;\n\
             esac",
    );
    let before = |world: &mut World, first: &str| {
        if first.contains("--server") {
            world.serve_https("outside");
            return "outside";
        }
        if first.starts_with("tring doctor") {
            // A server notices a new app within a second; the reader is slower than a test.
            world.wait_for("here/server.log", "app added");
        }
        "here"
    };
    world.play("docs/deploy", before, |_, first, said| {
        assert!(first.contains("docker") || !said.contains("WRONG"), "{said}");
    });
}

#[test]
fn the_commands_of_user_sigs_do_what_it_says() {
    if !inside(test_name!(the_commands_of_user_sigs_do_what_it_says)) {
        return;
    }
    let before = |world: &mut World, first: &str| {
        if first.starts_with("curl") {
            world.serve_https("here");
        }
        "here"
    };
    let mut world = World::new().with_tring();
    world.play("docs/usersig", before, |_, _, _| {});
    programs_sign(&world);
}

/// The programs of docs/usersig, with the libraries that `make interop` has brought. What they print signs alice in.
fn programs_sign(world: &World) {
    let libraries = root().join("e2e/usersig");
    if !libraries.join(".venv/prepared").exists() {
        let why = "left out: run `make interop` first, which brings other people's UserSig libraries";
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
        println!("{why}");
        return;
    }
    let app = world.shell("tring app show office --reveal-key --json", "here").output().unwrap();
    let app: serde_json::Value = serde_json::from_slice(&app.stdout).unwrap();
    let mut signed = 0;
    for block in blocks(&root().join("docs/usersig.md")) {
        let program = match block.language.as_str() {
            "js" => "node program",
            "python" => &format!("{}/.venv/bin/python program", libraries.display()),
            _ => continue,
        };
        fs::write(world.path("here/program"), &block.text).unwrap();
        let text = format!("{program} | tring usersig verify - --app office --user alice");
        let out = world
            .shell(&text, "here")
            .env("NODE_PATH", libraries.join("node_modules"))
            .env("SECRETKEY", app["secretKey"].as_str().unwrap())
            .output()
            .unwrap();
        assert!(out.status.success(), "docs/usersig, line {}: {out:?}", block.line);
        signed += 1;
    }
    assert_eq!(signed, 2, "programs of docs/usersig");
}

#[test]
fn the_commands_of_the_mini_program_do_what_it_says() {
    if !inside(test_name!(the_commands_of_the_mini_program_do_what_it_says)) {
        return;
    }
    let before = |world: &mut World, _: &str| {
        // The file is the block above the commands.
        let file = blocks(&root().join("docs/miniprogram.md"));
        let file = file.iter().find(|b| b.language == "toml" && b.text.starts_with("# tring.toml")).unwrap();
        fs::create_dir_all(world.path("here")).unwrap();
        fs::write(world.path("here/tring.toml"), &file.text).unwrap();
        "here"
    };
    World::new().with_tring().play("docs/miniprogram", before, |_, _, said| {
        assert!(said.contains("secret key") && said.contains("Tring is running"), "{said}");
    });
}
