//! What needs another process: the compiler, asked to build this crate for a machine that has
//! neither clock, files nor threads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";

#[test]
fn the_contract_builds_without_a_host() {
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let is_installed = installed
        .is_ok_and(|it| String::from_utf8_lossy(&it.stdout).lines().any(|line| line == TARGET));
    if !is_installed {
        println!("skipped: the target {TARGET} is not installed");
        return;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "squall-node", "--target", TARGET])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", target)
        .status()
        .unwrap();
    assert!(status.success());
}
