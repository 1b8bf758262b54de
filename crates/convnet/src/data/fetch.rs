//! Files from the network: resumed where they broke off, checked, and under their name only when whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use convnet_formats::{FormatError, gzip};
use md5::Md5;
use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode, header};

use super::fingerprint::hexadecimal;
use super::named::Named;
use super::{DataError, Progress};

/// A file to fetch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remote {
    /// Its name at each mirror and here.
    pub(super) name: &'static str,
    /// What it is known by.
    pub(super) sum: Sum,
}

/// A checksum, in hexadecimal, and how long what it is of may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sum {
    /// SHA-256 of what a gzip file unpacks to: mirrors pack it differently.
    Content { size: usize, sha256: &'static str },
    /// MD5 of the file itself, where nothing better is published: it tells damage, not forgery.
    File { most: u64, md5: &'static str },
}

impl Sum {
    /// The most bytes of the file.
    fn most(self) -> u64 {
        match self {
            // Packed, a file is hardly larger than its content.
            Self::Content { size, .. } => (size + OVERHEAD) as u64,
            Self::File { most, .. } => most,
        }
    }
}

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest wait for the next bytes.
const SILENCE: Duration = Duration::from_secs(30);
/// The most bytes that a packed file has beyond its content's: gzip's header, checksum and stored blocks.
const OVERHEAD: usize = 4 << 10;
/// Bytes read at once.
const BUFFER: usize = 64 << 10;

/// Fetches what of a set's files is not in `folder` yet, from the first of `mirrors` that gives it.
pub(super) fn fetch_all(
    set: &Named,
    mirrors: &[String],
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(writing(folder))?;
    let config = Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_per_read(Some(SILENCE))
        .http_status_as_error(false)
        .build();
    let agent = Agent::new_with_config(config);
    for &remote in set.files.iter().filter(|remote| !folder.join(remote.name).is_file()) {
        let part = folder.join(format!("{}.part", remote.name));
        let mut download = Download { agent: &agent, remote, part, progress };
        let mut reasons = Vec::new();
        for mirror in mirrors {
            match download.from(&format!("{}/{}", mirror.trim_end_matches('/'), remote.name)) {
                Ok(()) => break,
                Err(Stop::Mirror(reason)) => reasons.push(format!("{mirror}: {reason}")),
                Err(Stop::Disk(error)) => return Err(error.into()),
            }
        }
        if reasons.len() == mirrors.len() {
            let (folder, hint) = (folder.to_owned(), set.hint);
            return Err(DataError::Fetch { set: set.name, file: remote.name, reasons, folder, hint });
        }
        let path = folder.join(remote.name);
        fs::rename(&download.part, &path).map_err(writing(&path))?;
    }
    Ok(())
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> FormatError {
    |source| FormatError::Io { action: "write", path: path.to_owned(), source }
}

/// Why a download ended early.
enum Stop {
    /// The mirror does not give the file; another one may.
    Mirror(String),
    /// The file cannot be kept here.
    Disk(FormatError),
}

struct Download<'a> {
    agent: &'a Agent,
    remote: Remote,
    part: PathBuf,
    progress: &'a mut dyn FnMut(Progress),
}

impl Download<'_> {
    /// Leaves the whole, checked file in `part`.
    fn from(&mut self, url: &str) -> Result<(), Stop> {
        let resumed = self.transfer(url)?;
        match self.check() {
            // What was here before may have been of another file.
            Err(Stop::Mirror(_)) if resumed => {
                self.transfer(url)?;
                self.check()
            }
            result => result,
        }
    }

    /// Appends what is missing to `part`; tells whether there was something in it before.
    fn transfer(&mut self, url: &str) -> Result<bool, Stop> {
        let broken = |error: &dyn std::fmt::Display| Stop::Mirror(error.to_string());
        let mut file = self.disk(OpenOptions::new().create(true).append(true).open(&self.part))?;
        let mut done = self.disk(file.metadata())?.len();
        let mut request = self.agent.get(url);
        if done > 0 {
            request = request.header(header::RANGE, format!("bytes={done}-"));
        }
        let mut response = request.call().map_err(|error| broken(&error))?;
        let resumed = done > 0;
        match response.status() {
            StatusCode::OK => {
                self.disk(file.set_len(0))?;
                done = 0;
            }
            StatusCode::PARTIAL_CONTENT if begins_at(response.headers(), done) => {}
            // There is nothing after what is here: it is the whole file, or not this one.
            StatusCode::RANGE_NOT_SATISFIABLE if resumed => return Ok(true),
            status => return Err(Stop::Mirror(format!("the server answers {status}"))),
        }
        let total = length(response.headers()).map(|rest| done + rest);
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; BUFFER];
        loop {
            (self.progress)(Progress { file: self.remote.name, done, total });
            let count = body.read(&mut buffer).map_err(|error| broken(&error))?;
            if count == 0 {
                break;
            }
            // Only a wrong server sends more.
            if done + count as u64 > self.remote.sum.most() {
                return Err(self.discard("the server sends more than the file has".to_owned()));
            }
            self.disk(file.write_all(&buffer[..count]))?;
            done += count as u64;
        }
        self.disk(file.sync_all())?;
        match total {
            Some(total) if done < total => {
                Err(Stop::Mirror(format!("the connection ended after {done} of {total} bytes")))
            }
            _ => Ok(resumed && done > 0),
        }
    }

    /// Compares the file, or its content, with its checksum.
    fn check(&mut self) -> Result<(), Stop> {
        let mut bytes = Vec::new();
        let read = File::open(&self.part).and_then(|mut file| file.read_to_end(&mut bytes));
        self.disk(read)?;
        let (what, found, expected) = match self.remote.sum {
            Sum::Content { size, sha256 } => match gzip::unpack(&bytes, size) {
                Ok(content) => ("content's SHA-256", hexadecimal(&Sha256::digest(&content)), sha256),
                Err(malformed) => return Err(self.discard(format!("what came is not the file, {malformed}"))),
            },
            Sum::File { md5, .. } => ("file's MD5", hexadecimal(&Md5::digest(&bytes)), md5),
        };
        match found == expected {
            true => Ok(()),
            false => Err(self.discard(format!("the {what} is {found}, expected {expected}"))),
        }
    }

    /// Removes what came, which can never become the file.
    fn discard(&mut self, reason: String) -> Stop {
        match self.disk(fs::remove_file(&self.part)) {
            Ok(()) => Stop::Mirror(reason),
            Err(stop) => stop,
        }
    }

    fn disk<T>(&self, result: io::Result<T>) -> Result<T, Stop> {
        result.map_err(|error| Stop::Disk(writing(&self.part)(error)))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn length(headers: &HeaderMap) -> Option<u64> {
    text(headers, header::CONTENT_LENGTH)?.parse().ok()
}

/// Whether the answer to a request for a part begins where the part does.
fn begins_at(headers: &HeaderMap, start: u64) -> bool {
    text(headers, header::CONTENT_RANGE)
        .and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok())
        .is_some_and(|found: u64| found == start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fashion_mnist;
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};
    use std::thread;

    /// `convnet` packed by gzip without a name or a time.
    fn packed() -> Vec<u8> {
        let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        // One stored block (RFC 1951, 3.2.4).
        bytes.extend([1, 7, 0, 0xf8, 0xff]);
        bytes.extend(b"convnet");
        bytes.extend(0xbb6d_ce08u32.to_le_bytes());
        bytes.extend(7u32.to_le_bytes());
        bytes
    }

    const SHA256: &str = "8f9c2e4862fc88b4f5651fe6d818e45acabf81bdcc2067e1c3999e37713fc074";

    /// A set of one file.
    fn set(sum: Sum) -> Named {
        let hint = ", or on Debian `apt install dataset-fashion-mnist`";
        let files = Box::leak(Box::new([Remote { name: "file.gz", sum }]));
        Named { name: "set", files, hint, ..fashion_mnist::NAMED }
    }

    fn content(sha256: &'static str) -> Named {
        set(Sum::Content { size: 7, sha256 })
    }

    /// How a server behaves.
    #[derive(Clone, Copy, PartialEq)]
    enum Server {
        Whole,
        NoRanges,
        /// Ends the first answer after ten bytes.
        Breaks,
        Missing,
    }

    /// A server of `bytes`; its address, and the `Range` of each request.
    fn serve(bytes: Vec<u8>, server: Server) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&ranges);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let range = answer(&stream.unwrap(), &bytes, server, seen.lock().unwrap().is_empty());
                seen.lock().unwrap().push(range);
            }
        });
        (address, ranges)
    }

    fn answer(mut stream: &TcpStream, bytes: &[u8], server: Server, first: bool) -> String {
        let lines: Vec<String> =
            BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        let range = lines
            .iter()
            .find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
        let start: usize = range.as_deref().map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
        let (status, body) = match server {
            Server::Missing => ("404 Not Found".to_owned(), &[][..]),
            Server::NoRanges => ("200 OK".to_owned(), bytes),
            _ if start >= bytes.len() => ("416 Range Not Satisfiable".to_owned(), &[][..]),
            _ if start > 0 => {
                let end = bytes.len() - 1;
                (
                    format!("206 Partial Content\r\nContent-Range: bytes {start}-{end}/{}", bytes.len()),
                    &bytes[start..],
                )
            }
            _ => ("200 OK".to_owned(), bytes),
        };
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        let sent = if server == Server::Breaks && first { &body[..10] } else { body };
        stream.write_all(sent).unwrap();
        range.unwrap_or_default()
    }

    fn fetch(mirrors: &[&str], folder: &Path) -> Result<(), DataError> {
        let mirrors: Vec<String> = mirrors.iter().map(|&mirror| mirror.to_owned()).collect();
        fetch_all(&content(SHA256), &mirrors, folder, &mut |_| {})
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_fetched_once_and_its_progress_told() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("cache/set");
        let (mirror, ranges) = serve(packed(), Server::Whole);
        let mut told = Vec::new();
        let mut note = |p: Progress| told.push((p.file.to_owned(), p.done, p.total));
        fetch_all(&content(SHA256), &[format!("{mirror}/")], &folder, &mut note).unwrap();
        let size = packed().len() as u64;
        assert_eq!(told.first(), Some(&("file.gz".to_owned(), 0, Some(size))));
        assert_eq!(told.last(), Some(&("file.gz".to_owned(), size, Some(size))));
        fetch(&[&mirror], &folder).unwrap();
        assert_eq!(ranges.lock().unwrap().len(), 1);
        assert_eq!(fs::read(folder.join("file.gz")).unwrap(), packed());
        assert_eq!(names(&folder), ["file.gz"]);
    }

    #[test]
    fn a_broken_download_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (mirror, ranges) = serve(packed(), Server::Breaks);
        let error = fetch(&[&mirror], folder.path()).unwrap_err().to_string();
        assert!(error.contains("cannot fetch `file.gz` of `set`"), "{error}");
        assert_eq!(names(folder.path()), ["file.gz.part"]);
        fetch(&[&mirror], folder.path()).unwrap();
        assert_eq!(*ranges.lock().unwrap(), ["", "10-"]);
        assert_eq!(fs::read(folder.path().join("file.gz")).unwrap(), packed());
    }

    #[test]
    fn a_part_is_kept_only_if_it_belongs_to_the_file() {
        for server in [Server::Whole, Server::NoRanges] {
            // Other bytes of the same length, too many bytes, and the whole file.
            for part in [vec![9; 10], vec![9; 99], packed()] {
                let folder = tempfile::tempdir().unwrap();
                fs::write(folder.path().join("file.gz.part"), part).unwrap();
                let (mirror, _) = serve(packed(), server);
                fetch(&[&mirror], folder.path()).unwrap();
                assert_eq!(fs::read(folder.path().join("file.gz")).unwrap(), packed());
                assert_eq!(names(folder.path()), ["file.gz"]);
            }
        }
    }

    #[test]
    fn a_wrong_file_is_told_and_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let mut other = packed();
        other[15] = b'C';
        let (mirror, _) = serve(other, Server::Whole);
        let error = fetch(&[&mirror], folder.path()).unwrap_err().to_string();
        assert!(error.contains("what came is not the file"), "{error}");
        let (mirror, _) = serve(packed(), Server::Whole);
        let error = fetch_all(&content("00ff"), &[mirror], folder.path(), &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains(&format!("SHA-256 is {}, expected 00ff", SHA256)), "{error}");
        let (mirror, _) = serve(vec![7; 2 * OVERHEAD], Server::Whole);
        let error = fetch(&[&mirror], folder.path()).unwrap_err().to_string();
        assert!(error.contains("sends more than the file has"), "{error}");
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_may_be_known_by_its_own_sum() {
        let folder = tempfile::tempdir().unwrap();
        let (mirror, _) = serve(b"123456789".to_vec(), Server::Whole);
        // RFC 1321 has no sum of these; this is what `md5sum` gives.
        let sum = |md5| set(Sum::File { most: 9, md5 });
        let right = sum("25f9e794323b453885f5181f1b624d0b");
        let fetch =
            |set: &Named, mirror: &str| fetch_all(set, &[mirror.to_owned()], folder.path(), &mut |_| {});
        let error = fetch(&sum("00"), &mirror).unwrap_err().to_string();
        assert!(error.contains("MD5 is 25f9e794323b453885f5181f1b624d0b, expected 00"), "{error}");
        fetch(&right, &mirror).unwrap();
        assert_eq!(fs::read(folder.path().join("file.gz")).unwrap(), b"123456789");
        fs::remove_file(folder.path().join("file.gz")).unwrap();
        let (mirror, _) = serve(b"1234567890".to_vec(), Server::Whole);
        let error = fetch(&right, &mirror).unwrap_err().to_string();
        assert!(error.contains("sends more than the file has"), "{error}");
    }

    #[test]
    fn the_next_mirror_helps_and_without_any_a_way_out_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let closed = format!("http://{closed}");
        let (missing, _) = serve(packed(), Server::Missing);
        let error = fetch(&[&closed, &missing], folder.path()).unwrap_err().to_string();
        assert!(error.contains(&closed) && error.contains("the server answers 404"), "{error}");
        assert!(error.contains(&format!("put the files into `{}`", folder.path().display())), "{error}");
        assert!(error.contains("apt install dataset-fashion-mnist"), "{error}");
        let (good, _) = serve(packed(), Server::Whole);
        fetch(&[&closed, &missing, &good], folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["file.gz"]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = fetch(&["http://127.0.0.1:1"], &file.join("cache")).unwrap_err().to_string();
        assert!(error.starts_with("cannot write `"), "{error}");
    }
}
