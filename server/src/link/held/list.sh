echo
echo "remote-shell-mcp list $job_mark"
exec 2>/dev/null
cd "$HOME/.local/state/remote-shell-mcp" || {
    echo .
    exit 0
}
job_here=$(uname -n)
# What becomes known of the process that the file $1 names. A boot's id is this
# host's own; a number and a time may be another's.
job_look() {
    read -r job_pid job_since job_start job_node <"$1" || return
    if [ "$job_node" = "$job_here" ] || [ "$job_since" != - ]; then
        [ "$(job_born "$job_pid")" != "$job_since $job_start" ] || job_state=lives
    fi
    [ "$job_state" = lives ] || [ "$job_node" = "$job_here" ] || job_state=elsewhere
}
for job_one in shells/[0-9a-f]* jobs/[0-9a-f]*; do
    [ -d "$job_one" ] || continue
    job_state=lost job_holder=- job_who=holder
    case $job_one in
    shells/*)
        job_who=pid
        [ ! -e "$job_one/holder" ] || read -r job_holder job_name <"$job_one/holder"
        ;;
    esac
    if [ -e "$job_one/exit" ]; then
        job_state=ended
    elif [ -e "$job_one/$job_who" ]; then
        job_look "$job_one/$job_who"
    fi
    job_label=
    [ ! -e "$job_one/label" ] || read -r job_label <"$job_one/label"
    # The echo of some sh takes a backslash in a label for an escape.
    printf '%s\n' "$job_one $job_state $job_holder $job_label"
done
echo .
