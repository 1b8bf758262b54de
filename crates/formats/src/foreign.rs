//! Files that are taken for weights and are something else: told by how they start, with a way out.

use crate::source::Source;

/// Bytes at the start that tell what a file is.
const START: usize = 512;

/// Starts of files, and what they are.
const KINDS: [(&[u8], &str); 21] = [
    (b"version https://git-lfs", "a Git LFS pointer in the place of the file; fetch it with `git lfs pull`"),
    (
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file, as Keras and TensorFlow write; export the network as ONNX, for instance with \
         `python -m tf2onnx.convert --keras model.h5 --output model.onnx`",
    ),
    (b"\x1f\x8b", "gzip data; unpack it with gunzip, or `tar xzf` if it is a .tar.gz"),
    (b"BZh", "bzip2 data; unpack it with bunzip2"),
    (b"\xfd7zXZ\0", "xz data; unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data; unpack it with unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it"),
    (b"Rar!", "a RAR archive; unpack it"),
    (b"PK\x05\x06", "an empty zip archive"),
    (
        b"\x93NUMPY",
        "one NumPy array, expected tensors with names; save a dictionary of them with \
         `safetensors.numpy.save_file`",
    ),
    (b"GGUF", "a GGUF file, a language model's; expected .safetensors, .pth or .onnx"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program or library"),
    (b"MATLAB 5.0", "a MATLAB file; save the weights as .safetensors or .npy"),
    (b"#!", "a script"),
    (b"%YAML", "a YAML text, expected weights"),
    (b"<?xml", "an XML document, perhaps a server's error message; fetch the file itself"),
    (b"ustar", "a tar archive; unpack it"),
];

/// What a file is that is no file of weights, and the way out; `None` for what is not known.
pub fn kind(source: &dyn Source) -> Option<String> {
    if source.is_empty() {
        return Some("empty; the download or the copy that made it failed".into());
    }
    let mut start = vec![0; source.len().min(START as u64) as usize];
    source.read_at(0, &mut start).ok()?;
    if let Some((_, what)) = KINDS.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Some((*what).to_owned());
    }
    if start.get(257..262) == Some(b"ustar") {
        return Some("a tar archive; unpack it".into());
    }
    if start.get(4..8) == Some(b"TFL3") {
        return Some(
            "a TensorFlow Lite model; export the network as ONNX, for instance with \
             `python -m tf2onnx.convert --tflite model.tflite --output model.onnx`"
                .into(),
        );
    }
    if is_saved_model(&start) {
        return Some(
            "a TensorFlow SavedModel; export it as ONNX, for instance with \
             `python -m tf2onnx.convert --saved-model FOLDER --output model.onnx`"
                .into(),
        );
    }
    let text = start.trim_ascii_start().to_ascii_lowercase();
    if text.starts_with(b"<!doctype html") || text.starts_with(b"<html") || text.starts_with(b"<head") {
        return Some("an HTML page: the link leads to a page about the file; fetch the file itself".into());
    }
    if start.iter().all(|&byte| byte == 0) {
        return Some("zeros, as a download that was cut short leaves; fetch it again".into());
    }
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    start.iter().all(is_text).then(|| "a text, expected binary data".into())
}

/// What a file is that is no array, and the way out; `None` for what is not known.
pub(crate) fn array(source: &dyn Source) -> Option<String> {
    let mut start = [0; 4];
    if source.read_at(0, &mut start).is_ok() && start == *b"PK\x03\x04" {
        return Some("an .npz, or another zip archive; write one array of it with numpy.save".into());
    }
    kind(source)
}

/// A SavedModel: its version 1 as field 1, then a graph as field 2 whose first field is its description.
fn is_saved_model(start: &[u8]) -> bool {
    let Some([8, 1, 0x12, rest @ ..]) = start.first_chunk::<8>() else { return false };
    // A length of up to four bytes, each but the last with its highest bit set.
    let length = rest.iter().position(|byte| byte & 0x80 == 0);
    length.is_some_and(|length| start.get(3 + length + 1) == Some(&0x0a))
}

