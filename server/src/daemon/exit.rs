//! The exit codes, as launchers know them (sysexits(3)).

/// It ended in good order.
pub const EXIT_OK: u8 = 0;
/// Another daemon lives; nothing was touched.
pub const EXIT_OTHER_DAEMON: u8 = 75;
/// The configuration, the place or the databases do not allow it to serve:
/// starting it again would change nothing.
pub const EXIT_CONFIG: u8 = 78;
