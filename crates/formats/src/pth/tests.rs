use super::*;
use crate::{Entry, Number};
use proptest::prelude::*;

/// Files that PyTorch wrote, by `tools/pth_samples.py`.
const ZIP: &[u8] = include_bytes!("../../samples/zip.pth");
const LEGACY: &[u8] = include_bytes!("../../samples/legacy.pth");
const CHECKPOINT: &[u8] = include_bytes!("../../samples/checkpoint.pth");
const MODULE: &[u8] = include_bytes!("../../samples/module.pth");

const EXAMPLE: &[u8] = include_bytes!("../../samples/example.pth");
const NUMPY: &[u8] = include_bytes!("../../samples/numpy.pth");
const DUMPED: [&[u8]; 2] =
    [include_bytes!("../../samples/dumped2.pkl"), include_bytes!("../../samples/dumped4.pkl")];

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
fn of_several_state_dicts_the_one_with_the_weights_is_chosen_and_others_can_be() {
    let mut reader = open(EXAMPLE).unwrap();
    let keys: Vec<_> = reader.keys().map(|(key, count)| (key.to_owned(), count)).collect();
    let told: Vec<_> = keys.iter().map(|(key, count)| (key.as_str(), *count)).collect();
    // The file's own are `best_acc1` and the array `history`.
    assert_eq!(told[..3], [("state_dict", 2), ("model_ema", 2), ("", 2)]);
    assert_eq!(values(&reader, "weight"), [0.5, 0.5]);
    reader.choose(1).unwrap();
    assert_eq!(values(&reader, "weight"), [1.5, 1.5]);
    reader.choose(2).unwrap();
    assert_eq!(
        (values(&reader, "best_acc1"), values(&reader, "history")),
        (vec![69.75], vec![0.0, 1.0, 2.0])
    );
}

#[test]
fn arrays_and_storages_in_the_pickle_are_read() {
    let reader = open(NUMPY).unwrap();
    assert_eq!((values(&reader, "weight"), values(&reader, "bias")), (vec![0.5, 0.5], vec![0.25]));
    assert_eq!(values(&reader, "fortran"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    for bytes in DUMPED {
        let reader = open(bytes).unwrap();
        assert_eq!((values(&reader, "weight"), values(&reader, "bias")), (vec![0.5, 0.5], vec![0.25]));
    }
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

/// A pickle that makes a tensor and remembers it as 1, in an archive without its storage.
fn hostile(rest: &[&[u8]]) -> Vec<u8> {
    let tensor = b"\x80\x02}q\0ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000\
                   X\x03\0\0\0cpuK\x01tQK\0))\x89NtRq\x010";
    [&tensor[..], &rest.concat()].concat()
}

#[test]
fn values_that_are_used_over_and_over_are_counted() {
    let name =
        |length: u32| [&b"X"[..], &length.to_le_bytes(), &vec![b'a'; length as usize], b"q\x02"].concat();
    let (short, long) = (name(100), name(1 << 20));
    let pairs = b"h\x02h\x01".repeat(100_000);
    for (name, problem) in [(&short, "more than"), (&long, "")] {
        let bytes = hostile(&[name, b"0(", &pairs, b"u."]);
        let mut pickle = Pickle::new(&bytes);
        let top = pickle.run().unwrap();
        let found = find::state_dicts(&pickle, top);
        match problem {
            "" => assert!(found.unwrap().is_empty()),
            _ => assert!(found.unwrap_err().contains(problem)),
        }
    }
    // A list of a thousand items that is passed on without end.
    let list = [&b"("[..], &b"K\x01".repeat(1000), b"tq\x02"].concat();
    for call in [&b"ccollections\nOrderedDict\nh\x02R0"[..], b"ctorch\nSize\nh\x02R0", b"(h\x02h\x02h\x02l0"]
    {
        let bytes = hostile(&[&list, &call.repeat(1_000_000)]);
        assert!(Pickle::new(&bytes).run().is_err());
    }
    // Modules that hold one another.
    let deep: Vec<Vec<u8>> = (0..200).map(|_| b"0h\x01".to_vec()).collect();
    assert!(Pickle::new(&hostile(&[&deep.concat()])).run().is_err());
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
    for bytes in [ZIP, LEGACY, CHECKPOINT, EXAMPLE, NUMPY, DUMPED[0], DUMPED[1]] {
        for length in 0..bytes.len() {
            assert!(open(&bytes[..length]).is_err(), "cut at {length} of {}", bytes.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(which in 0usize..7, changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let samples = [ZIP, LEGACY, CHECKPOINT, EXAMPLE, NUMPY, DUMPED[0], DUMPED[1]];
        let mut bytes = samples[which].to_vec();
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
