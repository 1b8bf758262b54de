//! Names of classes as labels: of any script, of any length.

use crate::drawing::Label;
use crate::font::{self, clean, shorten};

/// The names of a matrix's classes.
pub(super) struct Names<'a>(pub(super) &'a [String]);

/// What keeps the script's direction in a text whose end is a mark: RIGHT-TO-LEFT MARK.
const RIGHT_TO_LEFT: char = '\u{200f}';

impl Names<'_> {
    /// The label of a class, at most so many ems wide.
    ///
    /// A class without a name is called by its number, `#3`. So is, in the PNG, one whose name the font cannot
    /// draw.
    pub(super) fn label(&self, class: usize, room: f64) -> Label {
        let number = format!("#{class}");
        let Some(name) = self.name(class) else { return number.into() };
        let drawn = if font::draws(&name) { shorten(&name, room) } else { number };
        let mut shown = shorten(&name, room);
        if name.chars().any(is_right_to_left) {
            shown.push(RIGHT_TO_LEFT);
        }
        Label { shown, drawn }
    }

    /// The name as charts write it; `None` for an empty one.
    fn name(&self, class: usize) -> Option<String> {
        let name = clean(self.0.get(class)?);
        let name = name.trim();
        (!name.is_empty()).then(|| name.to_owned())
    }
}

/// The blocks of Hebrew, Arabic and their neighbours.
fn is_right_to_left(c: char) -> bool {
    matches!(
        c,
        '\u{590}'..='\u{8ff}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{feff}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str) -> (String, String) {
        let Label { shown, drawn } = Names(&[name.to_owned()]).label(0, 9.0);
        (shown, drawn)
    }

    #[test]
    fn the_svg_has_every_name_and_the_png_those_that_it_can_draw() {
        for name in ["T-shirt/top", "собака", "γάτα", "Größe"] {
            assert_eq!(label(name), (name.into(), name.into()));
        }
        for name in ["猫", "🐱", "cat 🐱", "แมว"] {
            assert_eq!(label(name), (name.into(), "#0".into()));
        }
        assert_eq!(label("قطة"), ("قطة\u{200f}".into(), "#0".into()));
    }

    #[test]
    fn classes_without_a_name_have_numbers() {
        for name in ["", "  ", "\n", "\u{202e}"] {
            assert_eq!(label(name), ("#0".into(), "#0".into()), "{name:?}");
        }
        assert_eq!(Names(&[]).label(12, 9.0), "#12".into());
        let names = ["cat", "猫", ""].map(String::from);
        let numbered = |class| Names(&names).label(class, 9.0).is_numbered();
        assert_eq!([0, 1, 2, 3].map(numbered), [false, true, false, false]);
    }

    #[test]
    fn accents_of_their_own_are_joined_and_turns_of_direction_dropped() {
        // As a Mac writes the names of folders.
        assert_eq!(label("e\u{301}te\u{301}").1, "été");
        assert_eq!(label("и\u{306}од").1, "йод");
        assert_eq!(label("a\u{202e}b").0, "a b");
    }

    #[test]
    fn titles_show_where_letters_are_left_out() {
        let title = Label::fitted("resnet18 on 照片/кот", 40.0);
        assert_eq!(
            (title.shown.as_str(), title.drawn.as_str()),
            ("resnet18 on 照片/кот", "resnet18 on …/кот")
        );
        assert_eq!(Label::fitted("lenet on fashion-mnist", 40.0), "lenet on fashion-mnist".into());
    }

    #[test]
    fn long_names_keep_what_tells_them_apart() {
        let names: Vec<String> = (0..2).map(|i| format!("a rather long class name {i}")).collect();
        let [a, b] = [0, 1].map(|class| Names(&names).label(class, 9.0).drawn);
        assert!(a.starts_with("a rat") && a.ends_with(" 0") && b.ends_with(" 1") && a.contains('…'), "{a}");
        for room in [0.0, 0.5, 1.0, 3.0, 8.0] {
            let short = shorten("猫猫猫猫猫猫猫猫猫", room);
            assert!(short.contains('…') && font::width(&short) <= room.max(font::width("…")), "{short}");
        }
    }
}
