//! Stories of the real bridge with a daemon that the test plays.

#[cfg(test)]
mod fake;
#[cfg(test)]
mod finding;
#[cfg(test)]
mod forwarding;
#[cfg(test)]
mod losing;
#[cfg(test)]
mod starting;
#[cfg(test)]
mod world;
