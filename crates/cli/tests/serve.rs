//! `serve`: a process that answers until it is told to end; `train --serve`: a run that is watched.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use snapbox::cargo_bin;

use crate::place::Place;

/// A process that serves, and where.
struct Serving {
    child: Child,
    address: String,
    /// What it goes on to tell: nobody reads it, and it is not closed.
    _told: Box<dyn BufRead>,
}

impl Serving {
    /// Starts a command that tells an address in a line of the stream that `told` picks.
    fn start(place: &Place, arguments: &str, told: impl Fn(&mut Child) -> Box<dyn Read>) -> Self {
        let mut child = Command::new(cargo_bin!("convnet"))
            .args(arguments.split_whitespace())
            .current_dir(place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut told: Box<dyn BufRead> = Box::new(BufReader::new(told(&mut child)));
        let address = loop {
            let mut line = String::new();
            assert!(told.read_line(&mut line).expect("a line") > 0, "it ended without an address");
            if let Some((_, address)) = line.split_once("http://") {
                break address.trim().trim_end_matches('/').to_owned();
            }
        };
        Self { child, address, _told: told }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        stream.write_all(head.as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Ends it as Ctrl-C does, and gives the exit code.
    fn interrupt(mut self) -> Option<i32> {
        let signal = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(signal.expect("kill").success());
        self.child.wait().expect("its end").code()
    }
}

#[test]
fn a_run_is_served_until_it_is_interrupted() {
    let place = Place::new();
    place.success("train lenet --limit-steps 3 --out run --quiet");
    let serving = Serving::start(&place, "serve run --listen 0", |child| {
        Box::new(child.stdout.take().expect("stdout"))
    });
    assert!(serving.get("/v2/models/run").contains("\"shape\":[-1,1,32,32]"));
    assert!(serving.get("/").contains("Ankle boot"));
    assert_eq!(serving.interrupt(), Some(0));
    for (arguments, code, expected) in [
        ("serve lenet", 2, "has no weights"),
        ("serve nothing", 2, "there is no run in `nothing`"),
        ("serve run --listen elsewhere", 2, "expected HOST:PORT or a port"),
        ("serve run --token short", 2, "the token has 5 characters"),
        ("serve run --wait 99999", 2, "expected a whole number from 0 to 10000"),
        ("serve run --max-body 0", 2, "expected a whole number from 1"),
        ("serve run --max-body 512", 2, "4 times the longest body"),
        ("serve run --name a/b", 2, "expected letters, digits"),
        ("train lenet --serve 0 --folds 3", 2, "cannot be used with"),
    ] {
        place.refused(arguments, code, expected);
    }
}

#[test]
fn a_run_is_watched() {
    let place = Place::new();
    let watched = Serving::start(&place, "train lenet --epochs 400 --out watched --serve 0", |child| {
        Box::new(child.stderr.take().expect("stderr"))
    });
    // The page is there before the first step.
    while !watched.get("/api/run").contains("\"epochs\":400") {}
    assert!(watched.get("/").contains("<title>lenet</title>"));
    // It is interrupted as any other run.
    assert_eq!(watched.interrupt(), Some(1));
    assert!(place.path().join("watched/checkpoint.safetensors").exists());
    // Who watches changes nothing.
    place.success("train lenet --limit-steps 20 --out a --quiet --serve 0");
    place.success("train lenet --limit-steps 20 --out b --quiet");
    assert!(place.bytes("a/last.safetensors") == place.bytes("b/last.safetensors"));
}
