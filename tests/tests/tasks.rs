//! MCP's tasks (SEP-2663): to a client that knows them, work that goes on is a
//! task, polled instead of waited for.

use serde_json::{Value, json};
use tests::until::{SOON, until, until_true};
use tests::{Agent, Era, Gate, Http, Reply, World};

const UNKNOWN: i64 = -32602;
const WITHOUT_THE_EXTENSION: i64 = -32021;

/// What a client of the newer era says that knows tasks.
fn knows_tasks() -> Value {
    let extensions = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    json!({"io.modelcontextprotocol/clientCapabilities": extensions})
}

/// A client of the newer era, with the session `web` open.
fn client(world: &World) -> Agent {
    drop(world.connected("web"));
    world.modern_agent()
}

fn exec(agent: &Agent, arguments: Value) -> Value {
    let params = json!({"name": "ssh_exec", "arguments": arguments, "_meta": knows_tasks()});
    result(&agent.send("tools/call", params).reply())
}

fn ask(agent: &Agent, method: &str, task: &Value) -> Reply {
    let params = json!({"taskId": task, "inputResponses": {}, "_meta": knows_tasks()});
    agent.send(method, params).reply()
}

#[track_caller]
fn result(reply: &Reply) -> Value {
    assert!(!reply.is_error(), "{:?}", reply.raw());
    reply.raw()["result"].clone()
}

#[test]
fn work_that_goes_on_is_a_task_with_the_result_of_its_call() {
    let world = World::new();
    let gate = Gate::new(&world);
    let agent = client(&world);
    for more in [json!({"background": true}), json!({"timeout_ms": 300})] {
        let created = exec(&agent, gate.call_with(more));
        assert_eq!(created["resultType"], "task", "{created}");
        assert_eq!(created["status"], "working");
        let task = created["taskId"].clone();
        let jobs = agent.call("job_list", json!({})).ok();
        assert_eq!(jobs[0]["id"], task, "its id is the job's");
        until_true("it has printed", SOON, || {
            let now = result(&ask(&agent, "tasks/get", &task));
            assert_eq!(now["status"], "working");
            let words = now["statusMessage"].as_str().unwrap_or_default().to_owned();
            words.contains("6 bytes of stdout")
        });
        gate.open();
        let ended = until("its end", SOON, || {
            let now = result(&ask(&agent, "tasks/get", &task));
            (now["status"] != "working").then_some(now)
        });
        assert_eq!(ended["status"], "completed");
        assert_eq!(ended["result"]["isError"], false);
        let text = ended["result"]["content"][0]["text"].as_str();
        let told: Value = serde_json::from_str(text.expect("a text")).expect("JSON");
        assert_eq!(told["stdout"], "begun\ndone\n", "all since the start");
        assert_eq!(told["exit_code"], 0);
        let again = result(&ask(&agent, "tasks/get", &task));
        assert_eq!(again["result"], ended["result"], "asking consumes nothing");
        let waited = agent.call("job_wait", json!({"job_id": task})).ok();
        assert_eq!(waited["stdout"], told["stdout"]);
        gate.close();
    }
}

#[test]
fn what_ends_in_time_is_answered_as_ever_and_a_wait_is_no_task() {
    let world = World::new();
    let gate = Gate::new(&world);
    let agent = client(&world);
    let call = json!({"session_id": "web", "command": "echo quick"});
    let answer = exec(&agent, call);
    assert_eq!(answer["resultType"], "complete");
    assert!(
        answer["content"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("quick"))
    );
    let task = exec(&agent, gate.call_with(json!({"background": true})))["taskId"].clone();
    let wait = json!({"job_id": task, "until": "begun", "timeout_ms": 5000});
    let params = json!({"name": "job_wait", "arguments": wait, "_meta": knows_tasks()});
    let waited = agent.send("tools/call", params).reply().ok();
    assert_eq!(waited["stdout"], "begun\n", "the caller asked for words");
    gate.open();
}

