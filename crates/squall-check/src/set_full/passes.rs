//! The two passes over the reads, and the comparison of the final ones.

use squall_history::{Operation, Value};

use super::Options;
use super::elements::{Elements, Read};

/// No element: the end of the list of those without an answer.
const NONE: usize = usize::MAX;

/// What became of the elements, by id.
pub(super) struct Passes<'h> {
    /// The last invoked read that contains it.
    pub last_present: Vec<Option<&'h Operation<'h>>>,
    /// The last invoked read that lacks it.
    pub last_absent: Vec<Option<&'h Operation<'h>>>,
    /// Final reads that lack an element although it was known before them.
    pub missing: Vec<Vec<&'h Operation<'h>>>,
    /// Final reads that lack an element which other final reads contain.
    pub differing: Vec<Vec<&'h Operation<'h>>>,
}

impl<'h> Passes<'h> {
    pub(super) fn over(elements: &mut Elements<'h>, options: &Options) -> Self {
        let count = elements.list.len();
        let mut passes = Self {
            last_present: vec![None; count],
            last_absent: vec![None; count],
            missing: vec![Vec::new(); count],
            differing: vec![Vec::new(); count],
        };
        passes.ascend(elements);
        passes.descend(elements);
        passes.compare_final_reads(elements, options);
        passes
    }

    fn ascend(&mut self, elements: &Elements<'h>) {
        for read in &elements.reads {
            for &id in elements.contents(read) {
                self.last_present[id as usize] = Some(read.operation);
            }
        }
    }

    /// From the last read to the first, over the elements for which no read without them was found
    /// yet. What is walked and stays is contained in the read, so all walks together are as long as
    /// all reads.
    fn descend(&mut self, elements: &Elements<'h>) {
        let count = elements.list.len();
        let mut stamps = vec![usize::MAX; count];
        let mut next: Vec<usize> =
            (1..=count).map(|id| if id == count { NONE } else { id }).collect();
        let mut head = if count == 0 { NONE } else { 0 };
        for (number, read) in elements.reads.iter().enumerate().rev() {
            for &id in elements.contents(read) {
                stamps[id as usize] = number;
            }
            let mut before = NONE;
            let mut id = head;
            while id != NONE && id < read.watermark {
                let after = next[id];
                if stamps[id] == number {
                    before = id;
                } else {
                    self.last_absent[id] = Some(read.operation);
                    if before == NONE {
                        head = after;
                    } else {
                        next[before] = after;
                    }
                }
                id = after;
            }
        }
    }

    fn compare_final_reads(&mut self, elements: &Elements<'h>, options: &Options) {
        let is_final = |read: &&Read<'h>| read.operation.is_final();
        let finals: Vec<&Read<'h>> = elements.reads.iter().filter(is_final).collect();
        let mut present = vec![0_usize; elements.list.len()];
        for read in &finals {
            for &id in elements.contents(read) {
                present[id as usize] += 1;
            }
        }
        let mut known = Vec::new();
        let mut others = Vec::new();
        for (id, element) in elements.list.iter().enumerate() {
            if present[id] == finals.len() || element.add.start >= elements.final_start {
                continue;
            }
            if element.known_at().is_some_and(|at| at < elements.final_start) {
                known.push(id);
            } else if present[id] > 0 && options.final_reads_agree {
                others.push(id);
            }
        }
        let mut stamps = vec![usize::MAX; elements.list.len()];
        for (number, read) in finals.iter().enumerate() {
            for &id in elements.contents(read) {
                stamps[id as usize] = number;
            }
            for (ids, lists) in [(&known, &mut self.missing), (&others, &mut self.differing)] {
                for &id in ids.iter().filter(|&&id| stamps[id] != number) {
                    lists[id].push(read.operation);
                }
            }
        }
    }
}

/// Who a read asked: the node, or the client where the history does not name it.
pub(super) fn node_of(read: &Operation<'_>) -> Value {
    let node = read.last_event().node.as_ref().or(read.invocation.node.as_ref());
    match node {
        Some(node) => Value::str(&**node),
        None => read.invocation.process.to_value(),
    }
}
