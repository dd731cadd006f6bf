//! The bridge.
mod ends;
mod frame;
mod handshake;
mod ledger;
mod repeatable;
mod replies;
mod scan;
mod session;
fn main() {}
