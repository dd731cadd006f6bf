//! The daemon under strace: whatever ssh_config asks for and whatever a caller
//! writes into an argument, no program is started but those that config.toml
//! lists.

#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::until::{SOON, until_true};
use tests::{Agent, World, programs};

/// A world whose daemon is traced from its start.
struct Traced {
    world: World,
    calls: PathBuf,
}

impl Traced {
    fn new(config: &str) -> Self {
        let mut world = World::new();
        world.configure(config);
        let calls = world.home().join("calls");
        let libraries = programs::fetched("strace_libraries").unwrap_or_default();
        let script = format!(
            "#!/bin/sh\nLD_LIBRARY_PATH='{}' exec '{}' -E LD_LIBRARY_PATH -f -qqq -s 4096 \
             -e trace=execve,execveat -e signal=none -o '{}' '{}' \"$@\"\n",
            libraries.display(),
            programs::foreign("strace").display(),
            calls.display(),
            programs::daemon().display(),
        );
        let path = world.home().join("traced-daemon");
        write_program(&path, &script);
        world.set("REMOTE_SHELL_MCP_DAEMON", &path.display().to_string());
        Self { world, calls }
    }

    /// Each program that was started, and each that was tried.
    fn started(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.calls).unwrap_or_default();
        let is_start = |line: &&str| line.contains("execve");
        text.lines().filter(is_start).map(str::to_owned).collect()
    }

    /// Fails unless the daemon itself is all that was started.
    #[track_caller]
    fn assert_nothing_ran(&self, after: &str) {
        let started = self.started();
        assert_eq!(started.len(), 1, "{after}: {started:#?}");
        assert!(started[0].contains("remote-shell-mcpd"), "{started:#?}");
    }

    /// Writes an ssh_config that leads every host to the world's server.
    fn ssh_config(&self, more: &str) {
        let text = format!(
            "{more}\nHost *\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\n",
            self.world.sshd.port(),
            self.world.key.path.display(),
        );
        std::fs::write(self.world.home().join(".ssh/config"), text).expect("an ssh_config");
    }
}

fn write_program(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).expect("the script");
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(path, mode).expect("its mode");
}

#[test]
fn nothing_that_ssh_config_names_is_run() {
    let traced = Traced::new("");
    let agent = traced.world.agent();
    let touch = format!("touch {}", traced.world.remote("canary").display());
    for (more, way_in) in [
        (format!("Match exec \"{touch}\"\n User nobody"), true),
        (
            format!("Match host web exec \"{touch}\"\n User nobody"),
            true,
        ),
        (format!("Match !exec \"{touch}\"\n User nobody"), true),
        (
            format!("Host web\n PermitLocalCommand yes\n LocalCommand {touch}"),
            true,
        ),
        (
            format!("Host web\n KnownHostsCommand /bin/{touch} %H"),
            true,
        ),
        (format!("Host web\n RemoteCommand {touch}"), true),
        (
            "Host web\n ForwardX11 yes\n XAuthLocation /bin/true".to_owned(),
            true,
        ),
        (
            "Host web\n ControlMaster auto\n ControlPath %d/%C\n ControlPersist yes".to_owned(),
            true,
        ),
        ("Host web\n PKCS11Provider /bin/true".to_owned(), true),
        ("Host web\n SecurityKeyProvider /bin/true".to_owned(), true),
        ("Include /absent/$(touch here)".to_owned(), true),
        (format!("Host web\n ProxyCommand {touch}"), false),
        (format!("Host web\n ProxyCommand exec {touch} %h %p"), false),
        (
            format!("Host web\n ProxyJump mid\nHost mid\n ProxyCommand {touch}"),
            false,
        ),
    ] {
        traced.ssh_config(&more);
        let opened = agent.call("ssh_connect", json!({"id": "web"}));
        if way_in {
            assert_eq!(opened.ok()["state"], "connected", "{more}");
            let run = json!({"session_id": "web", "command": "echo in"});
            assert_eq!(agent.call("ssh_exec", run).ok()["stdout"], "in\n", "{more}");
            agent.call("ssh_disconnect", json!({"id": "web"})).words();
        } else {
            opened.refused("invalid_argument");
        }
        traced.assert_nothing_ran(&more);
    }
    assert!(!traced.world.remote("canary").exists());
}

