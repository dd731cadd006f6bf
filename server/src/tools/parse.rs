//! Arguments as callers send them: coerced where nothing is lost, refused with
//! the nearest known name where a name is unknown.

use schema::nearest::nearest;
use schema::tools::{Tool, aliases, input_schema};
use schema::{Code, Fault};
use serde_json::{Map, Value};

/// Checks and coerces `arguments` against the tool's schema.
pub(super) fn arguments(tool: Tool, arguments: Map<String, Value>) -> Result<Value, Fault> {
    let schema = input_schema::inlined(tool);
    let mut value = Value::Object(arguments);
    Walk { tool }.value(&mut value, &schema, "", "")?;
    Ok(value)
}

/// A walk through arguments beside their schema.
struct Walk {
    tool: Tool,
}

impl Walk {
    /// `path` names the value for a person; `within` is the last name in it.
    fn value(
        &self,
        value: &mut Value,
        schema: &Value,
        path: &str,
        within: &str,
    ) -> Result<(), Fault> {
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => self.object(value, schema, path, within)?,
            Some("array") => self.array(value, schema, path, within)?,
            Some("integer") => coerce(value, as_integer),
            Some("number") => coerce(value, as_number),
            Some("boolean") => coerce(value, as_boolean),
            Some("string") if !takes_integers(path) => coerce(value, as_string),
            _ => {}
        }
        Ok(())
    }

    fn object(
        &self,
        value: &mut Value,
        schema: &Value,
        path: &str,
        within: &str,
    ) -> Result<(), Fault> {
        coerce(value, as_json);
        let Some(fields) = value.as_object_mut() else {
            return Ok(());
        };
        // Clients send null for what they leave out, the Go program's also "".
        let is_spec = path.split('.').next() == Some("spec");
        let is_absent = |field: &Value| field.is_null() || (is_spec && field == "");
        fields.retain(|_, field| !is_absent(field));
        let known = schema.get("properties").and_then(Value::as_object);
        for (name, field) in fields.iter_mut() {
            let at = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            if let Some(below) = known.and_then(|known| known.get(name)) {
                self.value(field, below, &at, name)?;
                continue;
            }
            let open = schema
                .get("additionalProperties")
                .filter(|open| open.is_object());
            match (open, known) {
                (Some(below), _) => self.value(field, below, &at, name)?,
                (None, Some(known)) if aliases::find(self.tool, within, name).is_none() => {
                    return Err(self.unknown(&at, name, known));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn array(
        &self,
        value: &mut Value,
        schema: &Value,
        path: &str,
        within: &str,
    ) -> Result<(), Fault> {
        coerce(value, as_json);
        let Some(items) = schema.get("items") else {
            return Ok(());
        };
        // One where several may stand: `addresses: "web"`.
        if value.is_string() && items.get("type").and_then(Value::as_str) == Some("string") {
            *value = Value::Array(vec![value.take()]);
        }
        for (at, item) in value.as_array_mut().into_iter().flatten().enumerate() {
            self.value(item, items, &format!("{path}[{at}]"), within)?;
        }
        Ok(())
    }

    fn unknown(&self, path: &str, name: &str, known: &Map<String, Value>) -> Fault {
        let path = path.escape_debug();
        let words = format!("{} has no argument `{path}`", self.tool);
        let fault = Fault::new(Code::InvalidArgument, words);
        match nearest(name, known.keys().map(String::as_str)) {
            Some(near) => {
                let all: Vec<&str> = known.keys().map(String::as_str).collect();
                fault.next(format!(
                    "did you mean `{near}`? It takes {}",
                    all.join(", ")
                ))
            }
            None => fault.next("it takes none here"),
        }
    }
}

/// Strings in the schema that know what to do with an integer themselves:
/// durations take nanoseconds, and a file mode refuses it with reason.
fn takes_integers(path: &str) -> bool {
    let is_variable = path.starts_with("env.");
    let names = ["timeout", "keepalive", "mode"];
    !is_variable
        && names
            .iter()
            .any(|name| path.rsplit('.').next() == Some(name))
}

/// Puts the coerced value in place, if there is one.
fn coerce(value: &mut Value, with: impl Fn(&Value) -> Option<Value>) {
    if let Some(coerced) = with(value) {
        *value = coerced;
    }
}

fn as_integer(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => text.trim().parse::<i64>().ok().map(Value::from),
        // 3.0 is 3; 3.5 stays and is refused.
        Value::Number(number) if number.as_i64().is_none() && number.as_u64().is_none() => {
            let float = number.as_f64()?;
            let whole = format!("{float:.0}").parse::<i64>().ok()?;
            (float.fract() == 0.0).then(|| Value::from(whole))
        }
        _ => None,
    }
}

fn as_number(value: &Value) -> Option<Value> {
    let number = value.as_str()?.trim().parse::<f64>().ok()?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

fn as_boolean(value: &Value) -> Option<Value> {
    match value.as_str()?.trim().to_ascii_lowercase().as_str() {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn as_string(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) => Some(Value::String(number.to_string())),
        Value::Bool(flag) => Some(Value::String(flag.to_string())),
        _ => None,
    }
}

/// An object or a list that came as a JSON string.
fn as_json(value: &Value) -> Option<Value> {
    let text = value.as_str()?.trim();
    let looks = text.starts_with('{') || text.starts_with('[');
    looks.then(|| serde_json::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(tool: Tool, value: &Value) -> Result<Value, Fault> {
        arguments(tool, value.as_object().cloned().unwrap())
    }

    #[test]
    fn what_loses_nothing_is_coerced() {
        let got = parsed(
            Tool::SshExec,
            &json!({"session_id": 7, "command": "id", "timeout_ms": "500", "background": "true",
                   "env": "{\"A\":1}", "stdin": null, "max_output_bytes": 3.0}),
        )
        .unwrap();
        let want = json!({"session_id": "7", "command": "id", "timeout_ms": 500,
            "background": true, "env": {"A": "1"}, "max_output_bytes": 3});
        assert_eq!(got, want);
    }

    #[test]
    fn a_spec_as_a_json_string_and_one_address_as_a_word_are_read() {
        let spec = r#"{"addresses":"web","keepalive":1000000000}"#;
        let got = parsed(Tool::SshConnect, &json!({"id": "w", "spec": spec})).unwrap();
        assert_eq!(
            got["spec"],
            json!({"addresses": ["web"], "keepalive": 1_000_000_000})
        );
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_known() {
        let fault = parsed(Tool::SshExec, &json!({"session": "w", "command": "id"})).unwrap_err();
        assert!(
            fault.message.contains("`session`") && fault.next.contains("`session_id`"),
            "{fault:?}"
        );
        let nested = json!({"id": "w", "spec": {"adresses": ["x"]}});
        let fault = parsed(Tool::SshConnect, &nested).unwrap_err();
        assert!(
            fault.message.contains("`spec.adresses`") && fault.next.contains("`addresses`"),
            "{fault:?}"
        );
    }

    #[test]
    fn what_a_spec_has_empty_is_left_out_and_a_variable_is_what_it_is() {
        let spec =
            json!({"addresses": ["w"], "auth": {"key_path": "", "password": ""}, "user": ""});
        let got = parsed(Tool::SshConnect, &json!({"id": "w", "spec": spec})).unwrap();
        assert_eq!(got["spec"], json!({"addresses": ["w"], "auth": {}}));
        let env = json!({"session_id": "w", "command": "", "env": {"timeout": 5, "EMPTY": ""}});
        let got = parsed(Tool::SshExec, &env).unwrap();
        assert_eq!(got["env"], json!({"timeout": "5", "EMPTY": ""}));
        assert_eq!(got["command"], "");
    }

    #[test]
    fn an_old_spelling_is_known() {
        let old = json!({"id": "w", "spec": {"auth": {"agent": true}}});
        assert!(parsed(Tool::SshConnect, &old).is_ok());
    }
}
