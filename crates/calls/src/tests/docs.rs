//! The table in the code, the table in the documentation, and the tests of its rows are one.

use super::{calling, media, reachability, ringing, sign_in};
use crate::{Row, TABLE};
use std::fmt::Write;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/calls.md");
const BEGIN: &str = "<!-- table: generated from crates/calls/src/table.rs -->\n";
const END: &str = "<!-- /table -->\n";

fn tables() -> String {
    let mut text = String::new();
    let mut section = "";
    for line in TABLE {
        if line.section != section {
            section = line.section;
            let _ = write!(
                text,
                "\n### {section}\n\n| row | state | input | if | then | who is told |\n|---|---|---|---|---|---|\n"
            );
        }
        let cells = [line.state, line.input, line.guard, line.next, line.told];
        let _ = writeln!(text, "| `{}` | {} |", line.row.name(), cells.join(" | "));
    }
    text.push('\n');
    text
}

/// `make calls-table` writes the page after a change of the table.
#[test]
fn the_documentation_has_the_table_of_the_code_row_for_row() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (head, rest) =
        page.split_once(BEGIN).expect("docs/calls.md has lost the mark where the table begins");
    let (table, tail) = rest.split_once(END).expect("docs/calls.md has lost the mark where the table ends");
    if table == tables() {
        return;
    }
    assert!(
        std::env::var_os("TRING_WRITE_DOCS").is_some(),
        "docs/calls.md differs from the table: run `make calls-table`"
    );
    std::fs::write(PAGE, [head, BEGIN, &tables(), END, tail].concat()).unwrap();
}

#[test]
fn each_row_has_one_test() {
    let mut tested: Vec<Row> =
        [sign_in::TESTED, calling::TESTED, ringing::TESTED, reachability::TESTED, media::TESTED].concat();
    tested.sort();
    let mut rows: Vec<Row> = TABLE.iter().map(|line| line.row).collect();
    rows.sort();
    assert_eq!(tested, rows);
}

#[test]
fn no_cell_breaks_the_table() {
    for line in TABLE {
        for cell in [line.section, line.state, line.input, line.guard, line.next, line.told] {
            assert!(!cell.contains(['|', '\n']), "{:?}", line.row);
        }
        assert!(!line.next.is_empty() && !line.told.is_empty(), "{:?}", line.row);
    }
}
