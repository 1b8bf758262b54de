//! Changes of colours: contrast, saturation, hue, and colours as grey.

use super::canvas::Canvas;

/// A pixel's brightness, by the weights of torchvision.
fn grey([red, green, blue]: [f32; 3]) -> f32 {
    0.2989 * red + 0.587 * green + 0.114 * blue
}

impl Canvas {
    /// All levels as far from the image's mean brightness as `factor` times what they are.
    pub(super) fn contrast(&mut self, factor: f64) {
        let count = self.area() as f64;
        let sum: u64 = match self.colours() {
            Some([red, green, blue]) => {
                let pixels = red.iter().zip(&*green).zip(&*blue);
                // The brightness is rounded down, as torchvision does.
                pixels.map(|((&r, &g), &b)| grey([r, g, b].map(f32::from)) as u64).sum()
            }
            None => self.levels.iter().map(|&level| u64::from(level)).sum(),
        };
        self.spread((sum as f64 / count) as f32, factor);
    }

    /// Each pixel's channels as far from its brightness as `factor` times what they are.
    pub(super) fn saturation(&mut self, factor: f64) {
        let (of_level, of_grey) = (factor as f32, (1.0 - factor) as f32);
        self.each_colour(|rgb| {
            let grey = grey(rgb).floor() * of_grey;
            rgb.map(|level| level * of_level + grey)
        });
    }

    /// Colours turned by a part of the circle.
    pub(super) fn hue(&mut self, turn: f64) {
        let turn = turn as f32;
        self.each_colour(|rgb| turned(rgb, turn));
    }

    /// The brightness in each channel.
    pub(super) fn grayscale(&mut self) {
        self.each_colour(|rgb| [grey(rgb); 3]);
    }

    /// Changes each pixel of an RGB image; what comes out is cut to 0 to 255 and rounded down.
    fn each_colour(&mut self, change: impl Fn([f32; 3]) -> [f32; 3]) {
        if let Some([red, green, blue]) = self.colours() {
            for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
                [*red, *green, *blue] = change([*red, *green, *blue].map(f32::from)).map(|level| level as u8);
            }
        }
    }
}

/// A colour of levels with its hue turned by a part of the circle; through HSV, as torchvision and Pillow do.
fn turned(rgb: [f32; 3], turn: f32) -> [f32; 3] {
    let [red, green, blue] = rgb.map(|level| level * (1.0 / 255.0));
    let most = red.max(green).max(blue);
    let range = most - red.min(green).min(blue);
    let (saturation, divisor) = if range == 0.0 { (0.0, 1.0) } else { (range / most, range) };
    let [r, g, b] = [red, green, blue].map(|level| (most - level) / divisor);
    let sixths = if most == red {
        b - g
    } else if most == green {
        2.0 + r - b
    } else {
        4.0 + g - r
    };
    let hue = sixths * (1.0 / 6.0) + turn;
    let sixths = 6.0 * (hue - hue.floor());
    // How far a channel lies below the greatest one, by how far its own hue is away.
    [5.0, 3.0, 1.0].map(|own| {
        let away = own + sixths;
        let away = if away >= 6.0 { away - 6.0 } else { away };
        let below = away.min(4.0 - away).clamp(0.0, 1.0);
        (most - most * saturation * below) * 255.999
    })
}
