//! What can be seen of NVIDIA's libraries without a GPU. They are looked for as always; in a fresh Python environment
//! `pip install nvidia-cuda-nvrtc nvidia-cudnn-cu13 nvidia-nccl-cu13`, and name it in VIRTUAL_ENV.

use convnet_gpu::{
    Communicator, Conv, Device, Error, Format, Pass, Precision, Problem, Tensor, compile_all, finalize_graphs,
};

#[test]
fn every_kernel_compiles_for_the_architectures_in_use() {
    for architecture in ["sm_80", "sm_90"] {
        let (codes, path) = match compile_all(architecture) {
            Ok(codes) => codes,
            Err(error @ Error::NoLibrary { .. }) if std::env::var_os("CONVNET_NVRTC_REQUIRED").is_none() => {
                println!("skipped: {error}");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        for (family, bytes, log) in codes {
            println!("{} for {architecture} by {}: {bytes} bytes", family.name(), path.display());
            let spills = log.lines().filter(|line| {
                line.contains("bytes spill stores") && !line.contains(" 0 bytes spill stores")
            });
            assert_eq!(spills.collect::<Vec<_>>(), Vec::<&str>::new(), "{} spills registers", family.name());
        }
    }
}

#[test]
fn a_machine_without_a_driver_gets_an_error_that_says_so() {
    match Device::open(0) {
        Ok(device) => println!("skipped: a GPU is here: {}", device.description()),
        Err(error @ Error::NoDriver { .. }) => {
            let text = error.to_string();
            assert!(text.contains("no NVIDIA driver") && text.contains("run on the CPU"), "{text}");
            assert!(matches!(Device::count(), Err(Error::NoDriver { .. })));
        }
        Err(error) => println!("skipped: a driver is here, and {error}"),
    }
}

#[test]
fn cudnn_takes_the_operation_graphs() {
    let conv = Conv {
        batch: 8,
        input: (14, 14),
        channels: (16, 32),
        kernel: (3, 3),
        stride: (1, 1),
        padding: (1, 1),
        dilation: (1, 1),
        groups: 1,
    };
    let tensor = |stride| Tensor { stride, alignment: 16, format: Format::F32 };
    let fused = convnet_gpu::Fused { bias: true, addend: Some(tensor(64)), relu: true };
    let problem = |pass, fused| Problem {
        conv,
        pass,
        precision: Precision::Tf32,
        input: tensor(24),
        output: tensor(32),
        weights: tensor(16),
        fused,
    };
    let problems = [
        problem(Pass::Forward, None),
        problem(Pass::Forward, Some(fused)),
        problem(Pass::InputGradient, None),
        problem(Pass::WeightGradient, None),
    ];
    match finalize_graphs(&problems) {
        Ok(version) => println!("cuDNN {version} takes them"),
        Err(error @ Error::NoLibrary { .. }) => println!("skipped: {error}"),
        Err(error) => panic!("{error}"),
    }
}

/// NCCL's struct goes by value where ranks meet; here it is written alone.
#[test]
fn nccl_is_bound_and_makes_identifiers() {
    let library = match Communicator::library() {
        Ok(library) => library,
        Err(error @ Error::NoLibrary { .. }) => {
            let text = error.to_string();
            assert!(text.contains("libnccl.so.2") && text.contains("pip install nvidia-nccl-cu"), "{text}");
            println!("skipped: {text}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    println!("NCCL {} from {}", library.version, library.path.display());
    assert!(library.version.starts_with("2.") && library.path.is_absolute(), "{library:?}");
    match [Communicator::new_id(), Communicator::new_id()] {
        [Ok(first), Ok(second)] => {
            assert_ne!(first, second);
            assert!(first.iter().filter(|&&byte| byte != 0).count() > 8, "{first:?}");
        }
        [Err(error), _] | [_, Err(error)] => {
            // Of the system, or of the library itself.
            assert!(matches!(&error, Error::Call { code: 2 | 3, .. }), "{error}");
            println!("no network here: {error}");
        }
    }
}
