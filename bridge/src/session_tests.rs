//! Scenes of a session, told as events and what came out.

use serde_json::Value;

use super::*;

fn line(text: &str) -> Frame {
    Frame::Line(text.into())
}

fn request(id: u32, method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)
}

fn call(id: u32, tool: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}"}}}}"#)
}

fn result(id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
}

const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// A session and the time that its events happen at.
struct Scene(Session, Instant);

impl Scene {
    fn up() -> Self {
        let mut scene = Self(Session::new(), Instant::now());
        assert_eq!(scene.0.daemon_up(), []);
        scene
    }

    fn handshaken() -> Self {
        let mut scene = Self::up();
        scene.client(&request(0, "initialize"));
        scene.daemon(&result(0));
        scene.client(INITIALIZED);
        scene
    }

    fn client(&mut self, text: &str) -> Vec<Effect> {
        self.0.client_said(line(text), self.1)
    }

    fn daemon(&mut self, text: &str) -> Vec<Effect> {
        self.0.daemon_said(line(text), self.1)
    }

    fn lost(&mut self) -> Vec<Effect> {
        self.0.daemon_lost(self.1)
    }
}

fn to_client(text: &str) -> Effect {
    Effect::ToClient(text.into())
}

fn to_daemon(text: &str) -> Effect {
    Effect::ToDaemon(text.into())
}

