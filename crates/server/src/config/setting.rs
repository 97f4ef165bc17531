//! One entry of the table of settings, and the macro that makes a typed section of such entries.

use std::ffi::OsStr;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

/// A text for people, in the languages of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// English.
    pub en: &'static str,
    /// Simplified Chinese.
    pub zh: &'static str,
}

/// A language of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, also that of `--help` and of all messages.
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Text {
    /// The text in one language.
    pub const fn said_in(self, language: Language) -> &'static str {
        match language {
            Language::English => self.en,
            Language::Chinese => self.zh,
        }
    }
}

/// A [`Text`], for the table.
pub(super) const fn text(en: &'static str, zh: &'static str) -> Option<Text> {
    Some(Text { en, zh })
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Days.
    Days,
    /// So many a second.
    PerSecond,
    /// So many a minute.
    PerMinute,
}

impl Unit {
    /// What stands behind a number.
    pub const fn name(self) -> Text {
        match self {
            Self::Seconds => Text { en: "seconds", zh: "秒" },
            Self::Days => Text { en: "days", zh: "天" },
            Self::PerSecond => Text { en: "a second", zh: "次/秒" },
            Self::PerMinute => Text { en: "a minute", zh: "次/分钟" },
        }
    }
}

/// When a new value of a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// When the server starts again.
    AfterRestart,
    /// The name of the file after a restart, what is in the file within a minute.
    WhenTheFileChanges,
}

impl Holds {
    /// The time for people, as the end of a sentence.
    pub const fn text(self) -> Text {
        match self {
            Self::AfterRestart => Text { en: "after a restart", zh: "重启后" },
            Self::WhenTheFileChanges => Text {
                en: "after a restart; what is in the file, within a minute",
                zh: "重启后；文件内容在一分钟内",
            },
        }
    }
}

/// An option of `tring serve`, and the variable that stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandLine {
    /// The name of the option, without `--`.
    pub option: &'static str,
    /// The environment variable. Empty: there is none, and the option takes no value.
    pub variable: &'static str,
    /// What `--help` calls the value.
    pub value: &'static str,
}

impl CommandLine {
    /// Whether the option takes no value: given, the setting is on.
    pub const fn is_switch(&self) -> bool {
        self.variable.is_empty()
    }
}

/// A [`CommandLine`], for the table.
pub(super) const fn option(
    option: &'static str,
    variable: &'static str,
    value: &'static str,
) -> Option<CommandLine> {
    Some(CommandLine { option, variable, value })
}

/// A range of numbers, both ends included, for the table.
pub(super) const fn between(low: f64, high: f64) -> Option<RangeInclusive<f64>> {
    Some(low..=high)
}

/// Everything that is known of one setting, except its type and its default, which its section has.
#[derive(Debug)]
pub struct Setting {
    /// The section of the file, such as `media`. Empty: it stands above all sections.
    pub section: &'static str,
    /// The name in its section, such as `udp_port`.
    pub name: &'static str,
    /// What it is.
    pub meaning: Text,
    /// What a larger number buys or costs.
    pub higher: Option<Text>,
    /// What a smaller number buys or costs.
    pub lower: Option<Text>,
    /// The numbers that it takes. None: it is no number, or takes all of its type.
    pub range: Option<RangeInclusive<f64>>,
    /// What the number counts.
    pub unit: Option<Unit>,
    /// When a new value holds.
    pub holds: Holds,
    /// Whether it has several values, so that its option may be given more than once.
    pub is_list: bool,
    /// How it is given on the command line. None: only in the file.
    pub command_line: Option<CommandLine>,
    /// What happens without a value, where there is no default.
    pub unset: Option<Text>,
    /// A value that it could have, in TOML, where there is no default.
    pub example: Option<&'static str>,
}

impl Setting {
    /// What an entry of the table does not say.
    pub(super) const UNSAID: Self = Self {
        section: "",
        name: "",
        meaning: Text { en: "", zh: "" },
        higher: None,
        lower: None,
        range: None,
        unit: None,
        holds: Holds::AfterRestart,
        is_list: false,
        command_line: None,
        unset: None,
        example: None,
    };

    /// The name with its section: `media.udp_port`.
    pub fn path(&self) -> String {
        if self.section.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.section, self.name) }
    }

    /// The range for people, such as `1 to 120 seconds`. None: it takes all of its type.
    pub fn range_text(&self, language: Language) -> Option<String> {
        let range = self.range.as_ref()?;
        let unit = self.unit.map(|unit| format!(" {}", unit.name().said_in(language))).unwrap_or_default();
        let to = Text { en: "to", zh: "至" }.said_in(language);
        Some(format!("{} {to} {}{unit}", number(*range.start()), number(*range.end())))
    }

    /// What it is, and what more and less of it cost.
    pub fn explanation(&self, language: Language) -> String {
        let mut all = self.meaning.said_in(language).to_owned();
        let [higher, lower] = [Text { en: "Higher", zh: "调高" }, Text { en: "Lower", zh: "调低" }];
        for (which, effect) in [(higher, self.higher), (lower, self.lower)] {
            let Some(effect) = effect.map(|effect| effect.said_in(language)) else { continue };
            let which = which.said_in(language);
            all += &match language {
                Language::English => format!(" {which}: {effect}."),
                Language::Chinese => format!("{which}：{effect}。"),
            };
        }
        all
    }
}

