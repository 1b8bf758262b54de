//! `convnet draw`: a network as a picture.

use std::path::{Path, PathBuf};

use convnet_draw::{Direction, DrawOptions, Drawing, Style};
use convnet_formats::atomic;

use crate::args::{SizeArgs, positive};
use crate::error::Failure;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  convnet draw lenet -o lenet.svg                       for a page or a slide, in light and dark
  convnet draw densenet121 -o densenet.html             a page whose blocks fold and unfold
  convnet draw alexnet --style blocks -o alexnet.svg    feature maps as blocks, as in the papers
  convnet draw resnet50 --depth 3 -o resnet.svg         down to the layers of a block
  convnet draw googlenet -o - --format mmd              for Markdown that draws Mermaid

Layers that keep a shape are stacked on the one before them; of equal blocks in a row the first is drawn with × n. \
Lines carry shapes. DOT and Mermaid are laid out by the programs that draw them.";

/// The arguments of `draw`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Name of a network, see `convnet list`, or an .onnx or .py file
    #[arg(value_name = "MODEL")]
    model: String,

    /// File to write: .svg, .html, .dot (or .gv) or .mmd; - for standard output with --format
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// What to write [default: by FILE's ending]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// How it is drawn
    #[arg(long, value_enum, default_value_t = StyleArg::Graph, help_heading = "Drawing")]
    style: StyleArg,

    /// Levels of blocks to open [default: as many as keep the drawing readable]
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "Drawing")]
    depth: Option<usize>,

    /// Where values flow to [default: down; blocks always stand from left to right]
    #[arg(long, value_enum, help_heading = "Drawing")]
    direction: Option<DirectionArg>,

    /// Draw equal blocks in a row one by one
    #[arg(long, help_heading = "Drawing")]
    every_block: bool,

    #[command(flatten)]
    size: SizeArgs,
}

/// The formats of `draw`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A picture
    Svg,
    /// A page in one file
    Html,
    /// Graphviz's language
    Dot,
    /// A Mermaid flowchart
    Mmd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StyleArg {
    /// Layers as boxes, lines with shapes
    Graph,
    /// Feature maps as blocks in perspective
    Blocks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DirectionArg {
    /// From top to bottom
    Down,
    /// From left to right
    Right,
}

const ENDINGS: &str = ".svg, .html, .dot, .gv or .mmd";

impl Format {
    /// The format that a file's ending names.
    fn of(path: &Path) -> Result<Self, Failure> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("html" | "htm") => Ok(Self::Html),
            Some("dot" | "gv") => Ok(Self::Dot),
            Some("mmd" | "mermaid") => Ok(Self::Mmd),
            Some(other) => Err(Failure::usage(format!(
                "cannot tell what to write to `{}`: there is no format `.{other}`, expected {ENDINGS}, or name one with \
                 `--format`",
                path.display()
            ))),
            None => Err(Failure::usage(format!(
                "cannot tell what to write to `{}`: it has no ending, expected {ENDINGS}, or name a format with `--format`",
                path.display()
            ))),
        }
    }
}

/// Draws.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let to_output = args.output == Path::new("-");
    let format = match args.format {
        Some(format) => format,
        None if to_output => {
            return Err(Failure::usage("`-o -` needs a format: add `--format svg`, `html`, `dot` or `mmd`"));
        }
        None => Format::of(&args.output)?,
    };
    let blocks = args.style == StyleArg::Blocks;
    if blocks && matches!(format, Format::Dot | Format::Mmd) {
        return Err(Failure::usage("--style blocks is a picture: write it to .svg or .html"));
    }
    if blocks && args.direction == Some(DirectionArg::Down) {
        return Err(Failure::usage("--style blocks stands from left to right: leave `--direction down` out"));
    }
    let (graph, sources) = args.size.build_with_lines(&args.model)?;
    let drawing = Drawing::new(
        &graph,
        &DrawOptions {
            style: if blocks { Style::Blocks } else { Style::Graph },
            depth: args.depth,
            direction: match args.direction {
                Some(DirectionArg::Right) => Direction::Right,
                Some(DirectionArg::Down) | None => Direction::Down,
            },
            every_block: args.every_block,
            sources,
        },
    );
    let text = match format {
        Format::Svg => drawing.svg(),
        Format::Html => drawing.html(),
        Format::Dot => drawing.dot(),
        Format::Mmd => drawing.mermaid(),
    };
    let drawn = matches!(format, Format::Svg | Format::Html) && !blocks;
    if let Some(note) = drawing.left_out().filter(|_| drawn) {
        output::note(&note);
    }
    if to_output {
        return output::emit(&text);
    }
    atomic::write(&args.output, text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_name_formats() {
        let of = |name: &str| Format::of(Path::new(name));
        assert_eq!(of("a.svg").unwrap(), Format::Svg);
        assert_eq!(of("a.b/x.HTML").unwrap(), Format::Html);
        assert_eq!((of("x.gv").unwrap(), of("x.mmd").unwrap()), (Format::Dot, Format::Mmd));
        for wrong in ["a.png", "a", "svg", ".svg"] {
            assert!(
                format!("{:?}", of(wrong).unwrap_err()).contains(".svg, .html, .dot, .gv or .mmd"),
                "{wrong}"
            );
        }
    }
}
