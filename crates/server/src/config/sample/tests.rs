//! Writes `tring.toml` and the tables of docs/settings.md from `config/mod.rs`, and holds those that are there against it.

use super::SAMPLE_CONFIG;
use crate::config::Config;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Set, the files are written instead of compared.
const WRITE: &str = "TRING_WRITE_SETTINGS";

/// Settings without a default, each with a value that it could have.
const EXAMPLES: [(&str, &str); 6] = [
    ("metrics_listen", "\"127.0.0.1:9100\""),
    ("tls.listen", "\"0.0.0.0:8443\""),
    ("tls.cert", "\"/etc/tring/fullchain.pem\""),
    ("tls.key", "\"/etc/tring/privkey.pem\""),
    ("tls.local_ca", "false"),
    ("rtmp.advertise", "\"calls.example.com\""),
];

/// Longest line of the file.
const WIDTH: usize = 110;

const HEAD: &str = "\
# The settings of `tring serve`, each with its default. Take the # off a line to change it, and start with
# `tring serve --config tring.toml`; `tring doctor --config tring.toml` says whether anything is wrong with it.
# What stays commented out follows the defaults of later versions. Options and variables win over this file.
";

/// One setting of `config/mod.rs`.
struct Setting {
    section: String,
    name: String,
    text: String,
    /// None: it has no default.
    default: Option<Value>,
}

impl Setting {
    fn path(&self) -> String {
        if self.section.is_empty() { self.name.clone() } else { format!("{}.{}", self.section, self.name) }
    }

    /// What it is, without the default where that is said beside it.
    fn what(&self) -> &str {
        let says_none = self.text.contains("Default none") || self.text.contains("Default:");
        match self.text.rfind(" Default ") {
            Some(at) if self.default.is_some() && !says_none => &self.text[..at],
            _ => &self.text,
        }
    }

    fn example(&self) -> &'static str {
        let path = self.path();
        let found = EXAMPLES.iter().find(|(name, _)| *name == path);
        found.unwrap_or_else(|| panic!("{path} has no default: give it an example in sample/tests.rs")).1
    }

    /// Its default as a cell of a table.
    fn cell(&self, none: &str) -> String {
        match &self.default {
            None => none.to_owned(),
            Some(Value::Array(list)) if list.is_empty() => none.to_owned(),
            Some(Value::String(text)) => format!("`{text}`"),
            Some(value) => format!("`{value}`"),
        }
    }
}

/// A struct of `config/mod.rs`: its own text, and name, type and text of each field.
type Struct = (String, Vec<(String, String, String)>);

/// The structs of `config/mod.rs` by name.
fn structs() -> BTreeMap<String, Struct> {
    let mut found: BTreeMap<String, Struct> = BTreeMap::new();
    let (mut doc, mut current) = (Vec::new(), None::<String>);
    for line in include_str!("../mod.rs").lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
        } else if let Some(name) = line.strip_prefix("pub struct ").and_then(|l| l.strip_suffix(" {")) {
            // The first paragraph.
            let text: Vec<_> = doc.drain(..).take_while(|line| !line.is_empty()).collect();
            found.insert(name.to_owned(), (text.join(" "), Vec::new()));
            (doc, current) = (Vec::new(), Some(name.to_owned()));
        } else if line == "}" {
            (doc, current) = (Vec::new(), None);
        } else if let Some((name, kind)) = line.strip_prefix("pub ").and_then(|l| l.split_once(": "))
            && let Some((_, fields)) = current.as_ref().and_then(|name| found.get_mut(name))
        {
            fields.push((name.to_owned(), kind.trim_end_matches(',').to_owned(), doc.join(" ")));
            doc.clear();
        } else if !line.starts_with("#[") {
            doc.clear();
        }
    }
    found
}

/// All settings in the order of `config/mod.rs`, and the text of each section.
fn settings() -> (Vec<Setting>, BTreeMap<String, String>) {
    let (structs, defaults) = (structs(), Table::try_from(Config::default()).unwrap());
    let (mut plain, mut sections, mut texts) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (name, kind, text) in &structs["Config"].1 {
        let Some((about, fields)) = structs.get(kind) else {
            let default = defaults.get(name).cloned();
            plain.push(Setting { section: String::new(), name: name.clone(), text: text.clone(), default });
            continue;
        };
        let about = about.split_once("`: ").map_or(about.as_str(), |(_, about)| about);
        texts.insert(name.clone(), about.to_owned());
        for (field, _, text) in fields {
            let default = defaults[name].get(field).cloned();
            let (section, name, text) = (name.clone(), field.clone(), text.clone());
            sections.push(Setting { section, name, text, default });
        }
    }
    plain.extend(sections);
    (plain, texts)
}

fn wrapped(text: &str) -> String {
    let (mut out, mut line) = (String::new(), "#".to_owned());
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            out += &format!("{line}\n");
            line = "#".to_owned();
        }
        line += &format!(" {word}");
    }
    out + &line + "\n"
}

