//! The gate's exports: numbers in and out, texts through two buffers, no imports at all. The Worker's WebAssembly adds the ledger's
//! beside them (`worker/src/exports.rs`), over the same buffers.
//!
//! Plain exports instead of wasm-bindgen's: a request costs two calls and no JavaScript object is
//! touched from here. The shim writes UTF-8 to the address that `buffer` gives, and reads
//! `output_length` bytes at `output`. Every code that the shim does not know means: refuse.
#![allow(
    unsafe_code,
    reason = "the attribute that exports a function under its own name is called unsafe; there is no unsafe block"
)]

use core::{cell::RefCell, fmt::Write};
use std::thread_local;

use alloc::{string::String, vec::Vec};

use super::memory::{INPUT, OUTPUT};
use crate::{
    access::{Marks, jwt::KeySource},
    crawl::directory,
    evm::Key,
    gate::{Answer, Decision, Fetched, Gate, Headers, Next, Request, Routed, Verify},
    route::{Origin, Settlement, Token},
};

/// Nothing was decided: refuse.
const REFUSE: u32 = 0;
/// Hand the request on as it is.
const FREE: u32 = 1;
/// Answer with the output.
const ANSWER: u32 = 2;
/// Look at the headers: call [`decide`].
const LOOK: u32 = 3;
/// Serve the named file.
const ASSET: u32 = 4;
/// Forward under the path in the first line; the rest are headers for the answer.
const FORWARD: u32 = 5;
/// Ask the ledger: lines of object, call, body.
const LEDGER: u32 = 6;
/// Fetch the origin: lines of path, owner.
const FETCH: u32 = 7;
/// Deliver: lines of path, report, headers.
const DELIVER: u32 = 8;
/// Hand the request on under the path and query in the output.
const FREE_AS: u32 = 9;
/// Check a program's signature: lines of the directory's address, whether a policy names it, the key, the nonce, its end, the
/// signature; the rest is what was signed.
const VERIFY: u32 = 12;

/// Check a token: lines of `jwks` or `secret`, the set's address or the secret's name, the algorithm, the key, the signature, what was
/// signed.
const TOKEN: u32 = 13;
/// Ask the origin about this reader: lines of path, digest of the reader, their network; the rest are headers for the answer.
const PEEK: u32 = 14;
/// Ask the origin what it says of a page: lines of path, whether its meta tags count (1 or 0), how many seconds it is remembered.
const ASK: u32 = 15;
/// Get the list of what was revoked, and give it to [`listed`].
const LIST: u32 = 16;
const DESK: u32 = 17;

/// Fetch the page for a teaser: lines of path, selector. Then, as the answer of [`trimmed`]: it is the publisher's page.
const TEASER: u32 = 11;

/// The longest buffer that is kept, in bytes: longer than any request's, shorter than a block's logs.
const KEPT: usize = 256 * 1024;
/// In place of a facilitator's number: there are no so many.
const SCREENER: usize = 99;
/// Random bytes at the start of the buffer.
const RANDOM: usize = 16;

thread_local! {
    static GATE: RefCell<Option<Gate>> = const { RefCell::new(None) };
}