/// What a zip archive is by the names of its files, unless PyTorch saved a state dict in it.
pub(crate) fn contents(names: &[impl AsRef<str>]) -> Option<&'static str> {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let ends = |end: &str| names.iter().any(|name| name.ends_with(end));
    if ends("constants.pkl") && names.iter().any(|name| name.contains("/code/")) {
        return Some(
            "a TorchScript archive (torch.jit): its weights are those of its program; save \
             `torch.jit.load(FILE).state_dict()` with torch.save",
        );
    }
    if ends("data.pkl") {
        return None;
    }
    if !names.is_empty() && names.iter().all(|name| name.ends_with(".npy")) {
        return Some(
            "an .npz of NumPy arrays; write it as safetensors: \
             `safetensors.numpy.save_file(dict(numpy.load(FILE)), \"weights.safetensors\")`",
        );
    }
    if ends("model.weights.h5") {
        return Some(
            "a Keras model; export it as ONNX: `model.export(\"model.onnx\", format=\"onnx\")`, or with tf2onnx",
        );
    }
    if ends("serialized_exported_program.json") || ends("models/model.json") {
        return Some("a program of torch.export; save `torch.export.load(FILE).state_dict` with torch.save");
    }
    if ends("MAR-INF/MANIFEST.json") {
        return Some("a TorchServe archive; unpack it, the weights are a file in it");
    }
    if [".pth", ".pt", ".safetensors", ".onnx", ".bin", ".ckpt"].iter().any(|end| ends(end)) {
        return Some("a zip archive that someone packed weights in; unpack it");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_what_they_are() {
        let mut tar = vec![b'a'; 400];
        tar[257..262].copy_from_slice(b"ustar");
        let files: [(&[u8], &str); 12] = [
            (b"", "empty"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
            (b"\r\n <!DOCTYPE html>\n<html>", "an HTML page"),
            (b"<html lang=\"en\">", "an HTML page"),
            (b"<?xml version=\"1.0\"?><Error>", "an XML document"),
            (b"\x89HDF\r\n\x1a\n\0\0", "an HDF5 file"),
            (b"\x1f\x8b\x08\0", "gzip data"),
            (&tar, "a tar archive"),
            (b"\x1c\0\0\0TFL3\0", "a TensorFlow Lite model"),
            (b"\x08\x01\x12\xa2\x12\x0a\x10\x03", "a TensorFlow SavedModel"),
            (&[0; 600], "zeros"),
            (b"Not Found", "a text"),
        ];
        for (bytes, what) in files {
            let found = kind(&bytes.to_vec()).unwrap_or_default();
            assert!(found.starts_with(what), "{what}: {found}");
        }
        // Safetensors, a pickle, ONNX.
        for bytes in [&b"\x08\0\0\0\0\0\0\0{}      "[..], b"\x80\x02}q\0.", b"\x08\x08\x12\x07pytorch"] {
            assert_eq!(kind(&bytes.to_vec()), None);
        }
    }

    #[test]
    fn archives_are_told_by_their_files() {
        let archives: [(&[&str], &str); 6] = [
            (&["m/data.pkl", "m/code/__torch__.py", "m/constants.pkl"], "a TorchScript archive"),
            (&["fc.weight.npy", "fc.bias.npy"], "an .npz"),
            (&["metadata.json", "config.json", "model.weights.h5"], "a Keras model"),
            (&["m/archive_format", "m/models/model.json"], "a program of torch.export"),
            (&["MAR-INF/MANIFEST.json", "model.pt"], "a TorchServe archive"),
            (&["readme.txt", "weights.pth"], "a zip archive"),
        ];
        for (names, what) in archives {
            assert!(contents(names).is_some_and(|found| found.starts_with(what)), "{what}");
        }
        assert_eq!(contents(&["m/data.pkl", "m/data/0", "m/version"]), None);
    }
}
