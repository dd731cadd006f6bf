echo
echo "remote-shell-mcp follow $job_mark" || exit
exec 2>/dev/null
job_gone() {
    echo "G $1"
    exit 0
}
cd "$HOME/.local/state/remote-shell-mcp/shells/$job_mark" || job_gone 'the host has no such shell'
# The file that has the offset, or the next one there is, and what fell out.
job_find() {
    job_start= job_next=
    for job_file in out.*; do
        job_number=${job_file#out.}
        case $job_number in *[!0-9]* | '') continue ;; esac
        if [ "$job_number" -le "$job_at" ]; then
            [ -n "$job_start" ] && [ "$job_number" -lt "$job_start" ] || job_start=$job_number
        else
            [ -n "$job_next" ] && [ "$job_number" -gt "$job_next" ] || job_next=$job_number
        fi
    done
    if [ -n "$job_start" ]; then
        job_measure
        [ "$job_at" -lt "$job_end" ] || [ -z "$job_next" ] || [ "$job_next" -eq "$job_at" ] ||
            job_start=
    fi
    if [ -z "$job_start" ] && [ -n "$job_next" ]; then
        echo "L $((job_next - job_at))" || exit
        job_at=$job_next job_start=$job_next
    fi
}
# ls(1) asks for the size; the wc of some systems would read it all.
job_measure() {
    set -- $(ls -ln "out.$job_start")
    job_end=$((job_start + ${5-0}))
}
job_send() {
    job_count=$((job_end - job_at)) job_from=$((job_at - job_start))
    [ "$job_count" -le 4194304 ] || job_count=4194304
    echo "O $job_count" || exit
    {
        # Reading the byte before it leaves the file at the offset: each dd
        # seeks, and takes its share of a plain file in one read.
        [ "$job_from" -eq 0 ] || dd bs=1 skip="$((job_from - 1))" count=1 of=/dev/null
        dd bs="$job_count" count=1
    } <"out.$job_start" || exit
    job_at=$((job_at + job_count))
}
job_lives() {
    read -r job_pid job_since job_start_time job_node <pid || return 1
    [ "$(job_born "$job_pid")" = "$job_since $job_start_time" ]
}
job_tries=0
until [ -e pid ] || [ -e exit ]; do
    [ "$job_tries" -lt 60 ] || job_gone 'it did not run: its start was cut off'
    job_nap 0.05
    job_tries=$((job_tries + 1))
done
job_start= job_waited=0
while :; do
    job_over=
    # In this order: what ends now is whole when its end is seen.
    if [ -e exit ]; then
        job_over=ended
    elif [ -e pid ] && ! job_lives && [ ! -e exit ]; then
        job_over=lost
    fi
    job_whole=
    [ ! -e recorded ] || job_whole=yes
    while :; do
        [ -n "$job_start" ] && [ -e "out.$job_start" ] || job_find
        [ -n "$job_start" ] || break
        job_measure
        if [ "$job_at" -lt "$job_end" ]; then
            job_send
        elif [ "$job_end" -gt "$job_start" ] && [ -e "out.$job_end" ]; then
            job_start=$job_end
        else
            break
        fi
    done
    # What records it is a moment behind, or was killed.
    if [ -n "$job_over" ] && [ -z "$job_whole" ] && [ "$job_waited" -lt 200 ]; then
        job_waited=$((job_waited + 1))
        job_nap 0.05
        continue
    fi
    # Without its folder there is nothing more to be told.
    [ -n "$job_over" ] || [ -e holder ] || job_gone 'it was ended on its host'
    case $job_over in
    ended) break ;;
    lost) job_gone 'its holder was killed, or the host was booted since' ;;
    esac
    # Looks again when it is told to: what shows the screen knows when.
    echo K || exit
    read -r job_line || exit
done
read -r job_status <exit
echo "X $job_status" || exit
read -r job_line || exit
[ "$job_line" = done ] || exit
cd .. && rm -rf "./$job_mark" && echo R
