//! What WebAssembly exports, one file per artefact; nothing else knows JavaScript.

#[cfg(feature = "edge")]
pub mod edge;
#[cfg(feature = "widget")]
pub mod widget;
