use super::*;
use crate::{Entry, Number};
use proptest::prelude::*;

/// Files that PyTorch wrote, by `tools/pth_samples.py`.
const ZIP: &[u8] = include_bytes!("../../samples/zip.pth");
const LEGACY: &[u8] = include_bytes!("../../samples/legacy.pth");
const CHECKPOINT: &[u8] = include_bytes!("../../samples/checkpoint.pth");
const MODULE: &[u8] = include_bytes!("../../samples/module.pth");

fn open(bytes: &[u8]) -> Result<Reader, Malformed> {
    Reader::new(Box::new(bytes.to_vec()))
}

fn values(reader: &Reader, name: &str) -> Vec<f32> {
    let mut out = vec![f32::NAN; reader.shape(name).unwrap().iter().product()];
    reader.read(name, 0, &mut out).unwrap();
    out
}

#[test]
fn every_type_stride_and_shared_storage_is_read_from_both_formats() {
    for bytes in [ZIP, LEGACY] {
        let reader = open(bytes).unwrap();
        assert_eq!(reader.shape("weight"), Some(&[2, 3][..]));
        assert_eq!(values(&reader, "weight"), [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]);
        assert_eq!(values(&reader, "transposed"), [0.0, 1.5, 0.5, 2.0, 1.0, 2.5]);
        assert_eq!(values(&reader, "slice"), [0.5, 2.0]);
        assert_eq!(values(&reader, "half"), [1.0, -2.0, 65504.0]);
        assert_eq!(values(&reader, "bfloat16"), [1.0, -3.0]);
        assert_eq!(values(&reader, "double"), [0.25]);
        assert_eq!(reader.shape("num_batches_tracked"), Some(&[][..]));
        assert_eq!(values(&reader, "num_batches_tracked"), [7.0]);
        let mut part = [0.0; 2];
        reader.read("weight", 3, &mut part).unwrap();
        assert_eq!(part, [1.5, 2.0]);
        assert!(reader.read("weight", 5, &mut part).is_err());
    }
}

#[test]
fn a_state_dict_is_found_in_a_checkpoint() {
    let reader = open(CHECKPOINT).unwrap();
    let names: Vec<_> = reader.tensors().map(|(name, _)| name).collect();
    assert_eq!(names, ["module.bias", "module.weight"]);
}

#[test]
fn a_module_that_was_saved_as_a_whole_is_read_by_its_parts() {
    let reader = open(MODULE).unwrap();
    assert_eq!((values(&reader, "weight"), values(&reader, "bias")), (vec![0.5, 0.5], vec![0.25]));
}

#[test]
fn names_that_run_code_are_refused() {
    for (call, name) in [("os\nsystem", "`os.system`"), ("builtins\neval", "`builtins.eval`")] {
        let pickle = format!("c{call}\nX\x04\0\0\0true\u{85}R.");
        let bytes: Vec<u8> = [0x80, 2].into_iter().chain(pickle.chars().map(|c| c as u8)).collect();
        let error = Pickle::new(&bytes).run().unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn nesting_and_growth_are_bounded() {
    let deep = vec![b')'; 2_000_000];
    assert!(Pickle::new(&deep).run().unwrap_err().problem.contains("more than"));
    let nested: Vec<u8> =
        [b')'].into_iter().chain(std::iter::repeat_n(0x85, 400_000)).chain([b'.']).collect();
    assert!(Pickle::new(&nested).run().is_ok());
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pth");
    let entries = [
        Entry { name: "conv.weight".into(), shape: vec![2, 1, 2], number: Number::F32 },
        Entry { name: "bn.num_batches_tracked".into(), shape: vec![], number: Number::I64 },
    ];
    write(&path, &entries, |entry, out| match entry.number {
        Number::I64 => out.write_all(&9i64.to_le_bytes()),
        _ => [1.0f32, 2.0, 3.0, -4.0].iter().try_for_each(|x| out.write_all(&x.to_le_bytes())),
    })
    .unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.shape("conv.weight"), Some(&[2, 1, 2][..]));
    assert_eq!(values(&reader, "conv.weight"), [1.0, 2.0, 3.0, -4.0]);
    assert_eq!(values(&reader, "bn.num_batches_tracked"), [9.0]);
}

#[test]
fn files_cut_anywhere_are_errors() {
    for bytes in [ZIP, LEGACY, CHECKPOINT] {
        for length in 0..bytes.len() {
            assert!(open(&bytes[..length]).is_err(), "cut at {length} of {}", bytes.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(which in 0usize..3, changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let mut bytes = [ZIP, LEGACY, CHECKPOINT][which].to_vec();
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Ok(reader) = open(&bytes) {
            for (name, shape) in reader.tensors() {
                let mut out = vec![0.0; shape.iter().product()];
                let _ = reader.read(name, 0, &mut out);
            }
        }
    }
}
