//! Lines in living shells: their ends are known, whatever they print, ask, change
//! or become.

use serde_json::{Value, json};
use tests::{Agent, World};

/// The shells that a person may have, as they are started.
const SHELLS: [&str; 5] = ["bash -i", "zsh -i", "fish -i", "dash -i", "busybox sh -i"];

/// A world whose host has shells with set-up files, and a session `web`.
fn world() -> (World, Agent) {
    let world = World::with_a_host_home();
    let home = world.host_home();
    let write = |name: &str, text: &str| std::fs::write(home.join(name), text).expect("a file");
    write(
        ".zshrc",
        "PS1='%n %~ %# '\nHISTFILE=~/.zsh_history\nSAVEHIST=9\nHISTSIZE=9\n",
    );
    write(".bashrc", "PS1='\\u \\w \\$ '\nunset HISTCONTROL\n");
    let agent = world.connected("web");
    (world, agent)
}

fn open(agent: &Agent, shell: &str) {
    let call = json!({"session_id": "web", "shell_id": "sh", "command": shell,
        "env": {"LC_ALL": "C.UTF-8"}});
    agent.call("ssh_shell_open", call).ok();
}

fn run(agent: &Agent, line: &str) -> Value {
    let call = json!({"session_id": "web", "shell_id": "sh", "command": line});
    let result = agent.call("ssh_shell_run", call).ok();
    println!("{line:?}: {result}");
    result
}

/// Runs it to its end; what it printed.
fn done(agent: &Agent, line: &str) -> String {
    let result = run(agent, line);
    assert_eq!(result["state"], "done", "{line}: {result}");
    result["output"].as_str().expect("output").to_owned()
}

#[test]
fn each_shell_tells_output_exit_code_and_folder_of_each_line() {
    for shell in SHELLS {
        println!("-- {shell}");
        let (_world, agent) = world();
        open(&agent, shell);
        assert_eq!(done(&agent, "echo one; echo two"), "one\ntwo\n");
        assert_eq!(done(&agent, "true"), "");
        let result = run(&agent, "cd /usr/bin && sh -c 'exit 7'");
        assert_eq!(
            (&result["exit_code"], &result["cwd"]),
            (&json!(7), &json!("/usr/bin"))
        );
        assert_eq!(done(&agent, "pwd"), "/usr/bin\n");
        assert_eq!(done(&agent, "printf 'no line end'"), "no line end");
    }
}

#[test]
fn what_looks_like_an_end_ends_nothing() {
    for shell in SHELLS {
        println!("-- {shell}");
        let (_world, agent) = world();
        open(&agent, shell);
        // A prompt, the marks of other hooks, and the end mark as source text.
        let prompts = done(
            &agent,
            r"printf 'root@box:~# \n$ \n'; sleep 0.3; echo after",
        );
        assert_eq!(prompts, "root@box:~# \n$ \nafter\n");
        let marks = r"printf '\033]133;D;0\007\033]133;C\007a\033]133;D;0;rsmcp=0;cwd=/\007'; sleep 0.3; echo b";
        assert_eq!(done(&agent, marks), "ab\n");
        let binary = done(&agent, r"printf '\001\377\000x\n'");
        assert_eq!(binary, "\u{fffd}x\n");
    }
}

#[test]
fn a_long_output_keeps_its_beginning_and_end_and_what_is_left_out_can_be_read() {
    for shell in SHELLS {
        println!("-- {shell}");
        let (_world, agent) = world();
        open(&agent, shell);
        let output = done(&agent, "seq 1 1500000");
        assert!(output.starts_with("1\n2\n3\n"), "{shell}");
        assert!(output.ends_with("\n1499999\n1500000\n"), "{shell}");
        assert!(output.contains("bytes left out; to read it: ssh_shell_read"));
        // What has fallen out is counted.
        let call = json!({"session_id": "web", "shell_id": "sh", "cursor": 0});
        let read = agent.call("ssh_shell_read", call).ok();
        assert!(read["lost_bytes"].as_u64().unwrap() > 9_000_000, "{read}");
        assert_eq!(done(&agent, "echo next"), "next\n");
    }
}

#[test]
fn a_line_that_asks_is_told_to_wait_and_goes_on_when_it_is_answered() {
    for shell in SHELLS {
        println!("-- {shell}");
        let (_world, agent) = world();
        open(&agent, shell);
        let asks = |question: &str| {
            format!("sh -c 'printf \"{question}\"; read -r answer; echo got $answer; exit 3'")
        };
        for (question, seems) in [
            ("Password: ", "password"),
            ("Do you want to continue? [Y/n] ", "confirmation"),
            ("Name: ", "input"),
        ] {
            let result = run(&agent, &asks(question));
            assert_eq!(result["state"], "waiting_for_input", "{result}");
            let said = result["output"].as_str().unwrap();
            assert!(
                said.contains(seems) && said.contains("ssh_shell_write"),
                "{said}"
            );
            let call = json!({"session_id": "web", "shell_id": "sh", "command": "pwd"});
            agent.call("ssh_shell_run", call).refused("busy");
            let call = json!({"session_id": "web", "shell_id": "sh", "data": "yes\n"});
            agent.call("ssh_shell_write", call).ok();
            let result = run(&agent, "");
            assert_eq!(
                (&result["state"], &result["exit_code"]),
                (&json!("done"), &json!(3))
            );
            assert!(
                result["output"].as_str().unwrap().ends_with("got yes\n"),
                "{result}"
            );
        }
    }
}

