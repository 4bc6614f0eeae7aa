//! What a route is about.

use super::parse;

const NETWORKS: &str = "[\"eip155:84532\"]";

#[test]
fn what_a_route_is_about_is_read() {
    let config = parse(
        NETWORKS,
        r#"[{"match": "/articles/*", "price": "$0.05", "except": ["/articles/free"], "methods": ["GET", "POST"],
             "parts": ["/media/{1}/*"], "query": ["id", "page"], "passQuery": ["_rsc"], "freeFrom": "2026-11-22T00:00:00Z"},
            {"match": "/*", "price": "free", "methods": ["POST"], "query": []}]"#,
    )
    .unwrap();
    let [priced, free] = config.routes.as_slice() else { panic!() };
    assert_eq!(priced.except.len(), 1);
    assert_eq!(priced.methods, ["GET", "POST"]);
    assert_eq!(priced.parts[0].article("/media/x/a").as_deref(), Some("/articles/x"));
    assert_eq!(priced.query.as_deref().unwrap(), ["id", "page"]);
    assert_eq!(priced.pass_query, ["_rsc"]);
    assert_eq!(priced.free_from, Some(1_795_305_600));
    assert_eq!(free.query.as_deref().unwrap().len(), 0);
}

#[test]
fn b10_each_mistake_in_it_has_its_own_sentence() {
    for (members, says) in [
        (r#""except": "/x""#, "routes[0].except: is missing, or is not a list"),
        (r#""except": ["x"]"#, "routes[0].except[0]: \"x\" must start with a slash"),
        (
            r#""except": ["/x;y"]"#,
            "routes[0].except[0]: \"/x;y\" is read differently by different servers",
        ),
        (
            r#""methods": ["get", "GET"]"#,
            "routes[0].methods: \"get\" is none of GET, POST, ",
        ),
        (r#""methods": ["POST"]"#, "routes[0].methods: need \"GET\""),
        (
            r#""parts": ["/media/*"]"#,
            "routes[0].parts[0]: \"/media/*\" does not say which article",
        ),
        (
            r#""parts": ["media/{1}"]"#,
            "routes[0].parts[0]: \"media/{1}\" must start with a slash",
        ),
        (
            r#""parts": ["/.farthing/{1}"]"#,
            "routes[0].parts[0]: /.farthing/ is farthing's own",
        ),
        (
            r#""parts": ["/m/{1}"], "access": "once""#,
            "routes[0].parts: open with an article that is owned",
        ),
        (r#""query": ["a[]"]"#, "routes[0].query: \"a[]\" is no key"),
        (r#""passQuery": [""]"#, "routes[0].passQuery: \"\" is no key"),
        (r#""freeFrom": "tomorrow""#, "routes[0].freeFrom: \"tomorrow\" is not a time"),
    ] {
        let said = parse(
            NETWORKS,
            &alloc::format!(r#"[{{"match": "/articles/*", "price": "$0.05", {members}}}]"#),
        )
        .unwrap_err();
        assert!(said.starts_with(says) && said.lines().count() == 1, "{members}: {said}");
    }
    for name in ["parts", "passQuery"] {
        let said = parse(
            NETWORKS,
            &alloc::format!(r#"[{{"match": "/a/*", "price": "free", "{name}": []}}]"#),
        )
        .unwrap_err();
        assert!(
            said.starts_with(&alloc::format!("routes[0].{name}: is for pages that cost something")),
            "{said}"
        );
    }
}
