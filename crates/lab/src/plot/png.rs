//! A picture as PNG, twice as many pixels each way, for print.

use tiny_skia::{
    FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke as Pen, StrokeDash, Transform,
};

use crate::plot::canvas::{Canvas, Colour, Shape, Stroke, WHITE};
use crate::plot::font::{Fonts, Step};

/// Pixels of the file for a pixel of the canvas.
const SCALE: f32 = 2.0;

/// The whole file; `None` if it could not be made, as for a picture without any pixels.
pub fn png(canvas: &Canvas, fonts: &Fonts) -> Option<Vec<u8>> {
    let times = |pixels: u16| 2 * u32::from(pixels);
    let mut pixels = Pixmap::new(times(canvas.width), times(canvas.height))?;
    pixels.fill(colour(WHITE));
    for shape in &canvas.shapes {
        let drawn = match shape {
            Shape::Path {
                points,
                closed,
                fill,
                stroke,
            } => polygon(points, *closed).map(|path| (path, *fill, *stroke)),
            Shape::Disc {
                at: (x, y),
                radius,
                fill,
                stroke,
            } => PathBuilder::from_circle(*x, *y, *radius).map(|path| (path, Some(*fill), *stroke)),
            Shape::Text(text) => {
                letters(&fonts.outline(text)).map(|path| (path, Some(text.colour), None))
            }
        };
        // What has no extent, such as a text of spaces, is not drawn.
        if let Some((path, fill, stroke)) = drawn {
            draw(&mut pixels, &path, fill, stroke);
        }
    }
    pixels.encode_png().ok()
}

fn draw(pixels: &mut Pixmap, path: &Path, fill: Option<Colour>, stroke: Option<Stroke>) {
    let scale = Transform::from_scale(SCALE, SCALE);
    if let Some(fill) = fill {
        pixels.fill_path(path, &paint(fill), FillRule::Winding, scale, None);
    }
    if let Some(stroke) = stroke {
        let pen = Pen {
            width: stroke.width,
            line_join: LineJoin::Round,
            dash: stroke
                .dashed
                .then(|| StrokeDash::new(vec![6.0, 4.0], 0.0))
                .flatten(),
            ..Pen::default()
        };
        pixels.stroke_path(path, &paint(stroke.colour), &pen, scale, None);
    }
}

fn polygon(points: &[(f32, f32)], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (place, (x, y)) in points.iter().enumerate() {
        match place {
            0 => path.move_to(*x, *y),
            _ => path.line_to(*x, *y),
        }
    }
    if closed {
        path.close();
    }
    path.finish()
}

fn letters(steps: &[Step]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for step in steps {
        match *step {
            Step::Move(x, y) => path.move_to(x, y),
            Step::Line(x, y) => path.line_to(x, y),
            Step::Quad(a, b, x, y) => path.quad_to(a, b, x, y),
            Step::Cubic(a, b, c, d, x, y) => path.cubic_to(a, b, c, d, x, y),
            Step::Close => path.close(),
        }
    }
    path.finish()
}

fn paint(fill: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(colour(fill));
    paint
}

fn colour(Colour(red, green, blue): Colour) -> tiny_skia::Color {
    tiny_skia::Color::from_rgba8(red, green, blue, 0xff)
}
