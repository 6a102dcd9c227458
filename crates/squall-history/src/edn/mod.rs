//! EDN: the notation of Clojure data, in which Jepsen, Knossos, Elle and Maelstrom write histories
//! and results.

mod read;
mod write;

pub use read::{EDN_DEPTH_MAX, EdnReader};