fn answer_of(effects: &[Effect]) -> Value {
    match effects {
        [Effect::ToClient(line)] => serde_json::from_slice(line).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_pass_both_ways_as_they_are() {
    let mut scene = Scene::up();
    let odd = r#"  {"method":"tools/list", "jsonrpc":"2.0","id":"a","x":[1, 2]}"#;
    assert_eq!(scene.client(odd), [to_daemon(odd)]);
    let answer = r#"{"jsonrpc":"2.0","id":"\u0061","result":{ }}"#;
    assert_eq!(scene.daemon(answer), [to_client(answer)]);
    assert!(scene.0.is_idle());
    assert_eq!(scene.daemon(answer), [], "a second answer is swallowed");
}

#[test]
fn the_daemons_questions_reach_the_client_and_their_answers_come_back() {
    let mut scene = Scene::up();
    let ask = request(1, "elicitation/create");
    assert_eq!(scene.daemon(&ask), [to_client(&ask)]);
    assert_eq!(scene.client(&result(1)), [to_daemon(&result(1))]);
    assert_eq!(scene.client(&result(1)), [], "nobody asked");
}

#[test]
fn a_lost_daemons_questions_are_withdrawn_and_their_answers_dropped() {
    let mut scene = Scene::up();
    scene.daemon(&request(9, "elicitation/create"));
    let withdrawn = answer_of(&scene.lost());
    assert_eq!(withdrawn["params"]["requestId"], 9);
    scene.0.daemon_up();
    assert_eq!(scene.client(&result(9)), []);
}

#[test]
fn a_new_daemon_is_taken_through_the_handshake_and_its_answer_swallowed() {
    let mut scene = Scene::handshaken();
    scene.client(&call(1, "ssh_list"));
    scene.client(&call(2, "ssh_exec"));
    let unknown = answer_of(&scene.lost());
    assert_eq!(unknown["id"], 2);
    assert_eq!(
        unknown["result"]["structuredContent"]["code"],
        "outcome_unknown"
    );
    assert_eq!(scene.client(&call(3, "ssh_exec")), [Effect::Look]);

    assert_eq!(scene.0.daemon_up(), [to_daemon(&request(0, "initialize"))]);
    assert_eq!(
        scene.client(&call(4, "ssh_info")),
        [],
        "it waits for the handshake"
    );
    let after = [
        INITIALIZED,
        &call(1, "ssh_list"),
        &call(3, "ssh_exec"),
        &call(4, "ssh_info"),
    ];
    assert_eq!(scene.daemon(&result(0)), after.map(to_daemon));
    assert_eq!(scene.daemon(&result(1)), [to_client(&result(1))]);
}

#[test]
fn an_unanswered_handshake_is_repeated_as_a_request() {
    let mut scene = Scene::up();
    scene.client(&request(0, "initialize"));
    assert_eq!(scene.lost(), []);
    assert_eq!(scene.0.daemon_up(), [to_daemon(&request(0, "initialize"))]);
    assert_eq!(scene.daemon(&result(0)), [to_client(&result(0))]);
}

#[test]
fn the_newer_era_has_nothing_to_repeat() {
    let mut scene = Scene::up();
    scene.client(&request(1, "server/discover"));
    scene.daemon(&result(1));
    assert_eq!(scene.lost(), []);
    assert_eq!(scene.0.daemon_up(), []);
    assert_eq!(
        scene.client(&request(2, "tools/list")),
        [to_daemon(&request(2, "tools/list"))]
    );
}

#[test]
fn a_daemon_lost_in_the_middle_of_the_handshake_is_replaced_once_more() {
    let mut scene = Scene::handshaken();
    scene.lost();
    scene.0.daemon_up();
    assert_eq!(scene.lost(), []);
    assert_eq!(scene.0.daemon_up(), [to_daemon(&request(0, "initialize"))]);
}

#[test]
fn the_129th_request_is_answered_busy_in_its_own_form() {
    let mut scene = Scene::up();
    for id in 0..128 {
        assert_eq!(scene.client(&call(id, "ssh_exec")).len(), 1);
    }
    let tool = answer_of(&scene.client(&call(128, "ssh_exec")));
    assert_eq!(tool["result"]["structuredContent"]["code"], "busy");
    let other = answer_of(&scene.client(&request(129, "ping")));
    assert_eq!(other["error"]["data"]["code"], "busy");
}

#[test]
fn what_waits_is_answered_when_the_failure_is_settled_or_the_wait_is_over() {
    let mut scene = Scene(Session::new(), Instant::now());
    let fault = || Fault::new(Code::Unavailable, "stopped");
    scene.client(&request(1, "ping"));
    assert_eq!(scene.0.daemon_missing(fault(), false), []);
    let late = scene.1 + crate::ledger::HOLD_MAX;
    assert_eq!(scene.0.next_deadline(), Some(late));
    assert_eq!(
        answer_of(&scene.0.tick(late))["error"]["message"],
        "stopped"
    );
    scene.client(&call(2, "status"));
    assert_eq!(answer_of(&scene.0.daemon_missing(fault(), true))["id"], 2);
    assert!(scene.0.is_idle());
}

#[test]
fn a_refusal_in_place_of_service_answers_with_its_reason_and_repeats_what_it_can() {
    let mut scene = Scene::up();
    scene.client(&call(1, "ssh_exec"));
    scene.client(&call(2, "ssh_list"));
    let effects = scene.daemon(r#"{"refused":{"code":"denied","message":"wrong token"}}"#);
    let [Effect::ToClient(reply), Effect::Drop(_)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert!(String::from_utf8_lossy(reply).contains("wrong token"));
    assert_eq!(scene.0.daemon_up(), [to_daemon(&call(2, "ssh_list"))]);
}

#[test]
fn a_cancelled_request_is_owed_nothing() {
    let mut scene = Scene::up();
    scene.client(&call(1, "ssh_exec"));
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(scene.client(cancel), [to_daemon(cancel)]);
    assert!(scene.0.is_idle());
    assert_eq!(scene.daemon(&result(1)), []);
    assert_eq!(scene.lost(), []);
}

#[test]
fn what_is_no_message_is_answered_and_harms_nothing() {
    let mut scene = Scene::up();
    assert_eq!(answer_of(&scene.client("{oops"))["error"]["code"], -32700);
    assert_eq!(answer_of(&scene.client(r#"{"id":4}"#))["id"], 4);
    let id = RequestId::parse("5");
    let huge = scene.0.client_said(Frame::TooLong { id }, scene.1);
    assert_eq!(answer_of(&huge)["id"], 5);
    assert_eq!(scene.client(""), []);
    scene.client(&request(1, "ping"));
    assert_eq!(
        answer_of(&scene.client(&request(1, "ping")))["error"]["code"],
        -32600
    );
    assert_eq!(scene.daemon(&result(1)), [to_client(&result(1))]);
}

#[test]
fn a_batch_goes_as_its_messages_one_by_one() {
    let mut scene = Scene::up();
    let batch = format!("[{},{INITIALIZED},[1]]", request(1, "ping"));
    let effects = scene.client(&batch);
    assert_eq!(
        effects[..2],
        [to_daemon(&request(1, "ping")), to_daemon(INITIALIZED)]
    );
    assert_eq!(effects.len(), 3);
}

#[test]
fn an_answer_over_the_bound_is_answered_for_the_daemon() {
    let mut scene = Scene::up();
    scene.client(&call(1, "ssh_exec"));
    let id = RequestId::parse("1");
    let effects = scene.0.daemon_said(Frame::TooLong { id }, scene.1);
    assert_eq!(
        answer_of(&effects[1..])["result"]["structuredContent"]["code"],
        "too_large"
    );
    assert!(scene.0.is_idle());
}
