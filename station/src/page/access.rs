//! Who may look at the page: whoever sits at this machine; from elsewhere only who has its token. Pure.

use axum::http::{HeaderMap, Method, Uri, header};
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq as _;

/// Characters of the shortest token.
pub const SHORTEST_TOKEN: usize = 16;
/// What a browser keeps the token in.
pub const COOKIE: &str = "jigline_operator";

/// The rule of one page.
#[derive(Debug, Clone)]
pub enum Access {
    /// This machine alone.
    Loopback,
    /// Whoever has it.
    Token(String),
}

/// Why a page can't be served so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessFault {
    #[error(
        "operator_page = \"{0}\" lets other machines in, and operator_token is missing: set one of at least {SHORTEST_TOKEN} characters, or \
         listen on 127.0.0.1"
    )]
    NoToken(SocketAddr),
    #[error(
        "operator_token has fewer than {SHORTEST_TOKEN} characters, or others than letters, digits, - and _"
    )]
    WeakToken,
}

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It came under a name that is not this machine's, or from a page of somebody else's.
    Foreign,
    /// It has no token, or a wrong one.
    NoToken,
}

impl Access {
    /// # Errors
    /// Other machines would get in without a token, or the token is none.
    pub fn of(listen: SocketAddr, token: Option<&str>) -> Result<Self, AccessFault> {
        let Some(token) = token else {
            return if listen.ip().is_loopback() {
                Ok(Self::Loopback)
            } else {
                Err(AccessFault::NoToken(listen))
            };
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if token.len() < SHORTEST_TOKEN || !token.bytes().all(is_plain) {
            return Err(AccessFault::WeakToken);
        }
        Ok(Self::Token(token.to_owned()))
    }

    /// Lets the request in. What changes something must come from this page itself, whatever else is open in the same browser.
    ///
    /// # Errors
    /// It is turned away.
    pub fn judge(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refused> {
        let host = text(headers, header::HOST).ok_or(Refused::Foreign)?;
        if *method != Method::GET
            && let Some(origin) = text(headers, header::ORIGIN)
            && origin.split_once("://").is_none_or(|(_, from)| from != host)
        {
            return Err(Refused::Foreign);
        }
        match self {
            // A name that somebody else gave to 127.0.0.1 would let his page in.
            Self::Loopback if is_own_name(host) => Ok(()),
            Self::Loopback => Err(Refused::Foreign),
            Self::Token(token) => {
                let given = kept(headers).or_else(|| bearer(headers)).unwrap_or_default();
                let is_it = bool::from(given.as_bytes().ct_eq(token.as_bytes()));
                if is_it { Ok(()) } else { Err(Refused::NoToken) }
            }
        }
    }

    /// The cookie for a browser that brings the right token in its address (`/?token=…`).
    #[must_use]
    pub fn cookie(&self, address: &Uri) -> Option<String> {
        let Self::Token(token) = self else { return None };
        let mut pairs = address.query()?.split('&').filter_map(|pair| pair.split_once('='));
        let (_, given) = pairs.find(|(name, _)| *name == "token")?;
        let is_it = bool::from(given.as_bytes().ct_eq(token.as_bytes()));
        is_it.then(|| format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000"))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn kept(headers: &HeaderMap) -> Option<&str> {
    let pairs = text(headers, header::COOKIE)?.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value).next()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    text(headers, header::AUTHORIZATION)?.strip_prefix("Bearer ")
}

fn is_own_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const TOKEN: &str = "0123456789abcdef";

    fn asked(
        access: &Access,
        method: &Method,
        pairs: &[(header::HeaderName, &'static str)],
    ) -> Result<(), Refused> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(name.clone(), HeaderValue::from_static(value));
        }
        access.judge(method, &headers)
    }

    #[test]
    fn without_a_token_only_this_machine_is_let_in_under_its_own_names() {
        let access = Access::of("127.0.0.1:8470".parse().unwrap(), None).unwrap();
        for host in ["127.0.0.1:8470", "localhost:8470", "LOCALHOST", "[::1]:8470", "127.0.0.9"] {
            assert_eq!(asked(&access, &Method::GET, &[(header::HOST, host)]), Ok(()), "{host}");
        }
        for host in ["evil.example:8470", "10.0.0.5:8470", "127.0.0.1.evil.example", ""] {
            assert_eq!(
                asked(&access, &Method::GET, &[(header::HOST, host)]),
                Err(Refused::Foreign),
                "{host}"
            );
        }
        assert_eq!(asked(&access, &Method::GET, &[]), Err(Refused::Foreign));
        let everywhere = "0.0.0.0:8470".parse().unwrap();
        assert_eq!(Access::of(everywhere, None).unwrap_err(), AccessFault::NoToken(everywhere));
    }

    #[test]
    fn an_answer_comes_from_this_page_alone() {
        let access = Access::of("[::1]:8470".parse().unwrap(), None).unwrap();
        let from = |origin| {
            asked(&access, &Method::POST, &[(header::HOST, "localhost:8470"), (header::ORIGIN, origin)])
        };
        assert_eq!(from("http://localhost:8470"), Ok(()));
        for origin in ["http://localhost:8080", "https://evil.example", "null"] {
            assert_eq!(from(origin), Err(Refused::Foreign), "{origin}");
        }
        // A program, which sends none.
        assert_eq!(asked(&access, &Method::POST, &[(header::HOST, "localhost:8470")]), Ok(()));
    }

    #[test]
    fn from_elsewhere_the_token_lets_in_and_nothing_else() {
        let access = Access::of("0.0.0.0:8470".parse().unwrap(), Some(TOKEN)).unwrap();
        let with = |name, value| asked(&access, &Method::GET, &[(header::HOST, "jig-1:8470"), (name, value)]);
        assert_eq!(with(header::COOKIE, "other=1; jigline_operator=0123456789abcdef"), Ok(()));
        assert_eq!(with(header::AUTHORIZATION, "Bearer 0123456789abcdef"), Ok(()));
        assert_eq!(with(header::COOKIE, "jigline_operator=0123456789abcdeX"), Err(Refused::NoToken));
        assert_eq!(with(header::COOKIE, "jigline_operator="), Err(Refused::NoToken));
        assert_eq!(asked(&access, &Method::GET, &[(header::HOST, "localhost:8470")]), Err(Refused::NoToken));
        let cookie = |address: &str| access.cookie(&address.parse().unwrap());
        assert!(
            cookie("/?token=0123456789abcdef").unwrap().starts_with("jigline_operator=0123456789abcdef; ")
        );
        assert_eq!(cookie("/?token=0123456789abcde"), None);
        assert_eq!(cookie("/"), None);
        for weak in ["short", "0123456789 abcdef", "0123456789;abcdef"] {
            let listen = "127.0.0.1:1".parse().unwrap();
            assert_eq!(Access::of(listen, Some(weak)).unwrap_err(), AccessFault::WeakToken, "{weak}");
        }
    }
}
