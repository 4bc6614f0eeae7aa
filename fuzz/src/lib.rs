//! What the fuzz targets do, shared with `tests/fuzz_replay.rs`, which plays the committed corpus without a fuzzer.

pub mod bodies;
