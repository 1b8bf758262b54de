//! What holds for every drawing: boxes apart and within their scopes, lines that go on, names that do no harm.

use std::time::Instant;

use convnet::graph::{Builder, Graph, Value, combine, concat};
use convnet::ops::{Conv2d, Op};
use convnet::zoo;
use proptest::prelude::*;
use snapbox::assert_data_eq;

use crate::layout::{Frame, MARGIN, Plan, View};
use crate::leaf::SMALL;
use crate::level::Entity;
use crate::text::width;
use crate::tree::{ItemId, Tree};
use crate::{Direction, DrawOptions, Drawing, Style};

fn graph(name: &str) -> Graph {
    zoo::find(name).unwrap().model().build().unwrap()
}

/// All formats of all styles.
fn all_texts(graph: &Graph, depth: Option<usize>) -> [String; 6] {
    let options = DrawOptions { depth, ..DrawOptions::default() };
    let plain = Drawing::new(graph, &options.clone());
    let blocks = Drawing::new(graph, &DrawOptions { style: Style::Blocks, ..options });
    [plain.svg(), plain.html(), plain.dot(), plain.mermaid(), blocks.svg(), blocks.html()]
}

/// What must hold of a box and of all in it.
fn check(plan: &Plan<'_, '_>, view: &View, item: ItemId, frame: &Frame) {
    assert!(frame.width.is_finite() && frame.height.is_finite() && frame.width > 0.0 && frame.height > 0.0);
    let Some(level) = plan.level(view, item) else { return };
    if plan.is_card(view, item) {
        let Some(Entity::Item(part)) = level.entities.iter().find(|e| matches!(e, Entity::Item(_))) else {
            panic!("a card holds a box");
        };
        return check(plan, view, *part, frame.parts[0].as_ref().unwrap());
    }
    let places = &frame.places;
    let at = |across: f64, along: f64| match plan.down() {
        true => (frame.origin.0 + across, frame.origin.1 + along),
        false => (frame.origin.0 + along, frame.origin.1 + across),
    };
    let mut boxes: Vec<[f64; 4]> = Vec::new();
    for (entity, part) in frame.parts.iter().enumerate() {
        let Some(part) = part else { continue };
        let (x, y) = at(places.middle[entity] - part.extent.across / 2.0, places.start[places.rank[entity]]);
        boxes.push([x, y, x + part.width, y + part.height]);
        if let Entity::Item(inner) = level.entities[entity] {
            check(plan, view, inner, part);
        }
    }
    for (i, a) in boxes.iter().enumerate() {
        assert!(a[0] >= -0.01 && a[1] >= -0.01, "{a:?} of {} × {}", frame.width, frame.height);
        assert!(
            a[2] <= frame.width + 0.01 && a[3] <= frame.height + 0.01,
            "{a:?}, {}×{}",
            frame.width,
            frame.height
        );
        for b in &boxes[i + 1..] {
            let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
            assert!(apart, "{a:?} overlaps {b:?}");
        }
    }
    for wire in &places.wires {
        assert_eq!(
            places.rank[wire.above] + 1,
            places.rank[wire.below],
            "a line goes from a rank to the next"
        );
    }
    assert!(places.start.is_sorted());
    for (n, net) in level.nets.iter().enumerate() {
        // Each reader is reached.
        for &target in &net.targets {
            let reached = level.links.iter().any(|&(net, _, below)| net == n && below == target);
            assert!(reached || level.left_out > 0);
            assert!(places.rank[net.source] < places.rank[target]);
        }
        let label = plan.label(level, n);
        if let Some(wire) = places.wires.iter().find(|w| w.net == n && w.above == net.source)
            && !label.is_empty()
        {
            let along = frame.parts[net.source].as_ref().map_or(0.0, |part| part.extent.along);
            let start = places.start[places.rank[net.source]] + along;
            let (x, y) = at(places.middle[net.source] + wire.leaves, start);
            let end = x + 5.0 + width(&label, SMALL);
            assert!(
                end <= frame.width + MARGIN && y <= frame.height,
                "`{label}` ends at {end} of {}",
                frame.width
            );
        }
    }
}

