//! The order of the rooms, which are the modules at the root of the library: which may import which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A room, the rooms that it may import, each listed above, and the crates of the workspace that it may.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const FORMATS: &[&str] = &["convnet_formats"];
const KERNELS: &[&str] = &["convnet_kernels"];
const DEVICES: &[&str] = &["convnet_kernels", "convnet_gpu"];

const ROOMS: [Row; 24] = [
    ("shape", &[], &[]),
    ("ops", &["shape"], &[]),
    ("graph", &["shape", "ops"], &[]),
    ("optim", &["graph", "ops"], &[]),
    ("moved", &[], &[]),
    ("font", &[], &[]),
    ("drawing", &["font"], &[]),
    ("data", &["font", "moved"], FORMATS),
    ("zoo", &["graph", "ops"], &[]),
    ("state", &["graph", "ops"], &[]),
    ("reference", &["graph", "ops", "state"], &[]),
    ("plan", &["graph", "ops", "optim"], &[]),
    ("machine", &[], &[]),
    ("options", &["plan"], KERNELS),
    ("weights", &["graph", "ops", "state", "plan"], &[]),
    ("tracked", &["ops", "optim", "state", "plan"], KERNELS),
    ("ranks", &["machine"], &["convnet_kernels", "convnet_mpi"]),
    (
        "cpu",
        &["graph", "ops", "optim", "state", "plan", "machine", "options", "weights", "tracked", "ranks"],
        KERNELS,
    ),
    (
        "gpu",
        &["graph", "ops", "optim", "state", "plan", "options", "weights", "tracked", "ranks", "moved"],
        DEVICES,
    ),
    ("exec", &["graph", "ops", "optim", "state", "plan", "options", "ranks", "moved", "cpu", "gpu"], KERNELS),
    ("inspect", &["graph", "ops", "state", "exec"], &[]),
    ("io", &["graph", "ops", "zoo", "state", "data"], FORMATS),
    (
        "train",
        &["font", "drawing", "graph", "ops", "optim", "data", "zoo", "state", "ranks", "exec", "io"],
        FORMATS,
    ),
    ("model", &["graph", "zoo", "data", "io", "train"], &[]),
];

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => sources(&path, out),
            false if path.extension().is_some_and(|ending| ending == "rs") => out.push(path),
            false => {}
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file's lines of code: comments are left out, and the tests that end it.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let tests = ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\npub(super) mod tests {"];
    let test = tests.iter().find_map(|start| text.find(start)).unwrap_or(text.len());
    text[..test].lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// The files of modules that are compiled for tests alone, and their folders.
fn test_files(file: &Path, text: &str) -> Vec<PathBuf> {
    let folder = match file.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib") => file.parent().map(Path::to_owned),
        _ => Some(file.with_extension("")),
    };
    let folder = folder.expect("a file is in a folder");
    let lines: Vec<&str> = text.lines().collect();
    let declared = lines.windows(2).filter(|pair| pair[0].trim() == "#[cfg(test)]").filter_map(|pair| {
        let (_, name) = pair[1].rsplit_once("mod ")?;
        name.strip_suffix(';')
    });
    declared.flat_map(|name| [folder.join(format!("{name}.rs")), folder.join(name)]).collect()
}

/// The rooms that a line names (`crate::graph::Graph`, `crate::{data, io::load}`), and the crates.
fn named(line: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, root) in line.match_indices("crate::") {
        let rest = &line[at + root.len()..];
        // A macro's `$crate::`, or the end of another crate's name.
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$')) {
            continue;
        }
        let word = |text: &str| -> String {
            text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 0;
                let parts = list.split(|c| {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    c == ',' && depth == 0
                });
                rooms.extend(parts.map(word));
            }
            None => rooms.push(word(rest)),
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
        .extend([FORMATS, DEVICES].concat().into_iter().filter(|name| line.contains(name)).map(String::from));
    rooms
}

