//! `cargo xtask tidy`: what ARCHITECTURE.md and CONTRIBUTING.md ask for and a
//! compiler cannot check. Each rule is a plain function of the sources.

mod round;

mod circles;
mod crates;
mod foreign;
mod layers;
mod map;
mod shape;

mod finding;
mod modules;
mod paths;

pub(crate) use round::run;
