//! What the network said, in a log: so that it can be told from what the program says, and cannot fill the disk.

use crate::characters::is_invisible;
use std::fmt::{self, Write};
use std::time::Instant;

/// Longest text of the network's in one field of a log line, in bytes as it is written. Higher: more of a long name or of
/// an error that quotes a message is shown. Lower: a hostile one fills less. A full userID with its app has 75.
pub const MAX_LOGGED_BYTES: usize = 256;

/// Lines of one kind at once that strangers cause, who have shown no ticket and no UserSig. Higher: more of a short
/// trouble is shown. Lower: a flood says less.
pub const STRANGER_LINES_BURST: u32 = 20;

/// Such lines a second in the long run: a day of them is some ten megabytes. Higher: more is shown of who knocks. Lower:
/// whoever knocks for days fills less of the disk.
pub const STRANGER_LINES_PER_SECOND: u32 = 1;

/// Wraps what the network said, wherever it is logged, as `%` or as `?`: ids, names, queries, errors that quote a message.
///
/// What is plain (letters, digits and `- _ . : / @ +`) is written as it is. Everything else stands in double quotes, with
/// quotes, backslashes and every character that nobody sees escaped, so that no text can pass for a field, for the end of
/// the line, or for a command to the terminal. It is cut after [`MAX_LOGGED_BYTES`], with `…` behind the quotes.
#[derive(Clone, Copy)]
pub struct Untrusted<T>(pub T);

impl<T: fmt::Display> fmt::Display for Untrusted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = Plain { bytes: 0 };
        if write!(plain, "{}", self.0).is_ok() && plain.bytes > 0 {
            return write!(f, "{}", self.0);
        }
        f.write_char('"')?;
        let mut cut = Cut { to: f, left: MAX_LOGGED_BYTES, is_cut: false };
        write!(cut, "{}", self.0)?;
        let is_cut = cut.is_cut;
        f.write_str(if is_cut { "\"…" } else { "\"" })
    }
}

impl<T: fmt::Display> fmt::Debug for Untrusted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Fails at the first character that wants quotes.
struct Plain {
    bytes: usize,
}

impl Write for Plain {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let plain = |c: char| c.is_alphanumeric() && !is_invisible(c) || "-_.:/@+".contains(c);
        self.bytes += text.len();
        if self.bytes <= MAX_LOGGED_BYTES && text.chars().all(plain) { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Escapes, and drops what is too much.
struct Cut<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    left: usize,
    is_cut: bool,
}

impl Write for Cut<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut buffer = String::with_capacity(MAX_ESCAPE);
        for c in text.chars() {
            if self.is_cut {
                return Ok(());
            }
            buffer.clear();
            escape(c, &mut buffer)?;
            self.is_cut = buffer.len() > self.left;
            if !self.is_cut {
                self.left -= buffer.len();
                self.to.write_str(&buffer)?;
            }
        }
        Ok(())
    }
}

/// Bytes of the longest escape, `\u{10ffff}`.
const MAX_ESCAPE: usize = 10;

/// Writes a character so that it cannot be missed: `\n`, `\"`, `\u{202e}`. White space other than U+0020 counts as
/// invisible, since it passes for that.
pub fn escape(c: char, to: &mut impl Write) -> fmt::Result {
    match c {
        '\n' => to.write_str("\\n"),
        '\r' => to.write_str("\\r"),
        '\t' => to.write_str("\\t"),
        '"' | '\\' => {
            to.write_char('\\')?;
            to.write_char(c)
        }
        ' ' => to.write_char(c),
        c if is_unprintable(c) => write!(to, "\\u{{{:x}}}", u32::from(c)),
        c => to.write_char(c),
    }
}

/// Whether a character has no place in a log line as it is: nobody sees it, or it moves what others see.
pub fn is_unprintable(c: char) -> bool {
    is_invisible(c) || c.is_whitespace() && c != ' '
}

/// How many lines of one kind may be written: [`STRANGER_LINES_BURST`] at once, [`STRANGER_LINES_PER_SECOND`] in the long
/// run. What is left out is counted, and told with the next line that is not.
#[derive(Debug, Default)]
pub struct LineLimit {
    /// When the lines that were written are forgiven.
    forgiven: Option<Instant>,
    left_out: u64,
}

impl LineLimit {
    /// Nothing was written yet.
    pub const fn new() -> Self {
        Self { forgiven: None, left_out: 0 }
    }

