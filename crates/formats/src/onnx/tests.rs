//! Reading models that were made to take a reader down.

use prost::encoding::{WireType, encode_key, encode_varint};

use super::read::{Attribute, Model, Size};

fn varint(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_varint(number, &mut bytes);
    bytes
}

/// A field that holds a number.
fn number(field: u32, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(field, WireType::Varint, &mut bytes);
    [bytes, varint(value)].concat()
}

/// A field that holds bytes.
fn part(field: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(field, WireType::LengthDelimited, &mut bytes);
    [bytes, varint(content.len() as u64), content.to_vec()].concat()
}

/// A model of a graph with these fields.
fn model(graph: &[u8]) -> Vec<u8> {
    [number(1, 8), part(8, &number(2, 17)), part(7, graph)].concat()
}

fn problem(bytes: Vec<u8>) -> String {
    Model::new(Box::new(bytes), None).unwrap_err().to_string()
}

/// A constant of `count` elements of a type, under the name `w`, and where they are.
fn constant(kind: u64, count: u64, elements: &[u8]) -> Vec<u8> {
    part(5, &[number(1, count), number(2, kind), part(8, b"w"), elements.to_vec()].concat())
}

#[test]
fn every_way_to_write_elements_is_read() {
    let real: Vec<u8> = [0.5f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let double: Vec<u8> = [0.5f64, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let listed = [varint(1), varint(u64::MAX)].concat();
    let halves = [varint(0x3800), varint(0xc000)].concat();
    for (graph, expected) in [
        (constant(1, 2, &part(9, &real)), [0.5, -2.0]),
        (constant(1, 2, &part(4, &real)), [0.5, -2.0]),
        (constant(11, 2, &part(10, &double)), [0.5, -2.0]),
        (constant(7, 2, &part(7, &listed)), [1.0, -1.0]),
        (constant(7, 2, &[number(7, 1), number(7, u64::MAX)].concat()), [1.0, -1.0]),
        (constant(6, 2, &part(5, &listed)), [1.0, -1.0]),
        (constant(10, 2, &part(5, &halves)), [0.5, -2.0]),
    ] {
        let model = Model::new(Box::new(model(&graph)), None).unwrap();
        let tensor = &model.initializers[0];
        assert_eq!(
            (tensor.name.as_str(), &tensor.shape[..], tensor.is_whole()),
            ("w", &[2][..], expected[0] == 1.0)
        );
        let mut found = [0.0; 2];
        model.read(tensor, 0, &mut found).unwrap();
        assert_eq!(found, expected);
        model.read(tensor, 1, &mut found[..1]).unwrap();
        assert_eq!(found[0], expected[1]);
        assert!(
            model.read(tensor, 1, &mut [0.0; 2]).is_err()
                && model.read(tensor, usize::MAX, &mut [0.0; 2]).is_err()
        );
        assert_eq!(model.integers(tensor, 2).ok(), tensor.is_whole().then(|| vec![1, -1]));
        assert!(model.integers(tensor, 1).is_err());
    }
}

#[test]
fn settings_and_sizes_are_read_packed_or_not_and_with_their_zeros_left_out() {
    let setting = |name: &str, kind: u64, value: &[u8]| {
        part(5, &[part(1, name.as_bytes()), number(20, kind), value.to_vec()].concat())
    };
    let node = [
        setting("packed", 7, &part(8, &[2, 3])),
        setting("single", 7, &[number(8, 2), number(8, 3)].concat()),
        setting("zero", 2, &[]),
        setting("none", 7, &[]),
        setting("text", 3, &part(4, b"SAME_UPPER")),
        setting("graph", 5, &part(6, b"")),
    ]
    .concat();
    let size = |field: Vec<u8>| part(1, &field);
    let shape = [size(part(2, b"N")), size(number(1, 3)), size(number(1, 0)), size(vec![])].concat();
    let input = [part(1, b"x"), part(2, &part(1, &part(2, &shape)))].concat();
    let model = Model::new(Box::new(model(&[part(1, &node), part(11, &input)].concat())), None).unwrap();
    let attributes = &model.nodes[0].attributes;
    assert_eq!(attributes["packed"], Attribute::Ints(vec![2, 3]));
    assert_eq!(attributes["single"], Attribute::Ints(vec![2, 3]));
    assert_eq!(attributes["zero"], Attribute::Int(0));
    assert_eq!(attributes["none"], Attribute::Ints(vec![]));
    assert_eq!(attributes["text"], Attribute::Text("SAME_UPPER".into()));
    assert_eq!(attributes["graph"], Attribute::Other);
    let free = |name: &str| Size::Free(name.into());
    assert_eq!(model.inputs[0].shape, Some(vec![free("N"), Size::Known(3), free(""), free("")]));
}

#[test]
fn broken_messages_tell_where() {
    assert!(problem(Vec::new()).contains("there is no graph"));
    assert!(problem(vec![0x3b]).contains("at byte 0: a field of wire type 3"));
    assert!(problem(vec![0xff; 12]).contains("at byte 0: a number of more than 10 bytes"));
    assert!(problem(vec![0x08, 0x80]).contains("cut short"));
    assert!(problem([vec![0x3a], varint(u64::MAX)].concat()).contains("where 0 are left"));
    assert!(
        problem([vec![0x3a], varint(5), vec![0; 4]].concat()).contains("a part of 5 bytes where 4 are left")
    );
    assert!(problem(model(&number(1, 3))).contains("field 1 holds"));
    assert!(problem(model(&part(1, &part(3, b"\xff")))).contains("not UTF-8"));
}

#[test]
fn elements_must_fill_the_shape() {
    assert!(
        problem(model(&constant(1, 2, &part(9, &[0; 7]))))
            .contains("`w`: 7 bytes of elements, its shape [2] needs 8")
    );
    assert!(problem(model(&constant(1, 1 << 40, &part(9, &[0; 8])))).contains("needs 4398046511104"));
    assert!(problem(model(&constant(1, u64::MAX, &part(9, &[0; 8])))).contains("it has a size of -1"));
    assert!(
        problem(model(&constant(1, 1 << 62, &part(9, &[0; 8]))))
            .contains("more elements than can be addressed")
    );
    assert!(
        problem(model(&constant(11, 1, &part(4, &[0; 8])))).contains("of type F32 under the heading F64")
    );
    assert!(problem(model(&constant(8, 1, &part(6, b"a")))).contains("elements of type 8"));
    assert!(problem(model(&constant(7, 2, &number(7, 1)))).contains("1 elements, its shape [2] needs 2"));
    let outside = [part(13, &[part(1, b"location"), part(2, b"w.bin")].concat()), number(14, 1)].concat();
    assert!(problem(model(&constant(1, 2, &outside))).contains("another file, which is not allowed here"));
}

#[test]
fn what_repeats_without_end_is_refused_early() {
    let many = 1 << 20;
    for (graph, expected) in [
        (part(1, b"").repeat(many), "more than 16384 of one kind"),
        (part(11, &part(1, b"x")).repeat(many), "more than 16384 of one kind"),
        (part(1, &part(1, b"").repeat(many)), "more than 16384 of one kind"),
        (part(1, &part(5, b"").repeat(many)), "names and settings take more than"),
        (part(1, &part(5, &number(8, 1).repeat(many))), "a list of more than 4096 numbers"),
        (part(1, &part(5, &part(8, &[1; 1 << 20]))), "a list of more than 4096 numbers"),
        (part(1, &part(3, &[b'a'; 1 << 20])), "a part of 1048576 bytes, expected at most 65536"),
        (part(1, &part(3, &[b'a'; 60_000])).repeat(1000), "names and settings take more than"),
        (constant(7, 1 << 23, &part(7, &[1; 1 << 23])), "a list of more than 4194304 numbers"),
        (
            constant(7, 1 << 23, &number(7, 1).repeat(1 << 23)),
            "more than 4194304 elements written number by number",
        ),
        (part(5, &number(1, 1).repeat(many)), "more than 16 dimensions"),
    ] {
        let found = problem(model(&graph));
        assert!(found.contains(expected), "{found} is not `{expected}`");
    }
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out_of_the_models_folder() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("models");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(outer.path().join("secret.bin"), [0; 8]).unwrap();
    std::os::unix::fs::symlink("../secret.bin", folder.join("w.bin")).unwrap();
    let outside = [part(13, &[part(1, b"location"), part(2, b"w.bin")].concat()), number(14, 1)].concat();
    let path = folder.join("m.onnx");
    std::fs::write(&path, model(&constant(1, 2, &outside))).unwrap();
    let error = Model::open(&path).unwrap_err().to_string();
    assert!(error.contains("m.onnx") && error.contains("a link leads out of the model's folder"), "{error}");
}