#[test]
fn a_listed_program_is_the_one_thing_that_is_run() {
    let traced = Traced::new("allow_proxy_command = [\"web\"]\n");
    let agent = traced.world.agent();
    let way = traced.world.home().join("way");
    write_program(&way, "#!/bin/sh\nexit 7\n");
    traced.ssh_config(&format!("Host *\n ProxyCommand {} %h", way.display()));
    agent
        .call("ssh_connect", json!({"id": "other"}))
        .refused("invalid_argument");
    traced.assert_nothing_ran("a host that is not listed");
    agent
        .call("ssh_connect", json!({"id": "web"}))
        .refused("not_connected");
    let named = format!("execve(\"{0}\", [\"{0}\", \"127.0.0.1\"]", way.display());
    until_true("the trace has it", SOON, || traced.started().len() > 1);
    let started = traced.started();
    assert_eq!(started.len(), 2, "{started:#?}");
    assert!(started[1].contains(&named), "{started:#?}");
}

/// What a shell would act on, wherever it stood.
fn hostile(touch: &str) -> [String; 7] {
    [
        format!("; {touch};"),
        format!("$({touch})"),
        format!("`{touch}`"),
        format!("| {touch}"),
        format!("'\" && {touch} #"),
        format!("\n{touch}\n"),
        format!("-oProxyCommand={touch}"),
    ]
}

#[test]
fn no_argument_of_any_tool_reaches_a_shell_here() {
    let traced = Traced::new("");
    traced.ssh_config("Host web-*\n LocalCommand %h %n %r\n IdentityFile ~/%h-%r");
    let agent = traced.world.agent();
    let spec = traced.world.spec_with(json!({"disable_ssh_config": false}));
    let connect = |id: &str| {
        let call = json!({"id": id, "spec": spec});
        agent.call("ssh_connect", call)
    };
    connect("web").ok();
    let touch = format!("touch {}", traced.world.remote("canary").display());
    let mut tried = 0;
    for tool in tools(&agent) {
        let name = tool["name"].as_str().expect("a name");
        let schema = &tool["inputSchema"];
        for place in strings_of(schema, schema) {
            for value in hostile(&touch) {
                let mut arguments = sound(schema, &spec, tried);
                put(&mut arguments, &place, &value);
                let reply = agent.call(name, arguments);
                traced.assert_nothing_ran(&format!("{name} {place:?} {value:?} {reply:?}"));
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "only {tried} calls");
    println!("{tried} calls");
}

/// What the client is shown.
fn tools(agent: &Agent) -> Vec<Value> {
    let listed = agent.send("tools/list", json!({})).reply();
    let tools = listed.raw()["result"]["tools"].as_array().cloned();
    tools.expect("a list of tools")
}

/// The way to a text within a tool's arguments: names, and `0` in lists.
type Place = Vec<String>;

/// Every place of a text in `schema`, an object's of free names included.
fn strings_of(schema: &Value, root: &Value) -> Vec<Place> {
    let schema = match schema["$ref"].as_str() {
        Some(name) => root.pointer(&name[1..]).expect("a definition"),
        None => schema,
    };
    let below = |name: &str, inner: &Value| {
        let places = strings_of(inner, root).into_iter();
        let named = |place: Place| [vec![name.to_owned()], place].concat();
        places.map(named).collect::<Vec<_>>()
    };
    match schema["type"].as_str() {
        Some("string") => vec![Vec::new()],
        Some("array") => below("0", &schema["items"]),
        Some("object") => {
            let named = schema["properties"].as_object().into_iter().flatten();
            let mut places: Vec<Place> = named.flat_map(|(name, of)| below(name, of)).collect();
            if schema["additionalProperties"].is_object() {
                places.extend(below("NAME", &schema["additionalProperties"]));
            }
            places
        }
        _ => Vec::new(),
    }
}

/// Arguments with which most tools would work, as far as `schema` has them.
fn sound(schema: &Value, spec: &Value, turn: usize) -> Value {
    let has = |name: &str| schema["properties"].get(name).is_some();
    let mut arguments = json!({});
    let new = format!("web-{turn}");
    for (name, value) in [
        ("session_id", json!("web")),
        ("source_id", json!("web")),
        ("new_id", json!(new)),
        ("command", json!("true")),
        ("spec", spec.clone()),
        ("id", json!(if has("spec") { &new } else { "web" })),
    ] {
        if has(name) {
            arguments[name] = value;
        }
    }
    arguments
}

/// Writes `value` at `place`, making what leads there.
fn put(arguments: &mut Value, place: &[String], value: &str) {
    let Some((first, rest)) = place.split_first() else {
        *arguments = json!(value);
        return;
    };
    if first == "0" {
        let mut only = Value::Null;
        put(&mut only, rest, value);
        *arguments = json!([only]);
        return;
    }
    if !arguments.is_object() {
        *arguments = json!({});
    }
    put(&mut arguments[first], rest, value);
}
