//! What all plots share: sizes, colours, text styles, and the way into an SVG string.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::report::format;

/// Width of every plot, pixels.
pub(super) const WIDTH: u32 = 960;

/// Height of the title above a plot, pixels.
pub(super) const TITLE_HEIGHT: u32 = 54;

/// Columns that a name takes at most.
pub(super) const NAME_COLUMNS: usize = 36;

/// Colour of text and axes.
pub(super) const INK: RGBColor = RGBColor(38, 38, 38);

/// Colour of secondary text.
pub(super) const FAINT_INK: RGBColor = RGBColor(96, 96, 96);

/// Colour of the grid.
pub(super) const GRID: RGBColor = RGBColor(224, 224, 224);

/// Colours of Okabe and Ito (2008), told apart with any colour vision; the yellow is darkened to be
/// seen on white.
const PALETTE: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(0, 0, 0),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(150, 130, 0),
];

/// A rectangle to draw in.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Drawing failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot draw the plot: {reason}; its data are in the CSV files beside it")]
pub struct PlotError {
    /// What the drawing library says.
    pub reason: String,
}

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        let reason = error.to_string();
        Self { reason }
    }
}

/// Colour of the series at that position.
pub(super) fn colour(series: usize) -> RGBColor {
    PALETTE[series % PALETTE.len()]
}

/// Sans-serif text of so many pixels, its left or right end or centre at the middle of its height.
pub(super) fn text(pixels: u32, colour: RGBColor, anchor: HPos) -> TextStyle<'static> {
    // The backend writes 1/1.24 of the size it is given.
    ("sans-serif", f64::from(pixels) * 1.24)
        .into_font()
        .color(&colour)
        .pos(Pos::new(anchor, VPos::Center))
}

/// Pixels kept for the longest of these names at 12 pixels a letter.
///
/// What font will be used is not known: this is what wide ones such as Verdana need.
pub(super) fn names_width<'a>(names: impl Iterator<Item = &'a str>) -> u32 {
    names.map(|name| name.chars().map(letter_width).sum()).max().unwrap_or(0)
}

fn letter_width(letter: char) -> u32 {
    match letter {
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 12,
        'i' | 'j' | 'l' | '.' | ',' | ':' | ' ' => 5,
        upper if upper.is_ascii_uppercase() => 9,
        ascii if ascii.is_ascii() => 8,
        _ => 13,
    }
}

/// An SVG file of [`WIDTH`] times `height` pixels with a title and a line below it.
pub(super) fn svg(
    height: u32,
    title: &str,
    subtitle: &str,
    draw: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let title = format::elide(title, 100);
        root.draw(&Text::new(title, (12, 18), text(16, INK, HPos::Left)))?;
        let subtitle = format::elide(subtitle, 130);
        root.draw(&Text::new(subtitle, (12, 39), text(12, FAINT_INK, HPos::Left)))?;
        draw(&root)?;
        root.present()?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_are_given_room() {
        assert_eq!(names_width(["ii", "WW", "日"].into_iter()), 24);
        assert_eq!(names_width([].into_iter()), 0);
    }

    #[test]
    fn text_has_the_size_asked_for() {
        let svg = svg(100, "a < b", "c", |root| {
            root.draw(&Text::new("x", (5, 5), text(12, INK, HPos::Left)))?;
            Ok(())
        });
        let svg = svg.expect("it is drawn");
        assert!(svg.contains("font-family=\"sans-serif\" font-size=\"12\""));
        assert!(svg.contains("a &lt; b"));
        assert!(svg.starts_with("<svg width=\"960\" height=\"100\""));
    }
}
