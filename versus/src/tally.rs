//! Who agreed how often.

use std::collections::BTreeMap;

/// The judgements of two checkers, compared.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How many histories there were, and judgements.
    pub(crate) histories: u64,
    judgements: u64,
    /// How many of them said that it is broken, both.
    broken: u64,
    /// Kind of disagreement to count, one example, and why it is theirs.
    apart: BTreeMap<String, Apart>,
}

#[derive(Debug)]
struct Apart {
    count: u64,
    example: String,
    reason: Option<&'static str>,
}

impl Tally {
    /// Both say the same.
    pub(crate) fn agree(&mut self, is_broken: bool) {
        self.judgements += 1;
        self.broken += u64::from(is_broken);
    }

    /// They say different things: which, where, and why, if that is known.
    pub(crate) fn differ(&mut self, kind: String, example: String, reason: Option<&'static str>) {
        self.judgements += 1;
        let apart = self.apart.entry(kind).or_insert(Apart { count: 0, example, reason });
        apart.count += 1;
    }

    /// Whether every disagreement has a reason.
    pub(crate) fn is_explained(&self) -> bool {
        self.apart.values().all(|apart| apart.reason.is_some())
    }

    /// Prints all of it.
    pub(crate) fn tell(&self) {
        for (kind, apart) in &self.apart {
            println!("{:>7} times {kind}", apart.count);
            println!("        first at {}", apart.example);
            println!("        {}", apart.reason.unwrap_or("NOT EXPLAINED"));
        }
        let apart: u64 = self.apart.values().map(|apart| apart.count).sum();
        let unexplained = self.apart.values().filter(|apart| apart.reason.is_none());
        let unexplained: u64 = unexplained.map(|apart| apart.count).sum();
        println!(
            "{{\"histories\":{},\"judgements\":{},\"both_broken\":{},\"differ\":{apart},\
             \"unexplained\":{unexplained}}}",
            self.histories, self.judgements, self.broken
        );
    }
}
