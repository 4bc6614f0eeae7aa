//! Who a program is that signs its requests: Web Bot Auth, which is HTTP message signatures (RFC 9421) with keys that an agent
//! publishes under its own name (draft-ietf-webbotauth-httpsig-protocol, before that draft-meunier-web-bot-auth-architecture).
//!
//! A `User-Agent` says what anybody may say, so it frees nothing (threat D10). A signature here is for one host, for at most five
//! minutes, used once, and it covers every header about money that came along (threat D11). What is checked here is everything
//! that can be without asking anybody; the signature itself and the key directory are for the shell, which asks for what
//! [`Claim`] says.

pub mod agent;
pub mod directory;
pub mod field;
pub mod price;
pub mod signature;

pub use signature::{Claim, Fault, Message, claim};

use alloc::vec::Vec;
use base64::{Engine, engine::general_purpose::STANDARD};

/// Bytes of their canonical base64.
fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Whether a `User-Agent` is a crawler's by its own words: a word that ends in `bot`, or one with `crawl` or `spider` in it.
///
/// It may raise a price and close a door, and never more than that.
/// ```
/// use farthing::crawl::names_a_crawler;
/// assert!(names_a_crawler("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"));
/// assert!(names_a_crawler("Bytespider; spider-feedback@bytedance.com"));
/// assert!(!names_a_crawler("Mozilla/5.0 (Linux; Android 10; CUBOT X30) Chrome/120.0 Mobile"));
/// ```
pub fn names_a_crawler(user_agent: &str) -> bool {
    let lower = user_agent.to_ascii_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    // a maker of telephones
    words.any(|word| word.ends_with("bot") && word != "cubot" || word.contains("crawl") || word.contains("spider"))
}