/// The room of each file of the library, and the rooms and crates that its code names.
fn imports() -> BTreeMap<PathBuf, (String, BTreeSet<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let tests: BTreeSet<PathBuf> = files.iter().flat_map(|file| test_files(file, &read(file))).collect();
    let mut found = BTreeMap::new();
    let is_test = |file: &PathBuf| tests.iter().any(|test| file.starts_with(test));
    for file in files.into_iter().filter(|file| !is_test(file)) {
        let path = file.strip_prefix(&root).expect("it is below the root").to_owned();
        let first = path.iter().next().and_then(|part| part.to_str()).expect("names are UTF-8");
        let room = first.trim_end_matches(".rs").to_owned();
        if room != "lib" {
            // An import may go over several lines.
            let lines = code(&read(&file)).collect::<Vec<_>>().join("\n").replace("crate::{\n", "crate::{");
            found.insert(path, (room, lines.lines().flat_map(named).collect()));
        }
    }
    found
}

#[test]
fn every_room_imports_only_what_it_may() {
    let mut wrong = Vec::new();
    let (mut seen, mut edges) = (BTreeSet::new(), 0);
    for (path, (room, named)) in imports() {
        let Some((own, rooms, crates)) = ROOMS.iter().find(|(own, ..)| *own == room) else {
            wrong.push(format!("{}: `{room}` is in no row of the table", path.display()));
            continue;
        };
        for other in named.iter().map(String::as_str) {
            if other != *own && !rooms.contains(&other) && !crates.contains(&other) {
                wrong.push(format!("{}: `{room}` imports `{other}`", path.display()));
            }
        }
        edges += named.len();
        seen.insert(room);
    }
    assert!(wrong.is_empty(), "the order of rooms is broken:\n{}", wrong.join("\n"));
    assert!(edges > 100, "only {edges} imports were found");
    let listed: BTreeSet<String> = ROOMS.iter().map(|(room, ..)| room.to_string()).collect();
    assert_eq!(seen, listed, "the table lists other rooms than there are");
}

#[test]
fn no_row_climbs() {
    for (i, (room, may, _)) in ROOMS.iter().enumerate() {
        for other in *may {
            let above = ROOMS[..i].iter().any(|(above, ..)| above == other);
            assert!(above, "`{room}` may import `{other}`, which is not above it");
        }
    }
}

#[test]
fn imports_are_found_in_every_form() {
    assert_eq!(named("use crate::graph::{Graph, NodeId};"), ["graph"]);
    assert_eq!(named("use crate::{data, io::{self, load}, zoo};"), ["data", "io", "zoo"]);
    assert_eq!(named("    pub(in crate::train) fn f(x: crate::state::Tensor) {"), ["train", "state"]);
    assert_eq!(named("my_crate::graph $crate::graph crate::"), Vec::<String>::new());
    assert_eq!(named("use convnet_kernels::{Arena, Isa};"), KERNELS);
    let text = "mod a;\n\n#[cfg(test)]\nmod golden;\n#[cfg(test)]\npub(crate) mod tests;\n";
    let found = test_files(Path::new("src/io/mod.rs"), text);
    assert_eq!(found[0], Path::new("src/io/golden.rs"));
    assert_eq!(found[3], Path::new("src/io/tests"));
    let lines: Vec<&str> = code("a\n/// b\nc\n#[cfg(test)]\nmod tests {\n d\n}\n").collect();
    assert_eq!(lines, ["a", "c"]);
}

/// Options are the command's: the library's errors say the way out in its own words.
#[test]
fn the_library_names_no_options_of_the_command() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for folder in ["convnet/src", "formats/src"] {
        let mut files = Vec::new();
        sources(&crates.join(folder), &mut files);
        assert!(files.len() > 5, "{folder}");
        for file in files {
            for (number, line) in read(&file).lines().enumerate() {
                assert!(!line.contains("`--"), "{}:{}: {line}", file.display(), number + 1);
            }
        }
    }
}
