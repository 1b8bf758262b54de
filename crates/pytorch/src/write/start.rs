//! A network's file with comments for who writes a first one.

use convnet::graph::Graph;

use super::{File, WriteError, modules, names};
use crate::write::layers;

/// What is said of a layer where it first stands.
const LAYERS: [(&str, &str); 11] = [
    ("nn.Conv2d(", "Channels in, channels out: each of these looks for a pattern of its own at every place."),
    ("nn.BatchNorm2d(", "Brings each channel to mean 0 and variance 1 over the batch."),
    ("nn.LocalResponseNorm(", "Weakens a place where many channels answer."),
    ("nn.ReLU(", "Without something non-linear between them, two layers can do no more than one."),
    ("nn.MaxPool2d(", "Keeps the largest value of each window: the maps become smaller."),
    ("nn.AvgPool2d(", "Keeps the mean of each window: the maps become smaller."),
    ("nn.AdaptiveAvgPool2d(", "The mean over windows that are as large as this output size needs."),
    ("nn.Flatten(", "Channels × height × width become one vector."),
    ("nn.Dropout(", "Zeroes values at random while training, so that the network does not learn by heart."),
    ("nn.Linear(", "Features in, features out: the first number is what the layer before gives."),
    ("nn.Softmax(", "Scores become probabilities, which sum to 1."),
];

/// A file to start from: a network under a new name, with comments that tell what its parts are for.
///
/// # Errors
/// As [`write`](super::write).
pub fn start(graph: &Graph, name: &str) -> Result<String, WriteError> {
    let tree = modules(graph)?;
    let own = Some(names::camel(name)).filter(|own| names::is_variable(own));
    let text = File::new(graph, &tree, own).write()?;
    let code = text.splitn(3, "\"\"\"").nth(2).unwrap_or_default();
    Ok(head(graph.name(), name) + &commented(code))
}

/// What the file is, and what can be done with it.
fn head(like: &str, name: &str) -> String {
    format!(
        "\"\"\"{name}: a network to start from, with the layers of {like}.\n\nA class lists its layers in `__init__` and runs \
         them in `forward`. Change them, and look again:\n\n    convnet show {name}.py     the layers, the shapes between \
         them, and what they cost\n    convnet train {name}.py    trains it on images\n    python {name}.py           the \
         same file, run by PyTorch\n\"\"\""
    )
}

fn commented(code: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut said: Vec<&str> = vec![layers::AFFINE.0];
    let mut say = |lines: &mut Vec<String>, key: &'static str, indent: usize, comment: &str| {
        if !said.contains(&key) {
            said.push(key);
            lines.push(format!("{}# {comment}", " ".repeat(indent)));
        }
    };
    for line in code.lines() {
        let indent = line.len() - line.trim_start().len();
        if line.starts_with("INPUT_SIZE") {
            say(&mut lines, "size", 0, "Channels, height and width of an image.");
        }
        if line.trim_start().starts_with("for module in") {
            say(&mut lines, "init", indent, "The weights that training starts from.");
        }
        if line.starts_with("if __name__") {
            say(&mut lines, "main", 0, "What `python` runs: a random image through the network.");
        }
        for (layer, comment) in LAYERS {
            if line.contains(layer) && !line.contains("isinstance") {
                say(&mut lines, layer, indent, comment);
            }
        }
        lines.push(line.to_owned());
        if line.contains("super().__init__()") {
            let comment = "Modules that are attributes are part of the network: their weights are trained.";
            say(&mut lines, "attributes", indent, comment);
        }
        if line.trim_start().starts_with("def forward(self, x):") {
            say(&mut lines, "forward", indent + 4, "x is a batch: images × channels × height × width.");
        }
    }
    lines.join("\n") + "\n"
}
