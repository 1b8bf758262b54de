//! Commands of several processes, under Open MPI's and MPICH's launchers.
//!
//! A launcher that is not there is left out, or fails the test if `CONVNET_MPI_REQUIRED=1`.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::place::Place;
use convnet::io::WeightsFile;
use convnet::train::{RunDir, Schedule};
use snapbox::cargo_bin;

/// How long processes may take to end after one of them was killed.
const LIMIT: Duration = Duration::from_secs(60);

/// Steps that multiply no rounding.
const STEPS: &str = "--recipe sgd-step --limit-steps 20 --batch 32 --threads 1";

fn launchers() -> Vec<&'static str> {
    let there = |name: &&str| {
        let is_there = Command::new(name).arg("--version").stdout(Stdio::null()).status().is_ok();
        let required = env::var("CONVNET_MPI_REQUIRED").is_ok_and(|value| value == "1");
        assert!(is_there || !required, "{name} is not on the path");
        if !is_there {
            eprintln!("{name} is not on the path: its runs are left out");
        }
        is_there
    };
    ["mpirun.openmpi", "mpirun.mpich"].into_iter().filter(there).collect()
}

fn start(place: &Place, launcher: &str, ranks: usize, arguments: &str) -> Child {
    let mut command = Command::new(launcher);
    command.args(["-n", &ranks.to_string()]);
    if launcher.ends_with("openmpi") {
        command.arg("--oversubscribe").env("OMPI_ALLOW_RUN_AS_ROOT", "1");
        command.env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    }
    command.arg(cargo_bin!("convnet")).args(arguments.split_whitespace()).current_dir(place.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it is there")
}

/// The exit code of a run, and all that it says.
fn run(place: &Place, launcher: &str, ranks: usize, arguments: &str) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        start(place, launcher, ranks, arguments).wait_with_output().expect("it ends");
    let text = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (status.code(), text)
}

fn succeeds(place: &Place, launcher: &str, ranks: usize, arguments: &str) -> String {
    let (code, text) = run(place, launcher, ranks, arguments);
    assert_eq!(code, Some(0), "{launcher} -n {ranks} {arguments}: {text}");
    text
}

/// The largest difference of the weights of two runs, as a part of a tensor's largest.
fn distance(a: &Path, b: &Path) -> f32 {
    let weights = |run: &Path| {
        let file = WeightsFile::open(run.join("last.safetensors")).expect("the run has weights");
        file.state_dict().expect("they can be read")
    };
    let (a, b) = (weights(a), weights(b));
    let of = |name: &String| {
        let (a, b) = (&a[name].data, &b[name].data);
        let most = a.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
        a.iter().zip(b).map(|(a, b)| (a - b).abs() / most).fold(0.0, f32::max)
    };
    a.keys().map(of).fold(0.0, f32::max)
}

#[test]
fn processes_train_what_one_does() {
    let place = Place::new();
    let path = |name: &str| place.path().join(name);
    place.success(&format!("train lenet {STEPS} --out alone"));
    for launcher in launchers() {
        for ranks in [2, 4] {
            let name = format!("{launcher}-{ranks}");
            let text = succeeds(&place, launcher, ranks, &format!("train lenet {STEPS} --out {name}"));
            assert!(text.contains(&format!("{ranks} processes by ")), "{text}");
            assert_eq!(text.matches("writing ").count(), 1, "{text}");
            let far = distance(&path("alone"), &path(&name));
            assert!(far < 1e-6, "{name}: {far}");
        }
    }
    // As many processes come to the same bits, whoever carries their words.
    if let [a, b] = &launchers()[..] {
        for ranks in [2, 4] {
            let of = |launcher: &str| place.bytes(&format!("{launcher}-{ranks}/last.safetensors"));
            assert!(of(a) == of(b), "{ranks}");
        }
    }
}

#[test]
fn statistics_of_the_whole_batch_give_what_one_process_does() {
    let place = Place::new();
    let path = |name: &str| place.path().join(name);
    // A network without kinks: where a ReLU's input is next to 0, rounding decides what its gradient is.
    let arguments = "train efficientnet_b0 --input 1x32x32 --recipe sgd-step --limit-steps 1 --batch 16 --lr 0.01 \
                     --threads 1 --validation 0.01 --sync-batch-norm";
    place.success(&format!("{arguments} --out alone"));
    for launcher in launchers() {
        for ranks in [2, 3] {
            let name = format!("{launcher}-{ranks}");
            succeeds(&place, launcher, ranks, &format!("{arguments} --out {name}"));
            let far = distance(&path("alone"), &path(&name));
            assert!(far < 1e-4, "{name}: {far}");
        }
    }
}

#[test]
fn batch_and_rate_grow_with_the_processes_where_that_is_asked_for() {
    let place = Place::new();
    for launcher in launchers() {
        let arguments =
            "train lenet --recipe sgd-step --epochs 20 --limit-steps 2 --batch 16 --lr 0.01 --scale-to-ranks";
        let text = succeeds(&place, launcher, 2, &format!("{arguments} --threads 1 --out {launcher}"));
        assert!(text.contains("batch 16 × 2 = 32, learning rate 0.01 × 2 = 0.02"), "{text}");
        let config = RunDir::open(&place.path().join(launcher)).unwrap().config().clone();
        assert_eq!((config.recipe.batch, config.recipe.lr), (32, 0.02));
        assert!(matches!(config.recipe.schedule, Schedule::Milestones { warmup: 0.25, .. }), "{config:?}");
    }
}

