//! Where a host's name leads, checked before a connection is made: resolve, check, connect to what was checked.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The addresses of a host.
pub type Found = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Something that turns names into addresses; the system by default.
pub trait Lookup: Send + Sync + fmt::Debug {
    /// The addresses of a host name.
    fn lookup(&self, host: &str) -> Found;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> Found {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|a| a.ip()).collect())
        })
    }
}

/// Which addresses a provider's host may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those of this machine only: the configuration said so.
    Loopback,
    /// Those of the internet only.
    Public,
    /// Those of the internet and of private networks; metadata services and this machine stay refused.
    Private,
}

/// Checks the addresses of one host before reqwest connects to exactly those; proxies are other hosts, which the
/// operator of the machine named.
#[derive(Debug)]
pub(super) struct Pinned {
    pub(super) host: String,
    pub(super) reach: Reach,
    pub(super) lookup: Arc<dyn Lookup>,
}

impl Resolve for Pinned {
    fn resolve(&self, name: Name) -> Resolving {
        let checked = name.as_str().eq_ignore_ascii_case(&self.host);
        let (reach, host) = (self.reach, name.as_str().to_owned());
        let found = self.lookup.lookup(name.as_str());
        Box::pin(async move {
            let found = found.await?;
            // One bad address among good ones is refused as well: it is how a name is bent.
            if checked && let Some(bad) = found.iter().find(|ip| !fits(**ip, reach)) {
                return Err(format!("{host} leads to {bad}, {}", why(reach)).into());
            }
            let all: Addrs = Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(all)
        })
    }
}

fn why(reach: Reach) -> &'static str {
    match reach {
        Reach::Loopback => "which is not this machine",
        Reach::Public => {
            "which is no public address; set allow_private for a server in a private network"
        }
        Reach::Private => "which is this machine, a metadata service or no address of a server",
    }
}

/// Whether a provider may be at this address.
fn fits(ip: IpAddr, reach: Reach) -> bool {
    let ip = inner(ip);
    match reach {
        Reach::Loopback => ip.is_loopback(),
        Reach::Public => !never(ip) && !private(ip),
        Reach::Private => !never(ip),
    }
}

/// The IPv4 address that an IPv6 address carries: mapped, 6to4 (RFC 3056), NAT64 (RFC 6052).
fn inner(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let s = v6.segments();
    let v4 = |hi: u16, lo: u16| {
        let [a, b] = hi.to_be_bytes();
        let [c, d] = lo.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, hi, lo] => v4(hi, lo),
        [0x2002, hi, lo, ..] => v4(hi, lo),
        [0x64, 0xff9b, 0, 0, 0, 0, hi, lo] => v4(hi, lo),
        _ => ip,
    }
}

/// Addresses where no provider is: this machine, link-local ones and clouds' metadata services, none, many.
fn never(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, ..] = v4.octets();
            v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || v4.octets() == [100, 100, 100, 200]
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unicast_link_local()
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

/// Addresses of private networks (RFC 1918, RFC 6598, RFC 4193) and of benchmarks (RFC 2544).
fn private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (18..20).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for public in [
            "104.18.7.192",
            "2606:4700::6812:7c0",
            "64:ff9b::6812:7c0",
            "172.32.0.1",
            "100.128.0.1",
        ] {
            assert!(fits(ip(public), Reach::Public), "{public}");
            assert!(fits(ip(public), Reach::Private), "{public}");
            assert!(!fits(ip(public), Reach::Loopback), "{public}");
        }
        for private in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "198.18.0.1",
        ] {
            assert!(!fits(ip(private), Reach::Public), "{private}");
            assert!(fits(ip(private), Reach::Private), "{private}");
        }
        for never in [
            "127.0.0.1",
            "::1",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "2002:a9fe:a9fe::1",
            "64:ff9b::a9fe:a9fe",
            "100.100.100.200",
            "fd00:ec2::254",
            "fe80::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
        ] {
            assert!(!fits(ip(never), Reach::Public), "{never}");
            assert!(!fits(ip(never), Reach::Private), "{never}");
        }
        for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(fits(ip(here), Reach::Loopback), "{here}");
        }
    }
}
