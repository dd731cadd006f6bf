//! Schema version 2: a table for the durable jobs.

use super::step::Migration;
use crate::state::make_durable_jobs;

/// Makes the table; no program before knew a durable job.
pub(super) const MIGRATION: Migration = Migration {
    to: 2,
    apply: make_durable_jobs,
};
