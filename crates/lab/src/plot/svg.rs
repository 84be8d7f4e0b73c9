//! A picture as SVG.

use std::fmt::Write as _;

use crate::plot::canvas::{Canvas, Colour, Shape, Stroke};
use crate::plot::font::{Fonts, Step};

/// The whole file.
pub fn svg(canvas: &Canvas, fonts: &Fonts) -> String {
    let (width, height) = (canvas.width, canvas.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
        escaped(&canvas.description)
    );
    for shape in &canvas.shapes {
        match shape {
            Shape::Path {
                points,
                closed,
                fill,
                stroke,
            } => {
                let mut path = String::new();
                for (place, (x, y)) in points.iter().enumerate() {
                    let letter = if place == 0 { 'M' } else { 'L' };
                    add(&mut path, letter, &[*x, *y]);
                }
                if *closed {
                    path.push('Z');
                }
                element(&mut out, "path", &format!("d=\"{path}\""), *fill, *stroke);
            }
            Shape::Disc {
                at: (x, y),
                radius,
                fill,
                stroke,
            } => {
                let place = format!("cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"{radius:.2}\"");
                element(&mut out, "circle", &place, Some(*fill), *stroke);
            }
            Shape::Text(text) => {
                let mut path = String::new();
                for step in fonts.outline(text) {
                    match step {
                        Step::Move(x, y) => add(&mut path, 'M', &[x, y]),
                        Step::Line(x, y) => add(&mut path, 'L', &[x, y]),
                        Step::Quad(a, b, x, y) => add(&mut path, 'Q', &[a, b, x, y]),
                        Step::Cubic(a, b, c, d, x, y) => {
                            add(&mut path, 'C', &[a, b, c, d, x, y]);
                        }
                        Step::Close => path.push('Z'),
                    }
                }
                let label = escaped(&text.text);
                let place = format!("aria-label=\"{label}\" d=\"{path}\"");
                element(&mut out, "path", &place, Some(text.colour), None);
            }
        }
    }
    out.push_str("</svg>\n");
    out
}

fn element(
    out: &mut String,
    name: &str,
    place: &str,
    fill: Option<Colour>,
    stroke: Option<Stroke>,
) {
    let fill = fill.map_or("none".to_owned(), hex);
    let mut line = format!("<{name} {place} fill=\"{fill}\"");
    if let Some(stroke) = stroke {
        let colour = hex(stroke.colour);
        let width = stroke.width;
        line.push_str(&format!(
            " stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\""
        ));
        if stroke.dashed {
            line.push_str(" stroke-dasharray=\"6 4\"");
        }
    }
    line.push_str("/>\n");
    out.push_str(&line);
}

fn add(path: &mut String, letter: char, numbers: &[f32]) {
    path.push(letter);
    for (place, number) in numbers.iter().enumerate() {
        if place > 0 {
            path.push(' ');
        }
        // A String takes everything.
        let _ = write!(path, "{number:.2}");
    }
}

fn hex(Colour(red, green, blue): Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::canvas::Anchor;

    #[test]
    fn a_text_cannot_end_its_element() {
        let mut canvas = Canvas::new(10, 10, "a < b & \"c\"\n");
        canvas.text((0.0, 0.0), "\"/><script>", 10.0, Anchor::Start);
        let svg = svg(&canvas, &Fonts::new());
        assert!(svg.contains("<title>a &lt; b &amp; &quot;c&quot; </title>"));
        assert!(!svg.contains("<script"), "{svg}");
    }
}
