//! Who is let in at the desk. Signatures are the shim's to check; `tests/desk/access.test.mjs` has them.

use super::*;

const TOKEN: &str =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6Im9uZSJ9.eyJpc3MiOiJodHRwczovL3QuZXhhbXBsZSIsImF1ZCI6WyI0NzE0Il0sImV4cCI6MTkwMDAwMDAwMH0.c2ln";

fn with(desk: &str, local: bool) -> Gate {
    let config = SAMPLE.replacen('{', &format!(r#"{{"desk": {desk},"#), 1);
    let gate = Gate::new(&config, KEYS, "<h1>{{title}}</h1>", "", local);
    assert!(gate.config().is_some(), "{}", gate.health().body);
    gate
}

fn asks(gate: &Gate, method: &str, path: &str, more: &str) -> Decision {
    let url = format!("https://news.example/.farthing/desk{path}");
    let request = Request {
        method,
        url: &url,
        accept: "",
        more,
        ..Request::default()
    };
    gate.decide(&request, NOW, [1; 16])
}

fn status(decision: &Decision) -> u16 {
    match decision {
        Decision::Answer(answer) => answer.status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_is_asked_about_and_only_a_verified_one_opens() {
    let gate = with(r#"{"access": {"team": "https://t.example", "audience": "4714"}}"#, false);
    assert!(gate.wanted_headers().contains(&"cf-access-jwt-assertion"));
    let token = format!("cf-access-jwt-assertion: {TOKEN}");
    for path in ["", "/", "/payments", "/payments.csv?x=1"] {
        let Decision::Token(asked) = asks(&gate, "GET", path, &token) else {
            panic!("{path}")
        };
        assert_eq!((asked.claim.algorithm.as_str(), asked.claim.key.as_str()), ("RS256", "one"));
        for (word, opens) in [
            ("verified", true),
            ("wrong", false),
            ("unknown", false),
            ("unreachable", false),
        ] {
            let decision = asks(&gate, "GET", path, &format!("{token}\n=token: {word}"));
            assert_eq!(decision == Decision::Desk, opens, "{word}");
            assert!(opens || status(&decision) == 403);
        }
    }
}

#[test]
fn whoever_shows_nothing_gets_one_answer_by_any_method_and_for_any_page() {
    for (desk, local) in [
        ("{}", true),
        (r#"{"access": {"team": "https://t.example", "audience": "4714"}}"#, true),
        (r#"{"access": {"team": "https://t.example", "audience": "4715"}}"#, false),
        // a password is of a development run
        (&format!(r#"{{"passwordHash": "{}"}}"#, "00".repeat(32)), false),
    ] {
        let gate = with(desk, local);
        for method in ["GET", "HEAD", "POST", "OPTIONS", "DELETE"] {
            for path in ["", "/", "/payments", "/none", "/../health"] {
                let more = format!("cf-access-jwt-assertion: x{TOKEN}\nauthorization: Basic eDp4");
                assert_eq!(status(&asks(&gate, method, path, &more)), 403, "{desk} {method} {path}");
            }
        }
    }
    // nor where nothing can be read of the config
    let broken = Gate::new("{", KEYS, "", "", true);
    assert_eq!(status(&asks(&broken, "GET", "", "")), 403);
}

#[test]
fn a_password_opens_in_a_development_run() {
    // SHA-256 of "abc", FIPS 180-2
    let gate = with(
        r#"{"passwordHash": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}"#,
        true,
    );
    // "x:abc", ":abc" and "x:y:abc", of which the password is "y:abc"
    for (credentials, opens) in [
        ("eDphYmM=", true),
        ("OmFiYw==", true),
        ("eDp5OmFiYw==", false),
        ("YWJj", false),
        ("", false),
    ] {
        let decision = asks(&gate, "GET", "", &format!("authorization: Basic {credentials}"));
        assert_eq!(decision == Decision::Desk, opens, "{credentials}");
        assert!(opens || status(&decision) == 401);
    }
    let Decision::Answer(answer) = asks(&gate, "GET", "", "") else {
        panic!()
    };
    assert!(
        answer
            .headers
            .iter()
            .any(|(name, value)| *name == "WWW-Authenticate" && value.starts_with("Basic "))
    );
}

#[test]
fn what_only_begins_like_the_desk_is_not_the_desk() {
    let gate = with("{}", true);
    for path in [".html", "x", "%2f"] {
        assert_eq!(status(&asks(&gate, "GET", path, "")), 404, "{path}");
    }
}
