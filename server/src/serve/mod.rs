//! Serving: the local socket, HTTP, and MCP over both. rmcp and axum are known
//! here and nowhere else.

pub mod control;
pub mod framer;
pub mod front;
pub mod guarded;
pub mod hello;
mod host_keys;
pub mod http;
mod leftovers;
pub mod lines;
pub mod mcp;
pub mod open_requests;
pub mod progress;
pub mod result;
pub mod session;
pub mod socket;
pub mod strict;
pub mod token;
pub mod transport;
