//! What can be wrong with a configuration.

use std::path::PathBuf;

/// Why a configuration cannot be used. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {source}. Check the path, or start without --config")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("the configuration file {path} is wrong: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// Settings of `[tls]` that do not go together.
    #[error("{0}")]
    Tls(&'static str),
    /// A setting is out of its range.
    #[error("the setting {name} is {found}: it takes {range}")]
    Range {
        /// The setting.
        name: String,
        /// The value that it has.
        found: String,
        /// The values that it takes.
        range: String,
    },
}