#[test]
fn a_cancelled_task_ends_on_the_host_and_stays_cancelled() {
    let world = World::new();
    let gate = Gate::new(&world);
    let agent = client(&world);
    let task = exec(&agent, gate.call_with(json!({"background": true})))["taskId"].clone();
    gate.until_it_holds();
    for _ in 0..2 {
        result(&ask(&agent, "tasks/cancel", &task));
        let now = result(&ask(&agent, "tasks/get", &task));
        assert_eq!(now["status"], "cancelled");
    }
    assert!(!gate.holds());
    let cancels = agent.call("history", json!({"tool": "job_cancel"})).ok();
    assert_eq!(cancels.as_array().map(Vec::len), Some(2), "it is on record");
}

#[test]
fn a_task_whose_outcome_is_unknown_says_so_in_its_result() {
    let world = World::new();
    let gate = Gate::new(&world);
    let agent = client(&world);
    let task = exec(&agent, gate.call_with(json!({"background": true})))["taskId"].clone();
    gate.until_it_holds();
    world.sshd.drop_connections();
    let ended = until("its end", SOON, || {
        let now = result(&ask(&agent, "tasks/get", &task));
        (now["status"] != "working").then_some(now)
    });
    assert_eq!(ended["status"], "completed");
    assert_eq!(ended["result"]["isError"], true);
    let code = &ended["result"]["structuredContent"]["code"];
    assert_eq!(code, "outcome_unknown");
    gate.open();
}

#[test]
fn unknown_tasks_and_clients_without_the_extension_get_an_error() {
    let world = World::new();
    let gate = Gate::new(&world);
    let agent = client(&world);
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let unknown = ask(&agent, method, &json!("job-never"));
        assert_eq!(unknown.raw()["error"]["code"], UNKNOWN, "{method}");
        let misshapen = agent.send(method, json!({"_meta": knows_tasks()})).reply();
        assert_eq!(misshapen.raw()["error"]["code"], UNKNOWN, "{method}");
        let stranger = agent.send(method, json!({"taskId": "x", "inputResponses": {}}));
        let code = stranger.reply().raw()["error"]["code"].clone();
        assert_eq!(code, WITHOUT_THE_EXTENSION, "{method}");
    }
    let task = exec(&agent, gate.call_with(json!({"background": true})))["taskId"].clone();
    result(&ask(&agent, "tasks/update", &task));
    let plain = gate.call_with(json!({"background": true}));
    assert_eq!(agent.call("ssh_exec", plain).ok()["state"], "running");
    gate.open();
}

#[test]
fn a_client_of_the_older_era_has_tasks_when_it_says_so_in_its_handshake() {
    let world = World::new();
    let gate = Gate::new(&world);
    drop(world.connected("web"));
    let extensions = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    for (capabilities, has_tasks) in [(extensions, true), (json!({}), false)] {
        let agent = Agent::silent(world.bridge(), Era::Handshake);
        let hello = result(&agent.initialize_with(capabilities).reply());
        agent.initialized();
        assert_eq!(hello["capabilities"]["extensions"].is_object(), has_tasks);
        let call = gate.call_with(json!({"background": true}));
        let call = agent.send("tools/call", json!({"name": "ssh_exec", "arguments": call}));
        assert_eq!(result(&call.reply())["taskId"].is_string(), has_tasks);
    }
    gate.open();
}

#[test]
fn over_http_a_task_is_made_polled_and_cancelled() {
    let world = World::new();
    let gate = Gate::new(&world);
    let _agent = client(&world);
    let http = Http::mcp(world.daemon(), Era::Stateless);
    let call = gate.call_with(json!({"background": true}));
    let created = http.begin(&json!(1), "ssh_exec", call, knows_tasks());
    let task = result(&created.reply())["taskId"].clone();
    let ask = |method| {
        let params = json!({"taskId": task, "_meta": knows_tasks()});
        result(&http.send(&json!("ask"), method, params).reply())
    };
    assert_eq!(ask("tasks/get")["status"], "working");
    ask("tasks/cancel");
    assert_eq!(ask("tasks/get")["status"], "cancelled");
    assert!(!gate.holds());
}
