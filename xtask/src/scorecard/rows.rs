//! The list of all rows.

use std::time::Duration;

use super::{
    Effort, Error, Figure, Row, Target, broadcast, build, checkers, engine, first, processes,
    release, seeds,
};

/// All rows, by topic.
pub const ROWS: &[Row] = &[
    row(
        "first",
        "the README's first command, after the build",
        Target::less(2.0, "s"),
        first::wall,
    )
    .quick(10),
    row(
        "first",
        "files that differ elsewhere, by the first command",
        Target::exactly(0.0, ""),
        first::different_files,
    )
    .quick(10),
    row(
        "broadcast",
        "seeds within 3d, no faults",
        Target::exactly(100.0, "%"),
        broadcast::meets_3d,
    )
    .quick(20),
    row(
        "broadcast",
        "seeds within 3e, no faults",
        Target::exactly(100.0, "%"),
        broadcast::meets_3e,
    )
    .quick(5),
    row(
        "broadcast",
        "greatest msgs-per-op, no faults",
        Target::less(20.0, ""),
        broadcast::messages,
    )
    .quick(5),
    row(
        "broadcast",
        "seeds held under partitions",
        Target::exactly(100.0, "%"),
        broadcast::held_partitioned,
    )
    .quick(20),
    row(
        "broadcast",
        "greatest msgs-per-op under partitions",
        Target::less(30.0, ""),
        broadcast::messages_partitioned,
    )
    .quick(5),
    row("broadcast", "seeds held under kills", Target::exactly(100.0, "%"), broadcast::held_killed)
        .quick(20),
    row(
        "broadcast",
        "greatest msgs-per-op under kills",
        Target::shown(""),
        broadcast::messages_killed,
    )
    .quick(5),
    row(
        "sweeps",
        "echo: seeds neither held nor not exercised",
        Target::exactly(0.0, ""),
        seeds::bad::<{ seeds::ECHO }>,
    )
    .quick(10),
    row(
        "sweeps",
        "echo: seeds not exercised",
        Target::at_most(3.0, "%"),
        seeds::not_exercised::<{ seeds::ECHO }>,
    )
    .quick(5),
    row(
        "sweeps",
        "echo: time of all seeds",
        Target::less(5.0, "min"),
        seeds::minutes::<{ seeds::ECHO }>,
    )
    .quick(5),
    row(
        "sweeps",
        "unique-ids: seeds neither held nor not exercised",
        Target::exactly(0.0, ""),
        seeds::bad::<{ seeds::UNIQUE_IDS }>,
    )
    .quick(10),
    row(
        "sweeps",
        "unique-ids: seeds not exercised",
        Target::at_most(3.0, "%"),
        seeds::not_exercised::<{ seeds::UNIQUE_IDS }>,
    )
    .quick(5),
    row(
        "sweeps",
        "unique-ids: time of all seeds",
        Target::less(5.0, "min"),
        seeds::minutes::<{ seeds::UNIQUE_IDS }>,
    )
    .quick(5),
    row(
        "sweeps",
        "broadcast: seeds neither held nor not exercised",
        Target::exactly(0.0, ""),
        seeds::bad::<{ seeds::BROADCAST }>,
    )
    .quick(10),
    row(
        "sweeps",
        "broadcast: seeds not exercised",
        Target::at_most(3.0, "%"),
        seeds::not_exercised::<{ seeds::BROADCAST }>,
    )
    .quick(5),
    row(
        "sweeps",
        "broadcast: time of all seeds",
        Target::less(5.0, "min"),
        seeds::minutes::<{ seeds::BROADCAST }>,
    )
    .quick(5),
    row(
        "sweeps",
        "lin-kv: seeds neither held nor not exercised",
        Target::exactly(0.0, ""),
        seeds::bad::<{ seeds::LIN_KV }>,
    )
    .quick(10),
    row(
        "sweeps",
        "lin-kv: seeds not exercised",
        Target::at_most(3.0, "%"),
        seeds::not_exercised::<{ seeds::LIN_KV }>,
    )
    .quick(5),
    row(
        "sweeps",
        "lin-kv: time of all seeds",
        Target::less(5.0, "min"),
        seeds::minutes::<{ seeds::LIN_KV }>,
    )
    .quick(5),
    row(
        "sweeps",
        "abd: seeds neither held nor not exercised",
        Target::exactly(0.0, ""),
        seeds::bad::<{ seeds::ABD }>,
    )
    .quick(10),
    row(
        "sweeps",
        "abd: seeds not exercised",
        Target::at_most(3.0, "%"),
        seeds::not_exercised::<{ seeds::ABD }>,
    )
    .quick(5),
    row(
        "sweeps",
        "abd: time of all seeds",
        Target::less(5.0, "min"),
        seeds::minutes::<{ seeds::ABD }>,
    )
    .quick(5),
    row(
        "sweeps",
        "abd-async: seeds neither held nor not exercised",
        Target::exactly(0.0, ""),
        seeds::bad::<{ seeds::ABD_ASYNC }>,
    )
    .quick(10),
    row(
        "sweeps",
        "abd-async: seeds not exercised",
        Target::at_most(3.0, "%"),
        seeds::not_exercised::<{ seeds::ABD_ASYNC }>,
    )
    .quick(5),
    row(
        "sweeps",
        "abd-async: time of all seeds",
        Target::less(5.0, "min"),
        seeds::minutes::<{ seeds::ABD_ASYNC }>,
    )
    .quick(5),
    row(
        "double",
        "echo: seeds that differ in two OS processes",
        Target::exactly(0.0, ""),
        seeds::diverged::<{ seeds::ECHO }>,
    )
    .quick(10),
    row(
        "double",
        "unique-ids: seeds that differ in two OS processes",
        Target::exactly(0.0, ""),
        seeds::diverged::<{ seeds::UNIQUE_IDS }>,
    )
    .quick(10),
    row(
        "double",
        "broadcast: seeds that differ in two OS processes",
        Target::exactly(0.0, ""),
        seeds::diverged::<{ seeds::BROADCAST }>,
    )
    .quick(10),
    row(
        "double",
        "lin-kv: seeds that differ in two OS processes",
        Target::exactly(0.0, ""),
        seeds::diverged::<{ seeds::LIN_KV }>,
    )
    .quick(10),
    row(
        "double",
        "abd: seeds that differ in two OS processes",
        Target::exactly(0.0, ""),
        seeds::diverged::<{ seeds::ABD }>,
    )
    .quick(10),
    row(
        "double",
        "abd-async: seeds that differ in two OS processes",
        Target::exactly(0.0, ""),
        seeds::diverged::<{ seeds::ABD_ASYNC }>,
    )
    .quick(10),
    row(
        "double",
        "double runs that differ in one OS process",
        Target::exactly(0.0, ""),
        seeds::doubles_differed,
    )
    .quick(15),
    row(
        "abd",
        "seeds not linearizable on slow links",
        Target::exactly(0.0, ""),
        seeds::register_bad,
    )
    .quick(15),
    row(
        "abd",
        "first seed broken without write-back",
        Target::less(1000.0, ""),
        seeds::without_write_back,
    )
    .quick(15),
    row(
        "abd",
        "seeds in which the two styles differ",
        Target::exactly(0.0, ""),
        seeds::styles_diverged,
    )
    .quick(10),
    row("release", "read p99 with reply_after", Target::at_most(1.0, "ms"), release::reply_after)
        .quick(5),
    row("release", "read p99 with reply", Target::at_least(3.0, "ms"), release::reply).quick(5),
    row("engine", "engine beside a bare heap", Target::at_least(1.0 / 3.0, ""), engine::ratio)
        .quick(30),
    row("engine", "without trace", Target::shown("messages/s"), engine::untraced).quick(5),
    row(
        "engine",
        "with the whole trace written",
        Target::at_least(1_500_000.0, "messages/s"),
        engine::traced,
    )
    .quick(5),
    row("engine", "JSON messages", Target::shown("messages/s"), engine::json).quick(5),
    row("engine", "idle", Target::at_least(400_000.0, "simulated s/s"), engine::idle).quick(5),
    row(
        "processes",
        "routed with trace",
        Target::at_least(100_000.0, "messages/s"),
        processes::routed,
    )
    .quick(10),
    row(
        "processes",
        "what a run of 1 s takes longer",
        Target::less(50.0, "ms"),
        processes::overhead,
    )
    .quick(10),
    row(
        "processes",
        "what `squall test` of 1 s takes longer",
        Target::less(50.0, "ms"),
        processes::overhead_of_test,
    )
    .quick(5),
    row(
        "processes",
        "deliveries later than a bare sleep, p99",
        Target::at_most(2.0, "ms"),
        processes::late,
    )
    .quick(15),
    row("python", "lines of echo", Target::at_most(25.0, ""), processes::python_echo_lines)
        .quick(1),
    row(
        "python",
        "lines of broadcast",
        Target::at_most(80.0, ""),
        processes::python_broadcast_lines,
    )
    .quick(1),
    row("python", "of 3b and 3c in Python", Target::exactly(2.0, "held"), processes::python)
        .quick(20),
    row(
        "process-twin",
        "msgs-per-op beside virtual time",
        Target::at_most(5.0, "%"),
        broadcast::twin_messages,
    )
    .quick(20),
    row(
        "process-twin",
        "stable-p50 beside virtual time, less 5 %",
        Target::at_most(5.0, "ms"),
        broadcast::twin_median,
    )
    .quick(5),
    row("process-twin", "of 3b and 3c as processes", Target::exactly(2.0, "held"), processes::twin)
        .quick(20),
    row(
        "process-twin",
        "of 3b and 3c mixed with Python",
        Target::exactly(2.0, "held"),
        processes::mixed,
    )
    .quick(20),
    row(
        "foreign",
        "of 1, 2, 3a, 3b and 3c on somebody else's library",
        Target::exactly(5.0, "held"),
        processes::foreign,
    )
    .quick(60),
    row(
        "memory",
        "most memory beside a hostile node",
        Target::less(500.0, "MB"),
        processes::hostile_memory,
    )
    .quick(30),
    row(
        "memory",
        "from the time limit to a verdict on a hostile node",
        Target::at_most(15.0, "s"),
        processes::hostile_patience,
    )
    .quick(5),
    row(
        "build",
        "cold release build of the binary",
        Target::less(4.0, "min"),
        build::cold_release_build,
    ),
    row("build", "cold run of all tests", Target::less(15.0, "min"), build::cold_tests),
    row(
        "checkers",
        "register, 10 clients: growth for each doubling",
        Target::at_most(2.5, ""),
        checkers::growth::<{ checkers::REGISTER }>,
    )
    .quick(20),
    row(
        "checkers",
        "register, 1 % unknown: growth for each doubling",
        Target::at_most(2.5, ""),
        checkers::growth::<{ checkers::REGISTER_UNKNOWN }>,
    )
    .quick(20),
    row(
        "checkers",
        "set-full: growth for each doubling",
        Target::at_most(2.5, ""),
        checkers::growth::<{ checkers::SET_FULL }>,
    )
    .quick(20),
    // At the sizes of the quick form it takes a millisecond, which is no measurement.
    row(
        "checkers",
        "unique-ids: growth for each doubling",
        Target::at_most(2.5, ""),
        checkers::growth::<{ checkers::UNIQUE_IDS }>,
    ),
    row(
        "checkers",
        "register, 100 clients on one key: until it decides or gives up",
        Target::at_most(60.0, "s"),
        checkers::patience::<{ checkers::REGISTER_CROWDED }>,
    )
    .quick(5),
    row(
        "check",
        "1 M operations on 1,000 registers, 30 clients",
        Target::less(0.5, "s"),
        checkers::case::<0>,
    ),
    row(
        "check",
        "1 M operations on one register, unique values, 30 clients",
        Target::less(1.0, "s"),
        checkers::case::<1>,
    ),
    row(
        "check",
        "the same, broken: decided and named",
        Target::less(1.0, "s"),
        checkers::case::<2>,
    ),
    row(
        "check",
        "100 k operations with cas on one register, 10 clients",
        Target::less(0.2, "s"),
        checkers::case::<3>,
    ),
    row(
        "check",
        "100 k operations with cas on one register, 30 clients",
        Target::less(4.0, "s"),
        checkers::case::<4>,
    ),
    row(
        "check",
        "100 k operations with cas on one register, 10 clients, broken",
        Target::less(1.0, "s"),
        checkers::case::<5>,
    ),
    row(
        "check",
        "1 M transactions of list-append, strictly serializable, in memory",
        Target::less(3.0, "s"),
        checkers::case::<6>,
    ),
    row(
        "check",
        "100 k transactions of rw-register, linearizable keys",
        Target::less(5.0, "s"),
        checkers::case::<7>,
    ),
    row("check", "1 M operations of set-full", Target::less(2.0, "s"), checkers::case::<8>),
    row("check", "1 M operations of a log", Target::less(5.0, "s"), checkers::case::<9>),
    row(
        "check",
        "1 M transactions of list-append, from file",
        Target::at_most(6.0, "s"),
        checkers::seconds_from_file,
    ),
    row(
        "check",
        "1 M transactions of list-append, from file: peak of memory",
        Target::less(1.5, "GB"),
        checkers::gigabytes_from_file,
    ),
    row(
        "check",
        "all real histories: checking them",
        Target::less(50.0, "ms"),
        checkers::real_histories,
    )
    .quick(5),
];

/// What measures a row.
type Measure = fn(Effort) -> Result<Figure, Error>;

const fn row(topic: &'static str, figure: &'static str, target: Target, measure: Measure) -> Row {
    Row { topic, figure, target, measure, quick: None }
}

impl Row {
    /// With a form that takes so many seconds.
    const fn quick(self, seconds: u64) -> Self {
        Self { quick: Some(Duration::from_secs(seconds)), ..self }
    }
}
