//! Bodies of requests: read within bounds of bytes and of time, their memory accounted for until they are answered.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::aside::apart;
use crate::problem::Problem;

/// The memory of all requests at once. Clones are the same memory.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    /// Units that are free.
    free: Arc<Semaphore>,
    /// Bytes of a body, at most.
    most: usize,
}

/// What a request holds of the budget; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Hold(OwnedSemaphorePermit);

/// A body and its memory.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Vec<u8>,
    pub(crate) hold: Hold,
}

impl Held {
    /// Appends, if the budget has the memory.
    fn add(&mut self, data: &[u8], budget: &Budget) -> Result<(), Problem> {
        if self.bytes.len() + data.len() > budget.most {
            return Err(budget.too_long());
        }
        self.hold.0.merge(budget.take(data.len())?.0);
        self.bytes.extend_from_slice(data);
        Ok(())
    }
}

/// Bytes of a unit of the budget.
const UNIT: usize = 1 << 10;
/// Bytes that are accounted for each byte of a body: itself, its growth, and the numbers that are read from it, which are
/// twice as long as the shortest text of them.
pub(crate) const EACH: usize = 4;
/// What a client may take before its speed counts, and the bytes a second that it must send from there on.
const PATIENCE: Duration = Duration::from_secs(15);
const SLOWEST: f64 = 16.0 * 1024.0;
/// Bytes that are reserved for a body before they come.
const AHEAD: usize = 1 << 20;
/// Bytes that are unpacked at once.
const PART: usize = 1 << 16;

impl Budget {
    /// A budget of so many bytes, of which a body may have `most`.
    pub(crate) fn new(memory: usize, most: usize) -> Self {
        Self { free: Arc::new(Semaphore::new((memory / UNIT).min(Semaphore::MAX_PERMITS))), most }
    }

    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Takes the memory for so many bytes of a body, or for so many floats.
    pub(crate) fn take(&self, bytes: usize) -> Result<Hold, Problem> {
        let units = u32::try_from((EACH * bytes).div_ceil(UNIT)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.free).try_acquire_many_owned(units);
        permit.map(Hold).map_err(|_| Problem::busy("the memory for requests is in use: ask again"))
    }

    /// Reads a body, unpacked if it is packed.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held, Problem> {
        let packed = Packed::of(headers)?;
        let told = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if told.is_some_and(|told: usize| told > self.most) {
            return Err(self.too_long());
        }
        let held = self.collect(body, told.unwrap_or(0)).await?;
        let Some(packed) = packed else { return Ok(held) };
        let budget = self.clone();
        apart(move || {
            // Also what it holds of the budget, should the client go away meanwhile.
            let held = held;
            packed.unpack(&held.bytes, &budget)
        })
        .await
    }

    async fn collect(&self, mut body: Body, told: usize) -> Result<Held, Problem> {
        let started = Instant::now();
        let mut held = Held { bytes: Vec::with_capacity(told.min(AHEAD)), hold: self.take(0)? };
        loop {
            let due = PATIENCE + Duration::from_secs_f64(held.bytes.len() as f64 / SLOWEST);
            let frame = timeout_at(started + due, body.frame()).await.map_err(|_| {
                let text = format!("after {} bytes of the body nothing more came in time", held.bytes.len());
                Problem::new(StatusCode::REQUEST_TIMEOUT, text)
            })?;
            let Some(frame) = frame else { return Ok(held) };
            let frame = frame.map_err(|error| Problem::request(format!("the body broke off: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            held.add(&data, self)?;
        }
    }

    fn too_long(&self) -> Problem {
        let text = format!("the body is longer than {} bytes, the most that is taken", self.most);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    }
}

/// How a body is packed.
#[derive(Clone, Copy, Debug)]
enum Packed {
    Gzip,
    /// In zlib's format, as RFC 9110 has it.
    Deflate,
}

impl Packed {
    fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(None) };
        match value.to_str().map(|name| name.trim().to_ascii_lowercase()).as_deref() {
            Ok("identity" | "") => Ok(None),
            Ok("gzip") => Ok(Some(Self::Gzip)),
            Ok("deflate") => Ok(Some(Self::Deflate)),
            _ => {
                let text = format!("Content-Encoding is {value:?}, expected identity, gzip or deflate");
                Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
            }
        }
    }

    fn unpack(self, bytes: &[u8], budget: &Budget) -> Result<Held, Problem> {
        let mut reader: Box<dyn Read + '_> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(bytes)),
            Self::Deflate => Box::new(ZlibDecoder::new(bytes)),
        };
        let mut held = Held { bytes: Vec::new(), hold: budget.take(0)? };
        let mut part = vec![0; PART];
        loop {
            let count = reader
                .read(&mut part)
                .map_err(|error| Problem::request(format!("the body cannot be unpacked: {error}")))?;
            if count == 0 {
                return Ok(held);
            }
            held.add(&part[..count], budget)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::http::HeaderValue;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn read(budget: &Budget, encoding: Option<&'static str>, bytes: Vec<u8>) -> Result<Held, Problem> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let mut headers = HeaderMap::new();
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        runtime.block_on(budget.read(&headers, Body::from(bytes)))
    }

    #[test]
    fn bodies_are_read_packed_and_unpacked() {
        let budget = Budget::new(1 << 20, 1 << 12);
        let text = b"a body of some length".repeat(9);
        assert_eq!(read(&budget, None, text.clone()).expect("read").bytes, text);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&text).expect("packed");
        assert_eq!(read(&budget, Some("gzip"), gzip.finish().expect("packed")).expect("read").bytes, text);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&text).expect("packed");
        assert_eq!(read(&budget, Some("deflate"), zlib.finish().expect("packed")).expect("read").bytes, text);
    }

    #[test]
    fn what_is_too_much_is_refused_and_memory_given_back() {
        let budget = Budget::new(1 << 14, 1 << 13);
        let status =
            |encoding, bytes| read(&budget, encoding, bytes).map(|_| ()).expect_err("refused").status;
        assert_eq!(status(None, vec![0; (1 << 13) + 1]), StatusCode::PAYLOAD_TOO_LARGE);
        // Within the bound of a body, and more than the memory of all.
        assert_eq!(status(None, vec![0; 1 << 13]), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(Some("br"), vec![0]), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(status(Some("gzip"), vec![1; 9]), StatusCode::BAD_REQUEST);
        // A bomb.
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&vec![0; 1 << 20]).expect("packed");
        let bomb = gzip.finish().expect("packed");
        let big = Budget::new(1 << 30, 1 << 14);
        let refused = read(&big, Some("gzip"), bomb).map(|_| ()).expect_err("refused");
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
        let first = read(&budget, None, vec![0; 1 << 11]).expect("read");
        assert_eq!(budget.free.available_permits(), 16 - 8);
        drop(first);
        assert_eq!(budget.free.available_permits(), 16);
    }
}
