job_umask=$(umask)
umask 077
echo
echo "remote-shell-mcp start $job_mark"
job_refuse() {
    if [ -n "$job_inside" ]; then
        rm -f ./*."$$"
        # Goes only when there is nothing of another start in it.
        cd .. && rmdir "./$job_mark" 2>/dev/null
    fi
    job_newline='
'
    echo "refused ${1%%"$job_newline"*}"
    exit 0
}
# However often it is asked for, a job starts once.
job_answer() {
    job_tries=0
    until [ -s pid ] || [ -e exit ] || [ "$job_tries" -ge 60 ]; do
        job_nap 0.05
        job_tries=$((job_tries + 1))
    done
    job_pid=0
    [ ! -s pid ] || read -r job_pid job_rest <pid
    echo "started $job_pid"
    exit 0
}
job_inside=
case ${HOME-} in
/*) ;;
*) job_refuse 'HOME names no folder on the host' ;;
esac
job_why=$(mkdir -p "$HOME/.local/state/remote-shell-mcp/jobs" 2>&1) ||
    job_refuse "the folder for jobs cannot be made: $job_why"
cd "$HOME/.local/state/remote-shell-mcp/jobs" 2>/dev/null ||
    job_refuse 'the folder for jobs cannot be entered'

# What nobody read to its end goes after seven days, and so does what has no
# end because the host stopped. A home may be shared with other hosts, whose
# processes cannot be seen from here.
find . -type d -name '[0-9a-f]*' -mtime +6 2>/dev/null | while IFS= read -r job_old; do
    case ${job_old#./} in *[!0-9a-f]* | '') continue ;; esac
    if [ ! -e "$job_old/exit" ] && [ -e "$job_old/holder" ]; then
        read -r job_pid job_since job_start job_node <"$job_old/holder" || continue
        [ "$job_node" = "$(uname -n)" ] || continue
        [ "$(job_born "$job_pid")" != "$job_since $job_start" ] || continue
    fi
    rm -rf "$job_old"
done

[ -d "$job_mark" ] || job_why=$(mkdir "$job_mark" 2>&1) || [ -d "$job_mark" ] ||
    job_refuse "the job's folder cannot be made: $job_why"
cd "./$job_mark" 2>/dev/null || job_refuse "the job's folder cannot be entered"
job_inside=yes
[ ! -d started ] || job_answer

# All that is left on stdin, up to its end: no read is short or too long.
job_why=$({ cat >"fed.$$"; } 2>&1) || job_refuse "the job's files cannot be written: $job_why"
[ $(wc -c <"fed.$$") -eq "$job_fed" ] || job_refuse 'the link broke before the whole job had come'
# dd takes its share of a plain file in one read, and cat goes on behind it.
job_why=$({
    dd bs="$job_holder" count=1 of="holder.sh.$$" 2>/dev/null &&
        dd bs="$job_command" count=1 of="command.$$" 2>/dev/null &&
        cat >"stdin.$$"
} 2>&1 <"fed.$$") || job_refuse "the job's files cannot be written: ${job_why:-the disk is full}"
# Room for the status, so that it can be told when the disk is full.
{ echo 00000 >"exit.new.$$"; } 2>/dev/null &&
    [ $(cat "holder.sh.$$" "command.$$" "stdin.$$" | wc -c) -eq "$job_fed" ] ||
    job_refuse "the job's files cannot be written: the disk is full"
rm -f "fed.$$"
[ -n "$job_stdin" ] || rm -f "stdin.$$"

# From here on it is started; of two that come this far, one makes the folder.
if ! job_why=$(mkdir started 2>&1); then
    [ -d started ] || job_refuse "the job's files cannot be written: $job_why"
    rm -f ./*."$$"
    job_answer
fi
for job_file in ./*."$$"; do
    mv -f "$job_file" "${job_file%.*}"
done
umask "$job_umask"
unset LC_REMOTE_SHELL_MCP_JOB
if command -v setsid >/dev/null 2>&1; then
    # The second one finds itself leading a group and so forks. A `&` would do
    # that too, and have INT and QUIT ignored by all that comes after it.
    setsid setsid sh ./holder.sh </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
else
    (
        trap - INT QUIT
        exec sh ./holder.sh
    ) </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
fi
job_answer