/// Makes the gate from config, keys, page, policy, and the card's integrity, template and words, separated by zero bytes. The output has nine
/// lines: the origin's kind, its address or binding, the headers that go there, each with the name of its secret and commas between,
/// the further headers that the gate wants to see, with spaces between, and those of the origin's answers that are for us alone, the host of what is kept, if
/// anything is, what is logged, the object with the list of what was revoked, if there is one,
/// and for how many days what is counted for the desk is kept, if anything is; then one line for each secret that the config names: its form,
/// its place, its name.
#[unsafe(no_mangle)]
pub extern "C" fn configure(length: usize, local: u32) -> u32 {
    with_input(length, |input| {
        let mut parts = core::str::from_utf8(input).ok()?.split('\0');
        let mut part = || parts.next();
        let gate = Gate::new(part()?, part()?, part()?, part()?, local == 1).with_card(part()?, part()?, part()?);
        let origin = match gate.config().map(|config| &config.origin) {
            Some(Origin::Url(url)) => ["url", url],
            Some(Origin::Service(name)) => ["service", name],
            Some(Origin::Assets(name)) => ["assets", name],
            Some(Origin::Bucket(name)) => ["bucket", name],
            Some(Origin::Dns) => ["dns", ""],
            Some(Origin::Handler) => ["handler", ""],
            None => ["none", ""],
        };
        let [kind, value] = origin;
        write_output(|output| {
            output.extend([kind, "\n", value, "\n"]);
            for (header, secret) in gate
                .config()
                .map(|config| config.origin_headers.as_slice())
                .unwrap_or_default()
            {
                output.extend([header, " ", secret, ","]);
            }
            output.extend(["\n", &gate.wanted_headers().join(" "), "\n"]);
            for name in gate.internal_headers() {
                output.extend([name, " "]);
            }
            output.extend([
                "\n",
                &gate.shelf(),
                "\n",
                gate.config().map_or("errors", |config| config.logs),
                "\n",
                &gate.list(),
                "\n",
                &gate.kept_days().map(|days| days.to_string()).unwrap_or_default(),
            ]);
            for secret in gate.config().map(|config| config.secrets()).unwrap_or_default() {
                output.extend(["\n", secret.form.name(), " ", &secret.at, " ", secret.name]);
            }
        });
        GATE.set(Some(gate));
        Some(ANSWER)
    })
}

/// Takes note of secrets that are not what they should be, a line each: `missing` or `form`, and its place.
#[unsafe(no_mangle)]
pub extern "C" fn lacks(length: usize) -> u32 {
    with_input(length, |input| {
        let lines = core::str::from_utf8(input).ok()?.lines();
        let faults: Vec<(&str, bool)> = lines
            .filter_map(|line| line.split_once(' '))
            .map(|(fault, at)| (at, fault == "missing"))
            .collect();
        GATE.with_borrow_mut(|gate| gate.as_mut().map(|gate| gate.lacks(&faults)))?;
        Some(ANSWER)
    })
}

/// Whom to ask what they settle, a line each: number, URL, and what is sent with it; then whom to ask about an account: URL, question,
/// and what is sent with it.
#[unsafe(no_mangle)]
pub extern "C" fn facilitators() -> u32 {
    let found = with_gate(|gate| {
        let facilitators = gate.facilitators();
        write_output(|output| {
            for (index, url, auth) in facilitators {
                output.extend([&index.to_string(), " ", &url, " ", &auth, "\n"]);
            }
            if let Some((screener, question)) = gate.screener() {
                output.extend(["screening ", &screener.url, " ", &question, " ", &screener.auth(), "\n"]);
            }
        });
        ANSWER
    });
    found.unwrap_or(REFUSE)
}

/// Takes what the facilitator with this number answered, or the screening service, which has none; the output is what is wrong with it, a line each.
#[unsafe(no_mangle)]
pub extern "C" fn supported(index: usize, length: usize) -> u32 {
    with_input(length, |input| {
        let answer = core::str::from_utf8(input).unwrap_or_default();
        let said = GATE.with_borrow_mut(|gate| {
            gate.as_mut().map(|gate| match index {
                SCREENER => gate.screens(answer),
                _ => gate.supported(index, answer),
            })
        })?;
        write_output(|output| output.push_str(&said.join("\n")));
        Some(ANSWER)
    })
}

/// Writes what is watched for alerts ([`Config::watched`](crate::route::Config::watched)); nothing where the config is not good.
#[unsafe(no_mangle)]
pub extern "C" fn watched() -> u32 {
    let found = with_gate(|gate| {
        let watched = gate.config().map(|config| config.watched());
        write_output(|output| output.push_str(&watched.unwrap_or_default()));
        ANSWER
    });
    found.unwrap_or(REFUSE)
}

