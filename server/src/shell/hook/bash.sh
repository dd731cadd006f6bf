# The prompt hook for bash from 4.4 on with a line editor. Typed as one line: its
# lines are joined by blanks, and lines like this one left out. ID is replaced.
#
#   __rsmcp_d  before each prompt: says the status and folder of what ran (D)
#   __rsmcp_a  bound to a key: gets ready for a line and says so (armed)
#   __rsmcp_i  puts the first into PROMPT_COMMAND
#   __rsmcp_c  puts the mark before a line (C) into PS0
#   __rsmcp_f  takes the lines that put it here out of the history
#   __rsmcp_n  the name of __rsmcp_d; a child that inherits PROMPT_COMMAND has none
#   __rsmcp_o  what to put back: NAME=OURS, the old value, its attributes, ...
#
# What a shell that is traced or has a DEBUG trap prints about them is dropped; the
# marks go by descriptor 9. `&& :` keeps a status from `set -e` and an ERR trap.
#
# What was set for one line goes, if it is still what was set; the status stays for
# whatever else PROMPT_COMMAND has.
__rsmcp_d() {
local s=$? i=0 n -;
set +x;
printf '\e]133;D;%s;rsmcp=ID;cwd=%s\a' "$s" "${PWD//[[:cntrl:]]/?}" >&9;
for ((; i < ${#__rsmcp_o[@]}; i += 3)); do
n=${__rsmcp_o[i]%%=*};
[[ ${!n-} == "${__rsmcp_o[i]#*=}" ]] || continue;
if [[ ${__rsmcp_o[i+2]} == - ]]; then unset "$n";
else printf -v "$n" %s "${__rsmcp_o[i+1]}";
[[ ${__rsmcp_o[i+2]} == *x* ]] || export -n "$n"; fi;
done;
__rsmcp_o=(); __rsmcp_c;
return "$s"; };
# The line that follows is to find no pager, and no `!` in it is history: that is
# another character meanwhile, so that the line may itself say `set +H`.
__rsmcp_a() {
local s=$? v n -;
set +x;
if ((${#__rsmcp_o[@]} == 0)); then
for v in PAGER=cat GIT_PAGER=cat MANPAGER=cat SYSTEMD_PAGER=cat histchars=$'\1\2#'; do
n=${v%%=*};
if [[ -v $n ]]; then __rsmcp_o+=("$v" "${!n}" "=${!n@a}"); else __rsmcp_o+=("$v" "" -); fi;
printf -v "$n" %s "${v#*=}";
[[ $n == histchars ]] || export "$n";
done; fi;
__rsmcp_i;
READLINE_LINE=; READLINE_POINT=0;
printf '\e]7717;ID;armed;\a' >&9;
return "$s"; };
# Again before each line: prompts that are set up anew drop what was there. Between
# a prompt and its line, bash must not find another PS0: it has kept where it was.
__rsmcp_i() {
[[ ${PROMPT_COMMAND[*]-} == *__rsmcp_n* ]] ||
PROMPT_COMMAND='{ "${__rsmcp_n-:}" && :; } 9>&1 >/dev/null 2>&1'"${PROMPT_COMMAND:+$'\n'$PROMPT_COMMAND}"; };
__rsmcp_c() { [[ ${PS0-} == *rsmcp=ID* ]] || PS0="${PS0-}"'\e]133;C;rsmcp=ID\a'; };
__rsmcp_f() {
local n l i;
for i in 1 2; do
read -r n l <<<"$(HISTTIMEFORMAT= history 1)";
[[ $l != *ID* ]] || history -d "${n%\*}";
done; };
__rsmcp_f; unset -f __rsmcp_f;
__rsmcp_n=__rsmcp_d; __rsmcp_o=("${__rsmcp_o[@]}"); __rsmcp_i; __rsmcp_c;
for __rsmcp_m in emacs vi-insert; do
bind -m $__rsmcp_m -x '"\x18\x1e": { __rsmcp_a "$_" && : "$_"; } 9>&1 >/dev/null 2>&1';
done; unset __rsmcp_m;
printf '\e]7717;ID;ready;bash\a'
