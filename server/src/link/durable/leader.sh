umask 077
echo "$$ $(job_born "$$")" >pid.new && mv -f pid.new pid
# Secrets may be in them, and both are open by now.
rm -f command stdin