fn sample() -> String {
    let (settings, texts) = settings();
    let (mut out, mut section) = (HEAD.to_owned(), "");
    for setting in &settings {
        out += "\n";
        if setting.section != section {
            section = &setting.section;
            let about = &texts[section];
            out += &format!(
                "{}[{section}]\n\n",
                wrapped(&format!("{}{}", about[..1].to_uppercase(), &about[1..]))
            );
        }
        out += &wrapped(setting.what());
        out += &match &setting.default {
            Some(value) => format!("#{} = {value}\n", setting.name),
            None => format!("# Not set; for example:\n#{} = {}\n", setting.name, setting.example()),
        };
    }
    out
}

/// The rows of the table in docs/settings.md.
fn rows() -> Vec<String> {
    let row = |s: &Setting| format!("| `{}` | {} | {} |", s.path(), s.cell("none"), s.what());
    settings().0.iter().map(row).collect()
}

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn load(text: &str) -> Config {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tring.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(Some(&path)).unwrap_or_else(|e| panic!("{e}"))
}

/// The sample with its settings switched on, with or without those that are only examples.
fn switched_on(examples: bool) -> String {
    let mut section = String::new();
    let mut out = String::new();
    for line in SAMPLE_CONFIG.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = format!("{name}.");
        }
        let setting = line.strip_prefix('#').filter(|rest| !rest.starts_with(' ') && rest.contains(" = "));
        let is_example = |text: &str| {
            let path = format!("{section}{}", text.split(" = ").next().unwrap());
            EXAMPLES.iter().any(|(name, _)| *name == path)
        };
        out += match setting {
            Some(text) if examples || !is_example(text) => text,
            _ => line,
        };
        out += "\n";
    }
    out
}

#[test]
fn the_sample_is_written_from_the_settings() {
    let (path, text) = (at("tring.toml"), sample());
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, text).unwrap();
        return;
    }
    assert_eq!(SAMPLE_CONFIG, text, "run `make settings`");
}

#[test]
fn the_sample_is_accepted_and_equals_the_defaults() {
    assert_eq!(load(SAMPLE_CONFIG), Config::default());
    assert_eq!(load(&switched_on(false)), Config::default());
    // Switched on, it says them all: changed defaults would be found.
    let said: Table = switched_on(false).parse().unwrap();
    assert_eq!(said, Table::try_from(Config::default()).unwrap());
}

#[test]
fn the_examples_of_the_sample_are_accepted() {
    let all = load(&switched_on(true));
    assert_ne!(all, Config::default());
    assert_eq!(all.metrics_listen, Some("127.0.0.1:9100".parse().unwrap()));
    assert!(all.tls.cert.is_some() && all.rtmp.advertise.is_some());
}

/// The rows of the table between the two marks of a page, and what is around them.
fn page(name: &str) -> (String, Vec<String>, String) {
    let text = std::fs::read_to_string(at("../../docs").join(name)).unwrap();
    let (before, rest) = text.split_once("<!-- settings -->\n").expect("the mark of the table");
    let (table, after) = rest.split_once("<!-- end -->").expect("the mark of its end");
    let rows = table.lines().skip(2).map(str::to_owned).collect();
    let head: String = table.lines().take(2).map(|line| format!("{line}\n")).collect();
    (format!("{before}<!-- settings -->\n{head}"), rows, format!("<!-- end -->{after}"))
}

#[test]
fn the_table_of_the_docs_is_written_from_the_settings() {
    let (before, found, after) = page("settings.md");
    if std::env::var_os(WRITE).is_some() {
        let text = format!("{before}{}\n{after}", rows().join("\n"));
        std::fs::write(at("../../docs/settings.md"), text).unwrap();
        return;
    }
    assert_eq!(found, rows(), "run `make settings`");
}

#[test]
fn the_chinese_table_has_the_same_settings_and_defaults() {
    let cells = |row: &String| row.split(" | ").take(2).collect::<Vec<_>>().join(" | ");
    let found: Vec<String> = page("settings.zh-CN.md").1.iter().map(cells).collect();
    let wanted = settings().0;
    let wanted: Vec<String> = wanted.iter().map(|s| format!("| `{}` | {}", s.path(), s.cell("无"))).collect();
    assert_eq!(found, wanted, "docs/settings.zh-CN.md: put it right by hand");
    let untold = page("settings.zh-CN.md")
        .1
        .into_iter()
        .find(|row| row.split(" | ").nth(2).is_none_or(|c| c.len() < 9));
    assert_eq!(untold, None, "each row says what it is");
}

/// The first contact's table is written by hand: it says the same defaults.
#[test]
fn the_tables_of_the_readme_have_the_defaults() {
    let all = settings().0;
    let mut compared = 0;
    for name in ["README.md", "README.zh-CN.md"] {
        let text = std::fs::read_to_string(at("../..").join(name)).unwrap();
        for row in text.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.split(" | ").collect();
            let settings = cells[0].split('`').filter_map(|part| all.iter().find(|s| s.path() == part));
            let stated: Vec<String> =
                cells[1].split(['、', ',']).map(|v| v.trim().trim_matches('`').into()).collect();
            for (n, setting) in settings.enumerate() {
                if let Some(value) = setting.default.as_ref().filter(|v| !v.is_array()) {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    assert_eq!(stated.get(n), Some(&value), "{name}: {row}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared >= 14, "{compared} defaults were compared");
}
