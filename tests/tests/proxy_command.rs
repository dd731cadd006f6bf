//! Hosts that ssh_config reaches by a program: only those that config.toml
//! lists, without a shell, and for as long as the program runs.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::process::{self, Signal};
use tests::until::{SOON, until, until_true};
use tests::{Agent, Sshd, World, programs};

/// The world's server, which the alias `web` reaches by a script: a real ssh
/// to a second server, told to go on with `-W`.
struct Scene {
    world: World,
    between: Sshd,
    script: PathBuf,
}

impl Scene {
    fn new(config: &str) -> Self {
        let world = World::new();
        let mut between = Sshd::start(&world.home().join("between"), &[]);
        between.authorize(&[&world.key]);
        let scene = Self {
            script: world.home().join("way"),
            between,
            world,
        };
        scene.write_script();
        scene.world.configure(config);
        scene.command(&format!("{} %h %p", scene.script.display()));
        scene
    }

    /// It notes what it was given, and its pid, which is then ssh's.
    fn write_script(&self) {
        let note = |name: &str| self.world.remote(name).display().to_string();
        let libraries = programs::fetched("library_path").unwrap_or_default();
        let text = format!(
            "#!/bin/sh\n\
             echo $# \"$@\" >> {}\n\
             echo $$ >> {}\n\
             echo the way is long >&2\n\
             export LD_LIBRARY_PATH='{}'\n\
             exec '{}' -F none -i '{}' -o BatchMode=yes -o StrictHostKeyChecking=no \
             -o UserKnownHostsFile=/dev/null -p {} -W \"$1:$2\" '{}@127.0.0.1'\n",
            note("given"),
            note("pids"),
            libraries.display(),
            programs::foreign("ssh").display(),
            self.world.key.path.display(),
            self.between.port(),
            self.user(),
        );
        std::fs::write(&self.script, text).expect("the script");
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&self.script, mode).expect("its mode");
    }

    fn user(&self) -> String {
        let user = &self.world.spec()["user"];
        user.as_str().expect("a user").to_owned()
    }

    /// Writes the ssh_config of every host.
    fn command(&self, command: &str) {
        let text = format!(
            "Host *\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\n ProxyCommand {command}\n\
             ProxyUseFdpass yes\n",
            self.world.sshd.port(),
            self.world.key.path.display(),
        );
        std::fs::write(self.world.home().join(".ssh/config"), text).expect("an ssh_config");
    }

    fn pids(&self) -> Vec<u32> {
        let lines = self.world.remote_lines("pids");
        lines.iter().filter_map(|line| line.parse().ok()).collect()
    }
}

fn connect(agent: &Agent, spec: &Value) -> tests::Reply {
    agent.call("ssh_connect", json!({"id": "web", "spec": spec}))
}

#[test]
fn a_listed_host_is_reached_by_its_program_which_ends_with_the_session() {
    let scene = Scene::new("allow_proxy_command = [\"db\", \"w*b\"]\n");
    let agent = scene.world.agent();
    let opened = agent.call("ssh_connect", json!({"id": "web"})).ok();
    assert_eq!(opened["state"], "connected", "{opened}");
    assert_eq!(opened["host_key"], scene.world.sshd.fingerprint());
    let ignored = opened["ssh_config_ignored"].to_string();
    assert!(ignored.contains("ProxyUseFdpass"), "{ignored}");
    assert!(!ignored.contains("ProxyCommand"), "{ignored}");
    let said = agent
        .call(
            "ssh_exec",
            json!({"session_id": "web", "command": "echo here"}),
        )
        .ok();
    assert_eq!(said["stdout"], "here\n");
    let given = scene.world.remote_lines("given");
    assert_eq!(given, [format!("2 127.0.0.1 {}", scene.world.sshd.port())]);
    let pid = scene.pids()[0];
    assert!(process::is_alive(pid));
    agent.call("ssh_disconnect", json!({"id": "web"})).words();
    until_true("the program is gone", SOON, || !process::is_alive(pid));
}

#[test]
fn a_program_that_is_killed_takes_the_link_with_it_and_the_session_comes_back() {
    let scene = Scene::new("allow_proxy_command = [\"web\"]\n");
    let agent = scene.world.agent();
    connect(&agent, &json!({"auto_reconnect": true})).ok();
    for dials in 1..3 {
        let pid = *scene.pids().last().expect("a pid");
        process::signal(pid, Signal::KILL);
        until_true("another program runs", SOON, || scene.pids().len() > dials);
        let said = agent
            .call(
                "ssh_exec",
                json!({"session_id": "web", "command": "echo back"}),
            )
            .ok();
        assert_eq!(said["stdout"], "back\n");
    }
    let daemon = scene.world.daemon().pid();
    let zombies = || {
        let below = process::descendants(daemon).into_iter();
        below.filter(|pid| !process::is_alive(*pid)).count()
    };
    until_true("those that ended are reaped", SOON, || zombies() == 0);
    let pid = *scene.pids().last().expect("a pid");
    scene.world.daemon().kill();
    until_true("the program sees its end", SOON, || !process::is_alive(pid));
}

