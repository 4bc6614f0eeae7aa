//! The ledger's exports and imports, beside the gate's (`farthing::bindings::edge`) in the same WebAssembly.
//!
//! Objects and their calls have numbers that the shim chooses. A call's start and each of its resumptions answer with a code: what
//! the call waits for, its answer, or why it failed is the output. What is imported is done by the platform of the object
//! whose call runs.
#![allow(
    unsafe_code,
    reason = "exporting a function under its name and importing one are called unsafe; there is no unsafe block"
)]

use std::cell::RefCell;

use farthing::bindings::edge;

use crate::{
    config,
    object::{Numbered, Object, Step},
    platform::{Effect, Host, Result},
};

/// The call waits for the effect in the output.
const WAITS: u32 = 9;
/// The call's answer is the output.
const ANSWERED: u32 = 10;
/// Why the call failed is the output.
const FAILED: u32 = 11;

#[link(wasm_import_module = "platform")]
unsafe extern "C" {
    /// Runs a statement: addresses and lengths, in turn, of its text and its values. Gives each row to [`row`]; 0, or where it failed
    /// another number, and the reason as the only row.
    #[link_name = "sql"]
    safe fn platform_sql(texts: *const usize, count: usize) -> u32;
    #[link_name = "now"]
    safe fn platform_now() -> u32;
    #[link_name = "wake"]
    safe fn platform_wake();
    #[link_name = "say"]
    safe fn platform_say(text: *const u8, length: usize);
    /// Whether there are books: 1 if so.
    #[link_name = "books"]
    safe fn platform_books() -> u32;
    #[link_name = "clear"]
    safe fn platform_clear();
    /// Gives a secret to [`row`], by its name: 1 if there is one.
    #[link_name = "secret"]
    safe fn platform_secret(name: *const u8, length: usize) -> u32;
}

thread_local! {
    static OBJECTS: RefCell<Numbered<Object>> = const { RefCell::new(Numbered::new()) };
    static ROWS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The platform of whichever object's call runs.
#[derive(Debug)]
struct Shim;

impl Host for Shim {
    fn sql(&self, sql: &str, values: &[&str]) -> Result<Vec<String>> {
        let texts: Vec<usize> = core::iter::once(&sql)
            .chain(values)
            .flat_map(|text| [text.as_ptr().addr(), text.len()])
            .collect();
        ROWS.take();
        let failed = platform_sql(texts.as_ptr(), texts.len());
        let rows = ROWS.take();
        match failed {
            0 => Ok(rows),
            _ => Err(rows.into_iter().next().unwrap_or_default().into()),
        }
    }

    fn now(&self) -> u64 {
        platform_now().into()
    }

    fn wake(&self) {
        platform_wake();
    }

    fn say(&self, text: &str) {
        platform_say(text.as_ptr(), text.len());
    }

    fn has_books(&self) -> bool {
        platform_books() == 1
    }

    fn clear(&self) {
        platform_clear();
    }

    fn secret(&self, name: &str) -> Option<String> {
        ROWS.take();
        let found = platform_secret(name.as_ptr(), name.len());
        ROWS.take().pop().filter(|_| found == 1)
    }
}

/// Takes one row of a statement's result, from the buffer.
#[unsafe(no_mangle)]
pub extern "C" fn row(length: usize) {
    // the shim writes texts; one that is none would be a number that cannot be read, or a body
    let text = edge::input(length).unwrap_or_default();
    ROWS.with_borrow_mut(|rows| rows.push(text));
}

/// Starts a call: a line with its name, then its body. Opens the object if this is its first: a payer's ledger, or where `kind` is 1
/// a sender.
#[unsafe(no_mangle)]
pub extern "C" fn start(object: u32, id: u32, kind: u32, length: usize) -> u32 {
    config::configure_once(edge::settlement, edge::site, edge::marks);
    let input = edge::input(length).unwrap_or_default();
    let (call, body) = input.split_once('\n').unwrap_or_default();
    OBJECTS.with_borrow_mut(|objects| {
        let open = if kind == 1 { Object::open_sender } else { Object::open };
        if objects.get_mut(object).is_none() {
            objects.insert(object, open(Shim));
        }
        objects
            .get_mut(object)
            .map_or(FAILED, |object| told(object.start(id, call, body)))
    })
}

/// Goes on with a call: the result of what it waited for, or the reason why there is none.
#[unsafe(no_mangle)]
pub extern "C" fn resume(object: u32, id: u32, failed: u32, length: usize) -> u32 {
    let text = edge::input(length).unwrap_or_default();
    let result = if failed == 0 { Ok(text) } else { Err(text.into()) };
    OBJECTS.with_borrow_mut(|objects| match objects.get_mut(object) {
        Some(object) => told(object.resume(id, result)),
        None => FAILED,
    })
}

/// Drops an object that the platform has dropped, with its calls.
#[unsafe(no_mangle)]
pub extern "C" fn forget(object: u32) {
    OBJECTS.with_borrow_mut(|objects| objects.remove(object));
}

fn told(step: Step) -> u32 {
    let (code, parts) = match step {
        Step::Ended(Ok(answer)) => (ANSWERED, vec![answer]),
        Step::Ended(Err(failure)) => (FAILED, vec![failure.to_string()]),
        Step::Waits(effect) => (WAITS, lines(effect)),
    };
    edge::write_output(|output| output.push_str(&parts.join("\n")));
    code
}

/// An effect's name and its numbers and texts, a line each; what may have several lines is last.
fn lines(effect: Effect) -> Vec<String> {
    match effect {
        Effect::Post {
            url,
            auth,
            body,
            seconds,
            most,
        } => vec!["post".to_owned(), url, auth, seconds.to_string(), most.to_string(), body],
        Effect::Alarm(seconds) => vec![
            "alarm".to_owned(),
            seconds.map_or_else(String::new, |seconds| seconds.to_string()),
        ],
        Effect::Wait(seconds) => vec!["wait".to_owned(), seconds.to_string()],
        Effect::Books { sql, value } => vec!["books".to_owned(), sql, value],
        Effect::Call { object, call, body } => vec!["call".to_owned(), object, call, body],
        Effect::Send { object, call, body } => vec!["send".to_owned(), object, call, body],
    }
}
