# The prompt hook for zsh, as bash.sh. ID is replaced. __rsmcp_d is a precmd function
# and __rsmcp_c a preexec one; __rsmcp_p stands for PROMPT_SP: the mark for a line
# without its end comes before any hook, and would be output of the line, so the hook
# prints it behind its own mark. A precmd function's status is nobody's, and ends a
# shell with `set -e`. zsh takes no entry out of its history, so where ours went into
# it, it gets the same one without them.
__rsmcp_d() { {
local s=$? v n x t;
printf '\e]133;D;%s;rsmcp=ID;cwd=%s\a' $s "${PWD//[[:cntrl:]]/?}" >&9;
while (( $#__rsmcp_o )); do
v=$__rsmcp_o[1] x=$__rsmcp_o[2] t=$__rsmcp_o[3]; shift 3 __rsmcp_o; n=${v%%=*};
[[ ${(P)n-} == "${v#*=}" ]] || continue;
if [[ $t == - ]]; then unset $n; else typeset -g "$n=$x"; [[ $t == *export* ]] || typeset -g +x $n; fi;
done;
[[ -z $__rsmcp_p ]] || { __rsmcp_p=; setopt promptsp;
print -nP -u 9 -- "${PROMPT_EOL_MARK-%B%S%#%s%b}"; printf '%*s\r \r' $((COLUMNS - 1)) '' >&9; };
} 9>&1 >/dev/null 2>&1; };
__rsmcp_c() { printf '\e]133;C;rsmcp=ID\a'; };
__rsmcp_a() { {
local v n;
if (( ! $#__rsmcp_o )); then
for v in PAGER=cat GIT_PAGER=cat MANPAGER=cat SYSTEMD_PAGER=cat histchars=$'\1\2#'; do
n=${v%%=*};
[[ ${(Pt)n-} != *readonly* ]] || continue;
if (( ${(P)+n} )); then __rsmcp_o+=("$v" "${(P)n}" "t${(Pt)n}"); else __rsmcp_o+=("$v" "" -); fi;
typeset -g "$v"; [[ $n == histchars ]] || export $n;
done; fi;
[[ ! -o promptsp ]] || { __rsmcp_p=1; unsetopt promptsp; };
BUFFER=;
printf '\e]7717;ID;armed;\a' >&9;
} 9>&1 >/dev/null 2>&1; };
typeset -ga __rsmcp_o precmd_functions preexec_functions; __rsmcp_p=${__rsmcp_p-};
if [[ ! -o histignorespace && ! -o sharehistory && ! -o incappendhistory && ! -o incappendhistorytime ]]; then
() { emulate -L zsh; setopt extendedhistory; local f=$(mktemp) h=${HISTFILE-} s=$SAVEHIST n=$HISTSIZE;
[[ -n $f ]] || return; SAVEHIST=$n; fc -W $f; unset HISTFILE; fc -p /dev/null $n $s;
grep -v ID $f > $f.n; fc -R $f.n; command rm -f $f $f.n;
if [[ -n $h ]]; then HISTFILE=$h; else unset HISTFILE; fi; };
fi;
precmd_functions=(__rsmcp_d ${precmd_functions:#__rsmcp_d});
preexec_functions=(${preexec_functions:#__rsmcp_c} __rsmcp_c);
zle -N __rsmcp_a;
for m in emacs viins; do bindkey -M $m '\C-x\C-^' __rsmcp_a; done; unset m;
printf '\e]7717;ID;ready;zsh\a'
