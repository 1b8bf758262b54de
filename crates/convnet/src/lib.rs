//! The classic convolutional networks (LeNet, AlexNet, VGG, NiN, GoogLeNet, ResNet, DenseNet): defined, shown, trained,
//! checked against PyTorch and run, on a CPU, with no Python and no libtorch.
//!
//! A network is data, a [`Graph`] of layers; everything else is a reading of it. Open one by its name, or define one:
//!
//! ```
//! use convnet::ops::{Conv2d, Linear, MaxPool2d};
//! use convnet::{Builder, Engine, Options, concat, state};
//!
//! // In_channels and in_features are inferred, branches are values.
//! let net = Builder::image("mine", 1, 28, 28);
//! let x = net.input().conv2d(Conv2d::new(16, 3).padding(1)).batch_norm2d().relu();
//! let y = concat(&[x.conv2d(Conv2d::new(8, 1)), x.conv2d(Conv2d::new(8, 3).padding(1))]);
//! let graph = net.build((x + y).max_pool2d(MaxPool2d::new(2)).flatten().linear(Linear::new(10)))?;
//! assert_eq!(graph.classes(), 10);
//!
//! // Compiled once, and run by any number of threads.
//! let engine = Engine::compile(&graph, &state::initialize(&graph, 0), 8, &Options::default())?;
//! let output = engine.run(&vec![0.5; 3 * 28 * 28])?;
//! assert_eq!(output.shape(), [3, 10]);
//! assert_eq!(output.top(5)[0].len(), 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! | to | see |
//! |---|---|
//! | open a network of the zoo, an ONNX file or a training run | [`Model::open`], [`zoo`] |
//! | define a network | [`Builder`], [`graph`], the layers in [`ops`] |
//! | see its shapes, cost, memory and receptive fields | [`inspect`] |
//! | bring weights from PyTorch, safetensors or ONNX, and take them there | [`io`], [`state`] |
//! | classify images | [`Engine`], [`Session`], [`data::Image`], [`data::Preprocess`] |
//! | train it as a whole | [`train::Trainer`], [`train::Recipe`], [`train::Callback`] |
//! | train it step by step | [`TrainingStep`], [`optim`] |
//! | train it in several processes, on several hosts | [`ranks`] |
//! | look inside: values and gradients of layers | [`exec::Probe`]; the crate `convnet-explain` makes pictures and pages of them |
//! | read data sets | [`data`] |
//!
//! # Features
//!
//! All are on by default; inference alone needs none.
//!
//! - `pictures`: [`data::Sheet`], [`drawing`], and the font of all that is drawn as PNG.
//! - `train`: [`train::Trainer`] and the charts that it draws; brings `pictures`.
//! - `fetch`: data sets that are fetched when they are asked for by name.

#![forbid(unsafe_code)]

mod cpu;
pub mod data;
#[cfg(feature = "pictures")]
pub mod drawing;
pub mod exec;
#[cfg(feature = "pictures")]
mod font;
mod gpu;
pub mod graph;
pub mod inspect;
pub mod io;
mod machine;
pub mod model;
mod moved;
pub mod ops;
pub mod optim;
mod options;
mod plan;
pub mod ranks;
#[doc(hidden)]
pub mod reference;
pub mod shape;
pub mod state;
mod tracked;
pub mod train;
mod weights;
pub mod zoo;

pub use exec::{Engine, Options, Output, Session, TrainingStep};
pub use graph::{Builder, Graph, concat};
pub use model::Model;
