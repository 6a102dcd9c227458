//! Runs `testscripts/world/*`: each tells in its first lines what it shows and why.
//!
//! ```text
//! cluster nodes=3 latency=100 sync=4 rule=off seed=7    times in ms
//! say put 7 at=10 node=1
//! cut n0,n1 n2 at=50 for=100                     groups that hear each other no more
//! deaf n1 n0 at=50 for=100                       n1 no longer hears n0
//! kill n1 at=20 for=10 power=yes
//! kill n1 sent=vote_ok nth=2 for=10              right after the second of these is sent
//! lose vote n0 n1 k=0                            one message
//! run end=300 from=40                            the transcript, of what comes at `from` or later
//! ```
//!
//! `UPDATE_GOLDENFILES=1 cargo test -p squall-world --test it` writes the outputs anew.

use std::error::Error;
use std::path::Path;

use goldenscript::{ArgumentConsumer, Command, Context};
use serde_json::{Value, json};

use crate::stage::{Stage, say};
use crate::transcript::transcript;

#[test]
fn the_scripts_say_what_is_written_in_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testscripts/world");
    let mut scripts: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    scripts.sort();
    assert!(scripts.len() >= 5, "only {} scripts", scripts.len());
    for script in scripts {
        goldenscript::run(&mut Runner::default(), &script).unwrap();
    }
}

#[derive(Default)]
struct Runner(Stage);

type Args<'a> = ArgumentConsumer<'a>;

impl goldenscript::Runner for Runner {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        let said = match command.name.as_str() {
            "cluster" => self.cluster(&mut args),
            "say" => self.say(&mut args),
            "cut" => self.cut(&mut args),
            "deaf" => self.deaf(&mut args),
            "kill" => self.kill(&mut args),
            "lose" => self.lose(&mut args),
            "run" => return self.play(&mut args),
            other => Err(format!("there is no command {other}").into()),
        };
        said?;
        args.reject_next()?;
        Ok(String::new())
    }
}

impl Runner {
    fn cluster(&mut self, args: &mut Args<'_>) -> Result<(), Box<dyn Error>> {
        self.0.seed = number(args, "seed")?.unwrap_or(1);
        self.0.nodes = usize::try_from(number(args, "nodes")?.unwrap_or(2))?;
        self.0.latency_us = 1_000 * number(args, "latency")?.unwrap_or(0);
        self.0.sync_us = [1_000 * number(args, "sync")?.unwrap_or(4); 2];
        self.0.read_us = [1_000 * number(args, "read")?.unwrap_or(0); 2];
        self.0.rules.release_before_sync = args.take_key("rule") == Some("off");
        Ok(())
    }

    fn say(&mut self, args: &mut Args<'_>) -> Result<(), Box<dyn Error>> {
        let name = args.next_pos().ok_or("say what?")?;
        let n = args.next_pos().unwrap_or("0").parse()?;
        let node = usize::try_from(number(args, "node")?.unwrap_or(0))?;
        self.0.lines.push(say(number(args, "at")?.unwrap_or(0), node, name, n));
        Ok(())
    }

    fn cut(&mut self, args: &mut Args<'_>) -> Result<(), Box<dyn Error>> {
        let groups = [names(args)?, names(args)?];
        self.fault(args, json!({ "do": "partition", "kind": "groups", "groups": groups }))
    }

    fn deaf(&mut self, args: &mut Args<'_>) -> Result<(), Box<dyn Error>> {
        let deaf = args.next_pos().ok_or("who?")?.to_owned();
        let blocked = json!({ deaf: names(args)? });
        self.fault(args, json!({ "do": "partition-one-way", "kind": "one", "blocked": blocked }))
    }

    fn kill(&mut self, args: &mut Args<'_>) -> Result<(), Box<dyn Error>> {
        let power = args.take_key("power") == Some("yes");
        let nodes = names(args)?;
        self.fault(args, json!({ "do": "kill", "kind": "one", "nodes": nodes, "power": power }))
    }

    fn lose(&mut self, args: &mut Args<'_>) -> Result<(), Box<dyn Error>> {
        let mut word = || args.next_pos().map(str::to_owned).ok_or("NAME FROM TO");
        let (name, from, to) = (word()?, word()?, word()?);
        let k = number(args, "k")?.unwrap_or(0);
        self.0.edits.push(json!({ "drop": { "from": from, "to": to, "name": name, "k": k } }));
        Ok(())
    }

    fn fault(&mut self, args: &mut Args<'_>, mut event: Value) -> Result<(), Box<dyn Error>> {
        event["id"] = json!(self.0.events.len() + 1);
        if let Some(name) = args.take_key("sent") {
            event["when"] = json!({ "sent": name, "nth": number(args, "nth")?.unwrap_or(1) });
        } else {
            event["at_us"] = json!(1_000 * number(args, "at")?.unwrap_or(0));
        }
        event["for_us"] = json!(1_000 * number(args, "for")?.ok_or("for how long?")?);
        self.0.events.push(event);
        Ok(())
    }

    fn play(&mut self, args: &mut Args<'_>) -> Result<String, Box<dyn Error>> {
        self.0.end_us = 1_000 * number(args, "end")?.unwrap_or(1_000);
        let from = 1_000_000 * number(args, "from")?.unwrap_or(0);
        args.reject_next()?;
        let mut lines = self.0.run().lines();
        // Earlier lines are kept, as later ones point to them, but not told.
        for line in lines.iter_mut().filter(|line| line["t"].as_u64() < Some(from)) {
            line["k"] = json!("untold");
        }
        Ok(transcript(&lines))
    }
}

fn names(args: &mut Args<'_>) -> Result<Vec<String>, Box<dyn Error>> {
    let names = args.next_pos().ok_or("which nodes?")?;
    Ok(names.split(',').map(str::to_owned).collect())
}

fn number(args: &mut Args<'_>, key: &str) -> Result<Option<u64>, Box<dyn Error>> {
    Ok(args.take_key(key).map(str::parse).transpose()?)
}
