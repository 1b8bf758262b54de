//! Data sets in the forms in which they are distributed, what is told of them, and what training keeps of them.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use crate::place::Place;
use serde_json::Value;
use snapbox::cargo_bin;
use snapbox::cmd::Command;

/// A grey picture of its own, as a PGM file.
fn picture(number: usize, side: usize) -> Vec<u8> {
    let level = |y: usize, x: usize| ((x * (3 + number % 7) + y * (2 + number % 5)) * 9 + 31 * number) as u8;
    let pixels = (0..side * side).map(|i| level(i / side, i % side));
    [format!("P5 {side} {side} 255\n").into_bytes(), pixels.collect()].concat()
}

/// A folder of two classes: 16 training and 6 test images.
fn photos(place: &Place, folder: &str) {
    for number in 0..22 {
        let split = if number < 16 { "train" } else { "test" };
        let class = ["cat", "dog"][number % 2];
        write(
            place.path(),
            &format!("{folder}/{split}/{class}/{number:02}.pgm"),
            &picture(number, 28 + number % 3),
        );
    }
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
    fs::write(path, bytes).expect("the file can be written");
}

fn json(place: &Place, arguments: &str, code: i32) -> Value {
    serde_json::from_str(&place.convnet(arguments, code).0).expect("standard output is one JSON value")
}

/// Cuts two files and makes one a text.
fn damage(place: &Place) {
    for name in ["photos/train/dog/05.pgm", "photos/test/cat/18.pgm"] {
        let bytes = place.bytes(name);
        fs::write(place.path().join(name), &bytes[..bytes.len() / 2]).expect("the file can be written");
    }
    write(place.path(), "photos/train/cat/02.pgm", b"text");
}

#[test]
fn damaged_images_are_all_named_and_stop_the_command_unless_they_are_skipped() {
    let place = Place::new();
    photos(&place, "photos");
    damage(&place);
    let (said, told) = place.convnet("data inspect photos", 1);
    for name in ["train/cat/02.pgm", "train/dog/05.pgm", "test/cat/18.pgm"] {
        assert!(told.contains(name), "{name} is missing in {told}");
    }
    assert!(
        told.contains("3 of 22 images are skipped") && told.contains("3 images cannot be used"),
        "{told}"
    );
    assert!(said.contains("14 training, 5 test images"), "{said}");
    let found = json(&place, "data inspect photos --skip-corrupt --json", 0);
    assert_eq!(found["corrupt"].as_array().map(Vec::len), Some(3));
    assert_eq!(found["train"]["histogram"], serde_json::json!([7, 7]));
    let told = place.failure("train lenet --data photos --limit-steps 1", 1);
    assert!(told.contains("3 images cannot be used") && told.contains("train/dog/05.pgm"), "{told}");
    assert!(told.contains("`--skip-corrupt`"), "{told}");
    let (_, told) = place.convnet(
        "train lenet --data photos --limit-steps 1 --batch 4 --validation 0.3 --skip-corrupt --out run",
        0,
    );
    assert!(told.contains("3 of 22 images are skipped"), "{told}");
    let config = String::from_utf8(place.bytes("run/config.toml")).expect("it is text");
    assert!(config.contains("skip_corrupt = true"), "{config}");
    let prints = String::from_utf8(place.bytes("run/data.jsonl")).expect("it is text");
    assert!(prints.contains("train/dog/07.pgm") && !prints.contains("train/dog/05.pgm"), "{prints}");
    // It is measured again on the images that it was measured on.
    let figures = json(&place, "eval run --json", 0);
    assert_eq!(figures["images"].as_u64(), Some(5));
    // What is mended is another data set.
    write(place.path(), "photos/train/dog/05.pgm", &picture(5, 30));
    let (_, told) = place.convnet("eval run --json", 0);
    assert!(told.contains("the data have changed") && told.contains("train/dog/05.pgm"), "{told}");
}

