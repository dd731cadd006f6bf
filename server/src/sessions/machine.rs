//! What a session does next: pure, `(state, event) -> effect`. The task in
//! `task.rs` does the effects.

use std::time::Duration;

use super::backoff;
use super::view::Phase;
use crate::link::Disposition;

/// A link that held shorter than this is not dialled again at once, or a host
/// that drops every login would be dialled in a loop.
const STEADY: Duration = Duration::from_secs(5);

/// After a failed dial a waiting call may have the next one this soon.
const IMPATIENT: Duration = Duration::from_millis(500);

/// How soon a missing agent is looked for again, at the same path.
const AGENT_AGAIN: Duration = Duration::from_secs(30);

/// What happened to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// It was made, or brought back at the daemon's start.
    Begun,
    /// A dial succeeded.
    Up,
    /// A dial failed.
    DialFailed(Disposition),
    /// The link was lost after it had held for so long.
    Lost(Duration),
    /// The wait for the next dial is over.
    RetryDue,
    /// A call waits for the link; the last dial failed so long ago.
    Wanted(Duration),
    /// A person or a model asked for a new link.
    ReconnectAsked,
    /// A client brought an agent.
    AgentArrived,
}

/// What the task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Dial now.
    Dial,
    /// Dial after this long, unless something comes first.
    RetryAfter(Duration),
    /// Nothing.
    Rest,
}

/// The state between events.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) phase: Phase,
    auto_reconnect: bool,
    /// Brought back from the database: tried until it first connects.
    tried_until_up: bool,
    /// Dials that failed in a row.
    failures: u32,
    awaits_agent: bool,
}

impl Machine {
    pub(super) fn new(auto_reconnect: bool, rehydrated: bool) -> Self {
        Self {
            phase: Phase::Connecting,
            auto_reconnect,
            tried_until_up: rehydrated,
            failures: 0,
            awaits_agent: false,
        }
    }

    /// Takes an event; `random` spreads waits.
    pub(super) fn on(&mut self, event: Event, random: u8) -> Effect {
        match event {
            Event::Begun => Effect::Dial,
            Event::Up => {
                self.failures = 0;
                self.tried_until_up = false;
                self.awaits_agent = false;
                self.phase = Phase::Connected;
                Effect::Rest
            }
            Event::DialFailed(disposition) => self.failed(disposition, random),
            Event::Lost(held) => self.lost(held, random),
            Event::RetryDue => self.dial_again(),
            Event::Wanted(since_failure) => self.wanted(since_failure),
            Event::ReconnectAsked => {
                self.phase = Phase::Reconnecting;
                Effect::Dial
            }
            Event::AgentArrived if self.awaits_agent => self.dial_again(),
            Event::AgentArrived => Effect::Rest,
        }
    }

    fn failed(&mut self, disposition: Disposition, random: u8) -> Effect {
        self.failures = self.failures.saturating_add(1);
        self.awaits_agent = disposition == Disposition::AwaitAgent;
        match disposition {
            Disposition::NeedsAuth => self.stop(Phase::NeedsAuth),
            Disposition::HostKey => self.stop(Phase::HostKeyChanged),
            Disposition::AwaitAgent => {
                self.phase = Phase::Reconnecting;
                Effect::RetryAfter(AGENT_AGAIN)
            }
            Disposition::Retry if self.auto_reconnect || self.tried_until_up => {
                self.phase = Phase::Reconnecting;
                Effect::RetryAfter(backoff::wait(self.failures, random))
            }
            Disposition::Retry => self.stop(Phase::Disconnected),
        }
    }

    fn lost(&mut self, held: Duration, random: u8) -> Effect {
        if !self.auto_reconnect {
            return self.stop(Phase::Disconnected);
        }
        self.phase = Phase::Reconnecting;
        if held >= STEADY {
            return Effect::Dial;
        }
        self.failures = self.failures.saturating_add(1);
        Effect::RetryAfter(backoff::wait(self.failures, random))
    }

