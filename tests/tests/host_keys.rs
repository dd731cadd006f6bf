//! Host keys on a real sshd: what ssh(1) takes is taken, what it refuses is
//! refused, and a refusal says why.

use serde_json::json;
use tests::{Agent, Key, Reply, World, programs};

/// A server, an authority that may certify it, and a client.
struct Scene {
    world: World,
    authority: Key,
    other: Key,
    agent: Agent,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let key = |name: &str| Key::new(&world.home().join(name), "");
        Self {
            authority: key("authority"),
            other: key("other"),
            agent: world.agent(),
            world,
        }
    }

    /// Writes known_hosts; `{HOST}`, `{PORT}`, `{KEY}`, `{CA}` and `{OTHER}`
    /// stand for what they say.
    fn trust(&self, text: &str) {
        let text = text
            .replace("{HOST}", &self.world.sshd.known_as())
            .replace("{PORT}", &self.world.sshd.port().to_string())
            .replace("{KEY}", &self.world.sshd.host_key())
            .replace("{CA}", &self.authority.public_line())
            .replace("{OTHER}", &self.other.public_line());
        self.world.trust_lines(&(text + "\n"));
    }

    fn connect(&self) -> Reply {
        let call = json!({"id": "web", "spec": self.world.spec()});
        let reply = self.agent.call("ssh_connect", call);
        if !reply.is_error() {
            self.agent
                .call("ssh_disconnect", json!({"id": "web"}))
                .words();
        }
        reply
    }

    /// What connecting says, and that ssh(1) agrees.
    #[track_caller]
    fn judged(&self, text: &str) -> Reply {
        self.trust(text);
        let reply = self.connect();
        assert_eq!(
            !reply.is_error(),
            self.world.ssh_gets_in(),
            "ssh does otherwise with {text}: {}",
            reply.text()
        );
        reply
    }
}

#[test]
fn what_ssh_takes_from_known_hosts_is_taken() {
    let scene = Scene::new();
    for text in [
        "{HOST} {KEY}",
        "127.0.0.1 {KEY}",
        "[127.0.0.*]:* {KEY} with a comment",
        "web,{HOST},db\t{KEY}\r",
        "{HOST} {OTHER}\n{HOST} {KEY}",
        "127.0.0.1 {OTHER}\n{HOST} {KEY}",
        "{HOST} ssh-rsa AAAA\n@odd {HOST} {OTHER}\n* {KEY}",
        "@revoked {HOST} {OTHER}\n{HOST} {KEY}",
    ] {
        scene.judged(text).ok();
    }
    scene.trust("{HOST} {KEY}");
    let hashed = programs::command("ssh_keygen")
        .args(["-q", "-H", "-f"])
        .arg(scene.world.known_hosts())
        .output()
        .expect("ssh-keygen starts");
    assert!(hashed.status.success(), "{hashed:?}");
    let text = std::fs::read_to_string(scene.world.known_hosts()).expect("known_hosts");
    assert!(text.starts_with("|1|"), "{text}");
    scene.judged(text.trim()).ok();
}

#[test]
fn what_ssh_refuses_because_of_known_hosts_is_refused() {
    let scene = Scene::new();
    for (text, code) in [
        ("", "host_key_unknown"),
        ("[127.0.0.1]:1 {KEY}", "host_key_unknown"),
        ("*,!{HOST},!127.0.0.1 {KEY}", "host_key_unknown"),
        ("127.0.0.1 {OTHER}", "host_key_unknown"),
        ("@cert-authority * {KEY}", "host_key_unknown"),
        ("{HOST} {OTHER}", "host_key_changed"),
        ("{HOST} {OTHER}\n127.0.0.1 {KEY}", "host_key_changed"),
        ("{HOST} {KEY}\n@revoked * {KEY}", "host_key_changed"),
    ] {
        scene.judged(text).refused(code);
    }
}

#[test]
fn a_changed_key_names_the_line_and_the_command_that_forgets_it() {
    let scene = Scene::new();
    let path = scene.world.known_hosts();
    let said = scene
        .judged("# mine\n{HOST} {OTHER}")
        .refused("host_key_changed");
    assert!(said.contains(&format!("{}:2", path.display())), "{said}");
    let known_as = scene.world.sshd.known_as();
    let command = format!("ssh-keygen -R '{known_as}' -f {}", path.display());
    assert!(said.contains(&command), "{said}");
    let done = programs::command("ssh_keygen")
        .args(["-R", &known_as, "-f"])
        .arg(&path)
        .output()
        .expect("ssh-keygen starts");
    assert!(done.status.success(), "{done:?}");
    scene.connect().refused("host_key_unknown");
}

