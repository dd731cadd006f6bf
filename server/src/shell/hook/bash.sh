# The prompt hook for bash from 4.4 on. Typed as one line: its lines are joined by
# blanks, and lines like this one left out. ID is replaced.
# The status and folder of what ran, before each prompt; puts back what was set
# for that one line. The status stays for whatever else PROMPT_COMMAND has.
__rsmcp_d() {
local s=$? i=0;
for ((; i < ${#__rsmcp_o[@]}; i += 3)); do
if [[ ${__rsmcp_o[i+2]} == - ]]; then unset "${__rsmcp_o[i]}";
else printf -v "${__rsmcp_o[i]}" %s "${__rsmcp_o[i+1]}";
[[ ${__rsmcp_o[i+2]} == *x* ]] || export -n "${__rsmcp_o[i]}"; fi;
done;
__rsmcp_o=();
[[ -z $__rsmcp_h ]] || { set -H; __rsmcp_h=; };
printf '\e]133;D;%s;rsmcp=ID;cwd=%s\a' "$s" "${PWD//[[:cntrl:]]/?}";
return "$s"; };
# Bound to a key: the line that follows is to find no pager, and no `!` in it is
# history.
__rsmcp_a() {
local v;
for v in PAGER GIT_PAGER MANPAGER SYSTEMD_PAGER; do
if [[ -v $v ]]; then __rsmcp_o+=("$v" "${!v}" "x${!v@a}y"); else __rsmcp_o+=("$v" "" -); fi;
export "$v=cat";
done;
[[ $- != *H* ]] || { __rsmcp_h=1; set +H; };
READLINE_LINE=; READLINE_POINT=0;
printf '\e]7717;ID;armed;\a'; };
# Takes the lines that put it here out of the history, where they went into it.
__rsmcp_f() {
local n l i;
for i in 1 2; do
read -r n l < <(HISTTIMEFORMAT= history 1);
[[ $l != *ID* ]] || history -d "${n%\*}";
done; };
__rsmcp_o=(); __rsmcp_h=; __rsmcp_f; unset -f __rsmcp_f;
if [[ ! -o emacs && ! -o vi ]] || ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
printf '\e]7717;ID;ready;plain\a';
else
if [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]];
then PROMPT_COMMAND=(__rsmcp_d "${PROMPT_COMMAND[@]}");
else PROMPT_COMMAND="__rsmcp_d${PROMPT_COMMAND:+$'\n'$PROMPT_COMMAND}"; fi;
PS0="${PS0-}"'\e]133;C;rsmcp=ID\a';
bind -m emacs -x '"\x18\x1e": __rsmcp_a'; bind -m vi-insert -x '"\x18\x1e": __rsmcp_a';
printf '\e]7717;ID;ready;bash\a';
fi
