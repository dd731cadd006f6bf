//! Stories of the real bridge with a daemon that the test plays.

mod fake;
mod finding;
mod forwarding;
mod losing;
mod starting;
mod world;
