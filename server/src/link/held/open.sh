umask 077
echo
echo "remote-shell-mcp start $job_mark"
job_refuse() {
    [ -z "$job_recording" ] || kill "$job_recording" 2>/dev/null
    if [ -n "$job_inside" ]; then
        cd .. && rm -rf "./$job_mark"
    fi
    job_newline='
'
    echo "refused ${1%%"$job_newline"*}"
    exit 0
}
# Waits until it runs.
job_begun() {
    job_tries=0
    until [ -s pid ] || [ -e exit ]; do
        [ "$job_tries" -lt 60 ] || return 1
        job_nap 0.05
        job_tries=$((job_tries + 1))
    done
}
job_answer() {
    read -r job_holder <holder
    echo "held $job_holder"
    exit 0
}
job_inside= job_recording=
case ${HOME-} in
/*) ;;
*) job_refuse 'HOME names no folder on the host' ;;
esac
job_why=$(mkdir -p "$HOME/.local/state/remote-shell-mcp/shells" 2>&1) ||
    job_refuse "the folder for shells cannot be made: $job_why"
cd "$HOME/.local/state/remote-shell-mcp/shells" 2>/dev/null ||
    job_refuse 'the folder for shells cannot be entered'
# What ended and nobody asked for goes after seven days.
find . -type d -name '[0-9a-f]*' -mtime +6 2>/dev/null | while IFS= read -r job_old; do
    case ${job_old#./} in *[!0-9a-f]* | '') continue ;; esac
    if [ ! -e "$job_old/exit" ] && [ -e "$job_old/pid" ]; then
        read -r job_pid job_since job_start job_node <"$job_old/pid" || continue
        [ "$job_node" = "$(uname -n)" ] || continue
        [ "$(job_born "$job_pid")" != "$job_since $job_start" ] || continue
    fi
    rm -rf "$job_old"
done
# tmux records by itself; the others need script(1) for it.
job_holder=
for job_try in tmux screen dtach abduco; do
    command -v "$job_try" >/dev/null 2>&1 || continue
    [ "$job_try" = tmux ] || command -v script >/dev/null 2>&1 || continue
    job_holder=$job_try
    break
done
[ -n "$job_holder" ] || [ -d "$job_mark" ] || job_refuse \
    'a durable shell needs tmux, or script with screen, dtach or abduco, and the host has none of them'
if ! job_why=$(mkdir "$job_mark" 2>&1); then
    [ -d "$job_mark" ] || job_refuse "the folder of the shell cannot be made: $job_why"
    # However often it is asked for, a shell starts once.
    cd "./$job_mark" || job_refuse 'the folder of the shell cannot be entered'
    if job_begun || [ -e holder ]; then
        job_answer
    fi
    # The start that made it was cut off before anything ran; should it go on all
    # the same, it finds its folder gone.
    cd .. && rm -rf "./$job_mark"
    job_why=$(mkdir "$job_mark" 2>&1) || job_refuse "the folder of the shell cannot be made: $job_why"
fi
cd "./$job_mark" || job_refuse 'the folder of the shell cannot be entered'
job_inside=yes
# All that is left on stdin, up to its end: no read is short or too long.
job_why=$({ cat >fed; } 2>&1) || job_refuse "the files of the shell cannot be written: $job_why"
[ $(wc -c <fed) -eq "$job_fed" ] || job_refuse 'the link broke before the whole shell had come'
job_why=$({
    dd bs="$job_inner" count=1 of=inner.sh 2>/dev/null &&
        dd bs="$job_recorder" count=1 of=recorder.sh 2>/dev/null &&
        dd bs="$job_tmux" count=1 of=setup.tmux 2>/dev/null &&
        dd bs="$job_screen" count=1 of=setup 2>/dev/null &&
        cat >label
} 2>&1 <fed) || job_refuse "the files of the shell cannot be written: ${job_why:-the disk is full}"
rm -f fed
[ "$job_holder" != tmux ] || mv -f setup.tmux setup
rm -f setup.tmux
job_name=rsmcp-$job_mark
date +%s >started
echo "$job_holder $job_name" >holder
unset LC_REMOTE_SHELL_MCP_JOB TMUX STY
RSMCP_FOLDER=$PWD
export RSMCP_FOLDER
if [ "$job_holder" = tmux ]; then
    job_why=$({
        tmux -u -L "$job_name" -f ./setup new-session -d -s "$job_name" -x "$job_cols" -y "$job_rows" \
            'exec sh "$RSMCP_FOLDER/inner.sh"' &&
            tmux -L "$job_name" pipe-pane -t "$job_name" 'exec sh "$RSMCP_FOLDER/recorder.sh"'
    } 2>&1 </dev/null) || job_refuse "tmux did not start: $job_why"
    # Not every tmux knows each of these, or its value. The pane would show that of a
    # start file, and what is typed would go to what shows it; so it does with a
    # mistake in the host's own start file, which some tmux read all the same.
    while read -r job_words; do
        tmux -L "$job_name" $job_words </dev/null
    done >/dev/null 2>&1 <<'end'
set -g prefix None
set -g prefix2 None
unbind-key -a
unbind-key -a -T root
unbind-key -a -T copy-mode
set -g mouse off
set -s escape-time 0
set -s set-clipboard off
set -g assume-paste-time 0
set -g window-size latest
set -g remain-on-exit off
set -g visual-activity off
set -g monitor-activity off
set -g bell-action none
send-keys -X cancel
end
else
    mkfifo pipe || job_refuse 'no pipe could be made'
    sh ./recorder.sh "$job_mark" <pipe >/dev/null 2>&1 &
    job_recording=$!
    # The mark tells a process of ours from others, where nothing else does.
    job_inside_command="exec script -q -f -c 'exec sh ./inner.sh $job_mark' pipe"
    case $job_holder in
    screen) screen -U -S "$job_name" -c ./setup -dm sh -c "$job_inside_command" ;;
    dtach) dtach -n "./$job_name" -E -z -r none sh -c "$job_inside_command" ;;
    abduco) abduco -n "./$job_name" sh -c "$job_inside_command" ;;
    esac </dev/null >/dev/null 2>&1 || job_refuse "$job_holder did not start"
fi
: >go
if ! job_begun; then
    case $job_holder in
    tmux) tmux -L "$job_name" kill-server ;;
    screen) screen -c ./setup -S "$job_name" -X quit ;;
    esac >/dev/null 2>&1
    job_refuse "$job_holder runs no shell here"
fi
job_answer
