//! What `tools/list` answers, and the committed snapshot of the contract.

use serde_json::{Value, json};

use super::table::{Annotations, Toolset};
use super::{Tool, input_schema};

/// The entries of the tools in `toolsets` (all when empty), sorted by name.
pub fn entries(toolsets: &[Toolset]) -> Vec<Value> {
    Tool::ALL
        .iter()
        .filter(|tool| toolsets.is_empty() || toolsets.contains(&tool.row().toolset))
        .map(|tool| entry(*tool))
        .collect()
}

/// One tool's entry.
pub fn entry(tool: Tool) -> Value {
    let row = tool.row();
    json!({
        "name": tool.as_str(),
        "title": row.title,
        "description": row.description,
        "inputSchema": input_schema::listed(tool),
        "annotations": hints(row.annotations),
    })
}

/// The hints that say something. MCP gives `destructiveHint` and
/// `idempotentHint` a meaning only for tools that change something, and the
/// latter is false unless it is said; so much is left out.
fn hints(annotations: Annotations) -> Value {
    let changes = !annotations.read_only;
    [
        ("readOnlyHint", Some(annotations.read_only)),
        (
            "destructiveHint",
            changes.then_some(annotations.destructive),
        ),
        (
            "idempotentHint",
            (changes && annotations.idempotent).then_some(true),
        ),
        ("openWorldHint", Some(annotations.open_world)),
    ]
    .into_iter()
    .filter_map(|(name, hint)| Some((name.to_owned(), Value::Bool(hint?))))
    .collect()
}

/// The contract as it is committed in `schema/snapshots/tools.json`: of each
/// tool what a client is told, and what it is not.
pub fn snapshot_text() -> String {
    let tools: Vec<Value> = Tool::ALL
        .iter()
        .map(|tool| {
            let row = tool.row();
            json!({
                "toolset": row.toolset.as_str(),
                "permission": row.permission.as_str(),
                "repeatable": row.repeatable,
                "answer": row.answer.as_str(),
                "listed": entry(*tool),
            })
        })
        .collect();
    // The alternate form of a value is indented.
    format!("{:#}\n", Value::Array(tools))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(toolsets: &[Toolset]) -> usize {
        Value::Array(entries(toolsets)).to_string().len()
    }

    #[test]
    fn the_list_stays_small() {
        let (all, core) = (size(&[]), size(&[Toolset::Core]));
        assert!(all < 40_000, "all tools take {all} bytes");
        assert!(core < 14_000, "the core takes {core} bytes");
    }

    #[test]
    fn every_toolset_has_tools_and_every_tool_one_toolset() {
        let sizes = Toolset::ALL.iter().map(|set| entries(&[*set]).len());
        assert!(sizes.clone().all(|size| size > 0));
        assert_eq!(sizes.sum::<usize>(), Tool::ALL.len());
    }

    #[test]
    fn the_list_is_the_same_each_time() {
        assert_eq!(snapshot_text(), snapshot_text());
        let names: Vec<_> = entries(&[])
            .iter()
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect();
        assert!(names.is_sorted());
    }

    #[test]
    fn no_schema_has_what_clients_warn_about() {
        for tool in Tool::ALL {
            let schema = input_schema::listed(*tool);
            assert_eq!(schema["type"], "object", "{tool}");
            assert_eq!(schema["additionalProperties"], false, "{tool}");
            check(*tool, &schema);
        }
    }

    /// Looks at one schema and at all below it.
    fn check(tool: Tool, schema: &Value) {
        let Some(object) = schema.as_object() else {
            return;
        };
        for (key, value) in object {
            match key.as_str() {
                "properties" | "$defs" => {
                    value.as_object().unwrap().values().for_each(|below| {
                        check(tool, below);
                    });
                }
                "items" | "additionalProperties" => check(tool, value),
                "type" | "description" | "$ref" => assert!(value.is_string(), "{tool}: {value}"),
                "required" | "enum" => assert!(value.is_array(), "{tool}: {value}"),
                other => panic!("{tool} has the keyword {other}"),
            }
        }
    }

    #[test]
    fn the_committed_snapshot_is_this_contract() {
        let committed = include_str!("../../snapshots/tools.json");
        assert!(
            committed == snapshot_text(),
            "schema/snapshots/tools.json is not what the code says; if the change is meant, \
             write it with `cargo xtask snapshots` and commit it"
        );
    }
}
