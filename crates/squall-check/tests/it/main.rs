//! Checkers against brute force, mutations, and the real histories of others.

mod arbitrary;

mod consistency;
mod cores;

mod counters;

mod generate;

mod isolation;

mod isolation_mutations;

mod isolation_unchanged;
mod kafka;

mod kafka_cases;

mod linear;

mod locks;

mod logs;

mod metamorphic;

mod mutations;

mod objects;

mod real;

mod register_mutations;

mod registers;

mod rules;

mod sessions;

mod sets;

mod simulated;

mod small;

mod special;

mod transactions;
