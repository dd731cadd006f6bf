echo
echo "remote-shell-mcp signal $job_mark"
exec 2>/dev/null
cd "$HOME/.local/state/remote-shell-mcp/shells/$job_mark" || {
    echo 'gone the host has no such shell'
    exit 0
}
job_holder= job_name= job_pid= job_node=
[ ! -e pid ] || read -r job_pid job_since job_start job_node <pid
# Whether the process $1 was started with the shell's mark.
job_ours() {
    case $(tr '\0' ' ' <"/proc/$1/cmdline" || ps -o args= -p "$1") in
    *"$job_mark"*) ;;
    *) return 1 ;;
    esac
}
job_lives() {
    [ -n "$job_pid" ] && [ "$(job_born "$job_pid")" = "$job_since $job_start" ] || return 1
    # Where no start times are known, the number may be another's by now.
    [ "$job_since $job_start" != '- -' ] || job_ours "$job_pid"
}
if [ -n "$job_node" ] && [ "$job_node" != "$(uname -n)" ] && [ ! -e exit ] && ! job_lives; then
    echo "refused $job_node"
    exit 0
fi
read -r job_holder job_name <holder
# Without a session, screen says so where our answer goes.
case $job_holder in
tmux) tmux -L "$job_name" kill-server ;;
screen) screen -c ./setup -S "$job_name" -X quit ;;
esac >/dev/null
job_lived=
if job_lives; then
    job_lived=yes
    # What holds its terminal is its parent, unless that was killed.
    job_parent=$(ps -o ppid= -p "$job_pid" | tr -d ' ')
    [ -z "$job_parent" ] || ! job_ours "$job_parent" || kill -TERM "$job_parent"
    kill -HUP "-$job_pid" || kill -HUP "$job_pid"
fi
job_tries=0
while job_lives && [ "$job_tries" -lt 40 ]; do
    job_nap 0.05
    job_tries=$((job_tries + 1))
done
# Its group may be alive without it.
[ -z "$job_lived" ] || kill -KILL "-$job_pid"
! job_lives || kill -KILL "$job_pid"
cd .. || exit
# What records it may write a last file meanwhile.
job_tries=0
while rm -rf "./$job_mark"; [ -d "./$job_mark" ] && [ "$job_tries" -lt 40 ]; do
    job_nap 0.05
    job_tries=$((job_tries + 1))
done
echo signalled
