//! The library's errors in the words of the command: the way out by its options and subcommands.

use std::error::Error;

use convnet::data::DataError;
use convnet::io::{Fit, IoError, LoadReport};
use convnet::model::OpenError;
use convnet::train::TrainError;
use convnet::zoo::UnknownModel;
use convnet_pytorch::diagnostic::Report;

use crate::output::counted;

/// An error whose way out is the command's own.
pub(crate) struct Worded {
    /// What to tell.
    pub(crate) text: String,
    /// Whether the arguments cannot be meant.
    pub(crate) usage: bool,
}

/// The command's words for an error of the library; `None` where the library's own do.
pub(crate) fn worded(error: &(dyn Error + 'static)) -> Option<Worded> {
    if let Some(error) = error.downcast_ref::<OpenError>() {
        return match error {
            OpenError::Unknown(error) => Some(unknown(error)),
            OpenError::Io(error) => io(error),
            OpenError::Run(error) => train(error),
            OpenError::Nameless { .. } => {
                work(format!("{error}: `NETWORK --weights FILE`, in `convert` `FILE OUT --model NETWORK`"))
            }
            _ => None,
        };
    }
    error
        .downcast_ref()
        .map(unknown)
        .or_else(|| error.downcast_ref().and_then(io))
        .or_else(|| error.downcast_ref().and_then(train))
        .or_else(|| error.downcast_ref().and_then(data))
}

fn work(text: String) -> Option<Worded> {
    Some(Worded { text, usage: false })
}

/// A name that no network has.
pub(crate) fn unknown(error: &UnknownModel) -> Worded {
    Worded { text: format!("{error}; `convnet list` shows all names"), usage: true }
}

fn io(error: &IoError) -> Option<Worded> {
    match error {
        IoError::Mismatch { path, model, report, fits } => work(format!(
            "the weights of `{}` are not `{model}`'s:\n{report}\n{}",
            path.display(),
            way_out(report, fits)
        )),
        IoError::Settings { path, .. } => work(format!(
            "{error}: give `{}` as the model, or train on from its weights with `convnet train MODEL --init-from`",
            path.display()
        )),
        IoError::FreeInput { path, input } => work(format!(
            "`{}`: its input `{input}` leaves channels, height or width free; give them with `--input CxHxW`",
            path.display()
        )),
        IoError::Key { .. } => {
            Some(Worded { text: format!("{error}; `--key` takes one of them"), usage: true })
        }
        IoError::Outputs { outputs, asked: None, .. } if !outputs.is_empty() => {
            work(format!("{error} with `--output-name {}`", outputs[0]))
        }
        IoError::NoNetwork { path } => {
            work(format!("`{}`: an ONNX file holds a network; name it with `--model`", path.display()))
        }
        _ => None,
    }
}

fn data(error: &DataError) -> Option<Worded> {
    match error {
        DataError::MissingImages { named: true, .. } => {
            work(format!("{error}, with `--data DIR` beside `--list`"))
        }
        _ => None,
    }
}

/// What fits where weights do not.
fn way_out(report: &LoadReport, fits: &[Fit]) -> String {
    let name = |fit: &Fit| match fit.classes {
        Some(classes) => format!("`{} --classes {classes}`", fit.model),
        None => format!("`{}`", fit.model),
    };
    if !fits.is_empty() {
        return format!("they fit {}", fits.iter().map(name).collect::<Vec<_>>().join(", "));
    }
    if report.matched == 0 {
        return "load the weights of the same network".to_owned();
    }
    match report.missing.is_empty() && report.mismatched.is_empty() {
        true => "load the weights of the same network, or leave out what it lacks with `--partial`".to_owned(),
        false => "load the weights of the same network; to train on from what matches, `convnet train … --init-from FILE \
                  --partial`"
            .to_owned(),
    }
}

/// The messages about code, with the options that mend them.
pub(crate) fn with_options(report: &Report) -> Report {
    let mut report = report.clone();
    for message in report.diagnostics.iter_mut().filter(|message| message.code == "input") {
        let sizes = message.helps.iter().find_map(|help| help.strip_prefix("sizes that fit: "));
        let size = sizes.and_then(|sizes| sizes.split(", ").next()).unwrap_or("CxHxW");
        message.helps.push(format!("or name it with `--input {size}`"));
    }
    report
}

fn train(error: &TrainError) -> Option<Worded> {
    match error {
        TrainError::Exists { path } => work(format!(
            "`{0}` exists already: continue that run with `--resume {0}`, or choose another directory with `--out`",
            path.display()
        )),
        TrainError::NotARun { path, missing } => work(format!(
            "`{}` is no training run: it has no `{missing}`; give a directory that `train` wrote",
            path.display()
        )),
        TrainError::NotStarted { path } => work(format!(
            "the run in `{0}` was stopped before its settings were written: start it again with `convnet train MODEL \
             --out {0}`",
            path.display()
        )),
        TrainError::NoEpoch { path } => work(format!(
            "no epoch of the run in `{0}` is finished yet, so it has no weights: go on with `convnet train --resume {0}`",
            path.display()
        )),
        TrainError::Busy { path } => work(format!(
            "another process trains in `{}`: wait until it ends, or choose another directory with `--out`",
            path.display()
        )),
        TrainError::OtherSettings { path, differences } => work(format!(
            "`{}` was made by other settings: {}; leave these out to continue it as it was, or start a new run with \
             `--out`",
            path.display(),
            differences.join(", ")
        )),
        TrainError::OtherData { path, differences } => work(format!(
            "the data of `{}` have changed since it was started: {differences}; bring them back to what they were, or \
             start a new run with `--out`",
            path.display()
        )),
        TrainError::Classes { net, outputs, data, classes } => work(format!(
            "network `{net}` has {}, data set `{data}` has {}; build the network with `--classes {classes}`",
            counted(*outputs, "output"),
            counted(*classes, "class"),
        )),
        TrainError::Weights(error) => io(error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use convnet::{model, zoo};

    use super::*;

    fn told(error: &(dyn Error + 'static)) -> String {
        worded(error).map(|worded| worded.text).unwrap_or_default()
    }

    #[test]
    fn the_way_out_is_an_option() {
        let path = PathBuf::from("a.onnx");
        let input = String::from("x");
        assert!(told(&IoError::FreeInput { path: path.clone(), input }).contains("`--input CxHxW`"));
        let error = OpenError::from(IoError::NoNetwork { path: path.clone() });
        assert!(told(&error).contains("`--model`"));
        assert!(told(&TrainError::Exists { path }).contains("`--resume a.onnx`"));
        let error = zoo::find("lenett").unwrap_err();
        assert!(told(&error).contains("did you mean `lenet`"), "{}", told(&error));
        assert!(told(&error).ends_with("`convnet list` shows all names"));
    }

    #[test]
    fn a_size_that_is_missing_is_an_option() {
        let code = "from torch import nn\nnet = nn.Sequential(nn.Conv2d(1, 2, 3))\n";
        let report = convnet_pytorch::read_text("net.py", code, &Default::default()).unwrap_err();
        let helps = &with_options(&report).diagnostics[0].helps;
        assert!(helps.last().is_some_and(|help| help.contains("`--input 1x28x28`")), "{helps:?}");
    }

    #[test]
    fn an_unknown_name_is_wrong_usage_and_other_errors_keep_their_words() {
        let error = model::network("lenett", &Default::default()).unwrap_err();
        assert!(worded(&error).is_some_and(|worded| worded.usage));
        let error = model::network("none.onnx", &Default::default()).unwrap_err();
        assert!(worded(&error).is_none());
    }
}
