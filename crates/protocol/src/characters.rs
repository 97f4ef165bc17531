//! Characters that nobody sees: controls, zero-width and bidirectional ones, fillers. In an id they make two names that
//! look alike, in a log they move the cursor or the text behind them.

use std::fmt;

/// What Unicode asks renderers to leave out (Default_Ignorable_Code_Point of Unicode 16), and the format characters and
/// separators beside it that have no picture either. Sorted.
const INVISIBLE: [(u32, u32); 18] = [
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x061c, 0x061c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

/// What emoji are made of, by whole blocks: a little more than Unicode's Extended_Pictographic, and all of it visible.
const PICTURES: [(u32, u32); 14] = [
    (0x00a9, 0x00a9),
    (0x00ae, 0x00ae),
    (0x203c, 0x203c),
    (0x2049, 0x2049),
    (0x2122, 0x2122),
    (0x2139, 0x2139),
    (0x2190, 0x21ff),
    (0x2300, 0x27bf),
    (0x2900, 0x297f),
    (0x2b00, 0x2bff),
    (0x3030, 0x303d),
    (0x3297, 0x3297),
    (0x3299, 0x3299),
    (0x1f000, 0x1faff),
];

/// Chinese characters, whose variation selectors choose between ways to write a name.
const IDEOGRAPHS: [(u32, u32); 3] = [(0x3400, 0x9fff), (0xf900, 0xfaff), (0x20000, 0x3fffd)];

const JOINER: char = '\u{200d}';
/// Selects the coloured picture of an emoji.
const PICTURE: char = '\u{fe0f}';
/// Selects the plain sign instead.
const SIGN: char = '\u{fe0e}';
const KEYCAP: char = '\u{20e3}';

/// The flags of parts of countries are this flag, the letters of the part as tags, and the end of the tags.
const BLACK_FLAG: char = '\u{1f3f4}';
const END_OF_TAGS: char = '\u{e007f}';
/// Tags of such a flag: `gbeng`, `usca`.
const TAGS: std::ops::RangeInclusive<usize> = 3..=6;

fn is_in(ranges: &[(u32, u32)], c: char) -> bool {
    let c = u32::from(c);
    ranges.iter().any(|&(low, high)| (low..=high).contains(&c))
}

/// Nobody sees it, or it is a control.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control() || is_in(&INVISIBLE, c)
}

/// The first invisible character that is no part of an emoji or of a Chinese character. Parts of emoji are: a variation
/// selector right behind a picture or in a keycap, a zero-width joiner between two pictures, the tags of a flag.
pub(crate) fn first_invisible(text: &str) -> Option<char> {
    let mut rest = text.chars();
    let mut before = None;
    while let Some(c) = rest.next() {
        if is_invisible(c) && !belongs(before, c, rest.clone().next()) {
            return Some(c);
        }
        if c == BLACK_FLAG {
            let tag = |t: &char| matches!(t, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
            let tags = rest.clone().take_while(tag).count();
            if TAGS.contains(&tags) && rest.clone().nth(tags) == Some(END_OF_TAGS) {
                rest.nth(tags);
            }
        }
        before = Some(c);
    }
    None
}

/// An invisible character is part of the picture or of the Chinese character around it.
fn belongs(before: Option<char>, c: char, next: Option<char>) -> bool {
    let Some(before) = before else { return false };
    let picture = |c| is_in(&PICTURES, c);
    match c {
        // A selector stands only behind a picture, so what is before it need not be looked at.
        JOINER => (picture(before) || before == PICTURE) && next.is_some_and(picture),
        PICTURE | SIGN if matches!(before, '0'..='9' | '#' | '*') => next == Some(KEYCAP),
        PICTURE | SIGN => picture(before),
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => is_in(&IDEOGRAPHS, before),
        _ => false,
    }
}

/// A character for who must find it in a text: its number, and its name if it is a common one.
pub(crate) struct Named(pub(crate) char);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.0))?;
        let name = match self.0 {
            '\0' => "null",
            '\t' => "tab",
            '\n' => "line feed",
            '\r' => "carriage return",
            '\u{1b}' => "escape",
            ' ' => "space",
            '\u{a0}' => "no-break space",
            '\u{ad}' => "soft hyphen",
            '\u{200b}' => "zero-width space",
            '\u{200c}' => "zero-width non-joiner",
            JOINER => "zero-width joiner",
            '\u{200e}' => "left-to-right mark",
            '\u{200f}' => "right-to-left mark",
            '\u{202a}'..='\u{202c}' | '\u{2066}'..='\u{2069}' => "bidirectional embedding",
            '\u{202d}' | '\u{202e}' => "bidirectional override",
            '\u{2060}' => "word joiner",
            '\u{3000}' => "ideographic space",
            SIGN | PICTURE => "variation selector",
            '\u{feff}' => "byte order mark",
            _ => return Ok(()),
        };
        write!(f, " ({name})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_found_wherever_it_stands() {
        for c in [
            '\0',
            '\n',
            '\r',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{1160}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{e0100}',
        ] {
            for text in [format!("{c}ab"), format!("a{c}b"), format!("ab{c}"), format!("用{c}a"), c.into()] {
                let chinese = matches!(c, '\u{fe00}' | '\u{e0100}') && text.starts_with('用');
                assert_eq!(first_invisible(&text), (!chinese).then_some(c), "{text:?}");
            }
        }
    }

    #[test]
    fn chinese_and_emoji_stay_whole() {
        for text in [
            "alice",
            "a b",
            "用户-01",
            "O'Brien",
            "名\u{3000}字",
            "é",
            "e\u{301}",
            "नमस्ते",
            "שלום",
            "مرحبا",
            "😀",
            "❤\u{fe0f}",
            "☎\u{fe0e}",
            "👍🏽",
            "👨\u{200d}👩\u{200d}👧",
            "👩🏽\u{200d}💻",
            "❤\u{fe0f}\u{200d}🔥",
            "🏳\u{fe0f}\u{200d}🌈",
            "🇨🇳",
            "1\u{fe0f}\u{20e3}",
            "㊗\u{fe0f}",
            "葛\u{e0100}",
            "丸\u{fe00}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "bob🏴",
        ] {
            assert_eq!(first_invisible(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_makes_emoji_hides_nothing_elsewhere() {
        for (text, found) in [
            ("👨\u{200d}", JOINER),
            ("\u{200d}👨", JOINER),
            ("👨\u{200d}a", JOINER),
            ("a\u{200d}👨", JOINER),
            ("👨\u{200d}\u{200d}👧", JOINER),
            ("❤\u{fe0f}\u{fe0f}", PICTURE),
            ("1\u{fe0f}", PICTURE),
            ("a\u{fe0f}", PICTURE),
            ("葛\u{e0100}\u{e0100}", '\u{e0100}'),
            ("🏴\u{e0067}\u{e0062}", '\u{e0067}'),
            ("🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e0067}\u{e0067}\u{e007f}", '\u{e0067}'),
            ("👍\u{e0067}\u{e0062}\u{e0065}\u{e007f}", '\u{e0067}'),
        ] {
            assert_eq!(first_invisible(text), Some(found), "{text:?}");
        }
    }

    #[test]
    fn a_character_is_named_for_who_looks_for_it() {
        assert_eq!(Named(' ').to_string(), "U+0020 (space)");
        assert_eq!(Named('\u{202e}').to_string(), "U+202E (bidirectional override)");
        assert_eq!(Named('\u{e0041}').to_string(), "U+E0041");
    }
}
