//! Histories of other tools.

pub mod etcd_log;
pub mod knossos;
