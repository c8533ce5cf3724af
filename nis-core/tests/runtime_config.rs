//! Configuration: every form gives the same, unknown keys are named, the documented table is the code's.

#![cfg(feature = "runtime")]
// clippy.toml allows these in `#[test]` functions, not in the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use nis_core::Error;
use nis_core::provider::Secret;
use nis_core::runtime::{Config, Limits, Nis, ProviderConfig, ProviderKind, Route, VARIABLES};

#[test]
fn the_documented_table_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let section = text
        .split("## Environment variables")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let documented: Vec<&str> = section.lines().filter(|l| l.starts_with("| `")).collect();
    let coded: Vec<String> = VARIABLES
        .iter()
        .map(|v| format!("| `{}` | `{}` | {} |", v.name, v.key, v.meaning))
        .collect();
    assert_eq!(documented, coded);
    // Every key of the configuration has its row, and every row its key.
    let mut keys = vec![];
    fn walk(prefix: &str, value: &serde_json::Value, keys: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => map.iter().for_each(|(k, v)| {
                let path = if prefix.is_empty() {
                    k.clone()
                } else {
                    format!("{prefix}.{k}")
                };
                if !v.is_object() {
                    keys.push(path.clone());
                }
                walk(&path, v, keys);
            }),
            serde_json::Value::Array(items) => items
                .iter()
                .for_each(|v| walk(&format!("{prefix}[]"), v, keys)),
            _ => {}
        }
    }
    let full = Config {
        providers: vec![ProviderConfig::default()],
        routes: vec![Route::default()],
        ..Config::default()
    };
    walk("", &serde_json::to_value(full).unwrap(), &mut keys);
    let section = text
        .split("## Keys")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let mut rows: Vec<&str> = section
        .lines()
        .filter_map(|l| l.strip_prefix("| `")?.split('`').next())
        .collect();
    rows.sort();
    keys.sort();
    assert_eq!(rows, keys);
}

#[test]
fn the_code_reads_no_other_variable() {
    fn files(folder: &Path, out: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, out)
            } else {
                out.push(path)
            }
        }
    }
    let mut all = vec![];
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let mut readers = vec![];
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        // Tests may be told by a variable to write what they compare with.
        let tests =
            path.ends_with("tests.rs") || path.components().any(|c| c.as_os_str() == "tests");
        if text.contains("env::var") && !tests {
            readers.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    readers.sort();
    // `build.rs` reads the variable that `api_key_env` names, `config.rs` those of the table.
    assert_eq!(readers, ["build.rs", "config.rs"]);
}

#[test]
fn toml_json_and_fields_agree() {
    let toml = "
        default_provider = \"local\"
        store_path = \"/tmp/x.db\"
        [limits]
        history_turns = 4
        [[providers]]
        name = \"local\"
        base_url = \"http://127.0.0.1:8000/v1\"
        model = \"qwen\"
        timeout_s = 1.5
        [[providers]]
        name = \"offline\"
        kind = \"offline\"
    ";
    let json = r#"{"default_provider": "local", "store_path": "/tmp/x.db", "limits": {"history_turns": 4},
        "providers": [{"name": "local", "base_url": "http://127.0.0.1:8000/v1", "model": "qwen", "timeout_s": 1.5},
                      {"name": "offline", "kind": "offline"}]}"#;
    let fields = Config {
        default_provider: Some("local".into()),
        store_path: Some("/tmp/x.db".into()),
        limits: Limits {
            history_turns: 4,
            ..Limits::default()
        },
        providers: vec![
            ProviderConfig {
                name: "local".into(),
                base_url: "http://127.0.0.1:8000/v1".into(),
                model: "qwen".into(),
                timeout_s: 1.5,
                ..ProviderConfig::default()
            },
            ProviderConfig {
                name: "offline".into(),
                kind: ProviderKind::Offline,
                ..ProviderConfig::default()
            },
        ],
        ..Config::default()
    };
    assert_eq!(Config::from_toml(toml).unwrap(), fields);
    assert_eq!(Config::from_json(json).unwrap(), fields);
    assert_eq!(Config::from_json("{}").unwrap(), Config::default());
    assert_eq!(Config::from_toml("").unwrap(), Config::default());
    let written = serde_json::to_string(&fields).unwrap();
    assert_eq!(Config::from_json(&written).unwrap(), fields);
}

