//! Runs of several processes under Open MPI's and MPICH's launchers.
//!
//! The program starts itself under each launcher, where it is a rank with a role to play. A launcher that is not there is
//! left out, or fails the test if `CONVNET_MPI_REQUIRED=1`.

use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::{self, Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use convnet_mpi::{Error, Launch, Launcher, Transfer, World};
#[cfg(target_os = "linux")]
use convnet_mpi::{Peer, Published};

/// How long a run may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How long a rank waits for a message: less, so that no process outlives the test by much.
const PATIENCE: Duration = Duration::from_secs(50);

/// What a rank prints that no launcher ended in time.
const IN_VAIN: &str = "waited in vain";

/// The argument that makes this program a rank; its role follows.
const AS_RANK: &str = "as-rank";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    if let [_, first, role] = &*arguments
        && first == AS_RANK
    {
        return play(role);
    }
    let launchers = [
        Program { launcher: Launcher::OpenMpi, name: "mpirun.openmpi", library: "libmpi.so.40" },
        Program { launcher: Launcher::Mpich, name: "mpirun.mpich", library: "libmpich.so.12" },
    ];
    let required = env::var("CONVNET_MPI_REQUIRED").is_ok_and(|value| value == "1");
    let mut failed = false;
    let mut told = |case: &str, outcome: Result<(), String>| match outcome {
        Ok(()) => println!("{case} ... ok"),
        Err(reason) => {
            println!("{case} ... FAILED: {reason}");
            failed = true;
        }
    };
    let [open_mpi, mpich] = launchers.each_ref().map(Program::is_there);
    for (program, is_there) in launchers.iter().zip([open_mpi, mpich]) {
        if is_there {
            program.try_all(&mut told);
        } else if required {
            told(program.name, Err("it is not on the path".into()));
        } else {
            eprintln!("{} is not on the path: its runs are left out", program.name);
        }
    }
    if open_mpi && mpich {
        for (program, other) in launchers.iter().zip(launchers.iter().rev()) {
            let case = format!("{} with {}", program.name, other.library);
            told(&case, program.try_other(other));
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A launcher's program, and the library that goes with it.
struct Program {
    launcher: Launcher,
    name: &'static str,
    library: &'static str,
}

/// How a run ended.
struct Outcome {
    code: Option<i32>,
    text: String,
}

impl Program {
    fn is_there(&self) -> bool {
        let version =
            Command::new(self.name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        !version.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    }

    fn try_all(&self, told: &mut impl FnMut(&str, Result<(), String>)) {
        for ranks in 1..=3 {
            told(&format!("{}, {ranks} ranks", self.name), self.try_messages(ranks));
        }
        // Hydra passes on the status, or 9 where it had to kill another rank.
        let ends = [
            ("lost", "a rank that exits early", &[3, 9][..]),
            ("quiet", "a rank that returns early", &[0, 1, 9][..]),
            ("abort", "a rank that aborts", &[7, 9][..]),
        ];
        for (role, what, code) in ends {
            told(&format!("{}, {what}", self.name), self.try_end(role, code));
        }
    }

    /// Every rank sends to every other, and finishes.
    fn try_messages(&self, ranks: usize) -> Result<(), String> {
        let outcome = self.run(ranks, "messages", None)?;
        let missing = (0..ranks).find(|rank| !outcome.text.contains(&format!("rank {rank} of {ranks}: ok")));
        match (outcome.code, missing) {
            (Some(0), None) => Ok(()),
            _ => Err(outcome.to_string()),
        }
    }

    /// A rank leaves, and the launcher ends the others, who wait for it.
    fn try_end(&self, role: &str, codes: &[i32]) -> Result<(), String> {
        let outcome = self.run(3, role, None)?;
        let is_right =
            outcome.code.is_some_and(|code| codes.contains(&code)) && !outcome.text.contains(IN_VAIN);
        if is_right { Ok(()) } else { Err(outcome.to_string()) }
    }

    /// A library that is not the launcher's is noticed.
    fn try_other(&self, other: &Self) -> Result<(), String> {
        let outcome = self.run(2, "other", Some(other.library))?;
        let noticed = outcome.text.matches("launcher and library do not belong together").count();
        if noticed == 2 { Ok(()) } else { Err(outcome.to_string()) }
    }

    fn run(&self, ranks: usize, role: &str, library: Option<&str>) -> Result<Outcome, String> {
        let told = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{ranks}-{role}.txt", self.name));
        let mut child = self.start(ranks, role, library, &told).map_err(|error| error.to_string())?;
        let start = Instant::now();
        let status = loop {
            match child.try_wait().map_err(|error| error.to_string())? {
                Some(status) => break Some(status),
                None if start.elapsed() > LIMIT => break None,
                None => thread::sleep(Duration::from_millis(20)),
            }
        };
        let text = fs::read_to_string(&told).unwrap_or_default();
        let Some(status) = status else {
            // If it has ended meanwhile there is nothing to kill.
            let _ended = child.kill();
            let _status = child.wait();
            return Err(format!("it takes more than {} s, and printed\n{text}", LIMIT.as_secs()));
        };
        Ok(Outcome { code: status.code(), text })
    }

    fn start(&self, ranks: usize, role: &str, library: Option<&str>, told: &Path) -> io::Result<Child> {
        let file = File::create(told)?;
        let mut command = Command::new(self.name);
        if self.launcher == Launcher::OpenMpi {
            command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
            command.arg("--oversubscribe");
        }
        command.args(["-n", &ranks.to_string()]).arg(env::current_exe()?).args([AS_RANK, role]);
        command.env_remove("CONVNET_MPI").envs(library.map(|library| ("CONVNET_MPI", library)));
        command.stdin(Stdio::null()).stderr(file.try_clone()?).stdout(file).spawn()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it ended with status {:?}, and printed\n{}", self.code, self.text)
    }
}

/// What a rank does.
fn play(role: &str) -> ExitCode {
    let launch = Launch::of_environment().expect("a launcher started this");
    let world = match World::join(&launch) {
        Ok(world) => world,
        Err(error) => {
            println!("{error}");
            return ExitCode::from(u8::from(role != "other"));
        }
    };
    match (role, world.rank()) {
        ("messages", _) => {
            assert!(launch.local_size == Some(world.size()), "all are on this host");
            assert!(matches!(World::join(&launch), Err(Error::JoinedBefore)));
            play_messages(&world);
            println!("rank {} of {}: ok ({world:?}, {})", world.rank(), world.size(), world.path().display());
            world.finish().expect("all messages are done");
        }
        ("lost", 0) => {
            let _waits = world.receive(1, 0, 4).expect("it starts");
            assert!(matches!(world.finish(), Err(Error::UnderWay { count: 1 })));
            process::exit(3);
        }
        ("quiet", 0) => {}
        ("abort", 0) => world.abort(7),
        ("lost" | "quiet" | "abort", _) => {
            let mut transfer = world.receive(0, 0, 4).expect("it starts");
            match wait(&mut transfer) {
                Ok(()) => println!("a message came that nobody sent"),
                Err(error) => println!("{error}"),
            }
        }
        _ => panic!("no role {role}"),
    }
    ExitCode::SUCCESS
}

fn play_messages(world: &World) {
    let (rank, size) = (world.rank(), world.size());
    assert!(matches!(world.send(size, 0, Vec::new()), Err(Error::NoRank { .. })));
    assert!(matches!(world.receive(rank, 1 << 15, 1), Err(Error::Tag { .. })));
    exchange(world);
    let cases = [(3, 4), (4, 3), (0, 1), (1, 0), (999_999, 1_000_000), (1_000_000, 999_999), (1_000_000, 1)];
    for (tag, (sent, expected)) in (100..).zip(cases) {
        notice_length(world, tag, sent, expected);
    }
    // The run goes on after messages of a wrong length.
    exchange(world);
    keep_order(world);
    #[cfg(target_os = "linux")]
    look_into_memory(world);
}

/// Every rank reads what every other wrote, where it lies.
#[cfg(target_os = "linux")]
fn look_into_memory(world: &World) {
    const FLOATS: usize = 100_000;
    const PLACE: usize = 64;
    let (rank, size) = (world.rank(), world.size());
    let value = |rank: usize, at: usize| (rank * FLOATS + at) as f32;
    let (own, mut memory) = Published::new(FLOATS).expect("Linux has such memory");
    let mut place: Vec<u32> = own.place().chars().map(u32::from).collect();
    place.resize(PLACE, u32::from(' '));
    let others = || (0..size).filter(|&other| other != rank);
    let mut sends: Vec<_> =
        others().map(|other| world.send(other, 8, place.clone()).expect("it starts")).collect();
    let open = |other| {
        let mut receive = world.receive(other, 8, PLACE).expect("it starts");
        wait(&mut receive).expect("it is received");
        let place: String = receive.into_words().into_iter().filter_map(char::from_u32).collect();
        (other, Peer::open(place.trim(), FLOATS).expect("it is on this host"))
    };
    let peers: Vec<_> = others().map(open).collect();
    sends.iter_mut().for_each(|send| wait(send).expect("it is sent"));
    for (at, float) in memory.chunks_exact_mut(4).enumerate() {
        float.copy_from_slice(&value(rank, at).to_ne_bytes());
    }
    own.announce(1, 5);
    let until = |what: &str, counter: usize, least: usize| {
        let start = Instant::now();
        while !peers.iter().all(|(_, peer)| peer.counter(counter) >= least) {
            assert!(start.elapsed() < PATIENCE, "{what}");
            world.progress().expect("the library works");
            thread::yield_now();
        }
    };
    until("all have written", 1, 5);
    for (other, peer) in &peers {
        let mut found = vec![0.0; FLOATS];
        peer.read(0, &mut found);
        let differs = (0..FLOATS).find(|&at| found[at].to_bits() != value(*other, at).to_bits());
        assert_eq!(differs, None, "float of rank {other}");
    }
    own.announce(2, 1);
    until("all have read", 2, 1);
}

/// Receives of one rank and tag get their messages in the order of their start, whichever is asked first; one that is given
/// up gets none.
fn keep_order(world: &World) {
    let (rank, size) = (world.rank(), world.size());
    let (next, before) = ((rank + 1) % size, (rank + size - 1) % size);
    let given_up = world.receive(before, 7, 1).expect("it starts");
    let mut receives: Vec<Transfer> =
        (1..=5).map(|length| world.receive(before, 7, length).expect("it starts")).collect();
    drop(given_up);
    let sends: Vec<Transfer> =
        (1..=5).map(|length| world.send(next, 7, words(rank, next, length)).expect("it starts")).collect();
    for receive in receives.iter_mut().rev() {
        wait(receive).expect("it is received");
    }
    for (receive, length) in receives.into_iter().zip(1..) {
        assert_eq!(receive.into_words(), words(before, rank, length));
    }
    for mut send in sends {
        wait(&mut send).expect("it is sent");
    }
}

/// Messages of several lengths from each rank to each, sent by one thread and received by another.
fn exchange(world: &World) {
    const LENGTHS: [usize; 4] = [0, 1, 1000, 1_000_000];
    let messages = || {
        (0..world.size()).flat_map(|rank| (0..).zip(LENGTHS).map(move |(tag, length)| (rank, tag, length)))
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let start = |(to, tag, length)| world.send(to, tag, words(world.rank(), to, length));
            for mut transfer in messages().map(start).collect::<Result<Vec<_>, _>>().expect("they start") {
                wait(&mut transfer).expect("it is sent");
            }
        });
        scope.spawn(|| {
            let start = |(from, tag, length)| world.receive(from, tag, length);
            let transfers = messages().map(start).collect::<Result<Vec<_>, _>>().expect("they start");
            for (mut transfer, (from, tag, length)) in transfers.into_iter().zip(messages()) {
                wait(&mut transfer).expect("it is received");
                let is_right = transfer.into_words() == words(from, world.rank(), length);
                assert!(is_right, "{length} words from rank {from}, tag {tag}");
            }
        });
    });
}

/// Words that tell where they come from and go to.
fn words(from: usize, to: usize, length: usize) -> Vec<u32> {
    let start = (from * 1000 + to) as u32;
    (0..length as u32).map(|index| start.wrapping_add(index.wrapping_mul(0x9e37_79b9))).collect()
}

/// Each rank sends to the next another number of words than that expects.
fn notice_length(world: &World, tag: u32, sent: usize, expected: usize) {
    let (rank, size) = (world.rank(), world.size());
    let (next, before) = ((rank + 1) % size, (rank + size - 1) % size);
    let mut receive = world.receive(before, tag, expected).expect("it starts");
    let mut send = world.send(next, tag, words(rank, next, sent)).expect("it starts");
    let error = wait(&mut receive).expect_err("another length came");
    match &error {
        Error::Length { bytes, expected: all, .. } => assert_eq!((*bytes, *all), (4 * sent, 4 * expected)),
        _ => panic!("{error}"),
    }
    let about = format!("receiving {expected} words from rank {before}, tag {tag}: ");
    assert!(error.to_string().starts_with(&about), "{error}");
    assert!(receive.is_done().is_err(), "an error stays");
    wait(&mut send).expect("it is sent, whatever the other expects");
    assert_eq!(send.into_words().len(), sent);
    println!("rank {rank} of {size}: {error}");
}

/// Waits for a transfer; a rank that waits too long ends.
fn wait(transfer: &mut Transfer) -> Result<(), Error> {
    let start = Instant::now();
    while !transfer.is_done()? {
        if start.elapsed() > PATIENCE {
            println!("{IN_VAIN}");
            process::exit(9);
        }
        thread::sleep(Duration::from_micros(50));
    }
    Ok(())
}
