//! How a test and its other roles (`tring_testkit::process`) talk: by marked lines.
// Each test file uses a part.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::process::ChildStdout;
use std::sync::mpsc::{Receiver, channel};

/// Marks the lines of a role among those of the test harness.
const MARK: &str = "@@";

pub(crate) fn marked_lines(output: ChildStdout) -> Receiver<String> {
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // The harness may have begun the line.
            if let Some((_, text)) = line.split_once(MARK)
                && tell.send(text.to_owned()).is_err()
            {
                return;
            }
        }
    });
    lines
}

pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{line}").unwrap();
    out.flush().unwrap();
}

/// The next line for this role. The first call says that it is there.
pub(crate) fn listen() -> String {
    static HERE: std::sync::Once = std::sync::Once::new();
    HERE.call_once(|| say("here"));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}
