//! Floats as CPython writes them: the shortest digits that read back as the same number.

/// `repr` of a float: `0.1`, `1e+16`, `inf`.
pub(crate) fn float_repr(x: f64) -> String {
    if x.is_nan() {
        return "nan".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{x:e}");
    let (digits, exponent) = split_exponent(&scientific);
    if (-4..16).contains(&exponent) { format!("{x:?}") } else { with_exponent(digits, exponent) }
}

/// `1.5e-7` as `1.5` and -7.
pub(crate) fn split_exponent(scientific: &str) -> (&str, i32) {
    scientific.split_once('e').map_or((scientific, 0), |(digits, e)| (digits, e.parse().unwrap_or(0)))
}

/// Digits with an exponent of a sign and at least two digits: `1.5e-07`.
pub(crate) fn with_exponent(digits: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::float_repr;

    #[test]
    fn floats_are_written_as_cpython_does() {
        for (x, text) in [
            (0.1, "0.1"),
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (100.0, "100.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (1e300, "1e+300"),
            (5e-324, "5e-324"),
            (0.1 + 0.2, "0.30000000000000004"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(float_repr(x), text);
        }
    }
}
