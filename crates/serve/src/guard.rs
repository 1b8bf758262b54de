//! Who is answered: those who know the token, or, without one, pages of this machine's own.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// Who is let in.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    token: Option<String>,
    address: SocketAddr,
}

/// The cookie that holds the token, before the port: servers of several ports share their cookies.
const COOKIE: &str = "convnet_token_";
/// What needs no token: whether the server is there.
const OPEN: [&str; 2] = ["/v2/health/live", "/v2/health/ready"];

impl Guard {
    pub(crate) fn new(token: Option<String>, address: SocketAddr) -> Self {
        Self { token, address }
    }

    /// Why a request is not answered.
    fn refused(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Problem> {
        let host = headers.get(header::HOST).map(HeaderValue::to_str);
        let host = match host {
            Some(Ok(host)) => host,
            _ => return Some(Problem::request("the request has no Host header")),
        };
        // Another site's page can send a browser here, by a name of its own or by this machine's.
        if self.address.ip().is_loopback() && !is_local(host) {
            let text = format!("the host is `{host}`, expected this machine: {}", self.address);
            return Some(Problem::new(StatusCode::MISDIRECTED_REQUEST, text));
        }
        let origin = headers.get(header::ORIGIN).filter(|_| method != Method::GET);
        if origin.is_some_and(|origin| {
            origin.to_str().ok().and_then(|o| o.split_once("://")).is_none_or(|o| o.1 != host)
        }) {
            return Some(Problem::new(StatusCode::FORBIDDEN, "the request comes from another site's page"));
        }
        let token = self.token.as_deref()?;
        if OPEN.contains(&uri.path()) || self.presented(uri, headers).any(|found| same(found, token)) {
            return None;
        }
        let text = "the token is missing or wrong: send it as `Authorization: Bearer TOKEN`, or open the address that was \
                    told at the start";
        Some(Problem::new(StatusCode::UNAUTHORIZED, text))
    }

    /// The tokens that a request shows.
    fn presented<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let bearer =
            headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
        let bearer =
            bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies =
            cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let own = self.cookie();
        let cookies = cookies.filter(move |(name, _)| *name == own).map(|(_, token)| token);
        bearer.into_iter().chain(in_query(uri)).chain(cookies)
    }

    fn cookie(&self) -> String {
        format!("{COOKIE}{}", self.address.port())
    }
}

/// Whether a Host header names the machine itself.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let local = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    local || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn in_query(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// Whether two texts are the same, in a time that tells nothing of where they differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// What a page may do: nothing that does not come from here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
                      connect-src 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'";

/// Lets in, or refuses; a page that is opened with the token goes on with a cookie, so that the address bar does not show
/// it.
pub(crate) async fn guarded(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    if let Some(problem) = guard.refused(&method, &uri, request.headers()) {
        return problem.into_response();
    }
    if let (Some(token), "/", Some(_)) = (&guard.token, uri.path(), in_query(&uri)) {
        let cookie = format!("{}={token}; HttpOnly; SameSite=Strict; Path=/", guard.cookie());
        let headers = [(header::LOCATION, "/".to_owned()), (header::SET_COOKIE, cookie)];
        return (StatusCode::SEE_OTHER, headers).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(
        guard: &Guard,
        method: &Method,
        uri: &str,
        pairs: &[(header::HeaderName, &str)],
    ) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(name, value.parse().expect("a value"));
        }
        guard
            .refused(method, &uri.parse().expect("an address"), &headers)
            .map(|problem| problem.status.as_u16())
    }

    #[test]
    fn this_machine_is_its_own() {
        let guard = Guard::new(None, "127.0.0.1:80".parse().expect("an address"));
        for host in ["localhost", "localhost:8080", "127.0.0.1:80", "127.9.9.9", "[::1]:80", "a.localhost:1"]
        {
            assert_eq!(refused(&guard, &Method::GET, "/", &[(header::HOST, host)]), None, "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", "", "localhost.evil"] {
            assert_eq!(refused(&guard, &Method::GET, "/", &[(header::HOST, host)]), Some(421), "{host}");
        }
        assert_eq!(refused(&guard, &Method::GET, "/", &[]), Some(400));
        let from = |origin| [(header::HOST, "localhost:80"), (header::ORIGIN, origin)];
        assert_eq!(refused(&guard, &Method::POST, "/", &from("http://localhost:80")), None);
        assert_eq!(refused(&guard, &Method::POST, "/", &from("http://localhost:81")), Some(403));
        assert_eq!(refused(&guard, &Method::POST, "/", &from("null")), Some(403));
    }

    #[test]
    fn tokens_are_asked_for() {
        let guard = Guard::new(Some("abcdefgh".to_owned()), "0.0.0.0:80".parse().expect("an address"));
        let host = (header::HOST, "anything:80");
        assert_eq!(refused(&guard, &Method::GET, "/", std::slice::from_ref(&host)), Some(401));
        assert_eq!(refused(&guard, &Method::GET, "/v2/health/ready", std::slice::from_ref(&host)), None);
        assert_eq!(refused(&guard, &Method::GET, "/?token=abcdefgh", std::slice::from_ref(&host)), None);
        assert_eq!(refused(&guard, &Method::GET, "/?token=abcdefg", std::slice::from_ref(&host)), Some(401));
        for (name, value, expected) in [
            (header::AUTHORIZATION, "Bearer abcdefgh", None),
            (header::AUTHORIZATION, "Bearer abcdefgi", Some(401)),
            (header::AUTHORIZATION, "bearer abcdefgh", None),
            (header::AUTHORIZATION, "abcdefgh", Some(401)),
            (header::COOKIE, "a=b; convnet_token_80=abcdefgh", None),
            (header::COOKIE, "convnet_token_81=abcdefgh", Some(401)),
        ] {
            assert_eq!(
                refused(&guard, &Method::GET, "/metrics", &[host.clone(), (name, value)]),
                expected,
                "{value}"
            );
        }
    }
}
