//! What the store promises, on memory that loses power and on real files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damage;
mod device;
mod files;
mod model;
mod store;