    fn wanted(&mut self, since_failure: Duration) -> Effect {
        match self.phase {
            Phase::Disconnected | Phase::Reconnecting if since_failure >= IMPATIENT => {
                self.dial_again()
            }
            Phase::Disconnected | Phase::Reconnecting => {
                self.phase = Phase::Reconnecting;
                Effect::RetryAfter(IMPATIENT.saturating_sub(since_failure))
            }
            // Connecting goes on; the others wait for a person.
            _ => Effect::Rest,
        }
    }

    fn dial_again(&mut self) -> Effect {
        if self.phase != Phase::Connecting {
            self.phase = Phase::Reconnecting;
        }
        Effect::Dial
    }

    fn stop(&mut self, phase: Phase) -> Effect {
        self.phase = phase;
        Effect::Rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn after(auto: bool, rehydrated: bool, events: &[Event]) -> (Phase, Effect) {
        let mut machine = Machine::new(auto, rehydrated);
        let mut effect = machine.on(Event::Begun, 127);
        for event in events {
            effect = machine.on(*event, 127);
        }
        (machine.phase, effect)
    }

    #[test]
    fn a_dropped_link_is_dialled_again_only_when_that_was_asked_for() {
        let dropped = [Event::Up, Event::Lost(LONG)];
        assert_eq!(
            after(true, false, &dropped),
            (Phase::Reconnecting, Effect::Dial)
        );
        assert_eq!(
            after(false, false, &dropped),
            (Phase::Disconnected, Effect::Rest)
        );
    }

    #[test]
    fn a_host_that_drops_every_login_is_not_dialled_in_a_loop() {
        let (_, effect) = after(true, false, &[Event::Up, Event::Lost(Duration::ZERO)]);
        assert!(matches!(effect, Effect::RetryAfter(wait) if wait >= Duration::from_millis(750)));
    }

    #[test]
    fn a_rehydrated_session_is_tried_until_it_first_connects() {
        let failed = Event::DialFailed(Disposition::Retry);
        let (phase, effect) = after(false, true, &[failed; 20]);
        assert_eq!(phase, Phase::Reconnecting);
        assert!(matches!(effect, Effect::RetryAfter(_)));
        assert_eq!(
            after(false, true, &[failed, Event::RetryDue]).1,
            Effect::Dial
        );
        let dropped = [failed, Event::RetryDue, Event::Up, Event::Lost(LONG)];
        assert_eq!(
            after(false, true, &dropped),
            (Phase::Disconnected, Effect::Rest)
        );
    }

    #[test]
    fn a_refused_credential_and_a_changed_key_are_tried_once() {
        for (disposition, phase) in [
            (Disposition::NeedsAuth, Phase::NeedsAuth),
            (Disposition::HostKey, Phase::HostKeyChanged),
        ] {
            let failed = Event::DialFailed(disposition);
            for more in [Event::Wanted(LONG), Event::AgentArrived] {
                assert_eq!(after(true, true, &[failed, more]), (phase, Effect::Rest));
            }
            assert_eq!(
                after(true, true, &[failed, Event::ReconnectAsked]).1,
                Effect::Dial
            );
        }
    }

    #[test]
    fn a_missing_agent_is_not_a_refused_key() {
        let failed = Event::DialFailed(Disposition::AwaitAgent);
        assert_eq!(after(false, false, &[failed]).0, Phase::Reconnecting);
        assert_eq!(
            after(false, false, &[failed, Event::AgentArrived]).1,
            Effect::Dial
        );
    }

    #[test]
    fn a_waiting_call_has_a_dial_soon_but_not_in_a_loop() {
        let failed = Event::DialFailed(Disposition::Retry);
        let soon = Event::Wanted(Duration::from_millis(100));
        assert_eq!(
            after(false, false, &[failed, Event::Wanted(LONG)]).1,
            Effect::Dial
        );
        assert_eq!(
            after(false, false, &[failed, soon]).1,
            Effect::RetryAfter(Duration::from_millis(400))
        );
    }
}
