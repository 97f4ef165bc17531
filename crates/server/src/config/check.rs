//! Whether a configuration can be used: each number is held against the range in the table, and what no entry can say
//! alone is held here.

use super::{Config, ConfigError, Language};
use crate::host;

impl Config {
    /// Holds every setting against its range, and settings against each other.
    ///
    /// # Errors
    /// [`ConfigError::Range`] and [`ConfigError::Tls`], for whoever wrote the configuration: the server does not start.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.tls_source()?;
        for (setting, found) in self.numbers() {
            if let (Some(range), Some(found)) = (&setting.range, found)
                && !range.contains(&found)
            {
                let takes = setting.range_text(Language::English).unwrap_or_default();
                return Err(out_of_range(&setting.path(), found, &takes));
            }
        }
        if let Some(advertise) = self.rtmp.advertise.as_deref().filter(|text| !host::is_authority(text)) {
            let takes = "host or host:port, without rtmp:// and path";
            return Err(out_of_range("rtmp.advertise", format!("{advertise:?}"), takes));
        }
        for (name, grace) in
            [("calls.ring_grace_s", self.calls.ring_grace_s), ("calls.talk_grace_s", self.calls.talk_grace_s)]
        {
            if grace > self.limits.resume_s {
                let takes = "at most limits.resume_s: a session must outlive its calls";
                return Err(out_of_range(name, grace, takes));
            }
        }
        Ok(())
    }
}

fn out_of_range(name: &str, found: impl ToString, range: &str) -> ConfigError {
    ConfigError::Range { name: name.to_owned(), found: found.to_string(), range: range.to_owned() }
}
