//! Writes `tring.toml` and the tables of `docs/settings*.md` from the table of settings, or holds those that are there
//! against it.

use super::SAMPLE_CONFIG;
use crate::config::{Config, Language, Setting};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Set, the files are written instead of compared.
const WRITE: &str = "TRING_WRITE_SETTINGS";

/// Longest line of the file.
const WIDTH: usize = 110;

const HEAD: &str = "\
# The settings of `tring serve`, each with its default. Take the # off a line to change it, and start with
# `tring serve --config tring.toml`; `tring doctor --config tring.toml` says whether anything is wrong with it.
# What stays commented out follows the defaults of later versions. Options and variables win over this file.
";

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

/// The default in TOML. None: there is none.
fn default(setting: &Setting) -> Option<Value> {
    let all = Table::try_from(Config::default()).unwrap();
    let section = if setting.section.is_empty() { &all } else { all[setting.section].as_table().unwrap() };
    section.get(setting.name).cloned()
}

fn sample() -> String {
    let mut out = HEAD.to_owned();
    for section in Config::SECTIONS {
        if !section.name.is_empty() {
            out += &format!("\n{}[{}]\n", wrapped(section.about.en), section.name);
        }
        for setting in section.settings {
            let mut about = setting.explanation(Language::English);
            if let Some(range) = setting.range_text(Language::English) {
                about += &format!(" Takes {range}.");
            }
            if let Some(unset) = setting.unset {
                about += &format!(" Not set: {}.", unset.en);
            }
            out += &format!("\n{}", wrapped(&about));
            out += &match default(setting) {
                Some(value) => format!("#{} = {value}\n", setting.name),
                None => format!("# For example:\n#{} = {}\n", setting.name, setting.example.unwrap()),
            };
        }
    }
    out
}

/// The rows of the table in the documents.
fn rows(language: Language) -> Vec<String> {
    let row = |setting: &Setting| {
        let default = match (Config::default_of(setting), setting.unset) {
            (Some(default), _) => format!("`{default}`"),
            (None, unset) => unset.unwrap().said_in(language).to_owned(),
        };
        let range = setting.range_text(language).unwrap_or_default();
        let (holds, text) = (setting.holds.text().said_in(language), setting.explanation(language));
        format!("| `{}` | {default} | {range} | {text} | {holds} |", setting.path())
    };
    Config::settings().map(row).collect()
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
            Config::settings().any(|s| s.example.is_some() && s.path() == path)
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

/// Holds the table of a page against the settings, or writes it.
fn check_page(name: &str, language: Language) {
    let (before, found, after) = page(name);
    let rows = rows(language);
    if std::env::var_os(WRITE).is_some() {
        let text = format!("{before}{}\n{after}", rows.join("\n"));
        std::fs::write(at("../../docs").join(name), text).unwrap();
        return;
    }
    assert_eq!(found, rows, "run `make settings`");
}

#[test]
fn the_table_of_the_docs_is_written_from_the_settings() {
    check_page("settings.md", Language::English);
}

#[test]
fn the_chinese_table_is_written_from_the_settings() {
    check_page("settings.zh-CN.md", Language::Chinese);
}

/// The first contact's table is written by hand: it says the same defaults.
#[test]
fn the_tables_of_the_readme_have_the_defaults() {
    let all: Vec<&Setting> = Config::settings().collect();
    let mut compared = 0;
    for name in ["README.md", "README.zh-CN.md"] {
        let text = std::fs::read_to_string(at("../..").join(name)).unwrap();
        for row in text.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.split(" | ").collect();
            let settings = cells[0].split('`').filter_map(|part| all.iter().find(|s| s.path() == part));
            let stated: Vec<String> =
                cells[1].split(['、', ',']).map(|v| v.trim().trim_matches('`').into()).collect();
            for (n, setting) in settings.enumerate() {
                if let Some(value) = Config::default_of(setting) {
                    assert_eq!(stated.get(n), Some(&value), "{name}: {row}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared >= 14, "{compared} defaults were compared");
}
