//! Maps in another size, and channels in another order.

use super::Functions;
use crate::interp::{Args, Interp, Result};
use crate::torch::What;
use crate::torch::given::{Given, number_of};
use crate::torch::trace::value;

pub(super) fn functions() -> Functions {
    vec![
        ("interpolate", interpolate),
        ("upsample", interpolate),
        ("pixel_shuffle", |interp, args| shuffle(interp, args, "pixel_shuffle", true)),
        ("pixel_unshuffle", |interp, args| shuffle(interp, args, "pixel_unshuffle", false)),
        ("channel_shuffle", channel_shuffle),
    ]
}

fn interpolate(interp: &mut Interp, args: Args) -> Result {
    const NAMES: [&str; 7] =
        ["input", "size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias"];
    let mut given = Given::new(interp, args, "interpolate", &NAMES, 6)?;
    let tensor = given.tensor(interp, 0)?;
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    let spatial = dims.len().saturating_sub(2);
    if spatial == 0 {
        return Err(interp.not_a_map("interpolate", input));
    }
    let mut out = dims.clone();
    match (given.has(1), given.has(2)) {
        (true, true) => {
            return Err(interp.raise("ValueError", "only one of size or scale_factor should be defined"));
        }
        (false, false) => {
            return Err(interp.raise("ValueError", "either size or scale_factor should be defined"));
        }
        (true, false) => {
            let sizes = given.ints(interp, 1)?.unwrap_or_default();
            for i in 0..spatial {
                let Some(&n @ 1..) = sizes.get(i).or(if sizes.len() == 1 { sizes.first() } else { None })
                else {
                    let error = interp.raise(
                        "ValueError",
                        "Input and output must have the same number of spatial dimensions",
                    );
                    return Err(given.at(interp, 1, error));
                };
                out[2 + i] = n as usize;
            }
        }
        (false, true) => {
            let factor = given.value(2).unwrap_or(crate::value::Value::None);
            let factors = match number_of(&factor) {
                Some(x) => vec![x; spatial],
                None => {
                    let items = interp.collect(&factor)?;
                    items.iter().filter_map(number_of).collect()
                }
            };
            for i in 0..spatial {
                let size = factors.get(i).map_or(0.0, |x| (dims[2 + i] as f64 * x).floor());
                if !(1.0..1e9).contains(&size) {
                    let error =
                        interp.raise("RuntimeError", "Input and output sizes should be greater than 0");
                    return Err(given.at(interp, 2, error));
                }
                out[2 + i] = size as usize;
            }
        }
    }
    Ok(value(interp.push(What::Missing("interpolate"), &[input], out)?))
}

/// (N, C·r², H, W) to (N, C, H·r, W·r), or back.
fn shuffle(interp: &mut Interp, args: Args, name: &'static str, up: bool) -> Result {
    let names: &[&str] = if up { &["input", "upscale_factor"] } else { &["input", "downscale_factor"] };
    let mut given = Given::new(interp, args, name, names, 0)?;
    let tensor = given.tensor(interp, 0)?;
    let factor = given.size(interp, 1, 1)?;
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    let square = factor.saturating_mul(factor);
    let lead = dims.len().saturating_sub(3);
    let [.., channels, height, width] = *dims else { return Err(interp.not_a_map(name, input)) };
    let fits = if up {
        square > 0 && channels.is_multiple_of(square)
    } else {
        factor > 0 && height.is_multiple_of(factor) && width.is_multiple_of(factor)
    };
    if !fits {
        let text = if up {
            format!(
                "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but \
                 input.size(-3)={channels} is not divisible by {square}"
            )
        } else {
            format!(
                "pixel_unshuffle expects height and width to be divisible by downscale_factor, but {height}×{width} by {factor} is not"
            )
        };
        return Err(interp.shape_error(&text, input));
    }
    let mut out = dims[..lead].to_vec();
    if up {
        out.extend([channels / square, height.saturating_mul(factor), width.saturating_mul(factor)]);
    } else {
        out.extend([channels.saturating_mul(square), height / factor, width / factor]);
    }
    Ok(value(interp.push(What::Missing(name), &[input], out)?))
}

/// Channels by groups, which a view, a permutation and a view back do.
fn channel_shuffle(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "channel_shuffle", &["input", "groups"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    let groups = given.size(interp, 1, 1)?;
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    let Some((&[n, channels], rest)) = dims.split_first_chunk::<2>() else {
        return Err(interp.not_a_map("channel_shuffle", input));
    };
    if groups == 0 || !channels.is_multiple_of(groups) {
        let text = format!(
            "number of channels must be divisible by groups, got {channels} channels and {groups} groups"
        );
        return Err(interp.shape_error(&text, input));
    }
    let split = [&[n, groups, channels / groups], rest].concat();
    let swapped = [&[n, channels / groups, groups], rest].concat();
    let order = [0, 2, 1].into_iter().chain(3..split.len()).collect();
    let id = interp.push(What::Reshape, &[input], split)?;
    let id = interp.push(What::Permute(order), &[id], swapped)?;
    Ok(value(interp.push(What::Reshape, &[id], dims)?))
}
