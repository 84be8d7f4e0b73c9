//! The usual figures of results, drawn from their files: nothing is played again.

mod axes;
mod canvas;
mod data;
mod font;
mod fork_tree;
mod intervals;
mod png;
mod propagation;
mod rates;
mod revenue;
mod svg;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::LabError;
use crate::results::refuse_existing;
use canvas::Canvas;
use data::Data;
use font::Fonts;

/// Draws a figure; `None` if the results have nothing for it.
type Figure = fn(&Data) -> Option<Canvas>;

/// Every figure, by the name of its files.
const FIGURES: [(&str, Figure); 5] = [
    ("propagation", propagation::figure),
    ("fork-tree", fork_tree::figure),
    ("revenue", revenue::figure),
    ("intervals", intervals::figure),
    ("rates", rates::figure),
];

/// What was drawn.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Drawn {
    /// The files, in order.
    pub files: Vec<PathBuf>,
    /// The names of the figures for which the results have nothing.
    pub empty: Vec<&'static str>,
}

/// Draws the figures of the results in `directory` as `NAME.svg` and `NAME.png` into `to`.
///
/// # Errors
/// The results cannot be read, a figure cannot be written; or one is there already, unless
/// `overwrite`.
pub fn plot(directory: &Path, to: &Path, overwrite: bool) -> Result<Drawn, LabError> {
    let files = |name: &str| ["svg", "png"].map(|end| to.join(format!("{name}.{end}")));
    if !overwrite {
        for file in FIGURES.iter().flat_map(|(name, _)| files(name)) {
            refuse_existing(&file)?;
        }
    }
    let data = Data::read(directory)?;
    fs::create_dir_all(to).map_err(LabError::output(to))?;
    let fonts = Fonts::new();
    let mut drawn = Drawn::default();
    for (name, figure) in FIGURES {
        let Some(canvas) = figure(&data) else {
            drawn.empty.push(name);
            continue;
        };
        let [svg, png] = files(name);
        fs::write(&svg, svg::svg(&canvas, &fonts)).map_err(LabError::output(&svg))?;
        drawn.files.push(svg);
        if let Some(bytes) = png::png(&canvas, &fonts) {
            fs::write(&png, bytes).map_err(LabError::output(&png))?;
            drawn.files.push(png);
        }
    }
    Ok(drawn)
}
