//! Schema version 3: a table for the durable shells.

use super::step::Migration;
use crate::state::make_durable_shells;

/// Makes the table; no program before knew a durable shell.
pub(super) const MIGRATION: Migration = Migration {
    to: 3,
    apply: make_durable_shells,
};
