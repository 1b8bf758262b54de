//! Tokens, hosts and what a server refuses to listen to.

use std::net::SocketAddr;

use convnet_serve::{Batching, ServeError, Server, Settings};

use super::{plain, serve};

#[test]
fn other_machines_need_a_token() {
    let open = Settings { listen: SocketAddr::from(([0, 0, 0, 0], 0)), ..Settings::default() };
    assert!(matches!(Server::bind(&open), Err(ServeError::Open { .. })));
    for token in ["short", "with blanks in it", ""] {
        let settings = Settings { token: Some(token.to_owned()), ..Settings::default() };
        assert!(matches!(Server::bind(&settings), Err(ServeError::Token { .. })), "{token}");
    }
    let drawn = Server::drawn_token().expect("a token");
    assert!(drawn.len() == 32 && drawn != Server::drawn_token().expect("another"));
    let taken = Server::bind(&Settings::default()).expect("a server");
    let again = Settings { listen: taken.address(), ..Settings::default() };
    assert!(matches!(Server::bind(&again), Err(ServeError::Listen { .. })));
}

#[test]
fn a_token_opens_and_becomes_a_cookie() {
    let settings = Settings { token: Some("0123456789abcdef".to_owned()), ..Settings::default() };
    let (_server, client) = serve(&Batching::default(), &settings);
    assert_eq!(client.get("/v2/health/live").status, 200);
    for path in ["/", "/metrics", "/v2", "/page.js", "/v2/models/lenet"] {
        assert_eq!(client.get(path).status, 401, "{path}");
    }
    let opened = client.get("/?token=0123456789abcdef");
    assert_eq!((opened.status, opened.header("location")), (303, Some("/")));
    let cookie = opened.header("set-cookie").expect("a cookie").split(';').next().expect("a pair").to_owned();
    assert_eq!(client.ask("GET", "/", &[("Cookie", &cookie)], &[]).status, 200);
    let bearer = [("Authorization", "Bearer 0123456789abcdef")];
    assert_eq!(client.ask("GET", "/v2", &bearer, &[]).status, 200);
}

#[test]
fn other_sites_are_refused() {
    let (_server, client) = plain();
    assert_eq!(client.ask("GET", "/", &[("Host", "evil.example")], &[]).status, 421);
    assert_eq!(client.ask("POST", "/api/predict", &[("Origin", "http://evil.example")], b"x").status, 403);
    let page = client.get("/");
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
}
