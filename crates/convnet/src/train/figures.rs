//! Accuracies and losses as text: charts, reports and tables write a value alike.

/// A fraction as per cents with some decimals: `89.25%`.
///
/// Only 1 is written as 100% and only 0 as 0%: 1999 of 2000 in whole per cents are `99%`.
pub fn percent(fraction: f64, decimals: usize) -> String {
    format!("{}%", per_cents(fraction, decimals))
}

/// The same without the sign.
pub(super) fn per_cents(fraction: f64, decimals: usize) -> String {
    let unit = 0.1_f64.powi(decimals as i32);
    let value = 100.0 * fraction;
    let value = if fraction > 0.0 && fraction < 1.0 { value.clamp(unit, 100.0 - unit) } else { value };
    format!("{value:.decimals$}")
}

/// A loss with four decimals, `0.3012`; a very small or very large one by its power of ten, `6.0e9`.
pub fn loss(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => value.to_string(),
        size if size > 0.0 && size < 5e-5 => format!("{value:.1e}"),
        size if size < 1e5 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}

/// A whole number with its digits in groups of three: `61,706`.
#[cfg(feature = "train")]
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_is_a_hundred_per_cent_and_only_none_is_zero() {
        assert_eq!(percent(0.89254, 2), "89.25%");
        assert_eq!(percent(59_999.0 / 60_000.0, 2), "99.99%");
        assert_eq!(percent(1.0 / 60_000.0, 2), "0.01%");
        assert_eq!([0.0, 0.001, 0.5, 0.999, 1.0].map(|f| percent(f, 0)).join(" "), "0% 1% 50% 99% 100%");
    }

    #[test]
    fn losses_are_short_at_any_size() {
        assert_eq!(
            [0.0, 0.30118, 2.345_678, 60.0, 1e-5, 3.2e33, f64::NAN].map(loss).join(" "),
            "0.0000 0.3012 2.3457 60.0000 1.0e-5 3.2e33 NaN"
        );
    }
}
