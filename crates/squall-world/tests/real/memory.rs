//! Hostile nodes do not make squall large. Measured in a process of its own.

use std::time::Duration;

use crate::lines::HOSTILE;
use crate::roles::actor;
use crate::stage::{INIT, Stage, sh};

#[test]
fn hostile_nodes_do_not_make_squall_large() {
    let output = actor("glutton").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let peak = text.lines().find_map(|line| line.strip_prefix("peak ")).expect("it ran");
    let peak_mib: u64 = peak.parse().unwrap();
    println!("{peak_mib} MiB");
    assert!(peak_mib < 400, "{peak_mib} MiB");
}

/// A run of all of them together.
pub(crate) fn glutton() {
    let endless = "tr '\\0' x < /dev/zero";
    let stderr = "yes 'a line of a log that nobody reads' >&2";
    let flood = r#"yes '{"src":"n0","dest":"n0","body":{"type":"x"}}'"#;
    let nodes: [&str; 4] = [
        &sh("", INIT, "sleep 60"),
        &HOSTILE.replace("n0", "n1"),
        &sh("", INIT, endless),
        &sh("", INIT, &format!("{stderr} & {flood}")),
    ];
    let pad = "x".repeat(1 << 20);
    let flood = vec![format!(r#"{{"type":"echo","msg_id":2,"pad":"{pad}"}}"#); 80];
    let stage = Stage::of_all(&nodes);
    let outcome = Stage { flood, limit: Duration::from_secs(8), answers: 9, ..stage }.run();
    println!("\npeak {}", outcome.peak_mib);
    outcome.assert_nothing_left();
}
