//! What makes a module, as a term whose numbers can be compared with those of another.

use super::text::Doc;

/// A number or switch of a constructor's argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    Int(usize),
    Float(f32),
    Bool(bool),
    Text(&'static str),
}

impl Scalar {
    /// As Python writes it.
    pub(super) fn text(self) -> String {
        match self {
            Self::Int(value) => value.to_string(),
            Self::Text(text) => format!("\"{text}\""),
            Self::Bool(true) => "True".into(),
            Self::Bool(false) => "False".into(),
            Self::Float(value) => float(value),
        }
    }

    pub(super) fn int(self) -> Option<usize> {
        match self {
            Self::Int(value) => Some(value),
            Self::Float(_) | Self::Bool(_) | Self::Text(_) => None,
        }
    }
}

/// A float32 by the fewest digits that give it again.
fn float(value: f32) -> String {
    if value.is_nan() {
        return "float(\"nan\")".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "float(\"inf\")".into() } else { "-float(\"inf\")".into() };
    }
    let magnitude = value.abs();
    if value != 0.0 && !(1e-4..1e7).contains(&magnitude) {
        let text = format!("{value:e}");
        let Some((digits, exponent)) = text.split_once('e') else { return text };
        let (sign, exponent) = exponent.strip_prefix('-').map_or(("", exponent), |rest| ("-", rest));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = value.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// What a number is for: numbers of one role may be one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    InChannels,
    OutChannels,
    Kernel,
    Stride,
    Padding,
    Dilation,
    Groups,
    Bias,
    /// How often a part is repeated.
    Count,
    /// By how much a number grows with each repetition.
    Step,
    /// Whether a part is there.
    Flag,
    /// Any other argument, by its name.
    Other(&'static str),
}

impl Role {
    /// Whether numbers of two roles may be the same parameter.
    pub(super) fn goes_with(self, other: Self) -> bool {
        let channels = |role| matches!(role, Self::InChannels | Self::OutChannels);
        self == other || (channels(self) && channels(other))
    }
}

/// A number in a term.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leaf {
    pub(super) value: Scalar,
    pub(super) role: Role,
    /// Whether it is the number of classes.
    pub(super) classes: bool,
    /// The layer that has it, from the module around it.
    pub(super) place: String,
}

impl Leaf {
    pub(super) fn new(value: Scalar, role: Role) -> Self {
        Self { value, role, classes: false, place: String::new() }
    }
}

/// When an argument is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usual {
    Never,
    /// Where it is written so.
    Text(&'static str),
    /// Where it is written as another argument is.
    As(usize),
}

/// An argument of a layer: a number, or a tuple of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arg {
    pub(super) keyword: Option<&'static str>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) usual: Usual,
}

/// A parameter of a class or function of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Formal {
    pub(super) name: String,
    pub(super) default: Option<Scalar>,
}

/// The class of a parameter that the module around it has itself: its layer is a product with it, and no module.
pub(super) const PARAMETER: &str = "nn.Parameter";

/// What makes a module.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    /// A layer of PyTorch's, or a [parameter](PARAMETER).
    Layer {
        class: String,
        args: Vec<Arg>,
        /// Whether it is an activation or a normalization, which is written around what it is applied to.
        light: bool,
    },
    /// A class or a function of the file.
    Block { name: String, formals: Vec<Formal>, leaves: Vec<Leaf> },
    /// `nn.Sequential` and the like; names are left out where they are the numbers from 0 on.
    Container { class: &'static str, names: Option<Vec<String>>, parts: Vec<Term> },
}

impl Term {
    /// Whether it is a parameter and no module.
    pub(super) fn is_parameter(&self) -> bool {
        matches!(self, Self::Layer { class, .. } if class == PARAMETER)
    }

    /// Everything but the numbers: terms of one skeleton differ in numbers alone.
    pub(super) fn skeleton(&self) -> String {
        match self {
            Self::Layer { class, args, .. } => {
                let args: Vec<String> = args.iter().map(|arg| arg.leaves.len().to_string()).collect();
                format!("{class}({})", args.join(","))
            }
            Self::Block { name, leaves, .. } => format!("{name}({})", leaves.len()),
            Self::Container { class, names, parts } => {
                let parts: Vec<String> = parts.iter().map(Self::skeleton).collect();
                format!("{class}{names:?}[{}]", parts.join(";"))
            }
        }
    }

