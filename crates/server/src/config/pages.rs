//! The documents that are written from the table: the sample file, and the tables of `docs/settings.md` in both languages.
//!
//! `make settings` writes them; a test fails where they differ from the table.

/// The configuration file to start from: every setting with its default, commented out.
pub const SAMPLE_CONFIG: &str = include_str!("../../tring.toml");

#[cfg(test)]
mod tests;
