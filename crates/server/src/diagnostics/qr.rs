//! QR codes in a terminal.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around a QR code (ISO/IEC 18004: four). Fewer, and cameras do not find it.
const QUIET: usize = 4;

/// Black on white, whatever the terminal's own colours are: some cameras read no inverted code.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const PLAIN: &str = "\x1b[0m";

/// A QR code in half blocks, two rows of modules a line. None for a text that is too long for one.
pub(super) fn qr(text: &str) -> Option<String> {
    // A screen is not dirty: the lowest correction makes the smallest code.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (colors, width) = (code.to_colors(), code.width());
    let dark = |row: usize, column: usize| {
        let inside = |n: usize| n.checked_sub(QUIET).filter(|n| *n < width);
        matches!((inside(row), inside(column)), (Some(r), Some(c)) if colors[r * width + c] == Color::Dark)
    };
    let side = width + 2 * QUIET;
    let mut out = String::new();
    for row in (0..side).step_by(2) {
        out += &format!("  {BLACK_ON_WHITE}");
        for column in 0..side {
            out.push(match (dark(row, column), dark(row + 1, column)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        out += &format!("{PLAIN}\n");
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_small_and_has_its_quiet_zone_and_its_corners() {
        let code = qr("http://192.168.100.100:8080/install").unwrap();
        let lines: Vec<Vec<char>> = code
            .lines()
            .map(|l| {
                l.trim_start().trim_start_matches(BLACK_ON_WHITE).trim_end_matches(PLAIN).chars().collect()
            })
            .collect();
        assert!(lines.len() < 24, "{} lines", lines.len());
        let side = lines[0].len();
        assert!(side < 60 && lines.iter().all(|l| l.len() == side));
        let dark = |row: usize, column: usize| match lines[row / 2][column] {
            '█' => true,
            '▀' => row.is_multiple_of(2),
            '▄' => !row.is_multiple_of(2),
            _ => false,
        };
        for row in 0..side {
            for column in 0..side {
                let rim = row.min(column).min(side - 1 - row).min(side - 1 - column);
                assert!(rim >= QUIET || !dark(row, column), "dark in the quiet zone");
            }
        }
        // The finder patterns: a ring of seven, a light one, a dark middle.
        for (top, left) in [(QUIET, QUIET), (QUIET, side - QUIET - 7), (side - QUIET - 7, QUIET)] {
            for n in 0..7 {
                assert!(dark(top, left + n) && dark(top + 6, left + n) && dark(top + n, left), "ring");
            }
            assert!(!dark(top + 1, left + 1) && dark(top + 3, left + 3));
        }
    }
}
