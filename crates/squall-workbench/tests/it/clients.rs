//! Who asks: ids of clients, numbers of processes, what becomes of both.

use std::collections::{BTreeMap, BTreeSet};

use squall_workbench::Settings;

use crate::bench::{settings, with_nodes};
use crate::liar::lie;

fn one(node: &str) -> Settings {
    let settings = with_nodes(1, settings(node));
    Settings { time_limit_ms: 6_000, rpc_timeout_ms: Some(500), recovery_ms: 100, ..settings }
}

#[test]
fn what_times_out_is_unknown_unless_it_has_no_effect() {
    for (node, functions) in [
        ("echo", vec![("echo", "info")]),
        ("unique-ids", vec![("generate", "info")]),
        ("broadcast", vec![("broadcast", "info"), ("read", "fail")]),
        ("lin-kv", vec![("cas", "info"), ("read", "fail"), ("write", "info")]),
    ] {
        let lied = lie(&one(node), |_, _, _, _| Vec::new());
        let mut stages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut begins: BTreeMap<u64, u64> = BTreeMap::new();
        for op in lied.ops() {
            let (process, time) = (op["process"].as_u64().unwrap(), op["t"].as_u64().unwrap());
            if op["do"] == "invoke" {
                begins.insert(process, time);
                continue;
            }
            assert_eq!(op["error"], "net-timeout");
            assert_eq!(time - begins[&process], 500_000_000, "after the time-out, not before");
            let f = op["f"].as_str().unwrap().to_owned();
            stages.entry(f).or_default().insert(op["do"].as_str().unwrap().to_owned());
        }
        let stages: Vec<_> = stages.iter().map(|(f, s)| (f.as_str(), s.iter().collect())).collect();
        let expected: Vec<_> =
            functions.iter().map(|(f, stage)| (*f, vec![(*stage).to_owned()])).collect();
        let stages: Vec<(&str, Vec<String>)> = stages
            .into_iter()
            .map(|(f, s): (&str, Vec<&String>)| (f, s.into_iter().cloned().collect()))
            .collect();
        assert_eq!(stages, expected, "{node}");
        assert_eq!(lied.judged.word.as_str(), "broken", "{node}: nobody answered anything");
    }
}

#[test]
fn after_an_unknown_end_the_process_is_another_and_some_clients_too() {
    for (node, keeps_client) in
        [("echo", false), ("broadcast", false), ("unique-ids", true), ("lin-kv", true)]
    {
        let mut settings = one(node);
        settings.concurrency = 2;
        let lied = lie(&settings, |_, _, _, _| Vec::new());
        // By worker: its processes and its clients, in order.
        let mut rows: BTreeMap<u64, Vec<(u64, String, String)>> = BTreeMap::new();
        for op in lied.ops().into_iter().filter(|op| op["do"] != "invoke") {
            let process = op["process"].as_u64().unwrap();
            let text = |key: &str| op[key].as_str().unwrap().to_owned();
            rows.entry(process % 2).or_default().push((process, text("a"), text("do")));
        }
        assert_eq!(rows.len(), 2, "{node}");
        for (worker, row) in rows {
            assert!(row.len() > 4, "{node}: {row:?}");
            assert_eq!(row[0].0, worker);
            for pair in row.windows(2) {
                let [(before, client, stage), (process, next, _)] = pair else { continue };
                let is_unknown = stage == "info";
                assert_eq!(*process, before + 2 * u64::from(is_unknown), "{node}: {row:?}");
                let is_same = client == next;
                assert_eq!(is_same, keeps_client || !is_unknown, "{node}: {row:?}");
            }
        }
        // A client counts its requests from 1.
        let mut ids: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let sends = lied.trace.iter().filter(|line| line["k"] == "send");
        for send in sends.filter(|send| send["a"].as_str().unwrap().starts_with('c')) {
            let client = send["a"].as_str().unwrap().to_owned();
            ids.entry(client).or_default().push(send["msg_id"].as_u64().unwrap());
        }
        for (client, ids) in ids {
            assert!(ids.iter().copied().eq(1..=ids.len() as u64), "{node}, {client}: {ids:?}");
        }
    }
}

#[test]
fn late_answers_go_to_nobody() {
    // Every answer comes with the next request, when its client has given up.
    let kept = std::cell::RefCell::new(Vec::<String>::new());
    let lied = lie(&one("unique-ids"), move |_, id, _, _| {
        let late = std::mem::take(&mut *kept.borrow_mut());
        kept.borrow_mut().push(format!(r#"{{"type":"generate_ok","in_reply_to":{id},"id":{id}}}"#));
        late
    });
    let ends = lied.ends();
    assert!(ends.len() > 5 && ends.iter().all(|end| end == "info \"net-timeout\""), "{ends:?}");
    // That no answer came in time is told; that one came later is nobody's mistake.
    assert_eq!(lied.codes(), [("SQ07", ends.len() as u64)]);
}

#[test]
fn each_worker_asks_its_own_node() {
    let settings = Settings { concurrency: 10, ..settings("unique-ids") };
    let plan = crate::bench::plan_of(&settings, 1);
    let mut seen = BTreeSet::new();
    for op in crate::bench::trace(&plan).iter().filter(|line| line["k"] == "op") {
        let worker = op["process"].as_u64().unwrap() % 10;
        assert_eq!(op["to"], format!("n{}", worker % 5));
        seen.insert(worker);
    }
    assert_eq!(seen.len(), 10, "free workers take turns");
}
