//! Charts of horizontal bars, as SVG.

use super::engine::look;
use super::scale::Scale;
use super::text::Text;
use crate::cli::Engine;

/// Units of the drawing, as those of a [`super::chart::Chart`].
const WIDTH: f64 = 420.0;
const LEFT: f64 = 116.0;
const RIGHT: f64 = 86.0;
const TOP: f64 = 6.0;
const ROW: f64 = 22.0;
const THICK: f64 = 13.0;
const BOTTOM: f64 = 38.0;

/// A piece of a bar.
pub struct Piece {
    /// The class whose colour the style sheet has.
    pub class: String,
    /// Its length.
    pub value: f64,
    /// What it says.
    pub says: String,
}

/// A bar.
pub struct Bar {
    /// On its left.
    pub name: String,
    /// Whether it belongs to the bar above it.
    pub minor: bool,
    /// From the left on.
    pub pieces: Vec<Piece>,
    /// The lowest and the highest that it could end.
    pub range: Option<(f64, f64)>,
    /// On its right.
    pub says: String,
}

/// A chart of bars.
pub struct Bars {
    /// Unique on the page.
    pub id: String,
    /// What stands above it.
    pub title: String,
    /// What the length of a bar is, and in what.
    pub label: String,
    /// The lengths.
    pub scale: Scale,
    /// The values that stand below, in words.
    pub ticks: Vec<(f64, String)>,
    /// From above.
    pub bars: Vec<Bar>,
}

/// The class of a bar of one piece, an engine's.
pub fn class_of(engine: Engine) -> String {
    format!("e-{}", look(engine).class)
}

impl Bars {
    /// As a figure.
    pub fn render(&self) -> String {
        let height = TOP + self.bars.len() as f64 * ROW + BOTTOM; // a few dozen
        let said: Vec<_> = self.bars.iter().map(|bar| format!("{}: {}", bar.name, describe(bar))).collect();
        let id = Text(&self.id);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}. {}</desc>",
            Text(&self.title),
            Text(&self.label),
            Text(said.join(". "))
        );
        let bottom = height - BOTTOM;
        for (value, text) in &self.ticks {
            let (x, y) = (self.x_of(*value), bottom + 14.0);
            svg.push_str(&format!("<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>"));
            svg.push_str(&format!("<text class=\"middle\" x=\"{x:.1}\" y=\"{y}\">{}</text>", Text(text)));
        }
        for (index, bar) in self.bars.iter().enumerate() {
            self.draw(&mut svg, bar, TOP + index as f64 * ROW);
        }
        let (x, y) = ((LEFT + WIDTH - RIGHT) / 2.0, height - 6.0);
        svg.push_str(&format!(
            "<text class=\"label middle\" x=\"{x}\" y=\"{y}\">{}</text>",
            Text(&self.label)
        ));
        let title = Text(&self.title);
        format!("<figure class=\"chart\"><figcaption>{title}</figcaption>{svg}</svg></figure>\n")
    }

    fn draw(&self, svg: &mut String, bar: &Bar, top: f64) {
        let (middle, name) = (top + ROW / 2.0, Text(&bar.name));
        let minor = if bar.minor { " minor" } else { "" };
        let (text_x, text_y) = (LEFT - 6.0, middle + 4.0);
        svg.push_str(&format!("<text class=\"end{minor}\" x=\"{text_x}\" y=\"{text_y}\">{name}</text>"));
        let (mut start, mut sum) = (self.x_of(0.0), 0.0);
        let thick = if bar.minor { THICK - 5.0 } else { THICK };
        for piece in &bar.pieces {
            sum += piece.value.max(0.0);
            let end = self.x_of(sum);
            // A narrow gap, so that neighbours are told apart without their colours.
            let width = (end - start - 0.8).max(0.0);
            let (y, class, says) = (middle - thick / 2.0, Text(&piece.class), Text(&piece.says));
            if width > 0.0 {
                svg.push_str(&format!(
                    "<rect class=\"bar {class}\" x=\"{start:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                     height=\"{thick:.1}\"><title>{says}</title></rect>"
                ));
            }
            start = end;
        }
        let mut end = start;
        if let Some((low, high)) = bar.range {
            let (low, high) = (self.x_of(low), self.x_of(high));
            end = end.max(high);
            let (from, to) = (middle - 4.0, middle + 4.0);
            svg.push_str(&format!(
                "<path class=\"whisker\" d=\"M{low:.1} {middle:.1}H{high:.1}M{low:.1} {from:.1}V{to:.1}M{high:.1} \
                 {from:.1}V{to:.1}\"/>"
            ));
        }
        let (x, says) = (end + 6.0, Text(&bar.says));
        svg.push_str(&format!("<text class=\"value\" x=\"{x:.1}\" y=\"{text_y}\">{says}</text>"));
    }

    fn x_of(&self, value: f64) -> f64 {
        LEFT + self.scale.at(value) * (WIDTH - RIGHT - LEFT)
    }
}

fn describe(bar: &Bar) -> String {
    let pieces: Vec<_> = bar.pieces.iter().map(|piece| piece.says.as_str()).collect();
    format!("{} ({})", bar.says, pieces.join(", "))
}
