//! Every version that the workshop downloads, in one place.

/// The official Python SDK that speaks the newer era.
pub(crate) const PYTHON_MODERN: &str = "mcp==2.3.0";

/// The official Python SDK of the older era.
pub(crate) const PYTHON_OLDER: &str = "mcp==1.30.0";

/// The official TypeScript SDK.
pub(crate) const TYPESCRIPT: &str = "@modelcontextprotocol/sdk@1.32.2";

/// Debian packages that hold OpenSSH's server and what it may lack. Their
/// versions are the distribution's, whose signature apt checks.
pub(crate) const SSHD_PACKAGES: [&str; 2] = ["openssh-server", "libwrap0"];

/// The package of the PAM module that asks for a second factor.
pub(crate) const SECOND_FACTOR_PACKAGES: [&str; 1] = ["libpam-google-authenticator"];

/// The package of `ssh`, `ssh-keygen` and `ssh-agent`.
pub(crate) const SSH_PACKAGES: [&str; 1] = ["openssh-client"];

/// The packages of `strace` and of what it may lack.
pub(crate) const STRACE_PACKAGES: [&str; 2] = ["strace", "libunwind8"];

/// Programs that stories of shells drive, and their packages.
pub(crate) const SHELL_PACKAGES: [(&str, &str); 11] = [
    ("bash", "bash"),
    ("zsh", "zsh"),
    ("fish", "fish"),
    ("dash", "dash"),
    ("busybox", "busybox-static"),
    ("vi", "vim-tiny"),
    ("less", "less"),
    ("top", "procps"),
    ("tmux", "tmux"),
    ("screen", "screen"),
    ("dtach", "dtach"),
];

/// What makes network namespaces, and the package of each.
pub(crate) const NETWORK_PACKAGES: [(&str, &str); 2] =
    [("ip", "iproute2"), ("iptables", "iptables")];

/// Real services and their clients, and the package of each; none of them starts a
/// service on the machine. redis-check-rdb is redis-server under another name.
pub(crate) const SERVICE_PACKAGES: [(&str, &str); 3] = [
    ("redis-check-rdb", "redis-tools"),
    ("busybox", "busybox-static"),
    ("curl", "curl"),
];
