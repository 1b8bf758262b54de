//! `convnet explain`: why a trained network answers as it does.

mod pictures;
mod values;

use std::path::{Path, PathBuf};

use convnet::data::{Image, Preprocess};
use convnet::exec::{Options, Precision};
use convnet::state::Tensor;
use convnet::train::likeliest;
use convnet_explain::{Gallery, Integrated, Lens, Page, Palette, Story, find_layer, last_maps};
use convnet_formats::{atomic, npy};

use self::pictures::Photo;
use self::values::{Asked, Values, Work};
use super::images;
use super::trained::TrainedArgs;
use crate::args::{DeviceArgs, ThreadsArg, picture, positive};
use crate::error::Failure;
use crate::output::{self, FAINT, STRONG};
use crate::waiting::Waiting;

const EXAMPLES: &str = "\
Examples:
  convnet explain resnet18                                       what happens in it, block by block, and why
  convnet explain runs/photos cat.jpg -o cat.html                a page: every layer at work, cell by cell, and why
  convnet explain runs/photos cat.jpg -o cat.html --data photos  … and which images of a data set excite a channel most
  convnet explain runs/photos cat.jpg -o cat.png                 a picture: where it looked (Grad-CAM)
  convnet explain runs/photos cat.jpg dog.jpg --top 3 -o why.svg … for the three likeliest classes
  convnet explain resnet18 --weights r18.pth cat.jpg --class 281 --class 282 --what occlusion -o cat.png
  convnet explain runs/lenet boot.png --what maps --layer conv.0 -o maps.png
  convnet explain runs/lenet --what filters -o filters.png
  convnet explain runs/photos cat.jpg --what integrated -o cat.npy   the values themselves

Each is shown on what the network sees: the photo, resized and cut as the weights ask for. A layer goes by its path in \
`convnet show`, or a block by its own. Values are (images, classes, H, W), of gradients (images, classes, C, H, W); of \
maps (images, C, H, W), of filters (O, I, H, W), of a receptive field (H, W).";

/// Channels or filters that are shown, if no number is given.
const CHANNELS: usize = 64;
/// Lines longer than this are hard to read.
const TEXT_WIDTH: usize = 100;

/// The arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    trained: TrainedArgs,

    /// Image files, and folders of them; without one the network is told of in words
    #[arg(value_name = "IMAGE|DIR")]
    images: Vec<PathBuf>,

    /// File to write: a page (.html) on which all of it can be looked at, a picture of one thing (.png, or .svg, whose text can be
    /// searched), or its values (.npy)
    #[arg(short, long, value_name = "FILE", value_parser = file)]
    output: Option<PathBuf>,

    /// Without an image: how the network is told of
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// What to show on a picture [default: gradcam]; a page shows all of it
    #[arg(long, value_enum)]
    what: Option<What>,

    /// Class to explain, by its name or its number from 0; may be given several times [default: the likeliest]
    #[arg(long = "class", value_name = "CLASS")]
    explained: Vec<String>,

    /// Explain the likeliest K classes of each image
    #[arg(long, value_name = "K", value_parser = positive, conflicts_with = "explained")]
    top: Option<usize>,

    /// Layer to look at: of gradcam, layercam, maps and receptive-field [default: the last maps before they become a vector],
    /// of filters [default: the first Conv2d]
    #[arg(long, value_name = "PATH")]
    layer: Option<String>,

    /// Data set, a name or a directory, among whose images a page looks for those that excite a channel most
    #[arg(long, value_name = "NAME|DIR")]
    data: Option<String>,

    /// Colours of what has no sign; viridis, cividis, inferno, magma and grey read in print, cividis to the colour-blind too
    #[arg(long, value_name = "NAME", default_value = "viridis", value_parser = palette)]
    colours: Palette,

    /// Channels to show of a layer's maps, the most active first; filters, in their order [default: 64]
    #[arg(long, value_name = "N", value_parser = positive)]
    channels: Option<usize>,

    /// Side of the window that covers the image, in pixels of the network's input [default: an eighth of it]
    #[arg(long, value_name = "N", value_parser = positive)]
    window: Option<usize>,

    /// Points on the way from the mean colour to the image where integrated gradients are taken [default: 50]
    #[arg(long, value_name = "N", value_parser = positive)]
    steps: Option<usize>,

    /// Keep to direct convolutions: Winograd's are faster and err a little more
    #[arg(long, help_heading = "Computation")]
    exact: bool,

    #[command(flatten)]
    threads: ThreadsArg,

    #[command(flatten)]
    device: DeviceArgs,
}

