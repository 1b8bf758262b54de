//! The page of a run while it trains.

use std::fs;
use std::thread;

use convnet::data;
use convnet::model::{Model, OpenOptions};
use convnet::train::{Callback, Control, EpochRecord, Recipe, RecipePatch, Trainer, divide};
use convnet_serve::{Ending, Live, Server, Settings};
use serde_json::Value;

use super::client::Client;

/// Asks the server after each epoch.
struct Asks {
    client: Client,
    told: std::sync::mpsc::Sender<Value>,
}

impl Callback for Asks {
    fn epoch(&mut self, _: &EpochRecord, _: bool, _: &mut Control<'_>) {
        let _ = self.told.send(self.client.get("/api/run").json());
    }
}

#[test]
fn a_run_is_seen_while_it_trains() {
    let model = Model::open("lenet", &OpenOptions { input: Some([1, 28, 28]), ..OpenOptions::default() })
        .expect("LeNet");
    let sets = data::open("fashion-mnist-mini").expect("the bundled images");
    let patch = RecipePatch::of("epochs", 3).expect("a patch");
    let recipe = Recipe::for_graph(&model.graph).with(&patch).expect("a recipe");
    let recipe = recipe.with(&RecipePatch::of("limit_steps", 90).expect("a patch")).expect("a recipe");
    let divided = divide(sets.clone(), &recipe).expect("sets");
    let live = Live::new("lenet on images\n2 threads", &model.graph, divided.validation.clone());
    let server = Server::bind(&Settings::default()).expect("a server");
    let client = Client(server.address());
    let server = server.spawn(live.site()).expect("a thread");
    assert_eq!(client.get("/api/run").json()["state"], "starting");
    assert_eq!(client.get("/api/judged").status, 404);
    let (sender, told) = std::sync::mpsc::channel();
    let folder = std::env::temp_dir().join(format!("convnet-live-{}", std::process::id()));
    let report = Trainer::new(&model.graph, sets)
        .recipe(recipe)
        .callback(live.clone())
        .callback(Asks { client, told: sender })
        .run(&folder)
        .expect("a run");
    let seen: Vec<Value> = told.iter().collect();
    assert_eq!(seen.len(), report.epochs.len());
    for (place, seen) in seen.iter().enumerate() {
        assert_eq!(seen["records"].as_array().expect("records").len(), place + 1);
        assert_eq!(seen["heading"][1], "2 threads");
        assert_eq!(seen["judged"], place + 1);
        assert!(!seen["trace"].as_array().expect("a curve").is_empty());
    }
    let last = &report.epochs[report.epochs.len() - 1];
    let judged = client.get("/api/judged").json();
    let confusion: Vec<Vec<u64>> = serde_json::from_value(judged["confusion"].clone()).expect("a matrix");
    let images = divided.validation.as_ref().expect("validation images").len() as u64;
    assert_eq!((confusion.iter().flatten().sum::<u64>(), judged["images"].as_u64()), (images, Some(images)));
    let right = (0..10).map(|class| confusion[class][class]).sum::<u64>() as f64 / images as f64;
    assert!((right - last.val_top1.expect("an accuracy")).abs() < 1e-12);
    let samples = judged["samples"].as_array().expect("samples");
    assert!(samples.iter().any(|sample| sample["kind"] == "fixed"));
    let mistakes: Vec<_> = samples.iter().filter(|sample| sample["kind"] == "mistake").collect();
    assert!(mistakes.iter().all(|sample| sample["truth"] != sample["guess"] && sample["right"] == false));
    assert!(mistakes.windows(2).all(|two| two[0]["probability"].as_f64() >= two[1]["probability"].as_f64()));
    let before = client.get("/api/filters/0.png");
    let after = client.get(&format!("/api/filters/{}.png", report.epochs.len()));
    assert!(
        before.body.starts_with(b"\x89PNG")
            && after.body.starts_with(b"\x89PNG")
            && before.body != after.body
    );
    assert_eq!(client.get("/api/filters/9.png").status, 404);
    // Whoever looks sees how it ended.
    let page = thread::spawn(move || {
        loop {
            let told = client.get("/api/run").json();
            if told["state"] == "done" {
                return told;
            }
        }
    });
    live.ended(Ending::Done("87% are right".to_owned()));
    assert_eq!(page.join().expect("the end")["ending"], "87% are right");
    drop(server);
    fs::remove_dir_all(folder).expect("the run's folder");
}
