//! HTTP on loopback: `/mcp`, `/rpc` and `/healthz`.

mod body;
mod guard;
mod listen;
mod routes;
mod rpc;

#[cfg(test)]
mod tests;

pub use listen::{Address, ListenError, listen};
pub use routes::serve;
