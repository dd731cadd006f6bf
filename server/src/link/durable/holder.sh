# Runs ./command, which writes `pid` and removes itself, and keeps its end. A
# handler and not `trap ''`, which the command would inherit.
trap : HUP INT QUIT TERM
job_umask=$(umask)
umask 077
echo "$$ $(job_born "$$") $(uname -n)" >holder.new && mv -f holder.new holder || exit 1
job_stdout=stdout job_stderr=stderr job_stdin=/dev/null job_setsid=
[ ! -e stdin ] || job_stdin=stdin
: >stdout
: >stderr
# Through pipes: a plain file would be cut by `echo oops >/dev/stderr`. When
# the disk is full the rest is lost, and the command goes on.
for job_stream in stdout stderr; do
    mkfifo "$job_stream.pipe" || continue
    {
        cat >>"$job_stream" || cat >/dev/null
        rm -f "$job_stream.pipe"
    } <"$job_stream.pipe" &
done
[ ! -p stdout.pipe ] || job_stdout=stdout.pipe
[ ! -p stderr.pipe ] || job_stderr=stderr.pipe
command -v setsid >/dev/null && job_setsid=setsid
# In the foreground: what the handler catches waits for its end.
(
    umask "$job_umask"
    exec $job_setsid sh ./command
) <"$job_stdin" >>"$job_stdout" 2>>"$job_stderr"
job_status=$?
# What it left behind may hold the pipes for as long as it likes.
job_tries=0
while [ -p stdout.pipe ] || [ -p stderr.pipe ]; do
    [ "$job_tries" -lt 40 ] || break
    job_nap 0.05
    job_tries=$((job_tries + 1))
done
# For an hour, should the disk be full and the room be gone all the same; not
# when the folder was removed, which nobody asks any more.
job_tries=0
until echo "$job_status" 1<>exit.new && mv -f exit.new exit; do
    [ -e holder ] && [ "$job_tries" -lt 720 ] || exit 1
    sleep 5
    job_tries=$((job_tries + 1))
done
