//! Clients that send too much, too slowly, nonsense, or go away.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use convnet_serve::{Batching, Settings};

use super::client::read;
use super::{plain, serve};

const INFER: &str = "/v2/models/lenet/infer";

#[test]
fn too_much_is_refused_before_it_is_read() {
    let batching = Batching { most_bytes: 5000, ..Batching::default() };
    let (_server, client) = serve(&batching, &Settings::default());
    // Told before, and found out while it comes.
    let told = format!("POST {INFER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n");
    assert_eq!(client.raw(told.as_bytes()).status, 413);
    let mut chunked = format!(
        "POST {INFER} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    for _ in 0..6 {
        chunked.push_str(&format!("3e8\r\n{}\r\n", "x".repeat(1000)));
    }
    chunked.push_str("0\r\n\r\n");
    let answer = client.raw(chunked.as_bytes());
    assert_eq!(answer.status, 413);
    assert!(answer.error().contains("longer than 5000 bytes"), "{}", answer.error());
    assert_eq!(client.post("/api/predict", &[0; 6000]).status, 413);
    assert_eq!(client.get("/v2").status, 200);
}

#[test]
fn nonsense_ends_the_connection_alone() {
    let (_server, client) = plain();
    for nonsense in
        [&b"\x16\x03\x01\x02\0"[..], b"GET\r\n\r\n", b"POST / HTTP/9\r\n\r\n", b"\0\0\0\0", &[b'a'; 200_000]]
    {
        let mut stream = client.connect();
        let _ = stream.write_all(nonsense);
        let _ = stream.write_all(b"\r\n\r\n");
        drop(stream);
        assert_eq!(client.get("/v2/health/live").status, 200);
    }
    // A body that breaks off.
    let mut stream = client.connect();
    let head = format!("POST {INFER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n{{");
    stream.write_all(head.as_bytes()).expect("written");
    drop(stream);
    assert_eq!(client.get("/v2/health/live").status, 200);
}

#[test]
fn a_thousand_silent_connections_keep_nobody_out() {
    let (_server, client) = plain();
    let silent: Vec<_> = (0..300)
        .map(|place| {
            let mut stream = client.connect();
            let head = format!("POST {INFER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n");
            // Some say nothing, some a part of a head, some a part of a body.
            let part = [0, head.len() / 2, head.len()][place % 3];
            stream.write_all(&head.as_bytes()[..part]).expect("written");
            stream
        })
        .collect();
    let started = Instant::now();
    assert_eq!(client.get("/v2/health/ready").status, 200);
    assert!(client.get("/metrics").text().contains("convnet_connections 30"));
    assert!(started.elapsed() < Duration::from_secs(10), "others wait for those who say nothing");
    drop(silent);
}

#[test]
fn a_full_queue_says_so() {
    let batching = Batching { images: 1, queue: 1, ..Batching::default() };
    let (_server, client) = serve(&batching, &Settings::default());
    let one = "0.5,".repeat(32 * 32);
    let many = one.repeat(150);
    let body = |count: usize, data: &str| {
        let data = data.trim_end_matches(',');
        format!(
            "{{\"inputs\":[{{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[{count},1,32,32],\"data\":[{data}]}}]}}"
        )
    };
    let body = body(150, &many);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let asked: Vec<_> = (0..24).map(|_| scope.spawn(|| client.post(INFER, body.as_bytes()))).collect();
        asked
            .into_iter()
            .map(|answer| {
                let answer = answer.join().expect("an answer");
                if answer.status == 503 {
                    assert_eq!(answer.header("retry-after"), Some("1"));
                }
                answer.status
            })
            .collect()
    });
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
    assert_eq!(client.get("/v2/health/ready").status, 200);
}

#[test]
fn what_has_come_is_answered_at_the_end() {
    let (server, client) = plain();
    let mut stream = client.connect();
    let one = "0.5,".repeat(32 * 32 * 60);
    let body = format!(
        "{{\"inputs\":[{{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[60,1,32,32],\"data\":[{}]}}]}}",
        one.trim_end_matches(',')
    );
    let head = format!("POST {INFER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).expect("written");
    stream.write_all(body.as_bytes()).expect("written");
    // It is being read when the end comes.
    thread::sleep(Duration::from_millis(20));
    drop(server);
    assert_eq!(read(&mut stream).status, 200);
    assert!(std::net::TcpStream::connect(client.0).is_err());
}
