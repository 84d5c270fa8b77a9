//! The program as its users meet it: the built binary, its output, its exit codes, and what it leaves on disk.
#![allow(clippy::unwrap_used)]

mod bulk;
mod calls;
mod demo;
mod directory;
mod files;
mod help;
mod inspect;
mod keys;
mod kgs;
mod media;
mod mikey;
mod server;
mod support;
mod vectors;
