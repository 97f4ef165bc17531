//! Every setting of the server: the table, and what is made of it.
//!
//! | file | subject |
//! |---|---|
//! | `table` | **the table**: one entry a setting, with default, range, unit and meaning in both languages |
//! | `setting` | the shape of an entry, and the macro `section!` that makes typed fields of them |
//! | `check` | whether the values are in their ranges and go together |
//! | `tls` | what the settings of `[tls]` come to together |
//! | `pages` | the documents that are written from the table |
//! | `error` | what can be wrong with a configuration |
//!
//! To read it, begin with `table`.
//!
//! # To add a setting
//!
//! 1. Write its entry in `table.rs`, in the section where it belongs, as those beside it: the name with its unit
//!    (`_s`, `_days`), type and default, `en` and `zh`; for a number `range`, `unit`, `higher` and `lower`; without a
//!    default `unset` and `example`. With `command_line` it is an option of `tring serve` too.
//! 2. Use it: `config.media.udp_port`.
//! 3. `make settings` writes `tring.toml` and both tables of `docs/settings*.md`; a test fails until they are written.
//!
//! From the entry come the field, the default, reading it from the file, the option, its variable and its text in `--help`, the
//! refusal of values out of range, and the documents. What depends on two settings is checked in `check.rs`.
//!
//! A constant of another crate is named, not repeated: the number stands once, where it is used.

mod check;
mod error;
mod pages;
mod setting;
mod table;
mod tls;

pub use error::ConfigError;
pub use pages::SAMPLE_CONFIG;
pub use setting::{CommandLine, Holds, Language, Section, Setting, Text, Unit};
pub(crate) use table::SIGNATURE_MIN_S;
pub use table::{
    CallSettings, Config, LimitSettings, MediaSettings, RetentionSettings, RtmpSettings, TlsSettings,
};
pub use tls::TlsSource;

use std::ffi::OsStr;
use std::path::Path;

/// Files that the server needs besides its connections: database, media sockets.
const FILES_BESIDE_SOCKETS: usize = 512;

/// Files of an FLV player besides that of its HTTP connection: the pair of sockets between its worker and HTTP.
const FILES_OF_FLV: usize = 2;

impl Config {
    /// All settings, in the order of the documents.
    pub fn settings() -> impl Iterator<Item = &'static Setting> {
        Self::SECTIONS.iter().flat_map(|section| section.settings)
    }

    /// Reads a TOML file, or gives the defaults without one.
    ///
    /// # Errors
    /// [`ConfigError`], for whoever wrote the file: it cannot be read, names an unknown setting, or has a value out of its
    /// range.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let config: Self = toml::from_str(&text)
            .map_err(|e| ConfigError::Parse { path: path.to_owned(), message: e.to_string() })?;
        config.check()?;
        Ok(config)
    }

    /// Gives a setting the value that an option or a variable says. Whether it is in its range is for [`Config::check`].
    ///
    /// # Errors
    /// Why the text cannot be read, as the end of a sentence for whoever gave it. Nothing was changed.
    pub fn set(&mut self, setting: &Setting, text: impl AsRef<OsStr>) -> Result<(), String> {
        self.read(setting, text.as_ref())
    }

    /// The default of a setting as it stands in a file, texts without their quotes. None: it has no default.
    pub fn default_of(setting: &Setting) -> Option<String> {
        let all = toml::Table::try_from(Self::default()).ok()?;
        let section = if setting.section.is_empty() { &all } else { all.get(setting.section)?.as_table()? };
        match section.get(setting.name)? {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Array(list) if list.is_empty() => None,
            value => Some(value.to_string()),
        }
    }

    /// Open files that the settings may need.
    pub(crate) fn open_files(&self) -> u64 {
        let limits = &self.limits;
        // Every HTTP connection may play FLV.
        let streams = limits.max_rtmp_connections + FILES_OF_FLV * limits.max_connections;
        let streams = if self.rtmp.enabled { streams } else { 0 };
        let sockets = limits.max_sockets + limits.max_pending_sockets;
        (sockets + limits.max_connections + streams + FILES_BESIDE_SOCKETS) as u64
    }
}

impl LimitSettings {
    /// How many one address may hold of so many.
    pub(crate) fn share_of(&self, all: usize) -> usize {
        ((all as f64 * self.address_share).ceil() as usize).max(1)
    }
}

