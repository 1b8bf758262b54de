//! A tensor as PyTorch prints it.

/// Columns that PyTorch fills.
const LINE: usize = 80;
/// Elements beyond which only the edges are printed.
const THRESHOLD: usize = 1000;
/// Elements printed at each edge.
const EDGE: usize = 3;

/// The text that `print(tensor)` gives in PyTorch with its usual options.
///
/// `dims` are the tensor's dimensions and `data` its elements in row-major order; four digits after the
/// point, exponents where the magnitudes lie more than a factor of 1,000 apart, and beyond 1,000 elements
/// three at each end of every dimension. What `data` lacks is not printed.
pub fn tensor_text(dims: &[usize], data: &[f32]) -> String {
    let summarize = data.len() > THRESHOLD;
    let mut shown = Vec::new();
    collect(dims, data, summarize, &mut shown);
    let format = NumberFormat::of(&shown);
    format!("tensor({})", print(dims, data, summarize, "tensor(".len(), &format))
}

/// Positions along a dimension that are printed; `None` stands for dots.
fn positions(size: usize, summarize: bool) -> Vec<Option<usize>> {
    if summarize && size > 2 * EDGE {
        let (head, tail) = ((0..EDGE).map(Some), (size - EDGE..size).map(Some));
        head.chain([None]).chain(tail).collect()
    } else {
        (0..size).map(Some).collect()
    }
}

fn collect(dims: &[usize], data: &[f32], summarize: bool, shown: &mut Vec<f32>) {
    let Some((&size, inner)) = dims.split_first() else {
        shown.extend(data.first());
        return;
    };
    for part in parts(size, inner, data, summarize).into_iter().flatten() {
        collect(inner, part, summarize, shown);
    }
}

/// The printed parts along the first dimension, in order; `None` stands for dots.
fn parts<'a>(size: usize, inner: &[usize], data: &'a [f32], summarize: bool) -> Vec<Option<&'a [f32]>> {
    let step: usize = inner.iter().product();
    let mut parts = Vec::new();
    for place in positions(size, summarize) {
        match place {
            None => parts.push(None),
            Some(place) => parts.extend(data.get(place * step..(place + 1) * step).map(Some)),
        }
    }
    parts
}

fn print(dims: &[usize], data: &[f32], summarize: bool, indent: usize, format: &NumberFormat) -> String {
    let Some((&size, inner)) = dims.split_first() else {
        return data.first().map_or(String::new(), |&value| format.text(value));
    };
    let parts = parts(size, inner, data, summarize);
    if inner.is_empty() {
        let cells: Vec<String> = parts
            .iter()
            .map(|part| part.map_or(" ...".to_string(), |part| print(inner, part, summarize, indent, format)))
            .collect();
        let in_line = (LINE.saturating_sub(indent) / (format.width + 2)).max(1);
        let lines: Vec<String> = cells.chunks(in_line).map(|line| line.join(", ")).collect();
        return format!("[{}]", lines.join(&format!(",\n{}", " ".repeat(indent + 1))));
    }
    let rows: Vec<String> = parts
        .iter()
        .map(|part| part.map_or("...".to_string(), |part| print(inner, part, summarize, indent + 1, format)))
        .collect();
    let between = format!(",{}{}", "\n".repeat(dims.len() - 1), " ".repeat(indent + 1));
    format!("[{}]", rows.join(&between))
}

#[derive(Clone, Copy, PartialEq)]
enum NumberStyle {
    Integer,
    Fixed,
    Exponent,
}

struct NumberFormat {
    style: NumberStyle,
    width: usize,
}

