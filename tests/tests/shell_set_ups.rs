//! Lines in shells that are set up unusually: each is told as it would be without
//! a hook, and the hook leaves no trace in it.

use serde_json::{Value, json};
use tests::{Agent, World};

/// The shells in which a failed command can end the shell.
const BOURNE: [&str; 4] = ["bash -i", "zsh -i", "dash -i", "busybox sh -i"];

/// A shell that opens as `shell`, in which `typed` was typed at the prompt.
struct Scene {
    _world: World,
    agent: Agent,
}

impl Scene {
    fn new(shell: &str, typed: &str) -> Self {
        println!("-- {shell}");
        let world = World::with_a_host_home();
        let home = world.host_home();
        let set_ups = [(".zshrc", "PS1='%# '\n"), (".bashrc", "PS1='\\$ '\n")];
        for (name, text) in set_ups {
            std::fs::write(home.join(name), text).expect("a file");
        }
        std::os::unix::fs::symlink("/bin/bash", home.join("sh")).expect("a link");
        let agent = world.connected("web");
        let call = json!({"session_id": "web", "shell_id": "sh", "command": shell,
            "env": {"LC_ALL": "C.UTF-8"}});
        agent.call("ssh_shell_open", call).ok();
        let scene = Self {
            _world: world,
            agent,
        };
        if !typed.is_empty() {
            scene.write(typed);
        }
        scene
    }

    fn write(&self, line: &str) {
        let data = format!("{line}\n");
        let call = json!({"session_id": "web", "shell_id": "sh", "data": data});
        self.agent.call("ssh_shell_write", call).ok();
    }

    /// Types a line as a person does, and waits for `words`.
    fn says(&self, line: &str, words: &str) {
        self.write(line);
        let call = json!({"session_id": "web", "shell_id": "sh", "until": words});
        let read = self.agent.call("ssh_shell_read", call).ok();
        let said = read["data"].as_str().expect("data");
        assert!(said.contains(words), "{line}: {read}");
    }

    fn run(&self, line: &str) -> Value {
        let call = json!({"session_id": "web", "shell_id": "sh", "command": line});
        let result = self.agent.call("ssh_shell_run", call).ok();
        println!("{line:?}: {result}");
        result
    }

    /// Runs it to its end; what it printed.
    fn done(&self, line: &str) -> String {
        let result = self.run(line);
        assert_eq!(result["state"], "done", "{line}: {result}");
        result["output"].as_str().expect("output").to_owned()
    }

    /// Runs it to its end; how it ended.
    fn status(&self, line: &str) -> i64 {
        let result = self.run(line);
        assert_eq!(result["state"], "done", "{line}: {result}");
        result["exit_code"].as_i64().expect("an exit code")
    }
}

#[test]
fn a_bash_without_a_line_editor_and_one_in_posix_mode_run_lines() {
    for shell in ["bash --noediting -i", "bash --posix -i", "~/sh -i"] {
        let scene = Scene::new(shell, "");
        assert_eq!(scene.done("echo one; echo two"), "one\ntwo\n");
        let moved = scene.run("cd /usr/bin && sh -c 'exit 7'");
        assert_eq!(
            (&moved["exit_code"], &moved["cwd"]),
            (&json!(7), &json!("/usr/bin"))
        );
        assert_eq!(scene.done("echo 'a\tb'\necho \"it's\"!"), "a\tb\nit's!\n");
        assert_ne!(scene.status("if )"), 0);
        let call = json!({"session_id": "web", "shell_id": "sh", "cursor": 0});
        let all = scene.agent.call("ssh_shell_read", call).ok();
        let all = all["data"].as_str().expect("data");
        assert!(!all.contains("7717"), "{all}");
    }
}

#[test]
fn with_errexit_a_shell_ends_where_it_would_without_a_hook() {
    for shell in BOURNE {
        let scene = Scene::new(shell, "");
        assert_eq!(scene.status("set -e"), 0);
        assert_eq!(scene.status("false && true"), 1);
        assert_eq!(scene.status("[ -e no-such-file ] && echo there"), 1);
        assert_eq!(scene.done("echo alive"), "alive\n");
        let ended = scene.run("false");
        assert_eq!(
            (&ended["state"], &ended["exit_code"]),
            (&json!("done"), &json!(1))
        );
        let output = ended["output"].as_str().expect("output");
        assert!(
            output.ends_with("[the shell ended with exit code 1]"),
            "{output}"
        );
    }
}