/// A number with its thousands set off: `10,000,000`, `0.001`.
pub(super) fn number(value: f64) -> String {
    let text = value.to_string();
    let (whole, fraction) = text.find('.').map_or((text.as_str(), ""), |at| text.split_at(at));
    let mut out = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

/// The settings of one section, without their values.
#[derive(Debug)]
pub struct Section {
    /// The name in the file. Empty: the settings that stand above all sections.
    pub name: &'static str,
    /// What its settings are about.
    pub about: Text,
    /// The settings of the section, in the order of the documents.
    pub settings: &'static [Setting],
}

/// A type that a setting can have.
pub(super) trait Value: Sized {
    /// Whether the type has several values.
    const IS_LIST: bool = false;

    /// Reads what an option or a variable says.
    ///
    /// # Errors
    /// Why it cannot, as the end of a sentence: `invalid value '…' for '…': `.
    fn read(text: &OsStr) -> Result<Self, String>;

    /// The value as a number, to be held against the range. None: it is no number.
    fn number(&self) -> Option<f64> {
        None
    }
}

fn parse<T: FromStr<Err: Display>>(text: &OsStr) -> Result<T, String> {
    let text = text.to_str().ok_or("it is no UTF-8")?;
    text.parse().map_err(|why: T::Err| why.to_string())
}

macro_rules! plain_values {
    ($($type:ty),*) => {
        $(impl Value for $type {
            fn read(text: &OsStr) -> Result<Self, String> {
                parse(text)
            }
        })*
    };
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl Value for $type {
            fn read(text: &OsStr) -> Result<Self, String> {
                parse(text)
            }

            fn number(&self) -> Option<f64> {
                Some(*self as f64)
            }
        })*
    };
}

plain_values!(bool, String, IpAddr, SocketAddr);
numbers!(u16, u32, usize, f64);

/// Any bytes: a path need not be text.
impl Value for PathBuf {
    fn read(text: &OsStr) -> Result<Self, String> {
        if text.is_empty() { Err("it is empty".into()) } else { Ok(text.into()) }
    }
}

impl<T: Value> Value for Option<T> {
    fn read(text: &OsStr) -> Result<Self, String> {
        T::read(text).map(Some)
    }

    fn number(&self) -> Option<f64> {
        self.as_ref().and_then(T::number)
    }
}

/// With commas between them; what is empty is left out.
impl Value for Vec<String> {
    const IS_LIST: bool = true;

    fn read(text: &OsStr) -> Result<Self, String> {
        let text: String = parse(text)?;
        let entries = text.split(',').filter(|entry| !entry.trim().is_empty());
        Ok(entries.map(str::to_owned).collect())
    }
}

/// Makes a section of the configuration: a struct with a field for each setting, their defaults, the reading of options,
/// the check of ranges, and the table of its [`Setting`]s.
///
/// ```text
/// section! {
///     MediaSettings = "media", "What the section is about.", "中文";
///     udp_port: u16 = 7700 => {
///         en: "What it is.", zh: "中文",
///         range: between(0.0, 65_535.0),
///     }
/// }
/// ```
macro_rules! section {
    (
        $(#[$attribute:meta])*
        $struct:ident = $section:literal, $about_en:literal, $about_zh:literal;
        $([sections: $($sub:ident: $sub_type:ident),* $(,)?])?
        $(
            $name:ident: $type:ty = $default:expr => {
                en: $en:literal, zh: $zh:literal $(, $key:ident: $value:expr)* $(,)?
            }
        )*
    ) => {
        $(#[$attribute])*
        #[doc = $about_en]
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct $struct {
            $(#[doc = $en] pub $name: $type,)*
            $($(#[doc = concat!("The settings of `[", stringify!($sub), "]`.")] pub $sub: $sub_type,)*)?
        }

        impl Default for $struct {
            fn default() -> Self {
                Self {
                    $($name: $default,)*
                    $($($sub: $sub_type::default(),)*)?
                }
            }
        }

        impl $struct {
            /// What is known of the settings of this section.
            pub(super) const SECTION: Section = Section {
                name: $section,
                about: Text { en: $about_en, zh: $about_zh },
                settings: &[$(Setting {
                    section: $section,
                    name: stringify!($name),
                    meaning: Text { en: $en, zh: $zh },
                    is_list: <$type as Value>::IS_LIST,
                    $($key: $value,)*
                    ..Setting::UNSAID
                }),*],
            };

            $(
                /// All sections, this one first.
                pub(super) const SECTIONS: &[Section] = &[Self::SECTION $(, $sub_type::SECTION)*];
            )?

            /// Gives a setting of this section, or of one below it, what an option or a variable says.
            ///
            /// # Errors
            /// Why it cannot be read, as the end of a sentence for whoever gave it.
            pub(super) fn read(&mut self, setting: &Setting, text: &OsStr) -> Result<(), String> {
                $(
                    if (setting.section, setting.name) == ($section, stringify!($name)) {
                        self.$name = Value::read(text)?;
                    }
                )*
                $($(self.$sub.read(setting, text)?;)*)?
                Ok(())
            }

            /// Each setting with the number that it has, here and below; None for what is no number.
            pub(super) fn numbers(&self) -> Vec<(&'static Setting, Option<f64>)> {
                let own = [$(Value::number(&self.$name)),*];
                #[allow(unused_mut, reason = "only one section has others below it")]
                let mut all: Vec<_> = Self::SECTION.settings.iter().zip(own).collect();
                $($(all.extend(self.$sub.numbers());)*)?
                all
            }
        }
    };
}

pub(super) use section;
