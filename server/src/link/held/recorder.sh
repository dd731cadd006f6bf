# Writes what the terminal prints into files named by the offset of their first
# byte, each as soon as it is read, and keeps the last four MiB or more.
cd "$RSMCP_FOLDER" || exit 1
umask 077
trap '' HUP INT
# Some script(1) begin with lines of their own: the shell's come after our mark.
[ -z "${1-}" ] || while read -r job_line; do
    case $job_line in *"$1;begin"*) break ;; esac
done
job_at=0
while :; do
    dd bs=1024 count=4096 of="out.$job_at" 2>/dev/null || exit
    set -- $(ls -ln "out.$job_at")
    job_size=${5-0}
    if [ "$job_size" -eq 0 ]; then
        rm -f "out.$job_at"
        break
    fi
    job_at=$((job_at + job_size))
    for job_file in out.*; do
        [ $((job_at - ${job_file#out.})) -gt 8388608 ] && rm -f "$job_file"
    done
done
echo "$job_at" >recorded.new && mv -f recorded.new recorded
