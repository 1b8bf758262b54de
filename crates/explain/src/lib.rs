//! Why a convolutional network answers as it does: where it looked, what a part of a photo is worth, what a layer sees.
//!
//! A [`Lens`] is a network with its weights of which some layers are looked into. It answers for an image as the network
//! reads it (C, H, W, normalized):
//!
//! ```
//! use convnet::{Options, state, zoo};
//! use convnet_explain::{CamMethod, Lens, last_maps};
//!
//! let net = zoo::lenet().build()?;
//! let layer = last_maps(&net).expect("LeNet has maps");
//! let mut lens = Lens::open(&net, &state::initialize(&net, 0), &[layer], &Options::default())?;
//! let image = vec![0.5; net.input_shape().elements()];
//! let class = lens.likeliest(&image)?;
//! let heat = lens.cam(CamMethod::GradCam, &image, class, layer)?;
//! assert_eq!((heat.height, heat.width), (5, 5));
//! let over_the_image = heat.resized(28, 28).scaled();
//! assert!(over_the_image.values.iter().all(|value| (0.0..=1.0).contains(value)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is computed, and by whose account:
//!
//! | | |
//! |---|---|
//! | [`Lens::cam`] | Grad-CAM (Selvaraju et al. 2017, <https://arxiv.org/abs/1610.02391>), LayerCAM (Jiang et al. 2021, doi:10.1109/TIP.2021.3089943) |
//! | [`Lens::gradient`] | the derivative of a logit by each pixel (Simonyan et al. 2013, <https://arxiv.org/abs/1312.6034>), or guided backpropagation (Springenberg et al. 2014, <https://arxiv.org/abs/1412.6806>) |
//! | [`Lens::integrated_gradients`] | Sundararajan et al. 2017, <https://arxiv.org/abs/1703.01365> |
//! | [`Lens::occlusion`] | Zeiler and Fergus 2013, <https://arxiv.org/abs/1311.2901> |
//! | [`effective_field`] | the effective receptive field, Luo et al. 2016, <https://arxiv.org/abs/1701.04128> |

#![forbid(unsafe_code)]

mod cam;
mod error;
mod field;
mod figure;
mod heat;
mod integrated;
mod layers;
mod lens;
mod measured;
mod occlusion;
mod page;
mod paint;
mod palette;
mod report;
mod shell;
mod sprite;
mod story;
#[cfg(test)]
mod tests;
mod thumbs;
mod versus;

pub use cam::CamMethod;
pub use error::ExplainError;
pub use field::effective_field;
pub use figure::{Cell, Figure, Scale};
pub use heat::Heat;
pub use integrated::Integrated;
pub use layers::{find_layer, last_maps, maps, most_active};
pub use lens::Lens;
pub use occlusion::{Occlusion, Score};
pub use page::{Gallery, Page, Photo, data_uri, first_filters};
pub use paint::{enlarged, filter_picture, heat_picture, network_view, overlay, signed_picture, tile};
pub use palette::Palette;
pub use report::{Report, Suspect, Told, label_suspects};
pub use shell::{escaped, filled, in_script};
pub use story::{Against, Block, Story};
pub use thumbs::thumbnail;
pub use versus::{Side, ToldOfTwo, Versus};

/// Functions of pages' scripts that make elements; texts come in as text nodes.
pub const ELEMENTS: &str = include_str!("script/elements.js");
