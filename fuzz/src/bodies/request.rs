//! A request as the shim hands it over, decided by the gate.

use farthing::{
    access::{Handle, Pass, cookie},
    gate::{Decision, Request},
    json,
    problem::Problem,
    route::path,
    x402,
};

use super::world::{self, NOW, RANDOM, SITE};

pub(super) fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let lines = filled(text);
    let Some(request) = Request::from_lines(&lines) else { return };
    // the platform refuses these in its own parser
    if lines.contains(|c: char| c.is_control() && c != '\n') {
        return;
    }
    let pays = request.payment.is_some() || request.x_payment.is_some();
    match world::gate().decide(&request, NOW, RANDOM) {
        Decision::Free | Decision::FreeAs(_) => panic!("nothing here becomes free"),
        Decision::Teaser(_) => panic!("no route here has one"),
        Decision::Answer(answer) => {
            world::assert_clean(&answer.headers);
            let header = |name: &str| {
                answer
                    .headers
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| value.as_str())
            };
            match answer.status {
                200 => assert!(request.url.contains("/.farthing/health")),
                204 => assert_eq!(request.method, "OPTIONS"),
                308 => assert!(header("Location").is_some_and(|to| to.starts_with('/') && !to.starts_with("//"))),
                402 => {
                    let offer = x402::decode(header("PAYMENT-REQUIRED").unwrap()).unwrap();
                    let offer = json::parse(&offer).unwrap();
                    assert_eq!(offer.get("accepts").unwrap().items().unwrap().len(), 2);
                }
                405 if header("Content-Type").is_none() => assert_eq!(header("Allow"), Some("GET, HEAD")),
                status => {
                    assert!(status >= 400);
                    if !request.wants_page() {
                        let body = json::parse(&answer.body).unwrap();
                        let kind = body.get("type").and_then(json::Value::text).unwrap();
                        let problem = Problem::from_slug(kind.rsplit('/').next().unwrap()).unwrap();
                        assert_eq!(problem.status(), status);
                    }
                }
            }
        }
        Decision::Asset(name) => assert!(name[1..].bytes().all(|b| b.is_ascii_lowercase() || b == b'.'), "{name}"),
        // invariant S1: only a pass opens anything here
        Decision::Forward { path, headers } => {
            world::assert_clean(&headers);
            assert!(!pays);
            let resource = format!("{SITE}{path}");
            let mut passes = cookie::values(request.cookie, cookie::PASS);
            assert!(passes.any(|text| Pass::open(world::keys(), &resource, text, NOW).is_some()));
        }
        Decision::Verify(verify) => panic!("{verify:?} without a policy"),
        other @ (Decision::Token(_) | Decision::Peek(_) | Decision::Ask(_) | Decision::List | Decision::Desk) => {
            panic!("{other:?} without a word of it in the config")
        }
        Decision::Ledger(call) => {
            let body = json::parse(&call.body).unwrap();
            let (_, path, _) = path::split(request.url).unwrap();
            assert_eq!(
                body.get("resource").and_then(json::Value::text),
                Some(format!("{SITE}{path}").as_str())
            );
            match call.call {
                "claim" => {
                    assert!(pays && request.method == "GET");
                    let payer = body.get("payer").unwrap().text().unwrap().to_ascii_lowercase();
                    assert_eq!(call.object, format!("{SITE}|{}", payer.trim_start_matches("0x")));
                }
                "owned" => {
                    let mut handles = cookie::values(request.cookie, cookie::HANDLE);
                    assert!(handles.any(|text| Handle::open(world::keys(), SITE, text, NOW).is_some()));
                }
                "signIn" => {
                    assert!(!pays && request.method == "GET" && request.sign_in.is_some());
                    // there is one key that inputs can be signed with
                    assert_eq!(call.object, format!("{SITE}|{:x}", world::payer()));
                }
                other => panic!("{other}"),
            }
        }
    }
}

/// A line `={…}` is JSON that is filled in and encoded, so that the fuzzer reaches what lies behind the base64; `$PASS` and
/// `$HANDLE` are those of the article and of the payer.
fn filled(text: &str) -> String {
    let mut lines: Vec<String> = text.split('\n').map(ToOwned::to_owned).collect();
    for line in &mut lines {
        if let Some(json) = line.strip_prefix('=').filter(|json| json.starts_with('{')) {
            *line = format!("={}", world::base64(&world::fill(json)));
        }
        if line.contains("$PASS") {
            let pass = Pass {
                payer: Pass::payer_digest(world::payer()),
                receipt: [4; 16],
                issued: NOW - 1,
                expires: NOW + 1,
            };
            *line = line.replace("$PASS", &pass.seal(world::keys(), world::ARTICLE).unwrap());
        }
        if line.contains("$HANDLE") {
            let handle = Handle {
                payer: world::payer(),
                expires: NOW + 1,
            };
            *line = line.replace("$HANDLE", &handle.seal(world::keys(), SITE).unwrap());
        }
    }
    lines.join("\n")
}
