//! How the tools go together: what a client's model reads at `initialize`.

/// The server's instructions; under 2 KB.
pub const INSTRUCTIONS: &str = "\
Keeps SSH sessions, shells, forwards, jobs and Docker hosts alive in a daemon \
that outlives this client; other clients share them.

Connect: ssh_list shows what is open, ssh_hosts what ssh_config knows. \
ssh_connect {id: ALIAS} is enough for a known host; the same id and spec returns \
the living session. Ids are names you choose. A dropped session is dialled again \
by the next call: do not reconnect by hand.

Run: ssh_exec or docker_exec for one command; ssh_shell_open with ssh_shell_run \
where state must last (cd, sudo, a REPL). Prefer ssh_file_* and ssh_upload or \
ssh_download to shell tricks for files.

Long work is a job: state running with a job_id means that it goes on. Follow it \
with job_wait, stop it with job_cancel, never start it again. Cut output is kept: \
output_read.

Errors carry a code and the next call. host_key_unknown: show the fingerprint to \
the user; when they agree, connect again with spec.host_key set to exactly that \
SHA256:... text. host_key_changed: stop, only a person can resolve it. needs_auth: \
a person must give the credential; passwords belong in the keyring \
(remote-shell-mcp secret set NAME), named by `secret`, not in arguments. \
outcome_unknown: it may have taken effect; look into history and job_list before \
you repeat it.

Survives: sessions with persistent: true, and their forwards, come back after a \
restart of the daemon or machine until ssh_disconnect; durable shells and jobs \
live on the host. Plain shells and jobs end with the link or daemon, and are then \
listed as lost. ssh_info says what applies.

history has every call of every client, history_show one in full.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::Tool;

    #[test]
    fn the_instructions_are_short_and_name_only_tools_that_exist() {
        assert!(INSTRUCTIONS.len() < 2048, "{}", INSTRUCTIONS.len());
        let words = INSTRUCTIONS.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| {
            ["ssh_", "docker_", "job_", "history_"]
                .iter()
                .any(|family| word.starts_with(family))
        }) {
            let known = Tool::from_name(word).is_some()
                || ["ssh_config", "job_id", "ssh_file_"].contains(&word);
            assert!(known, "{word}");
        }
    }
}