#[test]
fn what_does_not_fit_is_named() {
    for (text, field) in [
        (r#"{"nonsense": 1}"#, "config.nonsense"),
        (r#"{"limits": {"nonsense": 1}}"#, "config.limits.nonsense"),
        (
            r#"{"limits": {"history_turns": "many"}}"#,
            "config.limits.history_turns",
        ),
        (
            r#"{"limits": {"max_message_bytes": 0}}"#,
            "config.limits.max_message_bytes",
        ),
        (
            r#"{"providers": [{"name": "a"}, {"nam": "b"}]}"#,
            "config.providers[1].nam",
        ),
        (
            r#"{"providers": [{"name": "a"}, {"name": "a"}]}"#,
            "config.providers[1].name",
        ),
        (
            r#"{"providers": [{"name": "a b"}]}"#,
            "config.providers[0].name",
        ),
        (
            r#"{"providers": [{"name": "offline"}]}"#,
            "config.providers[0].name",
        ),
        (
            r#"{"providers": [{"name": "x", "kind": "offline"}]}"#,
            "config.providers[0].name",
        ),
        (
            r#"{"providers": [{"kind": "magic"}]}"#,
            "config.providers[0].kind",
        ),
        (
            r#"{"providers": [{"base_url": "http://example.com"}]}"#,
            "config.providers[0].base_url",
        ),
        (
            r#"{"providers": [{"timeout_s": -1}]}"#,
            "config.providers[0].timeout_s",
        ),
        (
            r#"{"providers": [{"max_retries": 9}]}"#,
            "config.providers[0].max_retries",
        ),
        (
            r#"{"providers": [{"kind": "ollama", "model": ""}]}"#,
            "config.providers[0].model",
        ),
        (
            r#"{"providers": {"openai": {"api_key": "sk-SENTINEL"}}}"#,
            "config.providers",
        ),
        (
            r#"{"providers": [{"api_kye": "sk-SENTINEL"}]}"#,
            "config.providers[0].api_kye",
        ),
        (
            r#"{"providers": [{"api_key": ["sk-SENTINEL"]}]}"#,
            "config.providers[0].api_key",
        ),
        (r#"["sk-SENTINEL"]"#, "config"),
        (
            r#"{"default_provider": "nobody"}"#,
            "config.default_provider",
        ),
    ] {
        let e = Config::from_json(text).unwrap_err();
        assert_eq!(e.field(), Some(field), "{e}");
        assert!(
            text.contains("api_kye") || !format!("{e} {e:?}").contains("SENTINEL"),
            "{e}"
        );
    }
    let e = Config::from_toml("[[providers]]\nname = 'a'\n[limits]\nhistory = 1").unwrap_err();
    assert_eq!(e.field(), Some("config.limits.history"));
    let Error::Parse { what, column, .. } = Config::from_toml("a = 1\nb = = 2").unwrap_err() else {
        panic!()
    };
    assert_eq!((what.as_str(), column), ("config, line 2", 5));
}

fn from(variables: &[(&str, &str)]) -> Result<Config, Error> {
    let map: BTreeMap<&str, &str> = variables.iter().copied().collect();
    Config::from_variables(&|name| map.get(name).map(|v| (*v).to_owned()))
}

#[test]
fn the_environment_sets_what_the_table_says() {
    assert_eq!(from(&[]).unwrap(), Config::default());
    assert_eq!(
        from(&[("OPENAI_API_KEY", ""), ("OTHER", "1")]).unwrap(),
        Config::default()
    );
    let config = from(&[
        ("OPENAI_API_KEY", "sk-real1"),
        ("OPENAI_BASE_URL", "https://example.com/v1"),
        ("OPENAI_MODEL", "m"),
        ("NIS_PROVIDER_TIMEOUT_S", "7.5"),
        ("NIS_DEFAULT_PROVIDER", "offline"),
        ("NIS_STORE_PATH", "/tmp/y.db"),
        ("NIS_MAX_MESSAGE_BYTES", "10"),
        ("NIS_HISTORY_TURNS", "2"),
    ])
    .unwrap();
    let want = Config {
        providers: vec![ProviderConfig {
            name: "openai".into(),
            api_key: Some(Secret::new("sk-real1")),
            base_url: "https://example.com/v1".into(),
            model: "m".into(),
            timeout_s: 7.5,
            ..ProviderConfig::default()
        }],
        default_provider: Some("offline".into()),
        store_path: Some("/tmp/y.db".into()),
        limits: Limits {
            max_message_bytes: 10,
            history_turns: 2,
            ..Limits::default()
        },
        ..Config::default()
    };
    assert_eq!(config, want);
    for (name, value) in [
        ("OPENAI_BASE_URL", "http://example.com"),
        ("NIS_HISTORY_TURNS", "many"),
        ("NIS_PROVIDER_TIMEOUT_S", "soon"),
    ] {
        assert_eq!(from(&[(name, value)]).unwrap_err().field(), Some(name));
    }
    // Each variable changes something.
    for v in VARIABLES {
        let value = if v.name.contains("URL") {
            "http://127.0.0.1:1/v1"
        } else if v.name == "NIS_DEFAULT_PROVIDER" {
            "offline"
        } else if v.name == "NVIDIA_NIM_ENABLED" {
            "true"
        } else {
            "17"
        };
        assert_ne!(
            from(&[(v.name, value)]).unwrap(),
            Config::default(),
            "{}",
            v.name
        );
    }
}

#[test]
fn only_usable_keys_make_a_provider() {
    let providers = |variables: &[(&str, &str)]| {
        Nis::new(from(variables).unwrap())
            .unwrap()
            .health()
            .provider
    };
    assert_eq!(providers(&[]), ["offline"]);
    assert_eq!(
        providers(&[("OPENAI_API_KEY", "your_openai_api_key_here")]),
        ["offline"]
    );
    assert_eq!(providers(&[("OPENAI_API_KEY", "sk-xxx")]), ["offline"]);
    assert_eq!(providers(&[("OPENAI_MODEL", "m")]), ["offline"]);
    assert_eq!(
        providers(&[("OPENAI_API_KEY", "sk-a1b2c3d4")]),
        ["openai", "offline"]
    );
    assert_eq!(
        providers(&[("OPENAI_BASE_URL", "http://localhost:8000/v1")]),
        ["openai", "offline"]
    );
    let e = Nis::new(Config {
        store_path: Some("/nonexistent/nis.db".into()),
        ..Config::default()
    })
    .unwrap_err();
    assert!(
        matches!(&e, Error::Io { path, .. } if path == "/nonexistent/nis.db"),
        "{e}"
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,120}") {
        let _ = Config::from_json(&text);
        let _ = Config::from_toml(&text);
    }

    #[test]
    fn near_configurations_are_read_or_refused(text in "(\\[|\\]|=|\"|'|\n|\\{|\\}|:|,|providers|limits|name|timeout_s|nan|-1|1e400|true|2020-01-01| ){0,25}") {
        let _ = Config::from_json(&text);
        let _ = Config::from_toml(&text);
    }
}
