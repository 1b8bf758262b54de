//! `train --lr-find`: a chart, figures and a suggestion, and no run.

use crate::place::Place;

#[test]
fn rates_are_tried_and_drawn_and_nothing_else_is_written() {
    let place = Place::new();
    let said = place.success("train lenet --threads 1 --lr-find -o rates.svg");
    assert_eq!(place.files("."), ["rates.csv", "rates.png", "rates.svg"]);
    let csv = String::from_utf8(place.bytes("rates.csv")).unwrap();
    let rows: Vec<Vec<f64>> = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|figure| figure.parse().unwrap()).collect())
        .collect();
    assert!(csv.starts_with("step,lr,loss,smoothed\n") && (30..=100).contains(&rows.len()), "{csv}");
    assert!((rows[0][1] - 1e-7).abs() < 1e-15 && rows.windows(2).all(|pair| pair[0][1] < pair[1][1]));
    // Ten classes, nothing learned yet.
    assert!((2.2..2.5).contains(&rows[0][2]), "{csv}");
    let words: Vec<&str> = said.split_whitespace().collect();
    let rate: f64 = words[words.iter().position(|&word| word == "--lr").unwrap() + 1].parse().unwrap();
    assert!((1e-5..1.0).contains(&rate), "{said}");
    assert!(said.contains("falls steepest") && said.contains("a tenth of the rate"), "{said}");
    let svg = String::from_utf8(place.bytes("rates.svg")).unwrap();
    assert!(svg.contains("lenet on fashion-mnist-mini") && svg.contains(">1e-5<"), "{svg}");

    // The recipe's other settings hold: another seed, another curve; fewer steps lie farther apart.
    place.success("train lenet --threads 1 --lr-find --seed 3 --limit-steps 12");
    let other = String::from_utf8(place.bytes("lenet-lr.csv")).unwrap();
    assert!((8..=13).contains(&other.lines().count()), "{other}");
    assert!(other.lines().nth(1) != csv.lines().nth(1));
    let rate: f64 = other.lines().nth(2).and_then(|line| line.split(',').nth(1)).unwrap().parse().unwrap();
    assert!((rate / 1e-7 / 1e8_f64.powf(1.0 / 11.0) - 1.0).abs() < 1e-9, "{other}");
    for arguments in
        ["-o rates.png", "--lr-find --out run", "--lr-find --resume run", "--lr-find -o rates.txt"]
    {
        place.failure(&format!("train lenet {arguments}"), 2);
    }
}
