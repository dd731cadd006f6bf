//! Schema version 1: from nothing to the first tables.

use super::step::Migration;
use crate::state::make_first_tables;

/// Makes the tables; there is nothing to carry over.
pub(super) const MIGRATION: Migration = Migration {
    to: 1,
    apply: make_first_tables,
};
