//! The ledger's reply to a request, and what the gate makes of it.

use farthing::{
    gate::{Next, Request},
    ledger::Reply,
    problem::Problem,
};

use super::world::{self, ARTICLE, NOW, RANDOM};

pub(super) fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let request = Request {
        method: "GET",
        url: ARTICLE,
        payment: Some("e30="),
        ..Request::default()
    };
    let read = Reply::read(text);
    if let Some(reply) = &read {
        let again = serde_json::to_string(reply).unwrap();
        assert_eq!(Reply::read(&again).as_ref(), Some(reply), "written as it is read");
    }
    // the ledger repeats what the gate or the facilitator's reader has checked: no control characters
    if text.contains('\\') || text.contains(|c: char| c.is_control()) {
        return;
    }
    match world::gate().next(&request, text, NOW, RANDOM) {
        Next::Teaser(_) => panic!("no route here has one"),
        Next::Ledger(_) => panic!("nothing is given away here"),
        Next::Fetch { path, .. } => {
            assert!(matches!(read, Some(Reply::Fetch { .. })));
            assert_eq!(path, "/articles/x");
        }
        Next::Deliver { path, headers, .. } => {
            world::assert_clean(&headers);
            assert_eq!(path, "/articles/x");
            // invariant S1: nothing but a grant for this resource delivers it
            assert!(matches!(read, Some(Reply::Deliver(grant)) if grant.resource == ARTICLE));
        }
        Next::Answer(answer) => {
            world::assert_clean(&answer.headers);
            assert!(answer.status >= 400);
            let problem = match read {
                Some(Reply::Refuse(refused)) => Problem::from_slug(&refused.problem),
                _ => None,
            };
            assert_eq!(answer.status, problem.unwrap_or(Problem::Internal).status());
        }
    }
}
