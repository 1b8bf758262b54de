//! Predictions as comma-separated values: a line an image.

use convnet::train::likeliest;

/// The columns of a file of predictions.
pub(crate) struct Columns<'a> {
    /// The names of the classes.
    pub(crate) names: &'a [String],
    /// So many of the likeliest classes have columns.
    pub(crate) top: usize,
    /// Whether the right class is known.
    pub(crate) labelled: bool,
    /// Whether each class has a column.
    pub(crate) all: bool,
}

impl Columns<'_> {
    /// The first line: `image,class,predicted,probability,correct,predicted_2,probability_2,…,p(Bag),…`.
    pub(crate) fn header(&self) -> String {
        let mut fields = vec!["image".to_owned()];
        fields.extend(self.labelled.then(|| "class".to_owned()));
        fields.extend(["predicted", "probability"].map(String::from));
        fields.extend(self.labelled.then(|| "correct".to_owned()));
        for place in 2..=self.top.min(self.names.len()) {
            fields.extend([format!("predicted_{place}"), format!("probability_{place}")]);
        }
        if self.all {
            fields.extend(self.names.iter().map(|name| format!("p({name})")));
        }
        line(&fields)
    }

    /// The line of an image, given its class if that is known, and the probability of each class.
    pub(crate) fn row(&self, image: &str, label: Option<usize>, probabilities: &[f64]) -> String {
        let guesses = likeliest(probabilities, self.top.max(1));
        let mut fields = vec![image.to_owned()];
        fields.extend(label.map(|label| self.names[label].clone()));
        for (place, &(class, p)) in guesses.iter().enumerate() {
            fields.extend([self.names[class].clone(), probability(p)]);
            if place == 0 {
                fields.extend(label.map(|label| (label == class).to_string()));
            }
        }
        if self.all {
            fields.extend(probabilities.iter().map(|&p| probability(p)));
        }
        line(&fields)
    }
}

/// Fields, in quotes where they need them (RFC 4180), and an end of line.
pub(crate) fn line(fields: &[String]) -> String {
    let quoted = |field: &String| match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.clone(),
    };
    format!("{}\n", fields.iter().map(quoted).collect::<Vec<_>>().join(","))
}

/// `0.987654321`, and `1.234567e-12` for what would be zeros.
pub(crate) fn probability(p: f64) -> String {
    match p {
        0.0 => "0".to_owned(),
        p if p < 1e-3 => format!("{p:.6e}"),
        _ => format!("{p:.9}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_numbers_are_short() {
        let names = ["a", "b, \"c\"", "d"].map(String::from);
        let columns = Columns { names: &names, top: 2, labelled: true, all: true };
        assert_eq!(
            columns.header(),
            "image,class,predicted,probability,correct,predicted_2,probability_2,p(a),\"p(b, \"\"c\"\")\",p(d)\n"
        );
        assert_eq!(
            columns.row("x/1.png", Some(0), &[0.25, 0.75, 1e-12]),
            "x/1.png,a,\"b, \"\"c\"\"\",0.75,false,a,0.25,0.25,0.75,1.000000e-12\n"
        );
        let columns = Columns { names: &names, top: 9, labelled: false, all: false };
        assert_eq!(
            columns.header(),
            "image,predicted,probability,predicted_2,probability_2,predicted_3,probability_3\n"
        );
        assert_eq!(columns.row("1", None, &[1.0, 0.0, 0.0]), "1,a,1,\"b, \"\"c\"\"\",0,d,0\n");
    }
}
