//! All settings with their defaults, as a file to start from.
//!
//! The file and the tables of docs/settings.md are written from `config/mod.rs`: texts from the comments of its fields,
//! defaults from `Config::default()`. A test fails where they differ; `make settings` writes them anew.

/// The configuration file to start from: every setting with its default, commented out.
pub const SAMPLE_CONFIG: &str = include_str!("../../tring.toml");

#[cfg(test)]
mod tests;
