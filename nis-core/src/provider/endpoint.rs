//! Where a provider's requests go, checked before a key is ever sent there.

use std::net::IpAddr;

use reqwest::Url;

use crate::error::{Error, Result};

/// A base address such as `https://api.openai.com/v1`: https, or http to this machine alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    loopback: bool,
}

impl Endpoint {
    /// Reads and checks an address; `field` names it in errors.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for anything but https (or http to a loopback address), for a user name or
    /// password, a query or a fragment, and for link-local addresses, where clouds keep credentials.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        let refuse = |shown: &str, expected: &str| Err(Error::invalid(field, shown, expected));
        let Ok(mut url) = Url::parse(text.trim()) else {
            return refuse(text, "an address such as https://api.openai.com/v1");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(
                "an address with credentials",
                "an address without user name and password",
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse(text, "an address without query and fragment");
        }
        let host = url
            .host_str()
            .unwrap_or("")
            .trim_matches(['[', ']'])
            .to_owned();
        let ip: Option<IpAddr> = host.parse().ok();
        let loopback = host.eq_ignore_ascii_case("localhost")
            || ip.is_some_and(|ip| canonical(ip).is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return refuse(text, "https, or http to a loopback address"),
        }
        let metadata = match ip.map(canonical) {
            Some(IpAddr::V4(v4)) => {
                v4.is_link_local() || v4.is_unspecified() || v4.octets() == [100, 100, 100, 200]
            }
            Some(IpAddr::V6(v6)) => {
                v6.is_unicast_link_local()
                    || v6.is_unspecified()
                    || v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
            }
            None => host.is_empty() || host.eq_ignore_ascii_case("metadata.google.internal"),
        };
        if metadata {
            return refuse(text, "no link-local or metadata address");
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Endpoint { url, loopback })
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Host name or address.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or("")
    }

    /// The address with `tail` after its path; `tail` may end in a query.
    pub fn join(&self, tail: &str) -> Url {
        let mut url = self.url.clone();
        let (path, query) = match tail.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (tail, None),
        };
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }
}

fn canonical(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        for (text, joined) in [
            (
                "https://api.openai.com/v1",
                "https://api.openai.com/v1/chat/completions",
            ),
            (
                "https://api.openai.com/v1/",
                "https://api.openai.com/v1/chat/completions",
            ),
            (
                "http://127.0.0.1:8000/v1",
                "http://127.0.0.1:8000/v1/chat/completions",
            ),
            ("http://[::1]:8000", "http://[::1]:8000/chat/completions"),
            (
                "http://localhost:11434/v1",
                "http://localhost:11434/v1/chat/completions",
            ),
        ] {
            let endpoint = Endpoint::parse("base_url", text).unwrap();
            assert_eq!(endpoint.join("chat/completions").as_str(), joined);
            assert_eq!(endpoint.is_loopback(), text.starts_with("http:"));
        }
        for bad in [
            "",
            "api.openai.com/v1",
            "http://api.openai.com/v1",
            "http://localhost.evil.com/v1",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "https://user:pw@host/v1",
            "https://host/v1?key=1",
            "https://host/#a",
            "https://169.254.169.254/latest",
            "https://[::ffff:169.254.169.254]/",
            "https://100.100.100.200/",
            "https://[fe80::1]/",
            "https://0.0.0.0/",
            "http://0x7f.1.evil/",
        ] {
            let e = Endpoint::parse("providers[0].base_url", bad).unwrap_err();
            assert_eq!(e.field(), Some("providers[0].base_url"), "{bad}");
            assert!(!e.to_string().contains("pw"), "{e}");
        }
    }
}
