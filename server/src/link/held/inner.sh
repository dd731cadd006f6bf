# Runs in the holder's terminal: the person's shell, and keeps its end.
trap : HUP INT QUIT TERM
cd "$RSMCP_FOLDER" || exit 1
# Secrets may be in it, and it is open by now.
rm -f inner.sh
stty rows "$job_rows" cols "$job_cols" 2>/dev/null
(
    umask 077
    echo "$$ $(job_born "$$") $(uname -n)" >pid.new && mv -f pid.new pid
)
# Until what records listens.
job_tries=0
until [ -e go ] || [ "$job_tries" -ge 200 ]; do
    job_nap 0.05
    job_tries=$((job_tries + 1))
done
read -r job_holder job_name <holder
[ "$job_holder" = tmux ] || printf '\033]7717;%s;begin\007\n' "$job_mark"
(
    # A holder that the person starts in it is another one.
    unset RSMCP_FOLDER TMUX TMUX_PANE TERM_PROGRAM TERM_PROGRAM_VERSION
    unset STY WINDOW TERMCAP ABDUCO_SESSION ABDUCO_SOCKET
    eval "$job_environment"
    CDPATH= cd -- "$HOME" || exit 1
    eval "$job_becomes"
)
job_status=$?
cd "$RSMCP_FOLDER" || exit 1
umask 077
# Behind it, script(1) prints something of its own.
printf '\033]7717;%s;end\007' "$job_mark"
# A holder that ends drops what its recorder has not taken yet, so that it ends only
# when all is on disk; a recorder that was killed is not waited for for ever.
job_recorded() {
    job_last=0
    for job_file in out.*; do
        case ${job_file#out.} in *[!0-9]* | '') continue ;; esac
        [ "${job_file#out.}" -lt "$job_last" ] || job_last=${job_file#out.}
    done
    tail -c 100 "out.$job_last" 2>/dev/null | grep "$job_mark;end" >/dev/null
}
job_tries=0
until job_recorded || [ "$job_tries" -ge 300 ]; do
    job_nap 0.05
    job_tries=$((job_tries + 1))
done
echo "$job_status" >exit.new && mv -f exit.new exit
