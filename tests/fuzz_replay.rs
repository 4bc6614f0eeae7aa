//! The committed corpus of every fuzz target, played without a fuzzer: what once was found stays mended.

use std::{fs, path::Path};

#[allow(unreachable_pub, reason = "a public module of the fuzz package")]
#[path = "../fuzz/src/bodies/mod.rs"]
mod bodies;

#[test]
fn every_input_of_the_corpus_keeps_every_promise() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (target, _) in bodies::TARGETS {
        let mut files: Vec<_> = fs::read_dir(corpus.join(target))
            .unwrap_or_else(|error| panic!("{target}: {error}"))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{target} has a corpus");
        for file in files {
            // a panic alone does not say on what
            let name = file.display().to_string();
            let data = fs::read(&file).unwrap();
            let done = std::panic::catch_unwind(|| bodies::run(target, &data));
            assert!(done.is_ok(), "{target} breaks on {name}");
        }
    }
}