/// Checks a network's drawings at every depth, in both directions, with and without runs.
fn check_all(graph: &Graph) {
    let summary = graph.summary();
    for fold in [true, false] {
        let tree = Tree::new(graph, fold);
        for direction in [Direction::Down, Direction::Right] {
            let plan = Plan::new(&tree, &summary, direction);
            let deepest = tree.items.iter().map(|item| item.depth).max().unwrap();
            for depth in 1..=deepest {
                let view = plan.view(depth);
                check(&plan, &view, tree.root(), &plan.frame(&view, tree.root()));
            }
            let all = View { open: vec![true; tree.items.len()] };
            check(&plan, &all, tree.root(), &plan.frame(&all, tree.root()));
        }
        // Every node is in one box of the innermost kind.
        let mut seen = vec![0; graph.nodes().len()];
        for item in tree.items.iter().filter(|item| item.children.is_empty()) {
            item.nodes.iter().for_each(|&node| seen[node] += 1);
        }
        assert!(seen.iter().all(|&times| times == 1));
    }
}

#[test]
fn drawings_of_the_zoo_hold_together() {
    for name in [
        "lenet",
        "alexnet@paper",
        "googlenet",
        "googlenet@torchvision",
        "resnet50",
        "densenet",
        "densenet121@torchvision",
        "preresnet110@paper",
    ] {
        check_all(&graph(name));
    }
}

/// A network of random wiring, its layers in random scopes: also such as are entered twice.
fn random(choices: &[(u8, u16, u16, u8)]) -> Graph {
    let net = Builder::image("random", 4, 8, 8);
    let mut values = vec![net.input()];
    // Five scopes, two of them within others.
    let nested =
        net.input().scope("a", "A", |x| x.relu().scope("b", "B", |x| x.relu().scope("c", "A", Value::relu)));
    values.push(nested.scope("d", "D", Value::relu).scope("e", "Sequential", Value::relu));
    for (i, &(kind, a, b, _)) in choices.iter().enumerate() {
        let pick = |k: u16| values[usize::from(k) % values.len()];
        let name = format!("n{i}");
        values.push(match kind % 5 {
            0 => combine(&name, Op::Relu, &[pick(a)]),
            1 => combine(&name, Conv2d::new(4, 3).padding(1), &[pick(a)]),
            2 | 3 => combine(&name, Op::Add, &[pick(a), pick(b)]),
            _ => concat(&[pick(a), pick(b), values[values.len() - 1]]).layer(&name, Conv2d::new(4, 1)),
        });
    }
    let text = net.build(values[values.len() - 1]).unwrap().to_toml().unwrap();
    let mut at = 0;
    let scoped: Vec<String> = text
        .lines()
        .map(|line| match line.strip_prefix("scope = ") {
            Some(_) if !choices.is_empty() => {
                at += 1;
                let scope = choices[at % choices.len()].3 % 9;
                format!("scope = {}", if scope > 5 || at < 2 { 0 } else { scope })
            }
            _ => line.to_string(),
        })
        .collect();
    Graph::from_toml(&scoped.join("\n")).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_hold_together(choices in prop::collection::vec(any::<(u8, u16, u16, u8)>(), 1..40)) {
        let graph = random(&choices);
        check_all(&graph);
        for text in [all_texts(&graph, None), all_texts(&graph, Some(9))] {
            balanced(&text[0]);
            parses_as_dot(&text[2]);
            parses_as_mermaid(&text[3]);
            balanced(&text[4]);
        }
    }
}