    /// The numbers, in the order in which they are written.
    pub(super) fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::Layer { args, .. } => args.iter().flat_map(|arg| &arg.leaves).collect(),
            Self::Block { leaves, .. } => leaves.iter().collect(),
            Self::Container { parts, .. } => parts.iter().flat_map(Self::leaves).collect(),
        }
    }

    pub(super) fn leaves_mut(&mut self) -> Vec<&mut Leaf> {
        match self {
            Self::Layer { args, .. } => args.iter_mut().flat_map(|arg| &mut arg.leaves).collect(),
            Self::Block { leaves, .. } => leaves.iter_mut().collect(),
            Self::Container { parts, .. } => parts.iter_mut().flat_map(Self::leaves_mut).collect(),
        }
    }

    /// The term with its numbers written so, one text for each of [`Term::leaves`].
    pub(super) fn doc(&self, numbers: &mut dyn Iterator<Item = String>) -> Doc {
        match self {
            Self::Layer { class, args, .. } => {
                let mut written: Vec<String> = Vec::new();
                let mut parts = Vec::new();
                for arg in args {
                    let texts: Vec<String> = numbers.take(arg.leaves.len()).collect();
                    let same = arg.leaves.len() < 3 && texts.windows(2).all(|pair| pair[0] == pair[1]);
                    let text = if same { texts[0].clone() } else { format!("({})", texts.join(", ")) };
                    let usual = match arg.usual {
                        Usual::Never => false,
                        Usual::Text(usual) => text == usual,
                        Usual::As(other) => text == written[other],
                    };
                    written.push(text.clone());
                    if !usual {
                        let value = Doc::Text(text);
                        parts.push(match arg.keyword {
                            Some(keyword) => Doc::Named(keyword.into(), Box::new(value)),
                            None => value,
                        });
                    }
                }
                if self.is_parameter() {
                    parts = vec![Doc::call("torch.full", parts)];
                }
                Doc::call(class, parts)
            }
            Self::Block { name, formals, .. } => {
                let mut parts = Vec::new();
                for formal in formals {
                    let Some(text) = numbers.next() else { continue };
                    match formal.default {
                        None => parts.push(Doc::Text(text)),
                        Some(default) if default.text() == text => {}
                        Some(_) => parts.push(Doc::Named(formal.name.clone(), Box::new(Doc::Text(text)))),
                    }
                }
                Doc::call(name, parts)
            }
            Self::Container { class, names, parts } => {
                let docs: Vec<Doc> = parts.iter().map(|part| part.doc(numbers)).collect();
                container(class, names.as_deref(), docs)
            }
        }
    }
}

/// A container of modules.
pub(super) fn container(class: &str, names: Option<&[String]>, parts: Vec<Doc>) -> Doc {
    let tall = parts.len() > 2;
    let group =
        |open: String, parts: Vec<Doc>, close: &str| Doc::Group { open, parts, close: close.into(), tall };
    let Some(names) = names else {
        return match class {
            "nn.Sequential" => group("nn.Sequential(".into(), parts, ")"),
            _ => group(format!("{class}(["), parts, "])"),
        };
    };
    let keyed = |open: &str, between: &str, close: &str| -> Vec<Doc> {
        let pair = |(name, part): (&String, Doc)| {
            let before = format!("{open}{}{between}", super::text::quoted(name));
            match part {
                Doc::Group { open, parts, close: end, tall } => {
                    Doc::Group { open: before + &open, parts, close: format!("{end}{close}"), tall }
                }
                other => Doc::Text(format!("{before}{}{close}", other.flat())),
            }
        };
        names.iter().zip(parts).map(pair).collect()
    };
    let spread = |open: &str, parts: Vec<Doc>, close: &str| Doc::Group {
        open: open.into(),
        parts,
        close: close.into(),
        tall: true,
    };
    match class {
        "nn.Sequential" => {
            let list = spread("[", keyed("(", ", ", ")"), "]");
            Doc::Group {
                open: "nn.Sequential(".into(),
                parts: vec![Doc::call("OrderedDict", vec![list])],
                close: ")".into(),
                tall: false,
            }
        }
        _ => spread(&format!("{class}({{"), keyed("", ": ", ""), "})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_python_reads_them() {
        for (value, text) in [
            (1e-5, "1e-05"),
            (1e-3, "0.001"),
            (0.5, "0.5"),
            (2.0, "2.0"),
            (0.0, "0.0"),
            (-0.25, "-0.25"),
            (1.5e-7, "1.5e-07"),
            (3e8, "3e08"),
            (f32::INFINITY, "float(\"inf\")"),
        ] {
            assert_eq!(Scalar::Float(value).text(), text);
        }
        assert_eq!(Scalar::Bool(true).text(), "True");
    }
}