#[test]
fn what_processes_cannot_do_together_is_told_once() {
    let place = Place::new();
    for launcher in launchers() {
        for (arguments, code, expected) in [
            ("train lenet --folds 3", 2, "start them without mpirun"),
            ("train lenet --batch 1", 1, "setting `batch` is 1, for 2 ranks"),
            ("train lenet --data nowhere", 2, "is called `nowhere`"),
            ("bench lenet", 2, "give `--mode train`"),
            ("bench lenet --mode train --threads 4 --rehearse", 2, "--rehearse"),
        ] {
            let (found, text) = run(&place, launcher, 2, arguments);
            assert_eq!(found, Some(code), "{launcher} {arguments}: {text}");
            assert_eq!(text.matches(expected).count(), 1, "{launcher} {arguments}: {text}");
        }
    }
}

#[test]
fn a_bench_tells_how_much_faster_processes_are() {
    let place = Place::new();
    for launcher in launchers() {
        let arguments = "bench lenet --mode train --batch 8 --threads 1 --seconds 0.1 --json";
        let text = succeeds(&place, launcher, 2, arguments);
        let line = text.lines().find(|line| line.starts_with('{')).expect("a line of JSON");
        let figures: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((figures["processes"].as_u64(), figures["batch"].as_u64()), (Some(2), Some(8)));
        let figure = |name: &str| figures[name].as_f64().unwrap();
        let of = |what: &str, images: f64| {
            let speed = 1e3 * images / figure(&format!("ms_{what}"));
            assert!((figure(&format!("images_per_second_{what}")) / speed - 1.0).abs() < 1e-9, "{line}");
        };
        of("alone", 8.0);
        of("together", 16.0);
        assert!(figure("speedup") > 0.0, "{line}");
        let way = if cfg!(target_os = "linux") { "read" } else { "sent" };
        assert_eq!(figures["gradients"].as_str(), Some(way), "{line}");
    }
}

/// The processes of the command that a launcher started in a folder.
fn processes(folder: &Path) -> Vec<u32> {
    let of = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.ok()?.path();
        let number = path.file_name()?.to_str()?.parse().ok()?;
        let is_ours = fs::read_link(path.join("exe")).ok()? == cargo_bin!("convnet").canonicalize().ok()?;
        (is_ours && fs::read_link(path.join("cwd")).ok()? == folder.canonicalize().ok()?).then_some(number)
    };
    fs::read_dir("/proc").expect("the system tells its processes").filter_map(of).collect()
}

/// Waits until something is so.
fn wait(what: &str, mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < LIMIT, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A run that writes checkpoints while it goes on for some seconds.
const LONG: &str = "train lenet --epochs 3 --batch 16 --threads 1 --checkpoint-steps 5 --out run";

/// Starts a [`LONG`] run of two processes, and sends something to one of its processes once it has a checkpoint.
#[cfg(target_os = "linux")]
fn signalled(place: &Place, launcher: &str, signal: &str, to: impl Fn(&Child) -> u32) -> Child {
    let mut child = start(place, launcher, 2, LONG);
    let checkpoint = place.path().join("run/checkpoint.safetensors");
    wait(&format!("{launcher}: no checkpoint is written"), || checkpoint.exists());
    assert!(
        Command::new("kill").args([signal, &to(&child).to_string()]).status().expect("it is there").success()
    );
    wait(&format!("{launcher}: the others do not end"), || child.try_wait().expect("it is ours").is_some());
    wait(&format!("{launcher}: a process is left"), || processes(place.path()).is_empty());
    child
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_that_is_killed_ends_the_run_which_goes_on_with_any_number() {
    for launcher in launchers() {
        let place = Place::new();
        let last = |_: &Child| processes(place.path()).into_iter().max().expect("two processes");
        let mut child = signalled(&place, launcher, "-9", last);
        assert!(!child.wait().unwrap().success(), "{launcher}");
        let said = place.success("train --resume run --threads 1");
        assert!(said.contains("test accuracy"), "{said}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_that_is_told_to_stop_goes_on_by_more_processes() {
    for launcher in launchers() {
        let place = Place::new();
        let child = signalled(&place, launcher, "-INT", Child::id);
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!place.path().join("run/result.json").exists(), "{launcher}: {told}");
        // Open MPI ends its processes a second later, whatever they do; MPICH's launcher gives them time, and often returns 0
        // then, though they do not.
        let is_told = match launcher.ends_with("openmpi") {
            true => !output.status.success(),
            false => told.contains("interrupted in epoch "),
        };
        assert!(is_told, "{launcher}, {}: {told}", output.status);
        let text = succeeds(&place, launcher, 3, "train --resume run --threads 1");
        assert!(text.contains("test accuracy"), "{launcher}: {text}");
    }
}
