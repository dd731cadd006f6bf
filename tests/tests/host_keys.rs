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