#[test]
fn a_line_that_is_no_command_ends_too() {
    for shell in SHELLS {
        println!("-- {shell}");
        let (_world, agent) = world();
        open(&agent, shell);
        assert_ne!(run(&agent, "no-such-program")["exit_code"], 0);
        let broken = run(&agent, "if )");
        assert_eq!(broken["state"], "done", "{broken}");
        assert_ne!(broken["exit_code"], 0);
        assert_eq!(done(&agent, "echo fine"), "fine\n");
    }
}

#[test]
fn several_lines_tabs_quotes_and_exclamation_marks_are_typed_as_they_are() {
    for shell in SHELLS {
        println!("-- {shell}");
        let (_world, agent) = world();
        open(&agent, shell);
        assert_eq!(
            done(&agent, "echo one\necho 'two\tthree'"),
            "one\ntwo\tthree\n"
        );
        assert_eq!(
            done(&agent, "echo 'it is'\" done!now\""),
            "it is done!now\n"
        );
        if !shell.starts_with("zsh") {
            // In a typed line of zsh it is none.
            assert_eq!(done(&agent, "echo # a comment"), "\n");
        }
        assert_eq!(done(&agent, "printf '%s\\n' ü你🦀"), "ü你🦀\n");
    }
}

#[test]
fn pagers_are_off_for_the_line_and_the_shell_is_left_as_it_was() {
    for shell in SHELLS {
        println!("-- {shell}");
        let (_world, agent) = world();
        open(&agent, shell);
        let set = if shell.starts_with("fish") {
            "set -gx PAGER mine"
        } else {
            "PAGER=mine; export PAGER"
        };
        agent
            .call(
                "ssh_shell_write",
                json!({"session_id": "web", "shell_id": "sh", "data": format!("{set}\n")}),
            )
            .ok();
        assert_eq!(done(&agent, "sh -c 'echo $PAGER $GIT_PAGER'"), "cat cat\n");
        // What a person types sees what it was.
        let data = "sh -c 'echo =$PAGER=$GIT_PAGER='\n";
        let call = json!({"session_id": "web", "shell_id": "sh", "data": data});
        agent.call("ssh_shell_write", call).ok();
        let call = json!({"session_id": "web", "shell_id": "sh", "until": "=mine=="});
        let read = agent.call("ssh_shell_read", call).ok();
        assert!(read["data"].as_str().unwrap().contains("=mine=="), "{read}");
    }
}

#[test]
fn the_hook_and_lines_of_ours_stay_out_of_the_history() {
    for (shell, list) in [
        ("bash -i", "history"),
        ("zsh -i", "fc -l 1"),
        ("fish -i", "history"),
    ] {
        println!("-- {shell}");
        let (_world, agent) = world();
        open(&agent, shell);
        done(&agent, "echo first");
        done(&agent, "echo second");
        let history = done(&agent, list);
        assert!(
            history.contains("echo first") && history.contains("echo second"),
            "{history}"
        );
        assert!(
            !history.contains("rsmcp") && !history.contains("7717"),
            "{history}"
        );
    }
}

#[test]
fn a_changed_prompt_another_shell_and_an_end_are_told_for_what_they_are() {
    let (_world, agent) = world();
    open(&agent, "bash -i");
    assert_eq!(done(&agent, "PS1='$ $ # > '"), "");
    assert_eq!(done(&agent, "echo still known"), "still known\n");
    for next in ["zsh", "dash", "fish", "busybox sh", "bash"] {
        let result = run(&agent, &format!("exec {next}"));
        assert_eq!(result["state"], "waiting_for_input", "{result}");
        assert_eq!(done(&agent, "echo in it"), "in it\n");
    }
    let inner = run(&agent, "dash");
    assert_eq!(inner["state"], "waiting_for_input", "{inner}");
    assert_eq!(done(&agent, "echo nested"), "nested\n");
    // The inner shell ends, and its line with it; then the outer one.
    let inner = run(&agent, "exit 4");
    assert_eq!(inner["state"], "done", "{inner}");
    let ended = run(&agent, "exit 9");
    assert_eq!(
        (&ended["state"], &ended["exit_code"]),
        (&json!("done"), &json!(9))
    );
    assert!(
        ended["output"]
            .as_str()
            .unwrap()
            .ends_with("[the shell ended with exit code 9]")
    );
    let call = json!({"session_id": "web", "shell_id": "sh", "command": "pwd"});
    agent.call("ssh_shell_run", call).refused("not_connected");
}

