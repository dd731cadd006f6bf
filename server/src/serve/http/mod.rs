//! HTTP on loopback: `/mcp`, `/rpc` and `/healthz`.

mod body;
mod connections;
mod guard;
mod listen;
mod routes;
mod rpc;

#[cfg(test)]
mod tests;

pub use connections::serve;
pub use listen::{Address, ListenError, listen};
