//! Why a daemon was not reached.

use schema::Fault;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Miss {
    /// Nobody listens there; why, in words.
    Nobody(String),
    /// There is no use in going on to start one.
    Failed(Failure),
}

/// There is no daemon, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    /// Whether waiting makes no sense.
    pub(crate) settled: bool,
    /// Whether nobody listens and none was to be started.
    pub(crate) absent: bool,
}

impl Miss {
    /// Whoever waits is answered with this.
    pub(crate) fn settled(fault: Fault) -> Self {
        Self::Failed(Failure {
            fault,
            settled: true,
            absent: false,
        })
    }

    /// It may be over soon.
    pub(crate) fn passing(fault: Fault) -> Self {
        Self::Failed(Failure {
            fault,
            settled: false,
            absent: false,
        })
    }
}