#[test]
fn a_thousand_layers_take_bounded_time_and_room() {
    let chain = Builder::image("chain", 4, 8, 8);
    let mut x = chain.input();
    for _ in 0..1000 {
        x = x.conv2d(Conv2d::new(4, 1));
    }
    // Each layer reads all before it: 45,000 lines.
    let dense = Builder::image("dense", 1, 2, 2);
    let mut values = vec![dense.input()];
    for _ in 0..300 {
        values.push(concat(&values).conv2d(Conv2d::new(1, 1)));
    }
    let dense_graph = dense.build(values[300]).unwrap();
    for graph in [chain.build(x).unwrap(), dense_graph.clone()] {
        for depth in [None, Some(1)] {
            let start = Instant::now();
            let texts = all_texts(&graph, depth);
            let took = start.elapsed().as_secs();
            assert!(took < 60, "{} took {took} s", graph.name());
            for text in [&texts[0], &texts[4]] {
                assert!(text.len() < 30 << 20, "{} takes {}", graph.name(), text.len());
            }
        }
    }
    let told =
        Drawing::new(&dense_graph, &DrawOptions { every_block: true, ..DrawOptions::default() }).left_out();
    assert!(told.unwrap().contains("lines that pass many layers"));
}

/// A network whose names try to break out of every format.
fn hostile() -> Graph {
    let evil = "</script><script>alert(1)</script>\"'`&\\\n-->]]> #quot; \u{202e}gnp.\u{0}|}];end";
    let net = Builder::image(evil, 3, 8, 8);
    let x = net.input().scope(evil, evil, |x| x.layer(evil, Conv2d::new(4, 1)).relu());
    let x = x.scope("s", "subgraph end", |x| x.layer("}; \"", Op::Relu).then(Conv2d::new(4, 1)));
    net.auxiliary(evil, x.layer("click", Op::Relu), 0.3);
    net.build(x.flatten()).unwrap()
}

#[test]
fn hostile_names_do_no_harm() {
    let graph = hostile();
    for depth in [Some(1), Some(3)] {
        let texts = all_texts(&graph, depth);
        for text in &texts {
            for bad in ["<script>alert", "\u{202e}", "\u{0}", "alert(1)</"] {
                assert!(!text.contains(bad), "{bad:?} in {text}");
            }
        }
        for page in [&texts[1], &texts[5]] {
            assert_eq!(page.matches("</script").count(), page.matches("<script").count());
            assert_eq!(page.matches("<script").count(), 3);
        }
        for svg in [&texts[0], &texts[4]] {
            balanced(svg);
        }
        parses_as_dot(&texts[2]);
        parses_as_mermaid(&texts[3]);
    }
}

/// Every tag of a document is closed in its order, and no quote or bracket stands in a text.
fn balanced(svg: &str) {
    let mut open = Vec::new();
    for part in svg.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        assert!(!text.contains('>') || open.last() == Some(&"style"), "{text}");
        let name = tag.split([' ', '/']).next().unwrap();
        match tag {
            tag if tag.starts_with('/') => assert_eq!(open.pop(), Some(&tag[1..])),
            tag if tag.ends_with('/') => assert!(!name.is_empty()),
            _ => open.push(name),
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
    assert!(open.is_empty());
}

/// Splits a line of DOT into words, strings and marks.
fn dot_tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let mut token = c.to_string();
        match c {
            c if c.is_whitespace() => continue,
            '"' => loop {
                match rest.next().expect("a string ends") {
                    '"' => break,
                    '\\' => drop(rest.next().expect("something is escaped")),
                    '\n' => panic!("a string over lines"),
                    c => token.push(c),
                }
            },
            '-' => assert_eq!(rest.next(), Some('>'), "an arrow"),
            c if c.is_alphanumeric() => {
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    token.push(c);
                }
            }
            '{' | '}' | '[' | ']' | ';' | ',' | '=' => {}
            c => panic!("`{c}` outside of a string in {text}"),
        }
        tokens.push(token);
    }
    tokens
}