impl NumberFormat {
    fn of(shown: &[f32]) -> Self {
        let counted: Vec<f32> = shown.iter().copied().filter(|v| v.is_finite() && *v != 0.0).collect();
        let magnitude = counted.iter().map(|v| f64::from(v.abs()));
        let (largest, least) = (magnitude.clone().fold(0.0, f64::max), magnitude.fold(f64::MAX, f64::min));
        let integers = shown.iter().filter(|v| v.is_finite()).all(|v| v.fract() == 0.0);
        let spread = !counted.is_empty() && (largest / least > 1000.0 || largest > 1e8);
        let style = match integers {
            _ if spread => NumberStyle::Exponent,
            true => NumberStyle::Integer,
            false if least < 1e-4 => NumberStyle::Exponent,
            false => NumberStyle::Fixed,
        };
        let mut format = Self { style, width: 1 };
        format.width = counted.iter().map(|&v| format.text(v).chars().count()).max().unwrap_or(1);
        format
    }

    fn text(&self, value: f32) -> String {
        let text = if value.is_nan() {
            "nan".to_string()
        } else if value.is_infinite() {
            if value > 0.0 { "inf".into() } else { "-inf".into() }
        } else {
            match self.style {
                NumberStyle::Integer => format!("{value:.0}."),
                NumberStyle::Fixed => format!("{value:.4}"),
                NumberStyle::Exponent => exponent(value),
            }
        };
        format!("{text:>width$}", width = self.width)
    }
}

/// `1.0000e-06`: a sign and at least two digits in the exponent.
fn exponent(value: f32) -> String {
    let text = format!("{value:.4e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each text is what PyTorch 2 printed for these values.
    #[test]
    fn tensors_print_as_in_pytorch() {
        let probabilities = [0.1006, 0.0992, 0.1, 0.0991, 0.1017, 0.0995, 0.1013, 0.0994, 0.1002, 0.0991];
        assert_eq!(
            tensor_text(&[1, 10], &probabilities),
            "tensor([[0.1006, 0.0992, 0.1000, 0.0991, 0.1017, 0.0995, 0.1013, 0.0994, 0.1002,
         0.0991]])"
        );
        assert_eq!(
            tensor_text(&[2, 2], &[0.5, -12.25, 3.0, 0.0]),
            "tensor([[  0.5000, -12.2500],\n        [  3.0000,   0.0000]])"
        );
        assert_eq!(tensor_text(&[1, 3], &[1e-6, 1.0, 0.0]), "tensor([[1.0000e-06, 1.0000e+00, 0.0000e+00]])");
        assert_eq!(tensor_text(&[3], &[1.0, 2.0, -30.0]), "tensor([  1.,   2., -30.])");
        assert_eq!(
            tensor_text(&[1, 4], &[f32::NAN, 1.5, f32::INFINITY, f32::NEG_INFINITY]),
            "tensor([[   nan, 1.5000,    inf,   -inf]])"
        );
        assert_eq!(tensor_text(&[2, 3], &[0.0; 6]), "tensor([[0., 0., 0.],\n        [0., 0., 0.]])");
        let thirds: Vec<f32> = (0..8).map(|i| i as f32 / 3.0).collect();
        assert_eq!(
            tensor_text(&[2, 2, 2], &thirds),
            "tensor([[[0.0000, 0.3333],
         [0.6667, 1.0000]],

        [[1.3333, 1.6667],
         [2.0000, 2.3333]]])"
        );
    }

    #[test]
    fn large_tensors_show_their_edges() {
        let many: Vec<f32> = (0..2002).map(|i| i as f32 / 2002.0).collect();
        let text = tensor_text(&[2, 1001], &many);
        assert_eq!(
            text,
            "tensor([[0.0000e+00, 4.9950e-04, 9.9900e-04,  ..., 4.9850e-01, 4.9900e-01,
         4.9950e-01],
        [5.0000e-01, 5.0050e-01, 5.0100e-01,  ..., 9.9850e-01, 9.9900e-01,
         9.9950e-01]])"
        );
    }

    #[test]
    fn missing_elements_are_left_out() {
        assert_eq!(tensor_text(&[2, 2], &[1.0, 2.0, 3.0]), "tensor([[1., 2.]])");
        assert_eq!(tensor_text(&[0], &[]), "tensor([])");
    }
}
