//! Letters as outlines. The font is Noto Sans, of Google, under the Apache licence, which
//! comes with the crate `notosans`.

use ttf_parser::{Face, OutlineBuilder};

use crate::plot::canvas::{Anchor, Text};

/// One step of an outline, in pixels.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Step {
    /// Begins a contour.
    Move(f32, f32),
    /// A line.
    Line(f32, f32),
    /// A curve of the second degree: control point, end.
    Quad(f32, f32, f32, f32),
    /// One of the third: two control points, end.
    Cubic(f32, f32, f32, f32, f32, f32),
    /// Ends a contour.
    Close,
}

/// The fonts that texts are drawn with.
pub struct Fonts {
    regular: Face<'static>,
    bold: Face<'static>,
}

impl Fonts {
    /// The fonts.
    pub fn new() -> Fonts {
        let face = |bytes| Face::parse(bytes, 0).expect("the font of the crate is whole");
        Fonts {
            regular: face(notosans::REGULAR_TTF),
            bold: face(notosans::BOLD_TTF),
        }
    }

    /// How wide a text is, in pixels.
    pub fn width(&self, text: &str, size: f32, bold: bool) -> f32 {
        let face = self.face(bold);
        let scale = size / f32::from(face.units_per_em());
        text.chars().map(|c| advance(face, c) * scale).sum()
    }

    /// The outline of a text where it stands.
    pub fn outline(&self, text: &Text) -> Vec<Step> {
        let face = self.face(text.bold);
        let scale = text.size / f32::from(face.units_per_em());
        let width = self.width(&text.text, text.size, text.bold);
        let mut pen = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        };
        let mut steps = Vec::new();
        for c in text.text.chars() {
            let mut outline = Outline {
                pen,
                scale,
                at: text.at,
                upwards: text.upwards,
                steps: &mut steps,
            };
            // A letter that the font lacks is the box that fonts have for it.
            face.outline_glyph(face.glyph_index(c).unwrap_or_default(), &mut outline);
            pen += advance(face, c) * scale;
        }
        steps
    }

    fn face(&self, bold: bool) -> &Face<'static> {
        if bold { &self.bold } else { &self.regular }
    }
}

fn advance(face: &Face<'_>, c: char) -> f32 {
    let glyph = face.glyph_index(c).unwrap_or_default();
    f32::from(face.glyph_hor_advance(glyph).unwrap_or(0))
}

/// Takes the steps of one letter in the units of the font, whose y axis points up.
struct Outline<'a> {
    pen: f32,
    scale: f32,
    at: (f32, f32),
    upwards: bool,
    steps: &'a mut Vec<Step>,
}

impl Outline<'_> {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        let along = self.pen + x * self.scale;
        let above = y * self.scale;
        if self.upwards {
            (self.at.0 - above, self.at.1 - along)
        } else {
            (self.at.0 + along, self.at.1 - above)
        }
    }
}

impl OutlineBuilder for Outline<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.steps.push(Step::Move(x, y));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.steps.push(Step::Line(x, y));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.place(x1, y1), self.place(x, y));
        self.steps.push(Step::Quad(x1, y1, x, y));
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (x1, y1) = self.place(x1, y1);
        let (x2, y2) = self.place(x2, y2);
        let (x, y) = self.place(x, y);
        self.steps.push(Step::Cubic(x1, y1, x2, y2, x, y));
    }

    fn close(&mut self) {
        self.steps.push(Step::Close);
    }
}