/// How a network is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Paragraphs for a terminal
    Text,
    /// Markdown
    Markdown,
}

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum What {
    /// Where the evidence for a class lies: channels weighted by their mean gradient
    Gradcam,
    /// The same, each value weighted by its own gradient: sharper in early layers
    Layercam,
    /// How much each pixel could change the class's logit
    Gradient,
    /// The same by guided backpropagation: only what speaks for the class
    Guided,
    /// What each pixel adds to the logit, against an image of the mean colour
    Integrated,
    /// What the class's probability loses where the image is covered
    Occlusion,
    /// What a layer gives, channel by channel
    Maps,
    /// The weights of a convolution of images
    Filters,
    /// The pixels that the middle of a layer's map sees, and those that it really depends on
    ReceptiveField,
}

/// A picture, or a file of values.
fn file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match ends_in(&path, "npy") {
        true => Ok(path),
        false if ends_in(&path, "html") => Ok(path),
        false => {
            picture(text).map_err(|_| "expected a file that ends in .html, .png, .svg or .npy".to_owned())
        }
    }
}

fn ends_in(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(wanted))
}

fn palette(text: &str) -> Result<Palette, String> {
    let found = Palette::NAMES.iter().position(|name| *name == text);
    found
        .map(|place| Palette::ALL[place])
        .ok_or_else(|| format!("there is no scale of this name, expected {}", Palette::NAMES.join(", ")))
}

/// Explains.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let Some(output) = &args.output else { return args.tell() };
    args.check(output)?;
    let (model, weights) = args.trained.load()?;
    let names = model.class_names();
    let several = model.card.as_ref().is_some_and(|card| card.several);
    if several {
        output::note("an image may have several of the classes: each has a probability of its own");
    }
    let options = Options { threads: args.threads.count(), exact: args.exact, ..Options::default() };
    let options = args.device.apply(options, Precision::F32)?;
    let what = args.what.unwrap_or(What::Gradcam);
    let layer = match (&args.layer, what) {
        (Some(name), _) => Some(find_layer(&model.graph, name)?),
        (None, What::Filters) => None,
        (None, _) => last_maps(&model.graph),
    };
    let asked = Asked {
        what,
        layer,
        colours: args.colours,
        channels: args.channels.unwrap_or(CHANNELS),
        window: args.window,
        steps: args.steps.unwrap_or(Integrated::default().steps),
    };
    let photos = args.photos(&model.preprocess)?;
    let wanted: Vec<usize> =
        args.explained.iter().map(|text| class(text, &names)).collect::<Result<_, _>>()?;
    if ends_in(output, "html") {
        let photos: Vec<_> = photos
            .into_iter()
            .map(|Photo { name, input, .. }| convnet_explain::Photo { name, input })
            .collect();
        let run = args.trained.run();
        let set = match &args.data {
            Some(data) => Some(super::data::open_test(Some(data), model.data.as_deref(), run.as_ref())?),
            None => None,
        };
        let page = Page {
            graph: &model.graph,
            weights: &weights,
            preprocess: &model.preprocess,
            names: &names,
            photos: &photos,
            gallery: set.as_ref().map(|set| Gallery { images: &set.images, name: set.name.clone() }),
            classes: &wanted,
            top: args.top.unwrap_or(2),
            several,
            options,
        };
        let waiting = Waiting::of(page.looked_at(), "image");
        let page = page.html(&mut |done| waiting.done(done))?;
        drop(waiting);
        atomic::write(output, page.as_bytes())?;
        return output::emit(&format!("{}\n", output.display()));
    }
    let layers: Vec<_> = layer.into_iter().collect();
    let mut work = Work {
        lens: Lens::open(&model.graph, &weights, &layers, &options)?.of_several(several),
        graph: &model.graph,
        weights: &weights,
        preprocess: &model.preprocess,
        names: &names,
        options,
        asked,
    };
    let mut told = String::new();
    let (mut rows, mut values) = (Vec::new(), Values::default());
    let as_values = ends_in(output, "npy");
    let waiting = Waiting::of(photos.len(), "image");
    for (done, photo) in photos.iter().enumerate() {
        let probabilities = work.probabilities(photo)?;
        let classes = match &wanted[..] {
            [] => {
                likeliest(&probabilities, args.top.unwrap_or(1)).into_iter().map(|(class, _)| class).collect()
            }
            wanted => wanted.to_vec(),
        };
        told.push_str(&answer(&photo.name, &probabilities, &names));
        match as_values {
            true => values.add(&mut work, photo, &classes)?,
            false => rows.extend(work.rows(photo, &classes, &probabilities)?),
        }
        waiting.done(done + 1);
    }
    drop(waiting);
    if as_values {
        let Tensor { shape, data } = values.tensor(&work, &photos)?;
        npy::write(output, &shape, &data)?;
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        return output::emit(&format!("{told}{} ({})\n", output.display(), sizes.join(" × ")));
    }
    let bytes = work.figure(rows, &photos)?.draw().bytes_for(output).map_err(Failure::work)?;
    atomic::write(output, &bytes)?;
    output::emit(&format!("{told}{}\n", output.display()))
}

