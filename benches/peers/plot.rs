//! Line charts as SVG.
#![allow(dead_code, unreachable_pub)]

use std::fmt::Write as _;

/// A line: its name and its points.
pub type Line = (String, Vec<(f64, f64)>);

/// Told apart by the colour-blind too (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const LEFT: f64 = 56.0;
const RIGHT: f64 = 480.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 300.0;

/// A chart; `log` spaces the values of x by their ratios; a dashed line marks `y = mark`.
pub fn chart(title: &str, [x_name, y_name]: [&str; 2], log: bool, mark: f64, lines: &[Line]) -> String {
    let scale = |x: f64| if log { x.log2() } else { x };
    let points = || lines.iter().flat_map(|(_, points)| points);
    let mut xs: Vec<f64> = points().map(|p| p.0).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    let (low, high) = (xs.first().copied().unwrap_or(1.0), xs.last().copied().unwrap_or(1.0));
    let span = (scale(high) - scale(low)).max(1e-9);
    let top = points().map(|p| p.1).fold(mark, f64::max) * 1.1;
    let step = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0].into_iter().find(|s| top / s <= 8.0).unwrap_or(20.0);
    let at = |(x, y): (f64, f64)| {
        (LEFT + (scale(x) - scale(low)) / span * (RIGHT - LEFT), BOTTOM - y / top * (BOTTOM - TOP))
    };
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 350\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"640\" height=\"350\" fill=\"white\"/>\n",
    );
    let mut text = |x: f64, y: f64, anchor: &str, what: &str| {
        _ = writeln!(out, "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{what}</text>");
    };
    text(LEFT, 20.0, "start", title);
    text((LEFT + RIGHT) / 2.0, BOTTOM + 38.0, "middle", x_name);
    text(8.0, TOP - 4.0, "start", y_name);
    for x in &xs {
        text(at((*x, 0.0)).0, BOTTOM + 18.0, "middle", &format!("{x}"));
    }
    let ticks: Vec<f64> = (0..).map(|i| f64::from(i) * step).take_while(|y| *y <= top).collect();
    for y in &ticks {
        text(LEFT - 8.0, at((low, *y)).1 + 4.0, "end", &format!("{y}"));
    }
    for (i, (name, _)) in lines.iter().enumerate() {
        text(RIGHT + 32.0, TOP + 14.0 + 18.0 * i as f64, "start", name);
    }
    let mut line = |from: (f64, f64), to: (f64, f64), style: &str| {
        let ((a, b), (c, d)) = (from, to);
        _ = writeln!(out, "<line x1=\"{a:.1}\" y1=\"{b:.1}\" x2=\"{c:.1}\" y2=\"{d:.1}\" {style}/>");
    };
    for y in &ticks {
        line(at((low, *y)), at((high, *y)), "stroke=\"#dddddd\"");
    }
    line(at((low, mark)), at((high, mark)), "stroke=\"#555555\" stroke-dasharray=\"4 3\"");
    for i in 0..lines.len() {
        let y = TOP + 10.0 + 18.0 * i as f64;
        let style = format!("stroke=\"{}\" stroke-width=\"2\"", COLOURS[i % COLOURS.len()]);
        line((RIGHT + 8.0, y), (RIGHT + 26.0, y), &style);
    }
    for (i, (_, points)) in lines.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let places: Vec<String> = points.iter().map(|p| at(*p)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            places.join(" ")
        );
        for (x, y) in points.iter().map(|p| at(*p)) {
            _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
    }
    out + "</svg>\n"
}