#[test]
fn a_host_that_is_not_listed_runs_nothing_and_the_line_to_write_is_said() {
    let scene = Scene::new("");
    let agent = scene.world.agent();
    let said = connect(&agent, &json!({})).refused("invalid_argument");
    assert!(said.contains("`allow_proxy_command = [\"web\"]`"), "{said}");
    assert!(said.contains("daemon restart"), "{said}");
    // The name that is told is the one that works, and no other leads there.
    scene.world.configure("allow_proxy_command = [\"web\"]\n");
    let mut restart = scene.world.bridge();
    let restarted = restart.args(["daemon", "restart"]).output();
    assert!(restarted.is_ok_and(|output| output.status.success()));
    let agent = scene.world.agent();
    for other in ["web2", "127.0.0.1", "web.", "WEB"] {
        let call = json!({"id": "other", "spec": {"addresses": [other]}});
        let said = agent.call("ssh_connect", call).refused("invalid_argument");
        assert!(said.contains("allow_proxy_command"), "{other}: {said}");
    }
    assert_eq!(scene.pids().len(), 0);
    connect(&agent, &json!({})).ok();
    assert_eq!(scene.pids().len(), 1);
}

#[test]
fn what_only_a_shell_could_do_is_refused_and_nothing_runs() {
    let scene = Scene::new("allow_proxy_command = [\"*\"]\n");
    let agent = scene.world.agent();
    let canary = scene.world.remote("canary");
    let (way, touch) = (
        scene.script.display(),
        format!("touch {}", canary.display()),
    );
    for c in "|&;<>$`\\()*?[]{}".chars() {
        for command in [
            format!("{c}{way} %h %p"),
            format!("{way}{c}{touch}"),
            format!("{way} %h %p {c} {touch}"),
            format!("{way} %h %p{c}{touch}"),
            format!("{way} {c}({touch}) %h %p"),
            format!("{way} %h %p {touch}{c}"),
        ] {
            scene.command(&command);
            let said = connect(&agent, &json!({})).refused("invalid_argument");
            assert!(said.contains("none is run"), "{command}: {said}");
            assert!(said.contains("script"), "{command}: {said}");
        }
    }
    for command in [
        format!("{way} \"$({touch})\""),
        format!("{way} \"`{touch}`\""),
        format!("~{way} %h %p"),
        format!("{way} %h %p #{touch}"),
        format!("X=1 {way} %h %p"),
        "way %d".to_owned(),
        "%n %h %p".to_owned(),
    ] {
        scene.command(&command);
        connect(&agent, &json!({})).refused("invalid_argument");
    }
    // Nor is a name of the caller's put into a program's hands.
    scene.command(&format!("{way} %n %r"));
    for (host, user) in [
        (format!("$({touch})"), "ann".to_owned()),
        ("a;b".to_owned(), "ann".to_owned()),
        ("-oProxyCommand=x".to_owned(), "ann".to_owned()),
        ("web".to_owned(), format!("a;{touch}")),
        ("web".to_owned(), "-oProxyCommand=x".to_owned()),
        ("web".to_owned(), "a b".to_owned()),
    ] {
        let spec = json!({"addresses": [host], "user": user});
        connect(&agent, &spec).refused("invalid_argument");
    }
    assert!(!canary.exists());
    assert_eq!(
        scene.pids().len(),
        0,
        "{:?}",
        scene.world.remote_lines("given")
    );
}

#[test]
fn exec_is_dropped_quotes_keep_together_and_none_is_no_program() {
    let scene = Scene::new("allow_proxy_command = [\"web\"]\n");
    let agent = scene.world.agent();
    let way = scene.script.display();
    for command in [
        format!("exec {way} %h %p"),
        format!("\"{way}\"  '%h' %p ';' \"a  b|%%\""),
        "none".to_owned(),
    ] {
        scene.command(&command);
        connect(&agent, &json!({})).ok();
        agent.call("ssh_disconnect", json!({"id": "web"})).words();
    }
    let port = scene.world.sshd.port();
    let given = scene.world.remote_lines("given");
    let wanted = [
        format!("2 127.0.0.1 {port}"),
        format!("4 127.0.0.1 {port} ; a  b|%"),
    ];
    assert_eq!(given, wanted);
}

#[test]
fn a_program_that_fails_or_never_answers_says_so_and_is_ended() {
    let scene = Scene::new("allow_proxy_command = [\"web\"]\n");
    let agent = scene.world.agent();
    scene.command("/absent/program %h");
    let said = connect(&agent, &json!({})).refused("not_connected");
    assert!(said.contains("`/absent/program`"), "{said}");
    let way = scene.script.display();
    scene.command(&format!("{way} 127.0.0.1 1"));
    let said = connect(&agent, &json!({})).refused("not_connected");
    assert!(said.contains("exit status: 255"), "{said}");
    assert!(said.contains("the way is long"), "{said}");
    let pids = scene.world.remote("pids");
    // Before its first word, and in the middle of the handshake.
    for first in ["", "echo SSH-2.0-silent"] {
        let note = format!("sleep 1000 & echo $! > {}", pids.display());
        let silent = format!("#!/bin/sh\n{note}\n{first}\nwait\n");
        std::fs::write(&scene.script, silent).expect("the script");
        let said = connect(&agent, &json!({"timeout": "1s"})).refused("timeout");
        assert!(said.contains("no answer"), "{said}");
        let pid = until("the program's pid", SOON, || scene.pids().first().copied());
        until_true("what it started is gone", SOON, || !process::is_alive(pid));
    }
}
