//! Values, readers and writers: what is written is read again, and no bytes make a reader panic.

mod damaged;
mod detect;
mod formats;
mod operations;
mod values;