#[test]
fn a_host_with_a_certificate_needs_no_key_of_its_own() {
    let mut scene = Scene::new();
    let names = "web.example.com,127.0.0.1";
    scene.world.sshd.certify(&scene.authority, &["-n", names]);
    for text in [
        "@cert-authority {HOST} {CA}",
        "@cert-authority 127.0.0.1 {CA}",
        "@cert-authority [127.0.0.*]:{PORT} {CA}",
        "{HOST} {OTHER}\n@cert-authority * {OTHER}\n@cert-authority * {CA}",
        // The certificate is not taken, and the key is known.
        "@cert-authority * {OTHER}\n{HOST} {KEY}",
    ] {
        let info = scene.judged(text).ok();
        assert_eq!(info["host_key"], scene.world.sshd.fingerprint());
    }
    for (text, code, words) in [
        (
            "@cert-authority * {OTHER}",
            "host_key_unknown",
            "no @cert-authority line",
        ),
        (
            "@cert-authority other {CA}",
            "host_key_unknown",
            "is not known",
        ),
        ("{HOST} {CA}", "host_key_changed", "changed"),
        (
            "@cert-authority * {CA}\n@revoked * {CA}",
            "host_key_changed",
            "revoked",
        ),
        (
            "@cert-authority * {CA}\n@revoked * {KEY}",
            "host_key_changed",
            "revoked",
        ),
        (
            "@cert-authority * {OTHER}\n{HOST} {OTHER}",
            "host_key_changed",
            "changed",
        ),
    ] {
        let said = scene.judged(text).refused(code);
        assert!(said.contains(words), "{text}: {said}");
    }
}

#[test]
fn a_certificate_that_is_not_valid_says_why_and_leaves_the_key_to_be_known() {
    let mut scene = Scene::new();
    for (arguments, words) in [
        (
            &["-n", "web.example.com"][..],
            "made for web.example.com, not",
        ),
        (
            &["-n", "127.0.0.1", "-V", "20200101:20210101"],
            "expired at 20",
        ),
        (
            &["-n", "127.0.0.1", "-V", "20900101:20910101"],
            "not valid before 20",
        ),
        (
            &["-n", "127.0.0.1", "-O", "critical:x@y=z"],
            "critical option",
        ),
    ] {
        scene.world.sshd.certify(&scene.authority, arguments);
        let said = scene
            .judged("@cert-authority * {CA}")
            .refused("host_key_unknown");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(said.contains(&scene.world.sshd.fingerprint()), "{said}");
        scene.judged("@cert-authority * {CA}\n{HOST} {KEY}").ok();
    }
}

/// The text of our own file of accepted keys.
fn accepted(world: &World) -> String {
    std::fs::read_to_string(world.place().known_hosts).unwrap_or_default()
}

#[test]
fn a_known_hosts_file_of_the_spec_counts_instead_of_all_others() {
    let mut scene = Scene::new();
    let named = scene.world.home().join("named hosts");
    let with = |more: serde_json::Value| {
        let mut spec = scene.world.spec_with(json!({"known_hosts_path": named}));
        for (field, value) in more.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        spec
    };
    let (alone, accepting) = (with(json!({})), with(json!({"host_key": "accept-new"})));
    let connect = |scene: &Scene, id: &str, spec: &serde_json::Value| {
        let call = json!({"id": id, "spec": spec});
        scene.agent.call("ssh_connect", call)
    };
    // The user's file has the key, and then ours; neither is asked.
    let said = connect(&scene, "a", &alone).refused("host_key_unknown");
    let option = format!("-o 'UserKnownHostsFile=\"{}\"'", named.display());
    assert!(said.contains(&option), "{said}");
    scene.world.trust_nobody();
    let default = scene.world.spec_with(json!({"host_key": "accept-new"}));
    connect(&scene, "by-default", &default).ok();
    connect(&scene, "a", &alone).refused("host_key_unknown");
    std::fs::write(&named, scene.world.sshd.known_hosts_line()).expect("the named file");
    connect(&scene, "by-file", &alone).ok();
    std::fs::remove_file(&named).expect("it goes");

    // What is accepted beside it is found again, and a changed key stops.
    connect(&scene, "b", &accepting).ok();
    let lines = accepted(&scene.world);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    connect(&scene, "c", &alone).ok();
    assert_eq!(accepted(&scene.world), lines);
    scene.world.sshd.rotate_host_key();
    let reconnect = json!({"id": "b"});
    let said = scene
        .agent
        .call("ssh_reconnect", reconnect)
        .refused("host_key_changed");
    let own = scene.world.place().known_hosts;
    assert!(said.contains(&format!("{}:2", own.display())), "{said}");
    assert_eq!(accepted(&scene.world), lines);
    assert!(!named.exists(), "the named file is the caller's");
}