#[cfg(test)]
pub(in crate::config) mod tests {
    use super::*;

    pub(in crate::config) fn parse(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tring.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path)).map_err(|e| e.to_string())
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn a_misspelt_or_out_of_range_setting_is_named() {
        assert!(parse("lisen = \"1.2.3.4:5\"").unwrap_err().contains("lisen"));
        assert!(parse("[media]\nworkers = 0").unwrap_err().contains("media.workers is 0: it takes 1 to 64"));
        assert!(parse("[calls]\ntalk_grace_s = 61").unwrap_err().contains("limits.resume_s"));
        assert!(
            parse("[retention]\nsignatures_days = 36501").unwrap_err().contains("retention.signatures_days")
        );
        assert!(parse("[retention]\ncalls_days = 36501").unwrap_err().contains("retention.calls_days"));
        let error = parse("[limits]\nmax_pending_sockets = 0").unwrap_err();
        assert!(error.contains("limits.max_pending_sockets is 0"), "{error}");
        assert!(parse("[limits]\nheartbeat_s = 1").unwrap_err().contains("limits.heartbeat_s"));
        let error = parse("[limits]\nmax_rtmp_connections = 0").unwrap_err();
        assert!(error.contains("limits.max_rtmp_connections is 0: it takes 1 to 10,000,000"), "{error}");
        assert!(
            Config::load(Some(Path::new("no/such/file"))).unwrap_err().to_string().contains("no/such/file")
        );
    }

    #[test]
    fn an_option_is_read_by_the_type_of_its_setting() {
        let setting = |path: &str| Config::settings().find(|s| s.path() == path).unwrap();
        let mut config = Config::default();
        config.set(setting("media.udp_port"), "7000").unwrap();
        config.set(setting("media.advertise"), "203.0.113.5, ,203.0.113.6:7").unwrap();
        config.set(setting("tls.cert"), "a.pem").unwrap();
        config.set(setting("demo"), "true").unwrap();
        assert_eq!((config.media.udp_port, config.demo), (7000, true));
        assert_eq!(config.media.advertise, ["203.0.113.5", "203.0.113.6:7"]);
        assert_eq!(config.tls.cert, Some("a.pem".into()));
        let error = config.set(setting("listen"), "here").unwrap_err();
        assert!(error.contains("socket address"), "{error}");
        assert!(config.set(setting("media.udp_port"), "70000").is_err());
        assert_eq!(config.media.udp_port, 7000, "what cannot be read changes nothing");
    }

    #[test]
    fn the_open_files_count_every_kind_of_connection() {
        let mut config = Config::default();
        let limits = &mut config.limits;
        (limits.max_sockets, limits.max_pending_sockets) = (1_000, 200);
        (limits.max_connections, limits.max_rtmp_connections) = (100, 50);
        // A file for each socket and connection, and two more for each HTTP connection that plays FLV.
        assert_eq!(config.open_files(), 512 + 1_000 + 200 + 100 + 50 + 2 * 100);
        config.rtmp.enabled = false;
        assert_eq!(config.open_files(), 512 + 1_000 + 200 + 100);
    }

    /// What an operator needs to choose a value is in every entry, in both languages.
    #[test]
    fn every_entry_of_the_table_is_whole() {
        let defaults = toml::Table::try_from(Config::default()).unwrap();
        for (setting, number) in Config::default().numbers() {
            let path = setting.path();
            assert!(setting.meaning.zh.chars().any(|c| c > '\u{4e00}'), "{path}: say it in Chinese");
            for text in [setting.meaning.en, setting.meaning.zh] {
                assert!(text.ends_with(['.', '。']), "{path}: a whole sentence");
            }
            if let Some(range) = &setting.range {
                assert!(range.contains(&number.unwrap()), "{path}: the default is in the range");
                assert!(
                    setting.higher.is_some() && setting.lower.is_some(),
                    "{path}: say what more and less cost"
                );
            }
            let section = if setting.section.is_empty() {
                Some(&defaults)
            } else {
                defaults[setting.section].as_table()
            };
            let has_default = section.unwrap().contains_key(setting.name);
            assert!(has_default || setting.unset.is_some(), "{path}: say what happens without a value");
            assert_eq!(
                has_default,
                setting.example.is_none(),
                "{path}: an example where there is no default"
            );
        }
    }
}
