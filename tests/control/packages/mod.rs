//! What is handed out to be installed: the Debian package, and what it brings for others.

mod chart;
mod debian;
mod logs;
mod machine;
mod systemd;
