# The prompt hook for fish, as bash.sh. ID is replaced. fish keeps no line in its
# history that begins with a blank. Before its prompt event it marks a line without
# an end, so a line's end is told once after the line, and once at the prompt for
# lines that never ran.
#
#   __rsmcp_p    says a line's status and the folder (D)
#   __rsmcp_e, __rsmcp_n  behind a line, and one that was cancelled
#   __rsmcp_c    before a line: says that it runs (C)
#   __rsmcp_d    before each prompt: puts the pagers back, those that are still ours
#   __rsmcp_a    bound to a key: gets ready for a line and says so (armed)
#   __rsmcp_s    the status of the last line
#   __rsmcp_on   pagers are to be put back: __rsmcp_o_NAME is what there was, and
#                __rsmcp_x_NAME says that it was exported
function __rsmcp_p;
printf '\e]133;D;%s;rsmcp=ID;cwd=%s\a' $__rsmcp_s (string replace -ra '[[:cntrl:]]' '?' -- $PWD);
end;
function __rsmcp_e --on-event fish_postexec; set -g __rsmcp_s $status; __rsmcp_p; end;
function __rsmcp_n --on-event fish_cancel; __rsmcp_p; end;
function __rsmcp_c --on-event fish_preexec; printf '\e]133;C;rsmcp=ID\a'; end;
function __rsmcp_d --on-event fish_prompt;
if set -q __rsmcp_on; set -e __rsmcp_on;
for v in PAGER GIT_PAGER MANPAGER SYSTEMD_PAGER;
set -l o __rsmcp_o_$v;
if set -qg $v; and test "$$v" = cat;
set -eg $v;
if set -q $o; set -g $v $$o; set -q __rsmcp_x_$v; and set -gx $v $$o; end;
end;
set -e $o __rsmcp_x_$v;
end; end;
__rsmcp_p;
end;
function __rsmcp_a;
if not set -q __rsmcp_on;
for v in PAGER GIT_PAGER MANPAGER SYSTEMD_PAGER;
if set -qg $v; set -g __rsmcp_o_$v $$v; set -qgx $v; and set -g __rsmcp_x_$v 1; end;
set -gx $v cat;
end;
set -g __rsmcp_on 1;
end;
commandline -r '';
printf '\e]7717;ID;armed;\a';
end;
set -g __rsmcp_s 0;
bind \e\[57999~ __rsmcp_a; bind -M insert \e\[57999~ __rsmcp_a;
printf '\e]7717;ID;ready;fish\a'
