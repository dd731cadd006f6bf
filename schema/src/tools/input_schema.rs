//! A tool's arguments as a client reads them: the derive's schema made small.
//!
//! Out go `$schema`, titles, formats, defaults, bounds and nulls, for clients
//! warn about some and the daemon checks all. A doc comment speaks to us and
//! goes out too; what a client shall read stands in the field's `hint` and
//! comes in as its `description`.

use serde_json::{Map, Value};

use super::Tool;

/// The schema as it is listed: each definition inlined or in `$defs`,
/// whichever is smaller.
pub fn listed(tool: Tool) -> Value {
    let schema = small(tool.generated_schema().to_value());
    definitions(&schema)
        .into_iter()
        .fold(root(schema), |schema, name| {
            let inlined = inline(&schema, &name);
            if inlined.to_string().len() <= schema.to_string().len() {
                inlined
            } else {
                schema
            }
        })
}

/// The same without any `$ref`, for who walks it beside a caller's arguments.
pub fn inlined(tool: Tool) -> Value {
    let schema = small(tool.generated_schema().to_value());
    definitions(&schema)
        .iter()
        .fold(root(schema), |schema, name| inline(&schema, name))
}

/// A root is an object that says which names it has.
fn root(schema: Value) -> Value {
    let Value::Object(mut root) = schema else {
        return schema;
    };
    let defs = root.shift_remove("$defs");
    root.entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    root.insert("additionalProperties".into(), Value::Bool(false));
    root.extend(defs.map(|defs| ("$defs".to_owned(), defs)));
    Value::Object(root)
}

/// One schema without what clients do not need, and all schemas below it.
fn small(schema: Value) -> Value {
    let Value::Object(schema) = schema else {
        return schema;
    };
    let mut kept = Map::new();
    for (key, value) in one_of_words(without_null(schema)) {
        match key.as_str() {
            "$schema" | "title" | "description" | "format" | "default" | "minimum" | "maximum" => {}
            "hint" => {
                kept.insert("description".into(), value);
            }
            "properties" | "$defs" => {
                kept.insert(key, each(value, small));
            }
            _ => {
                kept.insert(key, small(value));
            }
        }
    }
    Value::Object(kept)
}

/// `T or null` is an argument that may be left out: `required` says so already.
fn without_null(mut schema: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [single] = types.as_slice() {
            let single = single.clone();
            schema.insert("type".into(), single);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let Some(Value::Array(choices)) = schema.get("anyOf") else {
        return schema;
    };
    let mut choices = choices
        .iter()
        .filter(|choice| choice.get("type").is_none_or(|name| name != "null"));
    if let (Some(Value::Object(only)), None) = (choices.next(), choices.next()) {
        let mut merged = only.clone();
        schema.shift_remove("anyOf");
        merged.extend(schema);
        return without_null(merged);
    }
    schema
}

/// Documented words come as one constant schema each; together they are an
/// `enum`.
fn one_of_words(mut schema: Map<String, Value>) -> Map<String, Value> {
    let Some(Value::Array(choices)) = schema.get("oneOf") else {
        return schema;
    };
    let words: Option<Vec<Value>> = choices
        .iter()
        .map(|choice| choice.get("const").cloned())
        .collect();
    if let Some(words) = words {
        schema.shift_remove("oneOf");
        schema.insert("type".into(), "string".into());
        schema.insert("enum".into(), Value::Array(words));
    }
    schema
}

/// The names under `$defs`.
fn definitions(schema: &Value) -> Vec<String> {
    schema
        .get("$defs")
        .and_then(Value::as_object)
        .map(|defs| defs.keys().cloned().collect())
        .unwrap_or_default()
}

/// `schema` with one definition put in wherever it is named.
fn inline(schema: &Value, name: &str) -> Value {
    let mut schema = schema.clone();
    let Some(defs) = schema.get_mut("$defs").and_then(Value::as_object_mut) else {
        return schema;
    };
    let Some(Value::Object(definition)) = defs.shift_remove(name) else {
        return schema;
    };
    let none_left = defs.is_empty();
    if let (true, Some(root)) = (none_left, schema.as_object_mut()) {
        root.shift_remove("$defs");
    }
    replace(schema, &format!("#/$defs/{name}"), &definition)
}

/// `value` with `definition` in place of each reference; what stands beside a
/// reference stays.
fn replace(value: Value, reference: &str, definition: &Map<String, Value>) -> Value {
    match value {
        Value::Object(mut object) => {
            if object.get("$ref").is_some_and(|to| to == reference) {
                object.shift_remove("$ref");
                let mut merged = definition.clone();
                merged.extend(object);
                return Value::Object(merged);
            }
            each(Value::Object(object), |below| {
                replace(below, reference, definition)
            })
        }
        Value::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| replace(item, reference, definition))
                .collect(),
        ),
        scalar => scalar,
    }
}

/// An object with every value changed, in its order.
fn each(value: Value, change: impl Fn(Value) -> Value) -> Value {
    match value {
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| (key, change(value)))
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_optional_argument_is_of_one_type_and_a_word_is_one_of_an_enum() {
        let schema = listed(Tool::SshExec);
        assert_eq!(
            schema["properties"]["timeout_ms"],
            json!({"type": "integer", "description": "default 30000"})
        );
        assert_eq!(
            schema["properties"]["on_timeout"],
            json!({"type": "string", "enum": ["continue", "kill"]})
        );
        assert_eq!(schema["required"], json!(["session_id", "command"]));
    }

    #[test]
    fn arguments_stand_in_the_order_of_the_contract() {
        let schema = listed(Tool::SshShellWrite);
        let names: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["session_id", "shell_id", "data", "secret"]);
    }

    #[test]
    fn a_tool_without_arguments_still_says_so() {
        assert_eq!(
            listed(Tool::Status),
            json!({"type": "object", "properties": {}, "additionalProperties": false})
        );
    }

    #[test]
    fn an_argument_may_be_called_like_a_keyword() {
        let schema = json!({"properties": {"title": {"type": "string", "title": "T"}}});
        assert_eq!(
            small(schema),
            json!({"properties": {"title": {"type": "string"}}})
        );
    }

    #[test]
    fn every_reference_leads_somewhere_and_the_inlined_form_has_none() {
        for tool in Tool::ALL {
            let listed = listed(*tool);
            let defs = definitions(&listed);
            let text = listed.to_string();
            for part in text.split("\"#/$defs/").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(defs.iter().any(|def| def == name), "{tool}: {name}");
            }
            assert!(!inlined(*tool).to_string().contains("$ref"), "{tool}");
        }
    }
}
