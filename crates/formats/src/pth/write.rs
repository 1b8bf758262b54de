//! Writing a state dict as PyTorch reads it.

use std::io::{self, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::number::{Entry, Number};
use crate::{FormatError, atomic};

/// Writes a state dict as an archive that `torch.load(…, weights_only=True)` reads, atomically (see [`atomic`]);
/// `fill` writes the little-endian elements of a tensor.
///
/// # Errors
/// If it cannot be written, or `fill` fails.
pub fn write(
    path: &Path,
    entries: &[Entry],
    mut fill: impl FnMut(&Entry, &mut dyn Write) -> io::Result<()>,
) -> Result<(), FormatError> {
    atomic::write_with(path, |out| {
        let mut zip = ZipWriter::new_stream(out);
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
        let part = |zip: &mut ZipWriter<_>, name: &str| {
            zip.start_file(format!("archive/{name}"), options).map_err(io::Error::other)
        };
        part(&mut zip, "data.pkl")?;
        zip.write_all(&pickle(entries))?;
        part(&mut zip, "byteorder")?;
        zip.write_all(b"little")?;
        for (i, entry) in entries.iter().enumerate() {
            part(&mut zip, &format!("data/{i}"))?;
            fill(entry, &mut zip)?;
        }
        part(&mut zip, "version")?;
        zip.write_all(b"3\n")?;
        zip.finish().map_err(io::Error::other)?;
        Ok(())
    })
}

/// The pickle (protocol 2) of an OrderedDict of tensors.
fn pickle(entries: &[Entry]) -> Vec<u8> {
    let mut out = vec![0x80, 2];
    out.extend(b"ccollections\nOrderedDict\n)R(");
    for (i, entry) in entries.iter().enumerate() {
        text(&mut out, &entry.name);
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage");
        let class = if entry.number == Number::I64 { "LongStorage" } else { "FloatStorage" };
        out.extend(format!("ctorch\n{class}\n").bytes());
        text(&mut out, &i.to_string());
        text(&mut out, "cpu");
        int(&mut out, entry.shape.iter().product());
        out.extend(b"tQK\0");
        tuple(&mut out, entry.shape.iter().copied());
        let strides = (0..entry.shape.len()).map(|d| entry.shape[d + 1..].iter().product());
        tuple(&mut out, strides);
        // requires_grad, and the backward hooks.
        out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    out.extend(b"u.");
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.bytes());
}

/// A whole number as LONG1 of eight bytes.
fn int(out: &mut Vec<u8>, number: usize) {
    out.extend([0x8a, 8]);
    out.extend((number as u64).to_le_bytes());
}

fn tuple(out: &mut Vec<u8>, numbers: impl Iterator<Item = usize>) {
    out.push(b'(');
    numbers.for_each(|number| int(out, number));
    out.push(b't');
}
