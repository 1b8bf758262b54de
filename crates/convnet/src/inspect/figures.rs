//! Figures as people read them.

/// A whole number with its digits in groups of three: `11,689,512`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count in three digits: `960`, `48.0 k`, `1.81 G`.
pub fn scaled(n: u64) -> String {
    three_digits(n, 1000.0, &["", "k", "M", "G", "T", "P", "E"])
}

/// A size in three digits, in powers of 1024: `512 B`, `1.12 MiB`.
pub fn bytes(n: u64) -> String {
    three_digits(n, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

fn three_digits(n: u64, base: f64, units: &[&str]) -> String {
    let mut value = n as f64;
    let mut unit = 0;
    // 999.5 and more would be rounded to four digits.
    while value >= 999.5 && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    let places = match value {
        _ if unit == 0 => 0,
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.places$} {}", units[unit]).trim_end().to_string()
}

/// A share as a percentage: `0.3%`, `12%`; under a twentieth of a percent `<0.1%`.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return String::new();
    }
    let share = 100.0 * part as f64 / whole as f64;
    match share {
        s if s < 0.05 => "<0.1%".into(),
        s if s < 99.95 => format!("{s:.1}%"),
        _ => "100%".into(),
    }
}

/// A bar of at most `cells` columns, drawn in eighths of one.
pub(super) fn bar(part: u64, whole: u64, cells: usize) -> String {
    if part == 0 || whole == 0 {
        return String::new();
    }
    let eighths = ((part as f64 / whole as f64) * (cells * 8) as f64).round() as usize;
    let eighths = eighths.clamp(1, cells * 8);
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    "█".repeat(eighths / 8) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!(
            [0, 12, 999, 1000, 61_706, 11_689_512].map(grouped).join(" "),
            "0 12 999 1,000 61,706 11,689,512"
        );
    }

    #[test]
    fn three_digits_are_kept() {
        assert_eq!([0, 999, 1000, 48_000, 999_499].map(scaled).join(" "), "0 999 1.00 k 48.0 k 999 k");
        assert_eq!([999_500, 1_814_073_344].map(scaled).join(" "), "1.00 M 1.81 G");
        assert_eq!([512, 1000, 1024, 1_174_405].map(bytes).join(" "), "512 B 0.98 KiB 1.00 KiB 1.12 MiB");
    }

    #[test]
    fn shares_and_bars() {
        assert_eq!([0, 1, 30, 4000, 10_000].map(|n| percent(n, 10_000)).join(" "), " <0.1% 0.3% 40.0% 100%");
        assert_eq!(bar(1, 2, 4), "██");
        assert_eq!(bar(1, 1_000_000, 4), "▏");
        assert_eq!(bar(11, 32, 4), "█▍");
    }
}
