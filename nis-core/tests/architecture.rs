//! Reads the `use` paths of every source file and fails when a module imports from its own floor or from
//! one above (the table in `src/lib.rs` and in docs/architecture.md).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

/// Modules and their floors: the plan of the crate.
const FLOORS: [(&str, u8); 16] = [
    ("error", 0),
    ("expr", 0),
    ("telemetry", 0),
    ("optim", 1),
    ("device", 1),
    ("laplace", 2),
    ("kan", 2),
    ("pinn", 2),
    ("physics", 2),
    ("pipeline", 3),
    ("provider", 3),
    ("store", 3),
    ("bus", 3),
    ("tool", 4),
    ("agent", 5),
    ("runtime", 6),
];

fn floor(module: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, f)| *f)
}

fn rust_files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The modules of this crate that a source text names, each with its line: `crate::a::b`, and the first
/// segments inside `crate::{a::b, c}`. Comment lines do not count; what follows `#[cfg(test)] mod` does.
fn named_modules(text: &str) -> Vec<(usize, String)> {
    let mut code = String::with_capacity(text.len());
    for line in text.lines() {
        if !line.trim_start().starts_with("//") {
            code.push_str(line);
        }
        code.push('\n');
    }
    // A path through the root by `super::super::` is the same import in another spelling.
    let code = code
        .replace("super::super::super::", "super::super::")
        .replace("super::super::", "crate::");
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find("crate::").map(|i| i + from) {
        from = at + "crate::".len();
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue; // the end of another name, such as `my_crate::`
        }
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[from..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 1usize;
            let mut start = true;
            let mut word = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 || (depth == 1 && c == ',') {
                    if !word.is_empty() {
                        found.push((line, std::mem::take(&mut word)));
                    }
                    start = true;
                    if depth == 0 {
                        break;
                    }
                } else if depth == 1 && start {
                    if c.is_alphanumeric() || c == '_' {
                        word.push(c);
                    } else if !word.is_empty() {
                        found.push((line, std::mem::take(&mut word)));
                        start = false;
                    }
                }
            }
        } else {
            let word: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            found.push((line, word));
        }
    }
    found
}

#[test]
fn imports_go_downwards_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > FLOORS.len(), "found only {files:?}");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let first = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy();
        let module = first.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let own = floor(module).unwrap_or_else(|| {
            panic!("{} belongs to no floor: add it to FLOORS", inside.display())
        });
        let text = std::fs::read_to_string(&file).unwrap();
        for (line, name) in named_modules(&text) {
            // `crate::Error`, `crate::Result` and `crate::VERSION` are re-exports of floor 0.
            let Some(other) = floor(&name) else { continue };
            seen += 1;
            // The error type is the ground that every floor stands on (docs/architecture.md).
            if name != module && name != "error" && other >= own {
                wrong.push(format!(
                    "{}:{line}: {module} (floor {own}) imports {name} (floor {other})",
                    inside.display()
                ));
            }
        }
    }
    assert!(
        seen > 20,
        "only {seen} imports were read: the reader is broken"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_of_the_plan_exists_and_says_its_floor() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (module, floor) in FLOORS {
        let folder = src.join(module).join("mod.rs");
        let file = if folder.exists() {
            folder
        } else {
            src.join(format!("{module}.rs"))
        };
        let text = std::fs::read_to_string(&file).unwrap();
        let head: String = text
            .lines()
            .take_while(|l| l.starts_with("//!"))
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            head.contains(&format!("Floor {floor}")),
            "{} must say `Floor {floor}` in its statement",
            file.display()
        );
    }
}

#[test]
fn every_source_file_says_what_it_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in [
        "nis-core/src",
        "nis-ffi/src",
        "nis-py/src",
        "examples/nis/src",
        "benches",
    ] {
        rust_files(&root.join(folder), &mut files);
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let first = text.lines().find(|l| !l.trim().is_empty()).unwrap_or("");
        assert!(
            first.starts_with("//! "),
            "{} must begin with its statement",
            file.display()
        );
    }
}

#[test]
fn the_reader_sees_every_form_of_use() {
    let text = "use crate::expr::Expr;\nuse crate::{kan::{self, Law}, pinn, laplace::Modes as M};\n\
                // crate::agent in a comment\nfn f() { super::super::physics::overall(&[]); my_crate::tool::x(); }\n\
                pub(crate) fn g() {}\n";
    let names: Vec<String> = named_modules(text).into_iter().map(|(_, n)| n).collect();
    assert_eq!(names, ["expr", "kan", "pinn", "laplace", "physics"]);
}
