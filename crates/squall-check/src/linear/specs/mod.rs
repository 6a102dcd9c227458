//! The objects whose specification comes with the checker, a file each, and their registry
//! [`SPECS`].
//!
//! Values are those of the `ok` event: the argument, or, where something came back beside it, the
//! pair of argument and answer. Operations without an argument have the answer alone.

mod multi_register;

mod kv;

mod kv_delete;

mod set;

mod pn_counter;

mod fifo;

mod mutex;

mod owner_mutex;

mod reentrant;

mod fenced;

mod id_gen;

mod tso;

mod etcd_kv;

mod txn_map;

use squall_history::{History, Value};

use super::spec::{Call, Misfit};
use super::{Options, check_register, check_spec};
use crate::verdict::Outcome;

pub use etcd_kv::EtcdKv;
pub use fenced::Fenced;
pub use fifo::{Fifo, Op as FifoOp};
pub use id_gen::IdGen;
pub use kv::Kv;
pub use kv_delete::KvDelete;
pub use multi_register::MultiRegister;
pub use mutex::Mutex;
pub use owner_mutex::OwnerMutex;
pub use pn_counter::PnCounter;
pub use reentrant::Reentrant;
pub use set::{Op as SetOp, Set};
pub use tso::Tso;
pub use txn_map::TxnMap;

/// How often the holder of the registry's reentrant lock may hold it at once.
pub(crate) const REENTRANT_LIMIT: u32 = 2;

/// A specification that is asked for by name.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// What it is, in one line.
    pub help: &'static str,
    run: fn(&History, &Options) -> Outcome,
}

impl Named {
    /// Judges a history.
    #[must_use]
    pub fn check(&self, history: &History, options: &Options) -> Outcome {
        (self.run)(history, options)
    }
}

/// The specification with this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Named> {
    SPECS.iter().find(|spec| spec.name == name)
}

macro_rules! specs {
    ($($name:literal, $help:literal, $run:expr;)*) => {
        /// Every specification with a name.
        pub static SPECS: &[Named] = &[$(Named { name: $name, help: $help, run: $run }),*];
    };
}

specs! {
    "register", "a value: read, write",
        |history, options| check_register(history, options, false);
    "cas-register", "a value: read, write, cas [expected new]",
        |history, options| check_register(history, options, true);
    "multi-register", "several values: read and write lists of [key value], all or nothing",
        |history, options| check_spec(&MultiRegister::new(options.nil_read), history, options);
    "kv", "a text per key: get, put, append; a missing key reads \"\"",
        |history, options| check_spec(&Kv::default(), history, options);
    "kv-delete", "a value per key: get, put, delete, put-if-absent, get-and-set",
        |history, options| check_spec(&KvDelete, history, options);
    "set", "a set: add, remove, contains, read",
        |history, options| check_spec(&Set, history, options);
    "pn-counter", "a number: add, read, add-and-get",
        |history, options| check_spec(&PnCounter, history, options);
    "fifo", "a queue: enqueue, dequeue, peek; nil is what an empty one gives",
        |history, options| check_spec(&Fifo, history, options);
    "mutex", "a lock that anybody releases: acquire, release, try-acquire",
        |history, options| check_spec(&Mutex, history, options);
    "owner-mutex", "a lock that its holder releases: acquire, release, try-acquire",
        |history, options| check_spec(&OwnerMutex, history, options);
    "reentrant", "a lock that its holder may take twice: acquire, release, try-acquire",
        |history, options| check_spec(&Reentrant { limit: REENTRANT_LIMIT }, history, options);
    "fenced", "a lock whose acquire gives a token larger than all before: acquire, release",
        |history, options| check_spec(&Fenced, history, options);
    "id-gen", "a source of ids that are all different: next",
        |history, options| check_spec(&IdGen, history, options);
    "tso", "a source of numbers, each larger than the one before: ts",
        |history, options| check_spec(&Tso, history, options);
    "etcd-kv", "a store with revisions: put, get, delete, txn",
        |history, options| check_spec(&EtcdKv, history, options);
    "txn-map", "transactions of r, w and append on a map, each at one moment: txn",
        |history, options| check_spec(&TxnMap, history, options);
}

fn integer(value: &Value) -> Result<i64, Misfit> {
    value.as_int().ok_or(Misfit::Shape("it must be an integer"))
}

fn boolean(value: &Value) -> Result<bool, Misfit> {
    match value {
        Value::Bool(bool) => Ok(*bool),
        _ => Err(Misfit::Shape("it must be true or false")),
    }
}

/// The answer of an operation that may have one.
fn boolean_answer(call: &Call<'_>) -> Result<Option<bool>, Misfit> {
    call.answer()?.map(boolean).transpose()
}

/// What was asked of a lock.
enum Ask {
    Acquire,
    Release,
    /// Tried, and was told that it was taken.
    Busy,
}

fn lock_call(call: &Call<'_>) -> Result<Ask, Misfit> {
    match (call.f, call.result) {
        ("acquire", _) => Ok(Ask::Acquire),
        ("release", _) => Ok(Ask::Release),
        ("try-acquire", None | Some(Value::Nil)) => Ok(Ask::Acquire),
        ("try-acquire", Some(taken)) => {
            boolean(taken).map(|taken| if taken { Ask::Acquire } else { Ask::Busy })
        }
        _ => Err(Misfit::Shape("a lock has acquire, release and try-acquire only")),
    }
}
