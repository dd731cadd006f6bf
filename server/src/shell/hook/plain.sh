# For shells whose prompt cannot be hooked (dash, busybox, ksh): text that is run
# around a line, outside any function, so that the line has the shell's `$1` and
# `$?`. ID is replaced. In a sh without `command eval` a line that is no sh at all
# ends without an end mark.
#
#   __rsmcp    the line; typed before it: __rsmcp_s=$?
#   __rsmcp_r  runs it
#   __rsmcp_c  before it: no pagers, and says that it runs (C)
#   __rsmcp_d  behind it: says its status and the folder (D), and puts back
#   __rsmcp_s  the status of the line; empty while it runs, and __rsmcp_t that before
#   __rsmcp_e  notes the status; __rsmcp_n is a line end
#   __rsmcp_p, __rsmcp_g  the pagers that were; x before one that was set
#
# `&& :` keeps a status from `set -e`, which must hold for the line itself, and so
# does noting the line's status behind it; no `<<` may swallow that.
__rsmcp_n=$(printf '\nx'); __rsmcp_n=${__rsmcp_n%x};
__rsmcp_c() {
[ "${__rsmcp_p-}" ] || { __rsmcp_p=${PAGER+x$PAGER}. __rsmcp_g=${GIT_PAGER+x$GIT_PAGER}; };
export PAGER=cat GIT_PAGER=cat;
printf '\033]133;C;rsmcp=ID\007';
return "$__rsmcp_t"; };
__rsmcp_d() {
__rsmcp_s=${__rsmcp_s:-$?};
printf '\033]133;D;%s;rsmcp=ID;cwd=%s\007' "$__rsmcp_s" "$PWD";
__rsmcp_p=${__rsmcp_p%.};
[ "${PAGER-}" != cat ] || case $__rsmcp_p in x*) PAGER=${__rsmcp_p#x};; *) unset PAGER;; esac;
[ "${GIT_PAGER-}" != cat ] || case $__rsmcp_g in x*) GIT_PAGER=${__rsmcp_g#x};; *) unset GIT_PAGER;; esac;
__rsmcp_p=;
return "$__rsmcp_s"; };
__rsmcp_e='{ __rsmcp_s=$?;} 2>/dev/null';
__rsmcp_r='__rsmcp_t=$__rsmcp_s __rsmcp_s=;
case $__rsmcp in *"<<"*);; *) __rsmcp=$__rsmcp$__rsmcp_n$__rsmcp_n$__rsmcp_e;; esac;
command eval "{ __rsmcp_c&&:;} 2>/dev/null$__rsmcp_n$__rsmcp"';
printf '\033]7717;ID;ready;plain\007'