#[test]
fn a_set_is_told_with_sizes_modes_balance_and_near_repeats() {
    let place = Place::new();
    photos(&place, "photos");
    // The same picture in another format and brightness: its bytes are others.
    let bytes = place.bytes("photos/train/cat/04.pgm");
    let start = bytes.iter().position(|&byte| byte == b'\n').expect("a head") + 1;
    let darker: Vec<u8> = bytes[start..].iter().map(|&level| level / 2 + 40).collect();
    write(place.path(), "photos/test/dog/near.pgm", &[&bytes[..start], &darker].concat());
    let found = json(&place, "data inspect photos --json", 0);
    assert_eq!(found["sizes"]["smallest"], serde_json::json!([28, 28]));
    assert_eq!(found["sizes"]["median"], serde_json::json!([29, 29]));
    assert_eq!(found["modes"], serde_json::json!({ "grey": 23 }));
    assert_eq!(found["test"]["histogram"], serde_json::json!([3, 4]));
    assert!((found["test"]["balance"].as_f64().expect("a number") - 4.0 / 3.0).abs() < 1e-9);
    let near = found["near"].as_array().expect("a list");
    assert!(
        near.iter().any(|near| near["first"]["name"] == "train/cat/04.pgm"
            && near["second"]["name"] == "test/dog/near.pgm"),
        "{near:?}"
    );
    let (said, told) = place.convnet("data inspect photos --sheet sheet.png", 0);
    assert!(
        told.contains("is like") && told.contains("near.pgm") && told.contains("of another class"),
        "{told}"
    );
    assert!(
        said.contains("28 × 28 to 30 × 30 pixels (height × width)") && said.contains("the median is 29 × 29"),
        "{said}"
    );
    let sheet = place.bytes("sheet.png");
    assert!(sheet.starts_with(b"\x89PNG") && sheet.len() > 1000);
    assert!(!place.path().join("photos/sheet.png").exists());
    // A class with few images is told.
    for number in [3, 5, 7, 9] {
        fs::remove_file(place.path().join(format!("photos/train/dog/{number:02}.pgm")))
            .expect("the file is there");
    }
    let said = place.success("data inspect photos");
    assert!(said.contains("training classes have 4 to 8 images, 1 to 2.0"), "{said}");
}

/// A run's weights with further options.
fn weights(place: &Place, options: &str, out: &str) -> Vec<u8> {
    place.success(&format!(
        "train lenet --data photos --epochs 1 --batch 4 --validation 0.3 --out {out} {options}"
    ));
    place.bytes(&format!("{out}/last.safetensors"))
}

#[test]
fn images_are_kept_where_it_is_asked_for_and_training_is_the_same() {
    let place = Place::new();
    photos(&place, "photos");
    let memory = weights(&place, "", "memory");
    assert!(weights(&place, "--cache disk --cache-dir kept", "disk") == memory);
    assert_eq!(place.files("kept").len(), 1);
    let config = String::from_utf8(place.bytes("disk/config.toml")).expect("it is text");
    assert!(config.contains("[recipe.cache]") && config.contains("kind = \"disk\""), "{config}");
    // The file is damaged in its middle: training is as it was, and the file is made anew after it.
    let path = place.path().join("kept").join(&place.files("kept")[0]);
    let whole = fs::read(&path).expect("the file is there");
    let mut bytes = whole.clone();
    bytes[whole.len() / 2] ^= 1;
    fs::write(&path, bytes).expect("the file can be written");
    assert!(weights(&place, "--cache disk --cache-dir kept", "damaged") == memory);
    assert!(!path.exists());
    assert!(weights(&place, "--cache disk --cache-dir kept", "anew") == memory);
    assert!(fs::read(&path).expect("the file is there") == whole);
    assert!(weights(&place, "--cache none", "none") == memory);
    // A run goes on wherever its images are kept.
    place.success("train --resume disk --cache none");
    let (_, told) =
        place.convnet("train lenet --data photos --limit-steps 1 --batch 4 --cache disk --cache-dir small --cache-limit 1000 --out small-run", 0);
    assert!(told.contains("the cache's limit is 1000"), "{told}");
    assert!(!place.path().join("small").exists());
    let told = place.failure("train lenet --data photos --cache none --cache-dir x", 2);
    assert!(told.contains("`cache.kind` is `none`, expected `disk`"), "{told}");
    let told = place.failure("train lenet --data photos --cache tape", 2);
    assert!(told.contains("expected `memory`, `disk` or `none`"), "{told}");
}

