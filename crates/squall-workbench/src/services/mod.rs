//! Services: actors that any node may ask, at any time. A service is one file and one line in
//! [`SERVICES`]; it is an ordinary in-process node that is never cut off.

mod lin_kv;

use std::sync::Arc;

use squall_world::{Host, InProcess};

use crate::nodes::Seat;

/// Every service.
pub static SERVICES: &[Service] = &[Service {
    name: "lin-kv",
    help: "one linearizable map: read, write, cas",
    host: |seat| {
        let Seat { me, roster, members, rules, .. } = seat;
        let factory = Arc::new(lin_kv::LinKv::default);
        Box::new(InProcess::new(me, roster, members, factory, rules).cloneable())
    },
}];

/// A service, as the registry knows it.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Its name, which is also its address.
    pub name: &'static str,
    /// One line for the help.
    pub help: &'static str,
    /// Makes it live inside a World.
    pub host: fn(Seat) -> Box<dyn Host>,
}
