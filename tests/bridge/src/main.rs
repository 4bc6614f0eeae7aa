//! The core of farthing for tests in other languages: reads one JSON object a line, `{"op": NAME, …}`, answers one line,
//! `{"ok": …}` or `{"error": "…"}`. Operations live in files by subject and are listed here, in no other place.

use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

mod args;
mod evm;
mod extensions;
mod offer;
mod wire;

/// An operation: its arguments, and what comes of them or what was wrong with the arguments. A refusal by the core is a
/// result, not an error.
type Op = fn(&Value) -> Result<Value, String>;

const OPS: &[&[(&str, Op)]] = &[wire::OPS, evm::OPS, offer::OPS, extensions::OPS];

fn answer(line: &str) -> Value {
    let answered = serde_json::from_str::<Value>(line)
        .map_err(|error| error.to_string())
        .and_then(|request| {
            let name = args::text(&request, "op")?;
            let mut all = OPS.iter().flat_map(|ops| ops.iter());
            let (_, op) = all
                .find(|(known, _)| *known == name)
                .ok_or_else(|| format!("no operation is called {name}"))?;
            op(&request)
        });
    match answered {
        Ok(value) => json!({ "ok": value }),
        Err(error) => json!({ "error": error }),
    }
}

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut input = io::stdin().lock();
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        writeln!(out, "{}", answer(&line))?;
        // asked one by one as well as many at once
        out.flush()?;
        line.clear();
    }
    Ok(())
}