#[test]
fn a_line_that_takes_long_goes_on_and_is_waited_for_by_an_empty_one() {
    let (world, agent) = world();
    open(&agent, "bash -i");
    let line = format!(
        "until [ -e {} ]; do sleep 0.1; done; echo through",
        world.remote("gate").display()
    );
    let call = json!({"session_id": "web", "shell_id": "sh", "command": line, "timeout_ms": 500});
    let result = agent.call("ssh_shell_run", call).ok();
    assert_eq!(result["state"], "running", "{result}");
    std::fs::write(world.remote("gate"), "").unwrap();
    assert_eq!(done(&agent, ""), "through\n");
}

#[test]
fn a_cancelled_line_is_interrupted_and_the_shell_lives() {
    let (_world, agent) = world();
    open(&agent, "bash -i");
    done(&agent, "cd /usr");
    let call = json!({"session_id": "web", "shell_id": "sh", "command": "echo begun; sleep 600"});
    let pending = agent.begin("ssh_shell_run", call);
    let seen =
        json!({"session_id": "web", "shell_id": "sh", "until": "(?m)^begun", "timeout_ms": 10_000});
    agent.call("ssh_shell_read", seen).ok();
    agent.cancel(&pending);
    let wait =
        json!({"session_id": "web", "shell_id": "sh", "until": "\\^C", "timeout_ms": 10_000});
    agent.call("ssh_shell_read", wait).ok();
    assert_eq!(done(&agent, "pwd"), "/usr\n");
}

#[test]
fn a_line_that_is_not_complete_keeps_others_out_until_it_is_given_up() {
    for shell in ["bash -i", "zsh -i"] {
        println!("-- {shell}");
        let (_world, agent) = world();
        open(&agent, shell);
        done(&agent, "cd /usr");
        for open_line in ["echo \"abc", "cat <<EOF"] {
            let result = run(&agent, open_line);
            assert_eq!(result["state"], "waiting_for_input", "{result}");
            let said = result["output"].as_str().unwrap();
            assert!(said.contains("not complete"), "{said}");
            let call = json!({"session_id": "web", "shell_id": "sh", "command": "pwd"});
            let refused = agent.call("ssh_shell_run", call).refused("busy");
            assert!(
                refused.contains("not complete") && refused.contains("Ctrl-C"),
                "{refused}"
            );
            let call = json!({"session_id": "web", "shell_id": "sh", "data": "\u{3}"});
            agent.call("ssh_shell_write", call).ok();
            assert_eq!(done(&agent, "pwd"), "/usr\n");
        }
        // Its rest completes it.
        run(&agent, "echo \"abc");
        let call = json!({"session_id": "web", "shell_id": "sh", "data": "def\"\n"});
        agent.call("ssh_shell_write", call).ok();
        let ended = done(&agent, "");
        assert!(ended.ends_with("abc\ndef\n"), "{ended}");
    }
}

#[test]
fn nothing_is_typed_at_a_program_that_asks_instead_of_a_shell() {
    let (world, agent) = world();
    let log = world.remote("typed");
    let asks = format!(
        "printf 'Password: '; read -r answer; echo \"$answer\" > {}; exec bash -i",
        log.display()
    );
    open(&agent, &asks);
    let call = json!({"session_id": "web", "shell_id": "sh", "command": "pwd"});
    let refused = agent.call("ssh_shell_run", call).refused("busy");
    assert!(
        refused.contains("password") && refused.contains("ssh_shell_write"),
        "{refused}"
    );
    let call = json!({"session_id": "web", "shell_id": "sh", "data": "open sesame\n"});
    agent.call("ssh_shell_write", call).ok();
    assert_eq!(done(&agent, "echo in it"), "in it\n");
    assert_eq!(std::fs::read_to_string(log).unwrap(), "open sesame\n");
}

#[test]
fn a_password_that_is_typed_where_one_is_asked_for_is_not_in_history() {
    let (world, agent) = world();
    open(&agent, "bash -i");
    let asks = "sh -c 'stty -echo; printf \"Password: \"; read -r p; stty echo; echo; echo ok'";
    assert_eq!(run(&agent, asks)["state"], "waiting_for_input");
    let typed = json!({"session_id": "web", "shell_id": "sh", "data": "canary-7f3a\n"});
    agent.call("ssh_shell_write", typed).ok();
    assert!(done(&agent, "").ends_with("ok\n"));
    let history = agent
        .call("history", json!({"tool": "ssh_shell_write"}))
        .ok();
    assert!(!history.to_string().contains("canary"), "{history}");
    assert!(
        history.to_string().contains("redacted: 12 bytes"),
        "{history}"
    );
    drop(agent);
    let data = world.home().join(".local/share/remote-shell-mcp");
    for file in std::fs::read_dir(data).unwrap().flatten() {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        let found = bytes.windows(11).any(|piece| piece == b"canary-7f3a");
        assert!(!found, "{}", file.path().display());
    }
}