/// What an image is taken for.
fn answer(name: &str, probabilities: &[f64], names: &[String]) -> String {
    let guesses = likeliest(probabilities, 3);
    let guess = |&(class, p): &(usize, f64)| format!("{} {:.1}%", names[class], 100.0 * p);
    let others: Vec<String> = guesses[1..].iter().map(guess).collect();
    format!("{name}: {STRONG}{}{STRONG:#}  {FAINT}{}{FAINT:#}\n", guess(&guesses[0]), others.join(", "))
}

/// The class of a name, of any case, or of a number.
fn class(text: &str, names: &[String]) -> Result<usize, Failure> {
    let same = |name: &&String| name.as_str() == text;
    let alike = |name: &&String| name.to_lowercase() == text.to_lowercase();
    let place = |wanted: &dyn Fn(&&String) -> bool| names.iter().position(|name| wanted(&name));
    if let Some(class) = place(&same).or_else(|| place(&alike)) {
        return Ok(class);
    }
    match text.parse::<usize>() {
        Ok(class) if class < names.len() => Ok(class),
        _ => {
            let some: Vec<&str> = names.iter().take(10).map(String::as_str).collect();
            let more = if names.len() > some.len() { ", …" } else { "" };
            Err(Failure::usage(format!(
                "`--class {text}` is none of the {} classes: {}{more}, or a number from 0 to {}",
                names.len(),
                some.join(", "),
                names.len() - 1
            )))
        }
    }
}

impl Args {
    /// Tells of the network in words.
    fn tell(&self) -> Result<(), Failure> {
        if let Some(image) = self.images.first() {
            return Err(Failure::usage(format!(
                "`{}` is explained in a file: add `-o page.html`, or `-o picture.png`",
                image.display()
            )));
        }
        if self.what.is_some() {
            return Err(Failure::usage("`--what` is shown in a file: add `-o picture.png`"));
        }
        if self.data.is_some() {
            return Err(Failure::usage("`--data` is of a page: name an image, and add `-o page.html`"));
        }
        let (graph, entry) = self.trained.network()?;
        let story = Story::of(&graph, entry);
        if self.format == Format::Markdown {
            return output::emit(&story.markdown());
        }
        let width = output::width().min(TEXT_WIDTH);
        let mut text = String::new();
        for (heading, lines) in story.parts() {
            text.push_str(&format!("{STRONG}{heading}{STRONG:#}\n"));
            for line in lines {
                for (place, part) in output::wrapped(&line, width - 4).iter().enumerate() {
                    text.push_str(if place == 0 { "  " } else { "    " });
                    text.push_str(part);
                    text.push('\n');
                }
            }
            text.push('\n');
        }
        output::emit(text.trim_end())
    }

