echo
echo "remote-shell-mcp follow $job_mark" || exit
exec 2>/dev/null
job_gone() {
    echo "G $1"
    exit 0
}
cd "$HOME/.local/state/remote-shell-mcp/jobs/$job_mark" || job_gone 'the host has no such job'
[ -d started ] || job_gone 'it was not started'
# ls(1) asks for the sizes; the wc of some systems would read it all.
job_sizes() {
    set -- $(ls -ln stderr stdout | while read -r job_1 job_2 job_3 job_4 job_size job_5; do
        echo "$job_size"
    done)
    job_stderr_size=${1:-0} job_stdout_size=${2:-0}
}
# Sends the next of the file $2, of $4 bytes, from $3 on, as a frame $1.
job_send() {
    job_next=$3
    [ "$3" -lt "$4" ] || return 0
    job_count=$(($4 - $3))
    [ "$job_count" -le 4194304 ] || job_count=4194304
    echo "$1 $job_count" || exit
    {
        # Reading the byte before it leaves the file at the offset: each dd
        # seeks, and takes its share of a plain file in one read.
        [ "$3" -eq 0 ] || dd bs=1 skip="$(($3 - 1))" count=1 of=/dev/null
        dd bs="$job_count" count=1
    } <"$2" || exit
    job_next=$(($3 + job_count))
    job_moved=yes
}
# Whether the holder is what wrote its name down.
job_held() {
    [ -e holder ] || return 1
    read -r job_pid job_since job_start job_node <holder
    [ "$(job_born "$job_pid")" = "$job_since $job_start" ]
}
job_tries=0
until [ -e holder ] || [ -e exit ] || [ "$job_tries" -ge 40 ]; do
    job_nap 0.05
    job_tries=$((job_tries + 1))
done
job_nap_ms=50 job_silent_ms=0
while :; do
    job_over=
    # In this order: what ends now is whole when its end is seen.
    if [ -e exit ]; then
        job_over=ended
    elif ! job_held && [ ! -e exit ]; then
        job_over=lost
    fi
    job_sizes
    job_moved=
    job_send O stdout "$job_stdout_at" "$job_stdout_size"
    job_stdout_at=$job_next
    job_send E stderr "$job_stderr_at" "$job_stderr_size"
    job_stderr_at=$job_next
    if [ -n "$job_moved" ]; then
        job_nap_ms=50 job_silent_ms=0
        continue
    fi
    case $job_over in
    ended) break ;;
    lost)
        [ ! -e exit ] || continue
        [ -e holder ] || job_gone 'it did not run: its start was cut off'
        job_boot=-
        [ -r /proc/sys/kernel/random/boot_id ] && read -r job_boot </proc/sys/kernel/random/boot_id
        [ "$job_boot" = "$job_since" ] ||
            job_gone "the host was booted since, or is not $job_node where it ran: how it ended is unknown"
        job_gone 'what waited for its end was killed: how it ended is unknown'
        ;;
    esac
    case $job_nap_ms in
    50) sleep 0.05 ;;
    100) sleep 0.1 ;;
    200) sleep 0.2 ;;
    500) sleep 0.5 ;;
    *) sleep 1 ;;
    esac || job_nap_ms=1000
    job_silent_ms=$((job_silent_ms + job_nap_ms))
    case $job_nap_ms in
    50) job_nap_ms=100 ;;
    100) job_nap_ms=200 ;;
    200) job_nap_ms=500 ;;
    esac
    # Nothing else tells a follower that nobody reads it any more.
    if [ "$job_silent_ms" -ge 5000 ]; then
        echo K || exit
        job_silent_ms=0
    fi
done
read -r job_status job_rest <exit
echo "X $job_status" || exit
read -r job_line || exit
[ "$job_line" = done ] || exit
cd .. && rm -rf "./$job_mark" && echo R