#[test]
fn cifar_s_files_and_shards_are_data_sets() {
    let place = Place::new();
    let record = |head: &[u8]| {
        [head.to_vec(), (0..3072).map(|i| (i * 7) as u8 ^ head[0].wrapping_mul(40)).collect()].concat()
    };
    let batch = |from: u8| (0..4).flat_map(|i| record(&[(from + i) % 10])).collect::<Vec<u8>>();
    for number in 1..=5 {
        write(place.path(), &format!("cifar/data_batch_{number}.bin"), &batch(number));
    }
    write(place.path(), "cifar/test_batch.bin", &batch(0));
    let found = json(&place, "data inspect cifar --json", 0);
    assert_eq!(found["shape"], serde_json::json!([3, 32, 32]));
    assert_eq!((found["train"]["images"].as_u64(), found["test"]["images"].as_u64()), (Some(20), Some(4)));
    assert_eq!(found["test"]["histogram"], serde_json::json!([1, 1, 1, 1, 0, 0, 0, 0, 0, 0]));
    let told = place.failure("data inspect cifar:coarse", 1);
    assert!(told.contains("no superclasses"), "{told}");
    fs::remove_file(place.path().join("cifar/test_batch.bin")).expect("the file is there");
    let told = place.failure("data inspect cifar", 1);
    assert!(told.contains("has no `test_batch.bin`"), "{told}");

    for (shard, first) in [("train-00", 0), ("train-01", 8), ("test-00", 30)] {
        let files = (first..first + 8).flat_map(|number| {
            let label = ["cat", "dog"][number % 2].as_bytes().to_vec();
            [(format!("{number:05}.pgm"), picture(number, 28)), (format!("{number:05}.txt"), label)]
        });
        write(place.path(), &format!("shards/{shard}.tar"), &archive(files));
    }
    let found = json(&place, "data inspect shards/{train-{00..01},test-00}.tar --json", 0);
    assert_eq!((found["train"]["images"].as_u64(), found["test"]["images"].as_u64()), (Some(16), Some(8)));
    assert_eq!(found["classes"], serde_json::json!(["cat", "dog"]));
    place.success("train lenet --data shards --limit-steps 2 --batch 4 --validation 0.3 --out run");
    let figures = json(&place, "eval run --json", 0);
    assert_eq!(figures["images"].as_u64(), Some(8));
}

/// A tar archive (POSIX.1-1988).
fn archive(files: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        bytes.extend(header);
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// A server that gives the same bytes for every address; its own address.
fn serve(body: &'static [u8]) -> String {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = (&stream).write_all(&[head.as_bytes(), body].concat());
        }
    });
    address
}

#[test]
fn named_sets_are_listed_and_what_a_server_gives_is_checked() {
    let place = Place::new();
    let listed = json(&place, "data list --json", 0);
    let names: Vec<&str> =
        listed.as_array().expect("a list").iter().filter_map(|set| set["name"].as_str()).collect();
    assert_eq!(names, ["fashion-mnist-mini", "fashion-mnist", "mnist", "kmnist", "cifar10", "cifar100"]);
    let mirror = serve(b"not the file");
    for (name, file) in [("cifar10", "cifar-10-python.tar.gz"), ("mnist", "train-images-idx3-ubyte.gz")] {
        let assert = Command::new(cargo_bin!("convnet"))
            .args(["data", "fetch", name])
            .env("CONVNET_CACHE", place.path().join("cache"))
            .env("CONVNET_MIRROR", &mirror)
            .assert()
            .code(1);
        let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        // `md5sum` of what the server gives.
        assert!(told.contains(&format!("cannot fetch `{file}` of `{name}`")), "{told}");
        assert!(told.contains("the file's MD5 is") && told.contains(", expected"), "{told}");
        assert!(place.files(&format!("cache/{name}")).is_empty());
    }
}
