//! What WebAssembly exports, one file per artefact; nothing else knows JavaScript.

#[cfg(all(feature = "widget", target_arch = "wasm32"))]
mod allocator;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "edge")]
pub mod edge;
#[cfg(any(feature = "edge", feature = "tools", feature = "widget"))]
pub mod memory;
#[cfg(feature = "tools")]
pub mod tools;
#[cfg(feature = "widget")]
pub mod widget;
