//! The picture that `explain` writes.

use convnet::data::Preprocess;
use convnet::inspect::{AxisField, receptive_fields};
use convnet::state::Tensor;
use convnet_explain::{
    Cell, Figure, Heat, Scale, enlarged, filter_picture, heat_picture, most_active, network_view, overlay,
    signed_picture,
};
use image::RgbImage;

use super::What;
use super::values::Work;
use crate::error::Failure;

/// An image as the network reads it.
pub(super) struct Photo {
    /// What it is called.
    pub(super) name: String,
    /// C·H·W.
    pub(super) input: Vec<f32>,
    /// What the network sees.
    seen: RgbImage,
}

/// Small images are shown enlarged by a whole number up to about this side, so that what lies over them is smooth.
const SHOWN: u32 = 224;

impl Photo {
    pub(super) fn new(name: String, input: Vec<f32>, preprocess: &Preprocess) -> Self {
        let seen = enlarged(&network_view(preprocess, &input), SHOWN);
        Self { name, input, seen }
    }

    fn cell(&self) -> Cell {
        Cell::new(self.seen.clone(), self.name.as_str())
    }
}

/// How much of a mixture of photo and colours is the colours'.
const STRENGTH: f32 = 0.5;

impl Work<'_> {
    /// The rows of an image.
    pub(super) fn rows(
        &mut self,
        photo: &Photo,
        classes: &[usize],
        probabilities: &[f64],
    ) -> Result<Vec<Vec<Cell>>, Failure> {
        if self.asked.what == What::Maps {
            return self.map_rows(photo);
        }
        if self.asked.what == What::ReceptiveField {
            return Ok(Vec::new());
        }
        let mut row = vec![photo.cell()];
        for &class in classes {
            let title = format!("{} {:.1}%", self.names[class], 100.0 * probabilities[class]);
            let (picture, note) = self.class_picture(photo, class)?;
            row.push(Cell { note, ..Cell::new(picture, title) });
        }
        Ok(vec![row])
    }

    /// The picture of a class, and what is to be said of it.
    fn class_picture(&mut self, photo: &Photo, class: usize) -> Result<(RgbImage, String), Failure> {
        let colours = self.asked.colours;
        let values = self.of_class(photo, class)?;
        Ok(match self.asked.what {
            What::Integrated => {
                let all: f32 = values.data.iter().sum();
                let heat = over_channels(&values, |sum, part| sum + part);
                (
                    signed_picture(&heat.without_strongest().signed()),
                    format!("adds up to {all:+.2} of its logit"),
                )
            }
            What::Occlusion => {
                let heat = over_channels(&values, |_, loss| loss);
                let (least, most) = heat.range();
                let note = format!("from {:+.1} to {:+.1} points", 100.0 * least, 100.0 * most);
                (signed_picture(&heat.signed()), note)
            }
            What::Gradient | What::Guided => {
                let strongest = over_channels(&values, |most: f32, g| most.max(g.abs()));
                (heat_picture(&strongest.without_strongest().scaled(), colours), String::new())
            }
            _ => {
                let heat = over_channels(&values, |_, value| value);
                let note = if heat.range().1 > 0.0 { "" } else { "nothing speaks for it in this layer" };
                (overlay(&photo.seen, &heat.scaled(), colours, STRENGTH), note.to_owned())
            }
        })
    }

    /// The channels of a layer, the most active first.
    fn map_rows(&mut self, photo: &Photo) -> Result<Vec<Vec<Cell>>, Failure> {
        let values = self.maps(photo)?;
        let [channels, height, width] = values.shape[..] else { return Ok(Vec::new()) };
        let plane = |channel: usize| &values.data[channel * height * width..][..height * width];
        let cell = |channel: usize| {
            let heat = Heat::new(height, width, plane(channel).to_vec());
            let (least, most) = heat.range();
            let cell =
                Cell::new(heat_picture(&heat.scaled(), self.asked.colours), format!("channel {channel}"));
            Cell { note: format!("{least:.2} to {most:.2}"), ..cell }
        };
        let order = most_active(&values.data, channels);
        let maps = order.into_iter().take(self.asked.channels).map(cell);
        Ok(grid(&[photo.cell()].into_iter().chain(maps).collect::<Vec<_>>()))
    }

    /// The filters of a convolution, and what is to be said of them.
    fn filter_rows(&self) -> Result<(String, Vec<Vec<Cell>>), Failure> {
        let weights = self.filters()?;
        let [count, inputs, rows, columns] = weights.shape[..] else { return Ok(Default::default()) };
        let kernel = rows * columns;
        let cell = |filter: usize| {
            let data = weights.data[filter * inputs * kernel..][..inputs * kernel].to_vec();
            let picture = match inputs {
                3 => filter_picture([inputs, rows, columns], &data),
                _ => {
                    let filter = Tensor { shape: vec![inputs, rows, columns], data };
                    signed_picture(&over_channels(&filter, |sum, weight| sum + weight).signed())
                }
            };
            Cell::new(picture, filter.to_string())
        };
        let shown = count.min(self.asked.channels);
        let some = if shown < count { format!("the first {shown} of {count}") } else { count.to_string() };
        let how = match inputs {
            1 => "blue is negative, red positive, each filter by itself".to_owned(),
            3 => "red, green and blue as the weights of these channels, each filter by itself".to_owned(),
            _ => format!(
                "the mean over {inputs} input channels, blue negative, red positive, each filter by itself"
            ),
        };
        let told = format!("{some} filters of {inputs}×{rows}×{columns}: {how}");
        Ok((told, grid(&(0..shown).map(cell).collect::<Vec<_>>())))
    }

    /// The middle cell of a layer on the images' mean view: what it can see, and what it depends on.
    fn field_row(&self, photos: &[Photo]) -> Result<(String, Vec<Vec<Cell>>), Failure> {
        let layer = self.layer()?;
        let heat = over_channels(&self.receptive_field(photos)?, |_, value| value);
        let field = receptive_fields(self.graph)[layer.index()];
        let (rows, columns) = self.graph.node(layer).shape.spatial();
        let span = |axis: AxisField, cells: usize| {
            let start = axis.start + axis.stride * (cells / 2) as f64;
            (start, start + axis.size as f64)
        };
        let ((top, bottom), (left, right)) = (span(field.height, rows), span(field.width, columns));
        let first = &photos[0];
        let times = f64::from(first.seen.width()) / heat.width as f64;
        let frame = [left, top, right, bottom].map(|side| side * times);
        let half = half(&heat);
        let mut row = vec![first.cell()];
        row[0].frames.push(frame);
        row[0].note = format!("it can see {} × {} pixels", field.height.size, field.width.size);
        let picture = overlay(&first.seen, &heat.without_strongest().scaled(), self.asked.colours, 0.75);
        let mut cell = Cell::new(picture, "what it depends on");
        cell.note = format!("half of it lies in {half} of {} pixels", heat.values.len());
        cell.frames.push(frame);
        row.push(cell);
        let told = format!(
            "the magnitude of the gradient of the middle cell, {}",
            match photos.len() {
                1 => "for this image".to_owned(),
                count => format!("on the mean of {count} images"),
            }
        );
        Ok((told, vec![row]))
    }

    /// The picture of all that was asked for.
    pub(super) fn figure(&self, mut rows: Vec<Vec<Cell>>, photos: &[Photo]) -> Result<Figure, Failure> {
        let (what, colours) = (self.asked.what, self.asked.colours);
        let mut subtitle = match what {
            What::Gradcam => {
                "where the evidence for a class lies: channels by their mean gradient".to_owned()
            }
            What::Layercam => "where the evidence for a class lies: values by their own gradient".to_owned(),
            What::Gradient => {
                "how much each pixel could change the class's logit; the strongest hundredth is cut off"
                    .to_owned()
            }
            What::Guided => {
                "what speaks for the class, by guided backpropagation; the strongest hundredth is cut off"
                    .to_owned()
            }
            What::Integrated => format!(
                "what each pixel adds to the class's logit, from the mean colour to this image in {} steps; the strongest \
                 hundredth is cut off",
                self.asked.steps
            ),
            What::Occlusion => {
                let [rows, columns] = self.window().window;
                format!(
                    "what the class's probability loses where {rows} × {columns} pixels are covered with the mean colour"
                )
            }
            What::Maps => "what the layer gives, each channel by itself, the most active first".to_owned(),
            What::Filters | What::ReceptiveField => String::new(),
        };
        match what {
            What::Filters => (subtitle, rows) = self.filter_rows()?,
            What::ReceptiveField => (subtitle, rows) = self.field_row(photos)?,
            _ => {}
        }
        let title = match what {
            What::Gradcam => "Grad-CAM",
            What::Layercam => "LayerCAM",
            What::Gradient => "Gradient of the image",
            What::Guided => "Guided backpropagation",
            What::Integrated => "Integrated gradients",
            What::Occlusion => "Occlusion",
            What::Maps => "Feature maps",
            What::Filters => "Filters",
            What::ReceptiveField => "Receptive field",
        };
        let at = match self.asked.layer.map(|layer| self.graph.node(layer)) {
            Some(node)
                if !matches!(what, What::Gradient | What::Guided | What::Integrated | What::Occlusion) =>
            {
                format!(" · {} {}", node.path, node.shape)
            }
            _ => String::new(),
        };
        let scale = match what {
            What::Integrated => Some(Scale::signed("against it", "for it")),
            What::Occlusion => Some(Scale::signed("gains", "loses")),
            What::Filters => None,
            _ => Some(Scale::of(colours, "least", "most")),
        };
        let side = if matches!(what, What::Maps | What::Filters) { 84.0 } else { 224.0 };
        Ok(Figure { title: format!("{title} · {}{at}", self.graph.name()), subtitle, rows, scale, side })
    }
}

/// Columns of a grid of maps or filters.
const COLUMNS: usize = 8;

fn grid(cells: &[Cell]) -> Vec<Vec<Cell>> {
    cells.chunks(COLUMNS).map(<[Cell]>::to_vec).collect()
}

/// The fewest pixels that hold half of a map's sum.
fn half(heat: &Heat) -> usize {
    let mut values = heat.values.clone();
    values.sort_by(|a, b| b.total_cmp(a));
    let all: f64 = values.iter().map(|value| f64::from(*value)).sum();
    let mut sum = 0.0;
    let within = |value: &&f32| {
        let inside = sum < all / 2.0;
        sum += f64::from(**value);
        inside
    };
    values.iter().take_while(within).count()
}

/// A value for each pixel, from those of its channels; of a map without channels `merge` is given its value once.
fn over_channels(values: &Tensor, merge: impl Fn(f32, f32) -> f32) -> Heat {
    let &[.., height, width] = &values.shape[..] else { unreachable!("maps have a height and a width") };
    Heat::merged(height, width, &values.data, merge)
}
