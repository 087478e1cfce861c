//! One figure over several runs, and how figures are written.

/// The values of all runs.
#[derive(Debug, Default, Clone)]
pub(super) struct Figures(Vec<f64>);

impl Figures {
    /// Adds the value of a run.
    pub(super) fn add(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// The value in the middle; the mean of the two in the middle of an even number.
    pub(super) fn median(&self) -> Option<f64> {
        let half = self.0.len() / 2;
        let upper = *self.0.get(half)?;
        if self.0.len() % 2 == 1 {
            return Some(upper);
        }
        self.0.get(half.checked_sub(1)?).map(|lower| f64::midpoint(*lower, upper))
    }

    /// How far the furthest run is from the median, as a share of it; none for one run alone.
    pub(super) fn spread(&self) -> Option<f64> {
        let median = self.median().filter(|_| self.0.len() > 1)?;
        let furthest = self.0.iter().map(|value| (value - median).abs()).fold(0.0, f64::max);
        (median > 0.0).then(|| furthest / median)
    }
}

/// A time with three digits.
pub(super) fn seconds(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0} s")
    } else if value >= 10.0 {
        format!("{value:.1} s")
    } else if value >= 1.0 {
        format!("{value:.2} s")
    } else if value >= 0.1 {
        format!("{:.0} ms", value * 1e3)
    } else if value >= 0.001 {
        format!("{:.1} ms", value * 1e3)
    } else {
        format!("{:.1} us", value * 1e6)
    }
}

/// Memory in MB or GB, of 1000 each, from KiB.
pub(super) fn memory(kib: f64) -> String {
    let mb = kib * 1024.0 / 1e6;
    if mb >= 1000.0 { format!("{:.2} GB", mb / 1000.0) } else { format!("{mb:.0} MB") }
}

/// A whole number with its thousands apart.
pub(super) fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