/// Writes the account of a gas key, whose text is the input. The shim overwrites that, as it does with every secret.
#[unsafe(no_mangle)]
pub extern "C" fn gas_account(length: usize) -> u32 {
    with_input(length, |input| {
        let key = Key::take(core::str::from_utf8(input).ok()?.to_owned()).ok()?;
        write_output(|output| output.push_str(&key.address().to_string()));
        Some(ANSWER)
    })
}

/// Decides by method and URL alone, separated by a space: [`FREE`], [`FREE_AS`] or [`LOOK`].
#[unsafe(no_mangle)]
pub extern "C" fn route(length: usize) -> u32 {
    with_input(length, |input| {
        let (method, url) = core::str::from_utf8(input).ok()?.split_once(' ')?;
        with_gate(|gate| match gate.route(method, url) {
            Routed::Free => FREE,
            Routed::FreeAs(path) => {
                write_output(|output| output.push_str(&path));
                FREE_AS
            }
            Routed::Look(_) => LOOK,
        })
    })
}

/// Writes the pattern of the route that a method and URL are for, or nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pattern(length: usize) -> u32 {
    with_input(length, |input| {
        let (method, url) = core::str::from_utf8(input).ok()?.split_once(' ')?;
        with_gate(|gate| {
            write_output(|output| output.push_str(&gate.pattern(method, url)));
            ANSWER
        })
    })
}

/// What is counted of a request, of its lines: the route's pattern, by whom it is, how what it got was opened. [`REFUSE`] where nothing is.
#[unsafe(no_mangle)]
pub extern "C" fn counted(length: usize, now: u32) -> u32 {
    with_input(length, |input| {
        let request = Request::from_lines(core::str::from_utf8(input).ok()?)?;
        with_gate(|gate| {
            let Some(counted) = gate.counted(&request, u64::from(now)) else {
                return REFUSE;
            };
            write_output(|output| output.extend([counted.route.as_str(), "\n", counted.who.name(), "\n", counted.how]));
            ANSWER
        })
    })
}

/// Decides about a request: 16 random bytes, then its lines.
#[unsafe(no_mangle)]
pub extern "C" fn decide(length: usize, now: u32) -> u32 {
    with_input(length, |input| {
        let (random, text) = input.split_first_chunk::<RANDOM>()?;
        let request = Request::from_lines(core::str::from_utf8(text).ok()?)?;
        with_gate(|gate| match gate.decide(&request, u64::from(now), *random) {
            Decision::Free => FREE,
            Decision::FreeAs(path) => {
                write_output(|output| output.push_str(&path));
                FREE_AS
            }
            Decision::Answer(answer) => write_answer(&answer),
            Decision::Asset(name) => {
                write_output(|output| output.push_str(&name));
                ASSET
            }
            Decision::Forward { path, headers } => write_lines(&[&path], &headers, FORWARD),
            Decision::Verify(verify) => {
                let Verify { claim, directory, named } = &*verify;
                let named = if *named { "1" } else { "0" };
                let expires = claim.expires.to_string();
                let lines = [
                    directory,
                    named,
                    &claim.key,
                    &claim.nonce,
                    &expires,
                    &claim.signature,
                    &claim.base,
                ];
                write_lines(&lines, &Headers::new(), VERIFY)
            }
            Decision::Token(token) => {
                let (kind, place) = match &token.keys {
                    KeySource::Set(url) => ("jwks", url),
                    KeySource::Secret(name) => ("secret", name),
                };
                let claim = &token.claim;
                let lines = [kind, place, &claim.algorithm, &claim.key, &claim.signature, &claim.signed];
                write_lines(&lines, &Headers::new(), TOKEN)
            }
            Decision::Ask(question) => {
                let meta = if question.meta { "1" } else { "0" };
                write_lines(&[&question.path, meta, &question.remember.to_string()], &Headers::new(), ASK)
            }
            Decision::Peek(peek) => write_lines(&[&peek.path, &peek.reader, &peek.network], &peek.headers, PEEK),
            Decision::List => LIST,
            Decision::Desk => DESK,
            Decision::Ledger(call) => write_lines(&[&call.object, call.call, &call.body], &Headers::new(), LEDGER),
            Decision::Teaser(call) => write_lines(&[&call.path, &call.selector], &Headers::new(), TEASER),
        })
    })
}

