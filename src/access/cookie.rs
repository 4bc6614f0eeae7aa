//! The cookies that carry passes and handles (threats E8, E9).

use alloc::{format, string::String};

/// The pass of one article: limited to the article's path.
pub const PASS: &str = "__Secure-farthing";
/// The reader's handle: bound to the host by its prefix.
pub const HANDLE: &str = "__Host-farthing";

/// What a reader has read for nothing.
pub const METER: &str = "__Host-farthing-meter";

/// The values of all cookies of this name; browsers send the one with the longest path first.
pub fn values<'a>(header: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    header
        .split(';')
        .filter_map(move |pair| pair.trim().split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
        // several cookies of one name are all tried, but not endlessly
        .take(8)
}

/// `Set-Cookie` for a pass.
pub fn set_pass(token: &str, path: &str, seconds: u64) -> String {
    format!("{PASS}={token}; Path={path}; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
}

/// `Set-Cookie` that takes a pass away.
pub fn clear_pass(path: &str) -> String {
    format!("{PASS}=; Path={path}; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

/// `Set-Cookie` for a handle.
pub fn set_handle(token: &str, seconds: u64) -> String {
    format!("{HANDLE}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
}

/// `Set-Cookie` for what was read for nothing.
pub fn set_meter(token: &str, seconds: u64) -> String {
    format!("{METER}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e9_all_cookies_of_a_name_are_tried() {
        let header = "a=1; __Secure-farthing=x; b; __Secure-farthing=y;__Secure-farthing2=z";
        assert!(values(header, PASS).eq(["x", "y"]));
        assert_eq!(values("", PASS).count(), 0);
    }
}