    /// Whether a line may be written now. If so, how many were left out before it; `Some(None)`: none were.
    pub fn pass(&mut self, now: Instant) -> Option<Option<u64>> {
        let each = std::time::Duration::from_secs(1) / STRANGER_LINES_PER_SECOND;
        let forgiven = self.forgiven.filter(|at| *at > now).unwrap_or(now) + each;
        if forgiven > now + each * STRANGER_LINES_BURST {
            self.left_out += 1;
            return None;
        }
        self.forgiven = Some(forgiven);
        Some(Some(std::mem::take(&mut self.left_out)).filter(|n| *n > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn an_ordinary_name_is_written_as_it_is_and_others_in_quotes() {
        for plain in ["alice", "1400000000/alice", "用户-01", "203.0.113.5:7700", "a@b.example"] {
            assert_eq!(Untrusted(plain).to_string(), plain);
        }
        for (text, logged) in [
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("x device=1", r#""x device=1""#),
            ("x\" user=\"y\\", r#""x\" user=\"y\\""#),
            ("a\r\n\tb", r#""a\r\n\tb""#),
            (
                "\u{1b}[31m\u{7}\u{202e}\u{200b}\u{85}\u{a0}",
                r#""\u{1b}[31m\u{7}\u{202e}\u{200b}\u{85}\u{a0}""#,
            ),
            ("\u{3164}", r#""\u{3164}""#),
        ] {
            assert_eq!(Untrusted(text).to_string(), logged);
            assert_eq!(format!("{:?}", Untrusted(text)), logged);
        }
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        let logged = Untrusted("用".repeat(1000)).to_string();
        assert_eq!(logged, format!("\"{}\"…", "用".repeat(MAX_LOGGED_BYTES / 3)));
        let just = "a".repeat(MAX_LOGGED_BYTES);
        assert_eq!(Untrusted(&just).to_string(), just);
        assert!(Untrusted(format!("{just}a")).to_string().ends_with("a\"…"));
        // In pieces, as errors write themselves.
        let pieces = format!("{}\n", "b".repeat(300));
        assert_eq!(Untrusted(format_args!("a{pieces}c")).to_string(), format!("\"a{}\"…", "b".repeat(255)));
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_quotes_or_its_line(text in "\\PC*|[\\x00-\\x7f]*|[\u{0}-\u{10ffff}]*") {
            let logged = Untrusted(&text).to_string();
            prop_assert!(!logged.chars().any(is_unprintable), "{logged:?}");
            prop_assert!(logged.len() <= MAX_LOGGED_BYTES + "\"\"…".len());
            if logged == text {
                prop_assert!(!text.contains(['"', '\\', ' ', '=', ',']));
            } else {
                let inner = logged.strip_suffix('…').unwrap_or(&logged);
                let inner = inner.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
                let mut escaped = false;
                for c in inner.chars() {
                    prop_assert!(escaped || c != '"', "a quote inside: {logged}");
                    escaped = !escaped && c == '\\';
                }
                prop_assert!(!escaped, "the closing quote is escaped: {logged}");
            }
        }

        /// What was logged tells two texts apart, unless it was cut.
        #[test]
        fn different_texts_are_logged_differently(a in "[ab\\\\\"\n\u{202e} u{}2e]{0,8}", b in "[ab\\\\\"\n\u{202e} u{}2e]{0,8}") {
            prop_assert_eq!(a == b, Untrusted(&a).to_string() == Untrusted(&b).to_string());
        }
    }

    #[test]
    fn a_flood_says_little_and_how_much_it_did_not_say() {
        let start = Instant::now();
        let mut limit = LineLimit::new();
        let passed = (0..1000).filter(|_| limit.pass(start).is_some()).count();
        assert_eq!(passed, STRANGER_LINES_BURST as usize);
        let later = start + Duration::from_secs(1) / STRANGER_LINES_PER_SECOND;
        assert_eq!(limit.pass(later), Some(Some(1000 - u64::from(STRANGER_LINES_BURST))));
        assert_eq!(limit.pass(later), None);
        let hour = start + Duration::from_secs(3600);
        assert_eq!(limit.pass(hour), Some(Some(1)));
        assert_eq!(limit.pass(hour), Some(None), "and nothing was left out since");
        let more = (0..1000).filter(|_| limit.pass(hour).is_some()).count();
        assert_eq!(more, STRANGER_LINES_BURST as usize - 2, "never above the burst");
    }
}
