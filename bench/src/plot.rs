//! Results as an SVG: for each scenario a bar for each subject, in relation to nginx.

use std::fmt::Write as _;

use crate::results::{Results, Table};
use crate::scenario::Measure;

/// The plot; scenarios without a result of nginx are not in it.
pub(crate) fn svg(results: &Results) -> String {
    let groups: Vec<Group> = results.scenarios.iter().filter_map(Group::of).collect();
    let bars: usize = groups.iter().map(|group| group.bars.len()).sum();
    let height = TOP + as_f64(bars) * BAR + as_f64(groups.len()) * GAP + 20.0;
    let right = LEFT + 2.0 * UNIT + 60.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {right} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <rect width=\"{right}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"15\" font-weight=\"600\">Cost in relation to nginx: \
         shorter is better</text>\n"
    );
    text += &legend(&groups);
    for step in 0..=4 {
        let ratio = f64::from(step) / 2.0;
        let (x, bottom) = (LEFT + ratio * UNIT, height - 12.0);
        let color = if step == 2 { "#1a1a1a" } else { "#dddddd" };
        let _ = write!(
            text,
            "<line x1=\"{x}\" x2=\"{x}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"{color}\"/>\n\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{ratio:.1}</text>\n",
            TOP - 6.0
        );
    }
    let mut y = TOP + GAP / 2.0;
    for group in &groups {
        y = group.draw(&mut text, y);
    }
    text + "</svg>\n"
}

/// A scenario in the plot.
#[derive(Debug, PartialEq)]
struct Group {
    title: String,
    bars: Vec<(Series, f64)>,
    floor: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Series {
    name: &'static str,
    color: &'static str,
}

impl Group {
    fn of(table: &Table) -> Option<Self> {
        let measure = table.measure();
        let ratio = |name| {
            let row = table.best(name, measure)?;
            row.ratio(table.best("nginx", measure)?, measure).filter(|ratio| ratio.is_finite())
        };
        let bars = SERIES.iter().filter_map(|series| Some((*series, ratio(series.name)?)));
        let bars: Vec<_> = bars.collect();
        let title = match measure {
            Measure::LatencyP99 => format!("{}: p99", table.title),
            Measure::MemoryPerClient | Measure::KibPerClient => format!("{}: memory", table.title),
            Measure::CpuPerRequest
            | Measure::CpuPerGigabyte
            | Measure::Throughput
            | Measure::LatencyP50
            | Measure::LatencyP999 => table.title.clone(),
        };
        (!bars.is_empty()).then(|| Self { title, bars, floor: ratio("floor") })
    }

    /// Draws it from `y` on, and returns where the next one begins.
    fn draw(&self, text: &mut String, y: f64) -> f64 {
        let height = as_f64(self.bars.len()) * BAR;
        let middle = y + height / 2.0 + 4.0;
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>",
            LEFT - 10.0,
            self.title
        );
        for (index, (series, ratio)) in self.bars.iter().enumerate() {
            let (top, width) = (y + as_f64(index) * BAR, ratio.min(2.0) * UNIT);
            let _ = writeln!(
                text,
                "<rect x=\"{LEFT}\" y=\"{}\" width=\"{width:.1}\" height=\"{}\" fill=\"{}\">\
                 <title>{}</title></rect><text x=\"{:.1}\" y=\"{}\" font-size=\"10\" \
                 fill=\"#555\" {HALO}>{ratio:.2}</text>",
                top + 1.0,
                BAR - 2.0,
                series.color,
                series.name,
                LEFT + width + 4.0,
                top + BAR - 4.0
            );
        }
        if let Some(floor) = self.floor {
            let x = LEFT + floor.min(2.0) * UNIT;
            let _ = writeln!(
                text,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{}\" {FLOOR}/>",
                y - 3.0,
                y + height + 3.0
            );
        }
        y + height + GAP
    }
}

fn legend(groups: &[Group]) -> String {
    let mut text = String::new();
    let mut x = 12.0;
    let is_drawn = |series: &&Series| {
        groups.iter().any(|group| group.bars.iter().any(|(drawn, _)| drawn == *series))
    };
    for series in SERIES.iter().filter(is_drawn) {
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"33\" width=\"11\" height=\"11\" fill=\"{}\"/>\
             <text x=\"{}\" y=\"43\">{}</text>",
            series.color,
            x + 16.0,
            series.name
        );
        x += 32.0 + 7.0 * as_f64(series.name.len());
    }
    let _ = writeln!(
        text,
        "<line x1=\"{0}\" x2=\"{0}\" y1=\"31\" y2=\"46\" {FLOOR}/>\
         <text x=\"{1}\" y=\"43\">floor: a relay that parses nothing</text>",
        x + 4.0,
        x + 12.0
    );
    text
}

#[expect(clippy::cast_precision_loss, reason = "a plot has few bars")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

const SERIES: [Series; 6] = [
    Series { name: "proxy-tokio", color: "#1f6feb" },
    Series { name: "proxy-smol", color: "#79b0f7" },
    Series { name: "proxy-async-std", color: "#bcd7fb" },
    Series { name: "haproxy", color: "#8c8c8c" },
    Series { name: "caddy", color: "#b5a27f" },
    Series { name: "envoy", color: "#b58fb0" },
];
/// Numbers may stand on a line.
const HALO: &str = "paint-order=\"stroke\" stroke=\"#fff\" stroke-width=\"3\"";
const FLOOR: &str = "stroke=\"#d1242f\" stroke-width=\"2\"";
/// Where the ratio 0 is, and how long 1 is.
const LEFT: f64 = 330.0;
const UNIT: f64 = 240.0;
const TOP: f64 = 74.0;
const BAR: f64 = 13.0;
const GAP: f64 = 14.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Count;
    use crate::results::{Row, Sample};

    #[test]
    fn a_bar_is_a_ratio_to_nginx() {
        let row = |name: &str, cpu_seconds| {
            let count = Count { requests: 1, seconds: 1.0, ..Count::default() };
            let sample = Sample { count, cpu_seconds, others: 0.0, resident: 0, growth: 0 };
            Row { name: name.to_owned(), samples: vec![sample], failure: None }
        };
        let mut table = Table {
            name: "get-1k".to_owned(),
            title: "1 KiB".to_owned(),
            measures: vec![Measure::CpuPerRequest],
            rows: vec![row("floor", 0.5), row("nginx", 2.0), row("proxy-tokio", 1.0)],
        };
        let group = Group::of(&table).unwrap();
        assert_eq!(group.bars, [(SERIES[0], 0.5)]);
        assert_eq!(group.floor, Some(0.25));
        table.rows[1].failure = Some("not a 200".to_owned());
        assert_eq!(Group::of(&table), None);
    }
}
