//! What WebAssembly exports, one file per artefact; nothing else knows JavaScript.

#[cfg(all(any(feature = "widget", feature = "client", feature = "key"), target_arch = "wasm32"))]
mod allocator;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "edge")]
pub mod edge;
#[cfg(any(feature = "key", feature = "client-fast"))]
pub mod key;
pub mod memory;
#[cfg(any(feature = "client", feature = "key"))]
mod texts;
#[cfg(feature = "tools")]
pub mod tools;
#[cfg(feature = "widget")]
pub mod widget;
