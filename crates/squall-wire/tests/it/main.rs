//! Lines and frames: what is read, what is refused, and that nothing makes the reader fall over.

mod frames;
mod lines;
mod properties;
