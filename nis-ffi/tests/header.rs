//! `include/nis.h` is what cbindgen makes of this crate today.

// A test: what cannot be unwrapped fails it.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The header, made in memory from the crate's root file and the modules that it names, in their order.
fn generate() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).unwrap();
    let builder = cbindgen::Builder::new()
        .with_config(config)
        .with_src(here.join("src/lib.rs"));
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn header_is_current() {
    let path = root().join("include/nis.h");
    let made = generate();
    if std::env::var_os("NIS_UPDATE_HEADER").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == made,
        "include/nis.h differs from the source; NIS_UPDATE_HEADER=1 cargo test -p nis-ffi --test header"
    );
}

/// Every `extern "C"` function of the source stands in the header: a file that `generate` forgets shows
/// here.
#[test]
fn header_holds_every_function() {
    let header = generate();
    let mut seen = 0;
    let mut paths = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        for after in text.split("extern \"C\" fn nis_").skip(1) {
            let name: String = after
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            assert!(header.contains(&format!("nis_{name}(")), "nis_{name}");
            seen += 1;
        }
    }
    assert!(seen >= 11, "found {seen} functions only");
}
