//! Settings by option or variable: made from the table of settings, so that a new one needs nothing here.

use crate::output::Failure;
use clap::builder::{TypedValueParser, ValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use tring_server::{CommandLine, Config, Language, Setting};

// No doc comment: clap would show it as the text of each command that takes these.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    given: Given,

    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "TRING_CONFIG")]
    config: Option<PathBuf>,
}

impl Settings {
    /// The configuration file with what wins over it.
    ///
    /// # Errors
    /// The file cannot be read, or one of its values is out of its range. Those that were given beside it are checked by
    /// [`Config::check`].
    pub(crate) fn config(self) -> Result<Config, Failure> {
        let mut config = Config::load(self.config.as_deref())?;
        for (setting, text) in &self.given.0 {
            config.set(setting, text).map_err(|why| Failure::new(format!("{}: {why}", setting.path())))?;
        }
        Ok(config)
    }
}

/// What options and variables say of settings.
#[derive(Debug, Default)]
struct Given(Vec<(&'static Setting, OsString)>);

/// The settings that have an option, with it.
fn with_options() -> impl Iterator<Item = (&'static Setting, CommandLine)> {
    Config::settings().filter_map(|setting| Some((setting, setting.command_line?)))
}

/// One line of `--help`.
fn help(setting: &Setting) -> String {
    let mut text = setting.explanation(Language::English);
    if let Some(range) = setting.range_text(Language::English) {
        text = format!("{text} [{range}]");
    }
    if setting.is_list {
        text.push_str(" [may be repeated]");
    }
    let default = Config::default_of(setting).or_else(|| setting.unset.map(|unset| unset.en.to_owned()));
    match default {
        Some(default) => format!("{text} [default: {default}]"),
        None => text,
    }
}

fn arg(setting: &'static Setting, line: CommandLine) -> Arg {
    let arg = Arg::new(line.option).long(line.option);
    if line.is_switch() {
        return arg.help(setting.explanation(Language::English)).action(ArgAction::SetTrue);
    }
    arg.help(help(setting))
        .env(line.variable)
        .value_name(line.value)
        .action(if setting.is_list { ArgAction::Append } else { ArgAction::Set })
        .value_parser(ValueParser::new(OfSetting(setting)))
}

impl Args for Given {
    fn augment_args(command: Command) -> Command {
        command.args(with_options().map(|(setting, line)| arg(setting, line)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut given = Self::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for (setting, line) in with_options() {
            if line.is_switch() {
                if matches.get_flag(line.option) {
                    self.0.push((setting, "true".into()));
                }
                continue;
            }
            let values: Vec<OsString> =
                matches.get_many::<OsString>(line.option).into_iter().flatten().cloned().collect();
            let text = values.join(OsStr::new(","));
            // A variable that is set and empty, as in a compose file, says nothing; nor does a list of nothing, as by
            // `${A:-},${B:-}`.
            let says_nothing = |text: &str| text.split(',').all(|part| part.trim().is_empty());
            let empty = text.is_empty() || setting.is_list && text.to_str().is_some_and(says_nothing);
            if !empty {
                self.0.push((setting, text));
            }
        }
        Ok(())
    }
}

/// Refuses, as wrong usage, what is no value of a setting.
#[derive(Clone)]
struct OfSetting(&'static Setting);

impl TypedValueParser for OfSetting {
    type Value = OsString;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<OsString, Error> {
        Config::default().set(self.0, value).map_err(|why| {
            let arg = arg.map(ToString::to_string).unwrap_or_default();
            let text = format!("invalid value '{}' for '{arg}': {why}", value.to_string_lossy());
            Error::raw(ErrorKind::ValueValidation, text).format(&mut command.clone())
        })?;
        Ok(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        settings: Settings,
    }

    fn config(args: &[&str]) -> Result<Config, String> {
        let cli = Cli::try_parse_from([&["tring"], args].concat()).map_err(|e| e.to_string())?;
        cli.settings.config().map_err(|e| e.text().to_owned())
    }

    #[test]
    fn an_option_wins_over_the_default_and_what_is_no_value_is_refused_by_name() {
        let config_ = config(&[
            "--demo",
            "--media-port",
            "7000",
            "--advertise",
            "192.0.2.1,192.0.2.2",
            "--advertise",
            "192.0.2.3",
        ]);
        let config_ = config_.unwrap();
        assert_eq!((config_.demo, config_.media.udp_port), (true, 7000));
        assert_eq!(config_.media.advertise, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
        assert_eq!(config(&[]).unwrap(), Config::default());
        let error = config(&["--listen", "here"]).unwrap_err();
        assert!(error.contains("'here' for '--listen <IP:PORT>': invalid socket address"), "{error}");
        let twice = config(&["--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2"]).unwrap_err();
        assert!(twice.contains("--listen <IP:PORT>' cannot be used multiple times"), "{twice}");
    }

    #[test]
    fn the_help_says_the_default_of_each_option() {
        let help = <Cli as clap::CommandFactory>::command().render_help().to_string();
        for (setting, line) in with_options() {
            assert!(help.contains(&format!("--{}", line.option)) && help.contains(line.variable), "{help}");
            let default = Config::default_of(setting).filter(|_| !line.is_switch());
            assert!(default.is_none_or(|default| help.contains(&format!("[default: {default}]"))), "{help}");
        }
    }
}
