# The prompt hook for zsh, as bash.sh. ID is replaced. The mark for a line without
# its end (PROMPT_SP) comes before any hook, and would be output of the line, so
# the hook prints it behind its own mark. zsh takes no entry out of its history, so
# where ours went into it, it gets the same one without them.
__rsmcp_d() {
local s=$? v x t;
while (( $#__rsmcp_o )); do
v=$__rsmcp_o[1] x=$__rsmcp_o[2] t=$__rsmcp_o[3]; shift 3 __rsmcp_o;
if [[ $t == - ]]; then unset $v; else typeset -g "$v=$x"; [[ $t == *export* ]] || typeset -g +x $v; fi;
done;
[[ -z $__rsmcp_h ]] || { setopt banghist; __rsmcp_h=; };
printf '\e]133;D;%s;rsmcp=ID;cwd=%s\a' $s "${PWD//[[:cntrl:]]/?}";
[[ -z $__rsmcp_p ]] || { __rsmcp_p=; setopt promptsp;
print -nP -- "${PROMPT_EOL_MARK-%B%S%#%s%b}"; printf '%*s\r \r' $((COLUMNS - 1)) ''; };
return $s; };
__rsmcp_c() { printf '\e]133;C;rsmcp=ID\a'; };
__rsmcp_a() {
local v;
for v in PAGER GIT_PAGER MANPAGER SYSTEMD_PAGER; do
if (( ${(P)+v} )); then __rsmcp_o+=("$v" "${(P)v}" "t${(Pt)v}"); else __rsmcp_o+=("$v" "" -); fi;
export "$v=cat";
done;
[[ ! -o banghist ]] || { __rsmcp_h=1; unsetopt banghist; };
[[ ! -o promptsp ]] || { __rsmcp_p=1; unsetopt promptsp; };
BUFFER=;
printf '\e]7717;ID;armed;\a'; };
typeset -ga __rsmcp_o precmd_functions preexec_functions; __rsmcp_o=(); __rsmcp_h=; __rsmcp_p=;
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
