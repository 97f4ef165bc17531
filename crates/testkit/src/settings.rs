//! Settings of servers in tests.

/// A `tring.toml` of a server that nobody beyond this machine calls, on ports that the system chooses. The data folder is the
/// test's to name.
pub const ON_LOOPBACK: &str = r#"
listen = "127.0.0.1:0"
[media]
bind = "127.0.0.1"
udp_port = 0
workers = 1
[rtmp]
listen = "0.0.0.0:0"
"#;
