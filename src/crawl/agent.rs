//! Who an agent says it is: a host that publishes keys, and where they are (threat D8).

use alloc::{borrow::ToOwned, format, string::String};

use crate::route::config::is_loopback;

/// The path of every key directory (draft-ietf-webbotauth-httpsig-protocol, "Well-Known URI").
pub const DIRECTORY_PATH: &str = "/.well-known/http-message-signatures-directory";

/// The host that a `Signature-Agent` names: lower case, with a port only where it is this machine.
///
/// The value has to be an `https://` origin, with nothing after it but perhaps a slash. None for addresses in digits, for names
/// that are private by convention, for users and ports.
///
/// ```
/// use farthing::crawl::agent::host_of;
/// assert_eq!(host_of("https://Agent.example/").as_deref(), Some("agent.example"));
/// for other in ["http://agent.example", "https://10.0.0.1", "https://[::1]", "https://a@agent.example", "https://agent.example:8443",
///     "https://router.local", "https://metadata.google.internal", "https://agent", "https://agent.example/x", "data:application/json,{}"] {
///     assert_eq!(host_of(other), None, "{other}");
/// }
/// ```
pub fn host_of(url: &str) -> Option<String> {
    let bare = url.strip_suffix('/').unwrap_or(url);
    if let Some(host) = bare.strip_prefix("http://") {
        return is_local(host).then(|| host.to_owned());
    }
    let host = bare.strip_prefix("https://")?;
    let host = host.strip_suffix(":443").unwrap_or(host).to_ascii_lowercase();
    is_public_name(&host).then_some(host)
}

/// Where the keys of this host are.
pub fn directory_of(host: &str) -> String {
    let scheme = if is_local(host) { "http" } else { "https" };
    format!("{scheme}://{host}{DIRECTORY_PATH}")
}

/// `127.0.0.1` with a port, as tests have it; nothing else in digits is an agent.
pub fn is_local(host: &str) -> bool {
    let port = host.strip_prefix("127.0.0.1:").and_then(|port| port.parse::<u16>().ok());
    is_loopback(host) && port.is_some_and(|port| host.ends_with(&format!(":{port}")))
}

/// Whether a host is a name of the public DNS, as far as its spelling tells: at least two labels, none of the reserved top levels
/// (RFC 2606, 6761, 6762, 8375, 9476 and ICANN's `internal`), and not something that is read as an address.
pub fn is_public_name(host: &str) -> bool {
    const PRIVATE: [&str; 13] = [
        "localhost",
        "local",
        "internal",
        "intranet",
        "private",
        "corp",
        "home",
        "lan",
        "localdomain",
        "arpa",
        "alt",
        "onion",
        "invalid",
    ];
    let label = |label: &str| {
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(fine) && !label.starts_with('-') && !label.ends_with('-')
    };
    let Some((before, top)) = host.rsplit_once('.') else {
        return false;
    };
    // URL parsers read a last label in digits, hexadecimal ones too, as the end of an IPv4 address
    let worded = top.starts_with(|c: char| c.is_ascii_lowercase());
    host.len() <= 253 && worded && label(top) && before.split('.').all(label) && !PRIVATE.contains(&top)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;
    use proptest::prelude::*;

    #[test]
    fn d8_only_public_names_over_https_are_agents() {
        for (url, host) in [
            ("https://agent.example", "agent.example"),
            ("https://AGENT.Example:443/", "agent.example"),
            ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("https://a.b.c.d.example", "a.b.c.d.example"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ] {
            assert_eq!(host_of(url).as_deref(), Some(host), "{url}");
        }
        for url in [
            "https://127.0.0.1",
            "https://127.0.0.1:8080",
            "https://2130706433",
            "https://0x7f.1",
            "https://127.1",
            "https://1.1.1.1",
            "https://169.254.169.254",
            "https://[fd00::1]",
            "https://[::ffff:127.0.0.1]",
            "https://localhost",
            "https://x.localhost",
            "https://x.local",
            "https://x.internal",
            "https://10.in-addr.arpa",
            "https://intranet",
            "https://agent.example.",
            "https://agent..example",
            "https://-a.example",
            "https://agent.example:8443",
            "https://user@agent.example",
            "https://user:pass@agent.example",
            "https://agent.example/path",
            "https://agent.example//",
            "https://agent.example?x",
            "https://agent.example#x",
            "https://agent.example\\@evil.example",
            "https://agent.example%00",
            "https://bücher.example",
            "HTTPS://agent.example",
            "http://agent.example",
            "http://localhost:80",
            "http://127.0.0.1",
            "http://127.0.0.1:080",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:80@evil.example",
            "http://127.0.0.2:80",
            "ftp://agent.example",
            "//agent.example",
            "agent.example",
            "https://",
            "",
        ] {
            assert_eq!(host_of(url), None, "{url}");
        }
    }

    proptest! {
        #![proptest_config(cases(2000))]

        #[test]
        fn d8_what_is_fetched_is_of_the_host_that_was_named(url in "https?://[a-z0-9.:@/\\\\#?%\\[\\]-]{0,30}") {
            if let Some(host) = host_of(&url) {
                prop_assert!(is_public_name(&host) || is_local(&host));
                prop_assert!(!host.contains(['/', '@', '#', '?', '\\', '%', '[']));
                prop_assert_eq!(host_of(directory_of(&host).strip_suffix(DIRECTORY_PATH).unwrap()), Some(host));
            }
        }
    }
}
