//! A chart of lines, as SVG.

use std::fmt::Write;

use super::engine::{Look, look};
use super::scale::Scale;
use super::text::Text;
use crate::cli::Engine;

/// Units of the drawing, which is scaled to its place: at 375 pixels a unit is a little less than a pixel.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 42.0;

/// A digit is no wider than this.
const WIDE: f64 = 9.0;

/// An axis.
pub struct Axis {
    /// What it measures, and in what.
    pub label: String,
    /// Where a value is.
    pub scale: Scale,
    /// The values that stand at it, in words.
    pub ticks: Vec<(f64, String)>,
}

/// A point of a line.
pub struct Point {
    /// Its place.
    pub x: f64,
    /// Its place.
    pub y: f64,
    /// The lowest and the highest of what `y` is the median of.
    pub range: Option<(f64, f64)>,
    /// What it says; `None`: it is only a bend of the line.
    pub says: Option<String>,
    /// Drawn hollow: a warning stands at its row.
    pub doubtful: bool,
}

/// What one engine did.
pub struct Line {
    /// Who.
    pub engine: Engine,
    /// In the order of `x`.
    pub points: Vec<Point>,
}

/// A chart of lines.
pub struct Chart {
    /// Unique on the page: for the references inside the drawing.
    pub id: String,
    /// What stands above it.
    pub title: String,
    /// Below.
    pub x: Axis,
    /// On the left.
    pub y: Axis,
    /// The one that matters most comes last and lies above the others.
    pub lines: Vec<Line>,
}

impl Chart {
    /// As a figure.
    pub fn render(&self) -> String {
        let mut svg = self.open();
        self.draw_axes(&mut svg);
        for line in &self.lines {
            self.draw_line(&mut svg, line);
        }
        svg.push_str("</svg>");
        let title = Text(&self.title);
        format!("<figure class=\"chart\"><figcaption>{title}</figcaption>{svg}</figure>\n")
    }

    fn open(&self) -> String {
        let said = self.lines.iter().map(|line| {
            let points = line.points.iter().filter_map(|point| point.says.as_deref());
            points.collect::<Vec<_>>().join("; ")
        });
        let id = Text(&self.id);
        let description =
            format!("{} by {}. {}", self.y.label, self.x.label, said.collect::<Vec<_>>().join(". "));
        format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
            Text(&self.title),
            Text(description)
        )
    }

    fn draw_axes(&self, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, text) in &self.y.ticks {
            let y = self.y_of(*value);
            svg.push_str(&format!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>"));
            let (x, y) = (LEFT - 6.0, y + 4.0);
            svg.push_str(&format!("<text class=\"end\" x=\"{x}\" y=\"{y:.1}\">{}</text>", Text(text)));
        }
        for (value, text) in &self.x.ticks {
            let x = self.x_of(*value);
            let below = bottom + 16.0;
            svg.push_str(&format!("<path class=\"tick\" d=\"M{x:.1} {bottom}v4\"/>"));
            // A long one at the end would be cut off.
            let x = x.min(WIDTH - WIDE * text.len() as f64 / 2.0);
            svg.push_str(&format!("<text class=\"middle\" x=\"{x:.1}\" y=\"{below}\">{}</text>", Text(text)));
        }
        svg.push_str(&format!("<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>"));
        svg.push_str(&format!("<text class=\"label\" x=\"2\" y=\"12\">{}</text>", Text(&self.y.label)));
        let (x, y) = ((LEFT + right) / 2.0, HEIGHT - 8.0);
        let label = Text(&self.x.label);
        svg.push_str(&format!("<text class=\"label middle\" x=\"{x}\" y=\"{y}\">{label}</text>"));
    }

    fn draw_line(&self, svg: &mut String, line: &Line) {
        let Look { class, marker, dashed } = look(line.engine);
        let broken = if dashed { " broken" } else { "" };
        svg.push_str(&format!("<g class=\"e-{class}{broken}\">"));
        let place = |point: &Point| (self.x_of(point.x), self.y_of(point.y));
        let mut path = String::new();
        for (index, (x, y)) in line.points.iter().map(place).enumerate() {
            let verb = if index == 0 { 'M' } else { 'L' };
            let _infallible = write!(path, "{verb}{x:.1} {y:.1}");
        }
        if line.points.len() > 1 {
            svg.push_str(&format!("<path class=\"line\" d=\"{path}\"/>"));
        }
        for point in &line.points {
            let Some(says) = &point.says else { continue };
            let (x, y) = place(point);
            let hollow = if point.doubtful { " hollow" } else { "" };
            svg.push_str("<g>");
            if let Some((low, high)) = point.range {
                let (low, high) = (self.y_of(low), self.y_of(high));
                svg.push_str(&format!("<path class=\"interval\" d=\"M{x:.1} {low:.1}V{high:.1}\"/>"));
            }
            let path = marker.path(x, y);
            let says = Text(says);
            svg.push_str(&format!(
                "<path class=\"point{hollow}\" d=\"{path}\"><title>{says}</title></path></g>"
            ));
        }
        svg.push_str("</g>");
    }

    fn x_of(&self, value: f64) -> f64 {
        LEFT + 8.0 + self.x.scale.at(value) * (WIDTH - RIGHT - LEFT - 16.0)
    }

    fn y_of(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.scale.at(value) * (HEIGHT - BOTTOM - TOP)
    }
}

/// The names of engines with their marks.
pub fn legend(engines: &[Engine]) -> String {
    let items: String = engines
        .iter()
        .map(|engine| {
            let Look { class, marker, dashed } = look(*engine);
            let broken = if dashed { " broken" } else { "" };
            let path = marker.path(14.0, 8.0);
            format!(
                "<li class=\"e-{class}{broken}\"><svg viewBox=\"0 0 28 16\" width=\"28\" height=\"16\" \
                 aria-hidden=\"true\"><path class=\"line\" d=\"M0 8H28\"/><path class=\"point\" d=\"{path}\"/></svg>\
                 {engine}</li>"
            )
        })
        .collect();
    format!("<ul class=\"legend\">{items}</ul>\n")
}

#[cfg(test)]
mod tests;