/// Decides what follows a reply of the ledger: 16 random bytes, the request's lines, a zero byte,
/// the reply.
#[unsafe(no_mangle)]
pub extern "C" fn next(length: usize, now: u32) -> u32 {
    with_input(length, |input| {
        let (random, text) = input.split_first_chunk::<RANDOM>()?;
        let (lines, reply) = core::str::from_utf8(text).ok()?.split_once('\0')?;
        let request = Request::from_lines(lines)?;
        with_gate(|gate| match gate.next(&request, reply, u64::from(now), *random) {
            Next::Answer(answer) => write_answer(&answer),
            Next::Fetch { path, owner } => write_lines(&[&path, &owner], &Headers::new(), FETCH),
            Next::Deliver { path, headers, report } => {
                write_lines(&[&path, report.as_deref().unwrap_or_default()], &headers, DELIVER)
            }
            Next::Ledger(call) => write_lines(&[&call.object, call.call, &call.body], &Headers::new(), LEDGER),
            Next::Teaser(call) => write_lines(&[&call.path, &call.selector], &Headers::new(), TEASER),
        })
    })
}

/// Takes the list of what was revoked, as of a time in Unix seconds; with `changed` 0 it is the one before.
#[unsafe(no_mangle)]
pub extern "C" fn listed(length: usize, at: u32, changed: u32) -> u32 {
    let code = with_input(length, |input| {
        let names = core::str::from_utf8(input).ok()?;
        GATE.with_borrow_mut(|gate| {
            gate.as_mut()
                .map(|gate| gate.listed((changed == 1).then_some(names), at.into()))
        })?;
        Some(ANSWER)
    });
    shrink();
    code
}

/// Reads a directory of keys: a line for each, of its thumbprint, the key, and the Unix seconds from and until which it counts.
#[unsafe(no_mangle)]
pub extern "C" fn agent_keys(length: usize) -> u32 {
    with_input(length, |input| {
        let keys = directory::keys(core::str::from_utf8(input).ok()?)?;
        write_output(|output| {
            for key in keys {
                let (from, until) = (key.not_before.to_string(), key.expires.to_string());
                output.extend([&key.thumbprint, " ", &key.x, " ", &from, " ", &until, "\n"]);
            }
        });
        Some(ANSWER)
    })
}

/// For how many seconds what the origin answers to this request may be kept: the request's lines.
#[unsafe(no_mangle)]
pub extern "C" fn kept(length: usize) -> u32 {
    let seconds = INPUT.with_borrow(|input| {
        let request = Request::from_lines(core::str::from_utf8(input.get(..length)?).ok()?)?;
        with_gate(|gate| gate.kept(&request))
    });
    seconds.unwrap_or_default()
}

/// The answer when the origin did not deliver: the request's lines; its status, and whether the
/// payment stands.
#[unsafe(no_mangle)]
pub extern "C" fn undelivered(length: usize, status: u32, paid: u32) -> u32 {
    with_input(length, |input| {
        let request = Request::from_lines(core::str::from_utf8(input).ok()?)?;
        let status = u16::try_from(status).unwrap_or_default();
        with_gate(|gate| write_answer(&gate.undelivered(&request, status, paid == 1)))
    })
}

