//! Keys that never show: [`Secret`].

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands for a secret wherever one would be shown.
const SHOWN: &str = "***";

/// A key. `Debug`, `Display` and `Serialize` write `***`; only [`Secret::expose`] gives the text.
///
/// ```
/// use nis_core::provider::Secret;
/// let key = Secret::new("sk-1234");
/// assert_eq!(format!("{key} {key:?}"), "*** ***");
/// assert_eq!(key.expose(), "sk-1234");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key; white space around it is dropped, as it comes from files and shells.
    pub fn new(text: impl AsRef<str>) -> Self {
        Secret(text.as_ref().trim().to_owned())
    }

    /// The key itself: for the request header and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this can be a key: not empty and no placeholder such as those of example files.
    pub fn is_usable(&self) -> bool {
        !is_placeholder(&self.0) && self.0.bytes().all(|b| b.is_ascii_graphic())
    }

    /// `text` without this key.
    pub fn scrub(&self, text: &str) -> String {
        if self.0.len() < 4 {
            text.to_owned()
        } else {
            text.replace(&self.0, SHOWN)
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SHOWN)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// Whether a text stands where a key shall be put, as example files have it: `your_openai_api_key_here`,
/// `sk-xxx`, `changeme`, `<key>`, `***`, nothing.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    const WHOLE: [&str; 14] = [
        "",
        "changeme",
        "change_me",
        "change-me",
        "none",
        "null",
        "nil",
        "todo",
        "tbd",
        "dummy",
        "placeholder",
        "example",
        "secret",
        "test",
    ];
    if WHOLE.contains(&text.as_str()) {
        return true;
    }
    let bracketed = [("<", ">"), ("${", "}"), ("{{", "}}"), ("[", "]")]
        .iter()
        .any(|(open, close)| text.starts_with(open) && text.ends_with(close));
    let named = ["your", "replace", "insert", "enter", "put"]
        .iter()
        .any(|verb| {
            text.starts_with(verb)
                && (text.contains("key") || text.contains("token") || text.contains("here"))
        })
        || text.starts_with("sk-your")
        || text.contains("api_key_here")
        || text.contains("api-key-here");
    // `sk-xxx`, `xxxxxxxx`, `...`, `***`: nothing but filler after the prefix.
    let tail = text
        .trim_start_matches("sk-")
        .trim_start_matches("proj-")
        .trim_start_matches("nvapi-");
    let filler = tail
        .chars()
        .all(|c| matches!(c, 'x' | '.' | '*' | '-' | '_' | '0' | '…'));
    bracketed || named || filler
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_keys() {
        for text in [
            "",
            "  ",
            "your_openai_api_key_here",
            "your-api-key",
            "sk-xxx",
            "sk-xxxxxxxxxxxxxxxx",
            "changeme",
            "<your key>",
            "<OPENAI_API_KEY>",
            "***",
            "sk-...",
            "${OPENAI_API_KEY}",
            "YOUR_API_KEY_HERE",
            "sk-your-key",
            "sk-",
            "\"\"",
            "replace_with_your_key",
            "None",
        ] {
            assert!(is_placeholder(text), "{text}");
            assert!(!Secret::new(text).is_usable(), "{text}");
        }
        for text in [
            "sk-proj-4fQ0xkeyy1",
            "nvapi-Zx81kd",
            "EMPTY0key",
            "a1b2c3",
            "local",
        ] {
            assert!(!is_placeholder(text), "{text}");
            assert!(Secret::new(text).is_usable(), "{text}");
        }
        assert!(!Secret::new("key with space").is_usable());
        assert!(!Secret::new("line\nbreak").is_usable());
    }

    #[test]
    fn it_shows_nowhere() {
        let key = Secret::new(" sk-SENTINEL\n");
        let shown = format!(
            "{key} {key:?} {:?} {}",
            Some(&key),
            serde_json::to_string(&key).unwrap()
        );
        assert!(!shown.contains("SENTINEL"), "{shown}");
        assert_eq!(key.scrub("Bearer sk-SENTINEL!"), "Bearer ***!");
        assert_eq!(key.expose(), "sk-SENTINEL");
    }
}
