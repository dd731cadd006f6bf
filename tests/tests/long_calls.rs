//! FAULTS 17, and what the contract says of long calls: progress, and clients
//! that vanish, at every door of the daemon and in both eras.

use std::time::Duration;

use serde_json::{Value, json};
use tests::until::{SOON, until_true};
use tests::{Agent, Era, Exchange, Gate, Http, Pending, World, process};

/// Where a client comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Bridge(Era),
    Mcp(Era),
    Rpc,
}

const DOORS: [Door; 5] = [
    Door::Bridge(Era::Handshake),
    Door::Bridge(Era::Stateless),
    Door::Mcp(Era::Handshake),
    Door::Mcp(Era::Stateless),
    Door::Rpc,
];

/// A client with one call in flight.
enum Call {
    Bridge(Agent, Pending),
    Web(Exchange),
}

impl Door {
    fn begin(self, world: &World, tool: &str, arguments: Value, meta: Value) -> Call {
        let daemon = world.daemon();
        let web = match self {
            Self::Bridge(era) => {
                let agent = Agent::start(world.bridge(), era);
                let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
                let pending = agent.send("tools/call", params);
                return Call::Bridge(agent, pending);
            }
            Self::Mcp(era) => Http::mcp(daemon, era),
            Self::Rpc => Http::rpc(daemon),
        };
        Call::Web(web.begin(&json!("one"), tool, arguments, meta))
    }
}

impl Call {
    fn within(&self, limit: Duration) -> Option<tests::Reply> {
        match self {
            Self::Bridge(_, pending) => pending.within(limit),
            Self::Web(exchange) => exchange.within(limit),
        }
    }

    /// The answer's record; scripts have `exit_code` at the same place.
    #[track_caller]
    fn ok(&self) -> Value {
        self.within(SOON * 2).expect("an answer").ok()
    }

    /// The progress that was told, as (value, words).
    fn progress(&self) -> Vec<(f64, String)> {
        let told = match self {
            Self::Bridge(agent, _) => agent.notifications(),
            Self::Web(exchange) => exchange.notifications(),
        };
        let told = told
            .iter()
            .filter(|one| one["method"] == "notifications/progress");
        told.map(|one| {
            assert_eq!(one["params"]["progressToken"], "token");
            let value = one["params"]["progress"].as_f64().expect("a number");
            let words = one["params"]["message"].as_str().unwrap_or_default();
            (value, words.to_owned())
        })
        .collect()
    }
}

fn latest(agent: &Agent) -> Value {
    agent.call("history", json!({"tool": "ssh_exec"})).ok()[0].clone()
}

#[test]
fn with_a_progress_token_a_call_waits_to_its_end_and_is_told_that_it_goes_on() {
    let world = World::new();
    let gate = Gate::new(&world);
    let agent = world.connected("web");
    let background = gate.call_with(json!({"background": true}));
    let job = agent.call("ssh_exec", background).ok()["job_id"].clone();
    let meta = json!({"progressToken": "token"});
    let mut calls: Vec<Call> = DOORS
        .map(|door| door.begin(&world, "ssh_exec", gate.call(), meta.clone()))
        .into();
    let wait = json!({"job_id": job});
    calls.push(DOORS[0].begin(&world, "job_wait", wait.clone(), meta.clone()));
    calls.push(DOORS[3].begin(&world, "job_wait", wait, meta));
    // Longer than a call without a token waits.
    let over_30_s = |call: &Call| call.progress().last().is_some_and(|(told, _)| *told > 30.0);
    // One answer is all that a client of /rpc gets.
    let rpc = calls.remove(4);
    for call in &calls {
        until_true("it is told for 30 s", SOON * 3, || over_30_s(call));
    }
    for call in &calls {
        assert!(call.within(Duration::ZERO).is_none());
        let told = call.progress();
        assert!(told.is_sorted_by(|one, next| one.0 < next.0), "{told:?}");
        let gaps = told.windows(2).map(|pair| pair[1].0 - pair[0].0);
        assert!(gaps.fold(0.0, f64::max) < 15.0, "{told:?}");
        assert!(told.last().is_some_and(|last| last.1.contains("6 bytes")));
    }
    assert!(rpc.within(Duration::ZERO).is_none());
    gate.open();
    calls.push(rpc);
    for call in &calls {
        assert_eq!(call.ok()["exit_code"], 0);
    }
}

#[test]
fn the_first_word_of_progress_comes_early_and_a_timeout_counts_all_the_same() {
    let world = World::new();
    let gate = Gate::new(&world);
    let _agent = world.connected("web");
    let call = |ms: u32| gate.call_with(json!({"timeout_ms": ms}));
    for door in DOORS {
        let meta = json!({"progressToken": "token"});
        let call = door.begin(&world, "ssh_exec", call(4000), meta);
        assert_eq!(call.ok()["state"], "running", "{door:?}");
        assert_eq!(call.progress().is_empty(), door == Door::Rpc, "{door:?}");
    }
    let call = DOORS[3].begin(&world, "ssh_exec", call(2500), json!({}));
    assert_eq!(call.ok()["state"], "running");
    assert!(call.progress().is_empty(), "nobody asked for it");
    gate.open();
}

/// Begins a call at `door`, lets its client go, and sees that the command goes
/// on as a job with all of its output.
fn leaves_a_job(door: Door, meta: Value, leave: impl FnOnce(Call)) {
    let world = World::new();
    let gate = Gate::new(&world);
    let agent = world.connected("web");
    let call = door.begin(&world, "ssh_exec", gate.call(), meta);
    gate.until_it_holds();
    leave(call);
    let rows = || agent.call("job_list", json!({})).ok();
    assert_eq!(rows()[0]["state"], "running");
    assert_eq!(latest(&agent)["outcome"], "running");
    let job = rows()[0]["id"].clone();
    assert!(gate.holds());
    gate.open();
    let ended = agent.call("job_wait", json!({"job_id": job})).ok();
    assert_eq!(ended["stdout"], "begun\ndone\n", "{ended}");
    assert_eq!(ended["exit_code"], 0);
    until_true("its end is on record", SOON, || {
        latest(&agent)["outcome"] == "ok"
    });
}

/// As [`leaves_a_job`], at every one of `doors`, with a progress token and
/// without.
fn each_leaves_a_job(doors: &[Door], leave: fn(Call)) {
    std::thread::scope(|scope| {
        for door in doors {
            for meta in [json!({}), json!({"progressToken": "token"})] {
                scope.spawn(move || leaves_a_job(*door, meta, leave));
            }
        }
    });
}

#[test]
fn a_client_that_closes_its_bridge_leaves_a_job() {
    each_leaves_a_job(&DOORS[..2], |call| {
        let Call::Bridge(mut agent, _) = call else {
            panic!("no bridge");
        };
        agent.close();
        let ended = agent.ended(Duration::from_secs(1)).expect("gone in 1 s");
        assert!(ended.success());
    });
}

#[test]
fn a_bridge_that_is_killed_leaves_a_job() {
    each_leaves_a_job(&DOORS[..2], |call| {
        let Call::Bridge(mut agent, _) = call else {
            panic!("no bridge");
        };
        process::signal(agent.pid(), process::Signal::KILL);
        agent.ended(SOON).expect("it is gone");
    });
}

#[test]
fn an_http_client_that_closes_its_connection_leaves_a_job() {
    each_leaves_a_job(&DOORS[2..], |call| {
        let Call::Web(exchange) = call else {
            panic!("no connection");
        };
        exchange.leave();
    });
}
