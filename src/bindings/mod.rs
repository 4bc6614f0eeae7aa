//! What WebAssembly exports, one file per artefact; nothing else knows JavaScript.

#[cfg(all(any(feature = "widget", feature = "client"), target_arch = "wasm32"))]
mod allocator;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "edge")]
pub mod edge;
pub mod memory;
#[cfg(feature = "tools")]
pub mod tools;
#[cfg(feature = "widget")]
pub mod widget;
