//! The commands that a person types.

mod control;
pub(crate) mod daemon;
pub(crate) mod hostkeys;
pub(crate) mod leftovers;
pub(crate) mod status;
