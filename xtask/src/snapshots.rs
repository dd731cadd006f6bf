//! The contract as committed text: `schema/snapshots/`.

use crate::command::{Outcome, root};

/// The snapshots, as (file below `schema/snapshots`, text).
fn texts() -> [(&'static str, String); 1] {
    [("tools.json", schema::tools::listing::snapshot_text())]
}

/// Writes every snapshot.
pub(crate) fn write() -> Outcome {
    let folder = root().join("schema/snapshots");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (name, text) in texts() {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Fails when a committed snapshot is not what the code says.
pub(crate) fn check() -> Outcome {
    for (name, text) in texts() {
        let path = root().join("schema/snapshots").join(name);
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        if committed != text {
            return Err(format!(
                "{} is not what the code says: run `cargo xtask snapshots`, read the difference, commit it",
                path.display()
            ));
        }
    }
    Ok(())
}
