//! Checkers against brute force, mutations, and the real histories of others.

mod generate;

mod linear;

mod real;

mod sets;

mod small;