/// Takes the premium part out of a page: 16 random bytes, the request's lines, a zero byte, why there is no page, a zero byte, what its
/// marks begin with, a zero byte, its policy, a zero byte, the page. [`TEASER`] with the page, or another answer.
#[unsafe(no_mangle)]
pub extern "C" fn trimmed(length: usize, now: u32) -> u32 {
    let code = with_input(length, |input| {
        let (random, text) = input.split_first_chunk::<RANDOM>()?;
        let mut parts = core::str::from_utf8(text).ok()?.splitn(5, '\0');
        let mut part = || parts.next();
        let request = Request::from_lines(part()?)?;
        let fetched = Fetched {
            fault: part()?,
            nonce: part()?,
            policy: part()?,
            html: part()?,
        };
        with_gate(|gate| {
            let (answer, trimmed) = gate.trimmed(&request, &fetched, u64::from(now), *random);
            let code = write_answer(&answer);
            if trimmed { TEASER } else { code }
        })
    });
    shrink();
    code
}

/// Gives a buffer for a long text back.
fn shrink() {
    INPUT.with_borrow_mut(|input| {
        if input.len() > KEPT {
            *input = Vec::new();
        }
    });
}

fn with_input(length: usize, f: impl FnOnce(&[u8]) -> Option<u32>) -> u32 {
    INPUT.with_borrow(|input| input.get(..length).and_then(f)).unwrap_or(REFUSE)
}

fn with_gate(f: impl FnOnce(&Gate) -> u32) -> Option<u32> {
    GATE.with_borrow(|gate| gate.as_ref().map(f))
}

/// Writes the output anew.
pub fn write_output(f: impl FnOnce(&mut String)) {
    OUTPUT.with_borrow_mut(|output| {
        output.clear();
        f(output);
    });
}

/// The text that the shim wrote to the buffer; none where it is no text. A buffer for a long one is given back.
pub fn input(length: usize) -> Option<String> {
    INPUT.with_borrow_mut(|input| {
        let text = core::str::from_utf8(input.get(..length)?).ok().map(String::from);
        if input.len() > KEPT {
            *input = Vec::new();
        }
        text
    })
}

/// The settlement settings of the gate, if its config was good.
pub fn settlement() -> Option<Settlement> {
    GATE.with_borrow(|gate| Some(gate.as_ref()?.config()?.settlement.clone()))
}

/// The site's URL and the tokens it takes, if its config was good.
pub fn site() -> Option<(String, Vec<Token>)> {
    GATE.with_borrow(|gate| {
        let config = gate.as_ref()?.config()?;
        Some((config.site.clone(), config.tokens()))
    })
}

/// What can stand in the books for these names, a line each, should their payer have had them erased: its marks, with spaces between.
#[unsafe(no_mangle)]
pub extern "C" fn marks_of(length: usize) -> u32 {
    with_input(length, |input| {
        let names = core::str::from_utf8(input).ok()?;
        let marks = marks()?;
        write_output(|output| {
            for name in names.lines() {
                output.extend([&marks.all(name).join(" "), "\n"]);
            }
        });
        Some(ANSWER)
    })
}

/// How payments that were erased are known again, if there are keys.
pub fn marks() -> Option<Marks> {
    GATE.with_borrow(|gate| gate.as_ref()?.marks())
}

/// Status, headers, an empty line, the body.
fn write_answer(answer: &Answer) -> u32 {
    OUTPUT.with_borrow_mut(|output| {
        output.clear();
        // writing to a String cannot fail
        let _ = writeln!(output, "{}", answer.status);
        write_headers(output, &answer.headers);
        output.push('\n');
        output.push_str(&answer.body);
    });
    ANSWER
}

fn write_lines(lines: &[&str], headers: &Headers, code: u32) -> u32 {
    OUTPUT.with_borrow_mut(|output| {
        output.clear();
        for line in lines {
            output.push_str(line);
            output.push('\n');
        }
        write_headers(output, headers);
    });
    code
}

fn write_headers(output: &mut String, headers: &Headers) {
    for (name, value) in headers {
        output.extend([name, ": ", value, "\n"]);
    }
}
