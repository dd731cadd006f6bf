echo
echo "remote-shell-mcp list $job_mark"
exec 2>/dev/null
cd "$HOME/.local/state/remote-shell-mcp" || {
    echo .
    exit 0
}
job_lives() {
    read -r job_pid job_since job_start job_node <"$1" &&
        [ "$(job_born "$job_pid")" = "$job_since $job_start" ]
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
    elif job_lives "$job_one/$job_who"; then
        job_state=lives
    fi
    job_label=
    [ ! -e "$job_one/label" ] || read -r job_label <"$job_one/label"
    echo "$job_one $job_state $job_holder $job_label"
done
echo .