#[test]
fn a_key_accepted_beside_a_named_file_is_not_known_without_it() {
    let scene = Scene::new();
    scene.world.trust_nobody();
    let named = scene.world.home().join("absent");
    let fingerprint = scene.world.sshd.fingerprint();
    let spec = scene
        .world
        .spec_with(json!({"known_hosts_path": named, "host_key": fingerprint}));
    let call = json!({"id": "web", "spec": spec});
    scene.agent.call("ssh_connect", call).ok();
    scene.agent.call("ssh_reconnect", json!({"id": "web"})).ok();
    let other = json!({"id": "other", "spec": scene.world.spec()});
    scene
        .agent
        .call("ssh_connect", other)
        .refused("host_key_unknown");
}

#[test]
fn our_own_file_is_private_and_is_never_written_through_a_link() {
    let scene = Scene::new();
    scene.world.trust_nobody();
    let own = scene.world.place().known_hosts;
    let theirs = scene.world.home().join("theirs");
    std::fs::write(&theirs, "# mine\n").expect("a file");
    std::os::unix::fs::symlink(&theirs, &own).expect("a link");
    let spec = scene.world.spec_with(json!({"host_key": "accept-new"}));
    let connect = || {
        let call = json!({"id": "web", "spec": spec});
        scene.agent.call("ssh_connect", call)
    };
    let said = connect().refused("unavailable");
    assert!(said.contains("is no plain file"), "{said}");
    let text = std::fs::read_to_string(&theirs).expect("the file");
    assert_eq!(text, "# mine\n");
    std::fs::remove_file(&own).expect("the link goes");
    connect().ok();
    let mode = std::os::unix::fs::MetadataExt::mode(&own.metadata().expect("our file"));
    assert_eq!(mode & 0o777, 0o600);
    let line = accepted(&scene.world);
    assert!(line.starts_with(&scene.world.sshd.known_as()), "{line}");
    assert!(line.contains(" accepted 20"), "{line}");
}

/// What the command line says, and whether it was content.
fn hostkeys(world: &World, words: &[&str]) -> (bool, String) {
    let mut bridge = world.bridge();
    let output = bridge.arg("hostkeys").args(words).output();
    let output = output.expect("the bridge starts");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output.status.success(), text)
}

#[test]
fn accepted_keys_are_listed_and_the_command_for_a_changed_one_is_told_and_works() {
    let mut scene = Scene::new();
    scene.world.trust_nobody();
    let spec = scene.world.spec_with(json!({"host_key": "accept-new"}));
    let call = json!({"id": "web", "spec": spec});
    scene.agent.call("ssh_connect", call).ok();
    let known_as = scene.world.sshd.known_as();
    let old = scene.world.sshd.fingerprint();
    let (done, listed) = hostkeys(&scene.world, &[]);
    assert!(done, "{listed}");
    for part in [&known_as, &old, "ssh-ed25519", "line 1", " 20", "story"] {
        assert!(listed.contains(part), "{part}: {listed}");
    }

    scene.world.sshd.rotate_host_key();
    let again = json!({"id": "web"});
    let said = scene
        .agent
        .call("ssh_reconnect", again.clone())
        .refused("host_key_changed");
    let command = format!("`remote-shell-mcp hostkeys remove '{known_as}'`");
    assert!(said.contains(&command), "{said}");
    let (done, removed) = hostkeys(&scene.world, &["remove", &known_as]);
    assert!(done && removed.contains("removed 1 key of"), "{removed}");
    assert!(removed.contains(&old), "{removed}");
    scene.agent.call("ssh_reconnect", again).ok();
    let new = scene.world.sshd.fingerprint();
    let (_, listed) = hostkeys(&scene.world, &[]);
    assert!(listed.contains(&new) && !listed.contains(&old), "{listed}");

    let address = scene.world.sshd.address();
    let (done, removed) = hostkeys(&scene.world, &["remove", &address]);
    assert!(done && accepted(&scene.world).is_empty(), "{removed}");
    let (done, said) = hostkeys(&scene.world, &["remove", &address]);
    assert!(!done && said.contains("has no key of"), "{said}");
    assert!(said.contains("`remote-shell-mcp hostkeys` lists"), "{said}");
    let (done, said) = hostkeys(&scene.world, &[]);
    assert!(done && said.contains("no host key was accepted"), "{said}");
}

#[test]
fn hostkeys_says_so_where_no_daemon_runs() {
    let world = World::new();
    for words in [&[][..], &["remove", "web"]] {
        let (done, said) = hostkeys(&world, words);
        assert!(!done && said.contains("daemon start"), "{said}");
    }
    assert!(!world.place().handle.exists());
    let (done, said) = hostkeys(&world, &["forget"]);
    assert!(!done && said.contains("hostkeys remove"), "{said}");
}
