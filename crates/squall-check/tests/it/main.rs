//! Checkers against brute force, mutations, and the real histories of others.

mod arbitrary;

mod consistency;

mod counters;

mod generate;

mod isolation;

mod isolation_mutations;

mod linear;

mod mutations;

mod objects;

mod real;

mod rules;

mod sets;

mod simulated;

mod small;

mod special;

mod transactions;
