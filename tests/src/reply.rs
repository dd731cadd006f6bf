//! What came back from a tool call.

use serde_json::Value;

/// The answer to one `tools/call`: a result, a tool error, or a JSON-RPC error.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    answer: Value,
}

impl Reply {
    pub(crate) fn new(answer: Value) -> Self {
        Self { answer }
    }

    /// The whole JSON-RPC answer.
    pub fn raw(&self) -> &Value {
        &self.answer
    }

    /// Whether the call failed, either way.
    pub fn is_error(&self) -> bool {
        self.answer.get("error").is_some() || self.answer["result"]["isError"] == true
    }

    /// The text block, or the message of a JSON-RPC error.
    pub fn text(&self) -> String {
        let text = self.answer["result"]["content"][0]["text"].as_str();
        text.or(self.answer["error"]["message"].as_str())
            .unwrap_or_default()
            .to_owned()
    }

    /// The failure's stable code, empty where there is none.
    pub fn code(&self) -> String {
        let small = &self.answer["result"]["structuredContent"]["code"];
        let code = small
            .as_str()
            .or(self.answer["error"]["data"]["code"].as_str());
        code.unwrap_or_default().to_owned()
    }

    /// The text of a call that must have worked.
    #[track_caller]
    pub fn words(&self) -> String {
        assert!(!self.is_error(), "the call failed: {}", self.answer);
        self.text()
    }

    /// The result of a call that must have worked, read as JSON.
    #[track_caller]
    pub fn ok(&self) -> Value {
        let text = self.words();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in result: {text}"))
    }

    /// The text of a call that must have failed with `code`.
    #[track_caller]
    pub fn refused(&self, code: &str) -> String {
        assert!(self.is_error(), "the call worked: {}", self.answer);
        assert_eq!(self.code(), code, "{}", self.answer);
        self.text()
    }
}
