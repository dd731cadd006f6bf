//! Prints the contract as `schema/snapshots/tools.json` has it.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(schema::tools::listing::snapshot_text().as_bytes())
}