#[test]
fn a_traced_shell_shows_the_line_and_no_hook() {
    for shell in BOURNE {
        let scene = Scene::new(shell, "");
        assert_eq!(scene.done("set -x"), "");
        let traced = scene.done("echo hi");
        let lines: Vec<&str> = traced.lines().collect();
        assert_eq!(lines.len(), 2, "{traced}");
        assert!(
            lines[0].ends_with(" echo hi") && lines[1] == "hi",
            "{traced}"
        );
        scene.done("set +x");
        assert_eq!(scene.done("set -u"), "");
        assert_eq!(scene.done("echo set"), "set\n");
    }
    let scene = Scene::new("bash -i", "");
    assert_eq!(scene.done("trap 'echo failed >>~/traps' ERR"), "");
    assert_eq!(scene.status("false"), 1);
    assert_eq!(scene.done("cat ~/traps"), "failed\n");
    assert_eq!(scene.done("trap 'echo traced' DEBUG"), "");
    assert_eq!(scene.done("echo hi"), "traced\nhi\n");
}

#[test]
fn what_a_line_sets_for_good_stays() {
    let shown = "sh -c 'echo =$PAGER=$GIT_PAGER='";
    for shell in [&BOURNE[..], &["fish -i", "bash --noediting -i"]].concat() {
        let scene = Scene::new(shell, "");
        assert_eq!(scene.done(shown), "=cat=cat=\n");
        scene.done("export PAGER=most GIT_PAGER=delta");
        scene.says(shown, "=most=delta=");
        // A refused line leaves all as it was, and the next one too.
        let call = json!({"session_id": "web", "shell_id": "sh", "command": "vi\u{1b}"});
        scene
            .agent
            .call("ssh_shell_run", call)
            .refused("invalid_argument");
        assert_eq!(scene.done(shown), "=cat=cat=\n");
        scene.says(&format!("true; {shown}"), "=most=delta=");
    }
    for (shell, set) in [("bash -i", "set +H"), ("zsh -i", "unsetopt banghist")] {
        let scene = Scene::new(shell, "");
        assert_eq!(scene.done("echo 'no!history'\"!!\""), "no!history!!\n");
        scene.says("echo \"=!!=\"", "history");
        scene.done(set);
        scene.says("echo \"=!!\"=", "=!!=");
    }
}

#[test]
fn a_line_finds_what_the_line_before_left() {
    for shell in [&BOURNE[..], &["bash --noediting -i"]].concat() {
        let scene = Scene::new(shell, "");
        assert_eq!(scene.status("false"), 1);
        assert_eq!(scene.done("echo $?"), "1\n");
        scene.done("set -- a 'b c'");
        assert_eq!(scene.done("echo \"$#:$1:$2\""), "2:a:b c\n");
        scene.done("cd /");
        if shell == "bash -i" || shell == "zsh -i" {
            scene.done("echo /usr/bin");
            assert_eq!(scene.run("cd $_")["cwd"], "/usr/bin");
        }
    }
}

#[test]
fn prompts_that_do_something_themselves_go_on_doing_it() {
    let scene = Scene::new("bash -i", "PROMPT_COMMAND=('a=$?' 'b=$?')");
    assert_eq!(scene.status("false"), 1);
    assert_eq!(scene.done("echo $a $b"), "1 1\n");
    // One that sets itself up anew at each prompt.
    let scene = Scene::new("bash -i", "f() { PROMPT_COMMAND=f; }; PROMPT_COMMAND=f");
    for word in ["one", "two", "three"] {
        assert_eq!(scene.done(&format!("echo {word}")), format!("{word}\n"));
    }
    // One that children inherit, who have no hook.
    let scene = Scene::new("bash -i", "export PROMPT_COMMAND=true");
    scene.done("true");
    let inner = scene.run("bash --norc -i");
    assert_eq!(inner["state"], "waiting_for_input", "{inner}");
    assert!(!inner.to_string().contains("rsmcp"), "{inner}");
    let scene = Scene::new("zsh -i", "precmd() { a=$? }; setopt nounset errexit");
    assert_eq!(scene.status("false && true"), 1);
    assert_eq!(scene.done("echo $a"), "1\n");
}
