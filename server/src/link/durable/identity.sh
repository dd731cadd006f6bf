# Tells the process $1 from a later one of the same number: the boot's id and
# when it started in it; without Linux's /proc "-" and the time of its start, or
# "- -" where ps(1) does not say. Fails for one that is no more, and for one that
# only waits to be buried.
job_born() {
    kill -0 "$1" 2>/dev/null || return 1
    if [ ! -r "/proc/$1/stat" ]; then
        set -- $(LC_ALL=C TZ=UTC0 ps -o lstart= -p "$1" 2>/dev/null)
        [ "$#" -eq 5 ] && echo "- $1_$2_$3_$4_$5" || echo '- -'
        return 0
    fi
    job_boot=-
    [ -r /proc/sys/kernel/random/boot_id ] && read -r job_boot </proc/sys/kernel/random/boot_id
    job_stat=
    # The program's name in it may hold spaces, parentheses and newlines.
    while read -r job_line || [ -n "$job_line" ]; do
        job_stat="$job_stat $job_line"
        job_line=
    done <"/proc/$1/stat"
    # From the third field of proc(5) on: the state is 1, the start time 20.
    set -- ${job_stat##*) }
    case ${1-} in '' | Z | X) return 1 ;; esac
    echo "$job_boot ${20}"
}
# Waits for $1 seconds, or for a whole one where sleep(1) knows no fractions.
job_nap() {
    sleep "$1" 2>/dev/null || sleep 1
}
