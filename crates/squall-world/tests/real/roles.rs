//! This program again, as something else than a test.

use std::process::Command;

use squall_world::guard_main;

use crate::{leftovers, memory};

/// The variable that says as what.
const ROLE: &str = "SQUALL_TEST_ROLE";

/// A command that plays this role.
pub(crate) fn actor(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "roles::another_role", "--nocapture"]).env(ROLE, role);
    command
}

/// Not a test of its own: what this program does when a test has started it.
#[test]
fn another_role() {
    match std::env::var(ROLE).as_deref() {
        Ok("guard") => guard_main(std::io::stdin().lock()),
        Ok("glutton") => memory::glutton(),
        Ok(role) => leftovers::squall(role),
        Err(_) => {}
    }
}
