//! Checked arguments as their types.

use schema::tools::Tool;
use schema::{Code, Fault};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads the arguments of `tool`.
pub(super) fn typed<T: DeserializeOwned>(tool: Tool, arguments: Value) -> Result<T, Fault> {
    serde_json::from_value(arguments).map_err(|error| {
        let words = format!("{tool}: {error}");
        Fault::new(Code::InvalidArgument, words).next("tools/list has the arguments it takes")
    })
}
