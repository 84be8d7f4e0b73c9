//! A picture as a list of shapes, which becomes an SVG and a PNG of the same look.
//!
//! There are few kinds of shapes, and text is one of them only until it is drawn: then it is
//! outlines, for a machine may have no fonts.

/// A colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colour(pub u8, pub u8, pub u8);

/// Colours that people with colour blindness tell apart, and that differ in print without
/// colour: the palette of Okabe and Ito, "Color Universal Design", 2008.
pub const PALETTE: [Colour; 6] = [
    Colour(0x00, 0x72, 0xb2),
    Colour(0xd5, 0x5e, 0x00),
    Colour(0x00, 0x9e, 0x73),
    Colour(0xcc, 0x79, 0xa7),
    Colour(0xe6, 0x9f, 0x00),
    Colour(0x56, 0xb4, 0xe9),
];
/// Text and axes.
pub const INK: Colour = Colour(0x22, 0x22, 0x22);
/// Text of less weight.
pub const GREY: Colour = Colour(0x66, 0x66, 0x66);
/// Lines behind the data.
pub const GRID: Colour = Colour(0xe3, 0xe3, 0xe3);
/// What the data is held against.
pub const SHADE: Colour = Colour(0xcf, 0xd8, 0xdf);
/// The ground.
pub const WHITE: Colour = Colour(0xff, 0xff, 0xff);

/// How a line is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stroke {
    /// Its colour.
    pub colour: Colour,
    /// Its width in pixels.
    pub width: f32,
    /// Whether it is broken.
    pub dashed: bool,
}

/// Where a text stands to its point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A text.
#[derive(Clone, PartialEq, Debug)]
pub struct Text {
    /// Where the base line is.
    pub at: (f32, f32),
    /// What it says.
    pub text: String,
    /// The size of its letters in pixels.
    pub size: f32,
    /// Where it stands to the point.
    pub anchor: Anchor,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it runs upwards.
    pub upwards: bool,
    /// Its colour.
    pub colour: Colour,
}

/// A shape.
#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    /// Corners joined by lines: filled if `fill`, drawn if `stroke`.
    Path {
        /// The corners.
        points: Vec<(f32, f32)>,
        /// Whether the last is joined with the first.
        closed: bool,
        /// What it is filled with.
        fill: Option<Colour>,
        /// How its line is drawn.
        stroke: Option<Stroke>,
    },
    /// A disc.
    Disc {
        /// Its middle.
        at: (f32, f32),
        /// Its radius in pixels.
        radius: f32,
        /// What it is filled with.
        fill: Colour,
        /// How its edge is drawn.
        stroke: Option<Stroke>,
    },
    /// A text.
    Text(Text),
}

/// A picture. The origin is the upper left corner.
#[derive(Clone, PartialEq, Debug)]
pub struct Canvas {
    /// Its width in pixels.
    pub width: u16,
    /// Its height in pixels.
    pub height: u16,
    /// What it shows, in words.
    pub description: String,
    /// What is drawn, the lowest first.
    pub shapes: Vec<Shape>,
}

impl Stroke {
    /// A whole line.
    pub fn new(colour: Colour, width: f32) -> Stroke {
        Stroke {
            colour,
            width,
            dashed: false,
        }
    }

    /// A broken line.
    pub fn dashed(colour: Colour, width: f32) -> Stroke {
        Stroke {
            dashed: true,
            ..Stroke::new(colour, width)
        }
    }
}

impl Canvas {
    /// White.
    pub fn new(width: u16, height: u16, description: &str) -> Canvas {
        Canvas {
            width,
            height,
            description: description.to_owned(),
            shapes: Vec::new(),
        }
    }

    /// Corners joined by a line.
    pub fn line(&mut self, points: &[(f32, f32)], stroke: Stroke) {
        self.shapes.push(Shape::Path {
            points: points.to_vec(),
            closed: false,
            fill: None,
            stroke: Some(stroke),
        });
    }

    /// A rectangle from one corner to the other.
    pub fn rectangle(
        &mut self,
        (left, top): (f32, f32),
        (right, bottom): (f32, f32),
        fill: Option<Colour>,
        stroke: Option<Stroke>,
    ) {
        self.polygon(
            &[(left, top), (right, top), (right, bottom), (left, bottom)],
            fill,
            stroke,
        );
    }

    /// Corners with what is between them.
    pub fn polygon(&mut self, points: &[(f32, f32)], fill: Option<Colour>, stroke: Option<Stroke>) {
        self.shapes.push(Shape::Path {
            points: points.to_vec(),
            closed: true,
            fill,
            stroke,
        });
    }

    /// A mark of a value. Series differ in its form as in its colour.
    pub fn mark(&mut self, at: (f32, f32), series: usize, radius: f32) {
        let colour = PALETTE[series % PALETTE.len()];
        let (x, y) = at;
        let edge = Some(Stroke::new(WHITE, 1.0));
        match series % 3 {
            0 => self.shapes.push(Shape::Disc {
                at,
                radius,
                fill: colour,
                stroke: edge,
            }),
            1 => self.rectangle(
                (x - 0.9 * radius, y - 0.9 * radius),
                (x + 0.9 * radius, y + 0.9 * radius),
                Some(colour),
                edge,
            ),
            _ => self.polygon(
                &[
                    (x, y - 1.2 * radius),
                    (x + 1.1 * radius, y + 0.8 * radius),
                    (x - 1.1 * radius, y + 0.8 * radius),
                ],
                Some(colour),
                edge,
            ),
        }
    }

    /// A text in ink.
    pub fn text(&mut self, at: (f32, f32), text: &str, size: f32, anchor: Anchor) {
        self.shapes.push(Shape::Text(Text {
            at,
            text: text.to_owned(),
            size,
            anchor,
            bold: false,
            upwards: false,
            colour: INK,
        }));
    }
}
