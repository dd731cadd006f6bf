# For shells whose prompt cannot be hooked (dash, busybox, ksh): a function that a
# line is handed to. ID is replaced. In a sh without `command eval` a line that is
# no sh at all ends without an end mark.
__rsmcp() {
__rsmcp_p=${PAGER+x}${PAGER-}; __rsmcp_g=${GIT_PAGER+x}${GIT_PAGER-};
PAGER=cat; GIT_PAGER=cat; export PAGER GIT_PAGER;
printf '\033]133;C;rsmcp=ID\007';
command eval "$1";
__rsmcp_s=$?;
case $__rsmcp_p in x*) PAGER=${__rsmcp_p#x};; *) unset PAGER;; esac;
case $__rsmcp_g in x*) GIT_PAGER=${__rsmcp_g#x};; *) unset GIT_PAGER;; esac;
printf '\033]133;D;%s;rsmcp=ID;cwd=%s\007' "$__rsmcp_s" "$PWD";
return "$__rsmcp_s"; };
printf '\033]7717;ID;ready;plain\007'
