echo
echo "remote-shell-mcp signal $job_mark"
exec 2>/dev/null
job_gone() {
    echo "gone $1"
    exit 0
}
cd "$HOME/.local/state/remote-shell-mcp/jobs/$job_mark" || job_gone 'the host has no such job'
[ ! -e exit ] || job_gone 'it has ended'
[ -s pid ] || job_gone 'it runs no process yet'
read -r job_pid job_since <pid
[ "$(job_born "$job_pid")" = "$job_since" ] || job_gone 'its process has ended'
if [ "$job_since" = '- -' ]; then
    # Nothing but its parent tells it from a later one of its number.
    read -r job_holder job_rest <holder
    [ "$(ps -o ppid= -p "$job_pid" | tr -d ' ')" = "$job_holder" ] ||
        job_gone 'its process has ended'
fi
# Its group has its number where it leads one, and there is none otherwise.
# The kill of busybox takes no `--`.
kill "-$job_signal" "-$job_pid" || kill "-$job_signal" "$job_pid" ||
    job_gone 'its process could not be signalled'
echo signalled
