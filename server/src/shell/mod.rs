//! Persistent shells: one model for those of sessions and of containers. A
//! terminal's output addressed by position, read as text or as a screen, and
//! lines that are run in it and whose end is known.

mod asking;
mod buffer;
mod drive;
mod end;
mod handle;
mod held;
mod held_shells;
mod hidden;
mod hook;
mod line_run;
mod marks;
mod paper;
mod question;
mod reading;
mod ready;
mod registry;
mod run;
mod scan;
mod terminal;
mod text;
mod told;

pub use drive::{drive, forget_later};
pub use end::End;
pub use handle::{Facts, Owner, Shell, TypeError};
pub use held::HeldError;
pub use held_shells::HeldShells;
pub use hook::Unrunnable;
pub use reading::{Seen, View, Wanted};
pub use registry::{ENDED_STAY, NoRoom, Shells};
pub use run::RunError;
pub use told::{LeftOut, Ran, RanState};