    fn check(&self, output: &Path) -> Result<(), Failure> {
        if self.format != Format::Text {
            return Err(Failure::usage(
                "`--format` is of what is told without an image: leave it or `-o` out",
            ));
        }
        if ends_in(output, "html") {
            if self.images.is_empty() {
                return Err(Failure::usage(
                    "a page shows a network at work: name an image, or a folder of images",
                ));
            }
            let of_pictures = [
                self.what.is_some(),
                self.layer.is_some(),
                self.window.is_some(),
                self.steps.is_some(),
                self.channels.is_some(),
            ];
            if of_pictures.contains(&true) {
                return Err(Failure::usage(
                    "a page shows everything: leave `--what`, `--layer`, `--window`, `--steps` and `--channels` out, or write \
                     a picture",
                ));
            }
            return Ok(());
        }
        if self.data.is_some() {
            return Err(Failure::usage("`--data` is of a page: leave it out, or write one (`-o page.html`)"));
        }
        let what = self.what.unwrap_or(What::Gradcam);
        let by_class = !matches!(what, What::Maps | What::Filters | What::ReceptiveField);
        if what != What::Filters && self.images.is_empty() {
            return Err(Failure::usage("there is no image to explain: name a file or a folder of images"));
        }
        if what == What::Filters && !self.images.is_empty() {
            return Err(Failure::usage("filters are weights: they are shown without an image"));
        }
        if !by_class && (self.top.is_some() || !self.explained.is_empty()) {
            return Err(Failure::usage(
                "`--class` and `--top` are of what is explained by class: leave them out",
            ));
        }
        let by_layer = matches!(
            what,
            What::Gradcam | What::Layercam | What::Maps | What::Filters | What::ReceptiveField
        );
        if self.layer.is_some() && !by_layer {
            return Err(Failure::usage(
                "`--layer` is of gradcam, layercam, maps, filters and receptive-field: this looks at the whole network",
            ));
        }
        let only = [
            ("--window", self.window.is_some(), &[What::Occlusion][..], "`--what occlusion`"),
            ("--steps", self.steps.is_some(), &[What::Integrated], "`--what integrated`"),
            (
                "--channels",
                self.channels.is_some(),
                &[What::Maps, What::Filters],
                "`--what maps` and `filters`",
            ),
        ];
        if let Some((option, _, _, told)) =
            only.iter().find(|(_, given, of, _)| *given && !of.contains(&what))
        {
            return Err(Failure::usage(format!("`{option}` is of {told}: leave it out")));
        }
        Ok(())
    }

    /// The images that are named, as the network reads them.
    fn photos(&self, preprocess: &Preprocess) -> Result<Vec<Photo>, Failure> {
        let read = |(name, path): (String, PathBuf)| {
            Ok(Photo::new(name, preprocess.apply_image(&Image::open(&path)?), preprocess))
        };
        images::called(&self.images)?.into_iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_go_by_name_or_number() {
        let names = ["Cat", "cat", "7", "dog"].map(String::from);
        let of = |text: &str| class(text, &names).ok();
        assert_eq!([of("cat"), of("Cat"), of("CAT"), of("7")], [Some(1), Some(0), Some(0), Some(2)]);
        assert_eq!([of("DOG"), of("3"), of("4"), of("bird"), of("-1")], [Some(3), Some(3), None, None, None]);
    }
}
