//! The databases of remote-shell-mcp.