fn parses_as_dot(text: &str) {
    let tokens = dot_tokens(text);
    assert_eq!(tokens[0], "digraph");
    let (mut depth, mut bracket) = (0i32, 0i32);
    for token in &tokens {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "[" => bracket += 1,
            "]" => bracket -= 1,
            _ => {}
        }
        assert!((0..=1).contains(&bracket) && depth >= 0);
    }
    assert_eq!((depth, bracket), (0, 0));
    // Both ends of every edge are boxes.
    for (i, _) in tokens.iter().enumerate().filter(|(_, token)| *token == "-") {
        for end in [&tokens[i - 1], &tokens[i + 1]] {
            let declared = tokens.windows(3).any(|w| w[0] == *end && w[1] == "[" && w[2] == "label");
            assert!(declared, "{end} in {text}");
        }
    }
}

fn parses_as_mermaid(text: &str) {
    let mut lines = text.lines();
    assert!(matches!(lines.next(), Some("flowchart TD" | "flowchart LR")));
    let (mut depth, mut boxes) = (0i32, Vec::new());
    for line in lines {
        let line = line.trim();
        let quoted: Vec<&str> = line.split('"').collect();
        assert!(quoted.len() == 1 || quoted.len() == 3, "{line}");
        if let Some(label) = quoted.get(1) {
            let plain = label.replace("<br/>", "");
            let harmless = |c: char| c.is_alphanumeric() || " .,-()×→…_#;".contains(c);
            assert!(plain.chars().all(harmless), "{line}");
        }
        if line == "end" {
            depth -= 1;
            assert!(depth >= 0);
        } else if line.starts_with("subgraph ") {
            depth += 1;
        } else if let Some((from, to)) = line.split_once(" -->|") {
            let to = to.rsplit("| ").next().unwrap();
            assert!(boxes.contains(&from.to_string()) && boxes.contains(&to.to_string()), "{line}");
        } else if !line.starts_with("classDef ") {
            boxes.push(line.split(['[', '(']).next().unwrap().to_string());
        }
    }
    assert_eq!(depth, 0);
}

#[test]
fn lenet_is_drawn_as_it_was() {
    let lenet = graph("lenet");
    let plain = Drawing::new(&lenet, &DrawOptions::default());
    assert_data_eq!(plain.svg(), snapbox::file!["snapshots/lenet.svg"].raw());
    assert_data_eq!(plain.dot(), snapbox::file!["snapshots/lenet.dot"].raw());
    assert_data_eq!(plain.mermaid(), snapbox::file!["snapshots/lenet.mmd"].raw());
    let blocks = Drawing::new(&lenet, &DrawOptions { style: Style::Blocks, ..DrawOptions::default() });
    assert_data_eq!(blocks.svg(), snapbox::file!["snapshots/lenet-blocks.svg"].raw());
}

#[test]
fn equal_blocks_are_drawn_once() {
    let badges = |name: &str, depth| {
        let svg =
            Drawing::new(&graph(name), &DrawOptions { depth: Some(depth), ..DrawOptions::default() }).svg();
        let counts = svg.split("class=\"badge\"").skip(1);
        counts
            .map(|part| part.split("× ").nth(1).unwrap().split('<').next().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(badges("resnet50", 2), ["2", "3", "5", "2"]);
    // A dense layer and the concatenation behind it.
    assert_eq!(badges("densenet121@torchvision", 3), ["6", "12", "24", "16"]);
    // Inception blocks differ in their channels.
    assert!(badges("googlenet", 2).is_empty());
    let every = DrawOptions { depth: Some(2), every_block: true, ..DrawOptions::default() };
    assert_eq!(Drawing::new(&graph("resnet50"), &every).svg().matches(">Bottleneck<").count(), 16);
}

#[test]
fn sources_and_figures_are_told_on_the_page() {
    let path = "conv.0".to_string();
    let lenet = graph("lenet");
    let sources = [(path, "net.py:12".to_string())].into();
    let page = Drawing::new(&lenet, &DrawOptions { sources, ..DrawOptions::default() }).html();
    assert!(page.contains("[\"source\",\"net.py:12\"]"));
    assert!(page.contains("[\"receptive field\",\"5 × 5 pixels\"]"));
    assert!(page.contains("[\"parameters\",\"48,120\"]"));
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains(outside), "{outside}");
    }
}
