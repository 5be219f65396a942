//! The text as it grows: sent a part at a time, and bounded in its series.

use std::fmt::{Display, Write as _};

use crate::{
    cell::{HistogramTotal, upper_bound_us},
    control::{
        limits::METRICS_PART_BYTES,
        shared::body_stream::{BodyError, Parts},
    },
};

/// Every how many of the fine buckets one is shown: a bound per doubling is enough for a dashboard.
const BUCKETS_SHOWN: usize = 4;

/// Series of the page that say something of one kind, and stand or fall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Apps,
    Requests,
    Drains,
    Moves,
    Durations,
    Endpoints,
    EndpointDurations,
}

impl Group {
    pub const ALL: [Self; 7] = [
        Self::Apps,
        Self::Requests,
        Self::Drains,
        Self::Moves,
        Self::Durations,
        Self::Endpoints,
        Self::EndpointDurations,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Apps => "apps",
            Self::Requests => "requests",
            Self::Drains => "drains",
            Self::Moves => "moves",
            Self::Durations => "durations",
            Self::Endpoints => "endpoints",
            Self::EndpointDurations => "endpoint_durations",
        }
    }
}

/// The text as it grows.
#[derive(Debug)]
pub struct Page {
    text: String,
    parts: Parts,
    series: usize,
    series_max: usize,
    /// By group.
    left_out: [usize; Group::ALL.len()],
    /// What is written belongs to it; none: it is never left out.
    group: Option<Group>,
}

impl Page {
    pub fn new(parts: Parts, series_max: usize) -> Self {
        let left_out = [0; Group::ALL.len()];
        Self { text: String::new(), parts, series: 0, series_max, left_out, group: None }
    }

    /// Begins a group of about so many series; `false` when they do not fit, and are left out altogether.
    pub fn begin(&mut self, group: Group, series: usize) -> bool {
        self.group = Some(group);
        let fits = self.series.saturating_add(series) <= self.series_max;
        if !fits {
            self.left_out[group as usize] = series;
        }
        fits
    }

    /// Sends what there is, once it is enough for a part.
    pub async fn flush_when_full(&mut self) -> Result<(), BodyError> {
        if self.text.len() < METRICS_PART_BYTES {
            return Ok(());
        }
        let part = std::mem::replace(&mut self.text, String::with_capacity(METRICS_PART_BYTES));
        self.parts.send(part).await
    }

    /// Says what was left out, and sends the rest.
    pub async fn finish(mut self) -> Result<(), BodyError> {
        self.group = None;
        let name = "rolling_metrics_series_left_out";
        self.gauge(
            name,
            "Series that this page lacks, since it would have more than limits.metrics_series_max.",
        );
        for (group, count) in Group::ALL.iter().zip(self.left_out) {
            self.sample(name, &format!("group=\"{}\"", group.as_str()), count);
        }
        self.parts.send(self.text).await
    }

    pub fn counter(&mut self, name: &str, help: &str) {
        self.head(name, help, "counter");
    }

    pub fn gauge(&mut self, name: &str, help: &str) {
        self.head(name, help, "gauge");
    }

    pub fn histogram_head(&mut self, name: &str, help: &str) {
        self.head(name, help, "histogram");
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    pub fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        // A group may turn out larger than it was thought to be.
        if let Some(group) = self.group.filter(|_| self.series >= self.series_max) {
            self.left_out[group as usize] += 1;
            return;
        }
        self.series += 1;
        let _ = if labels.is_empty() {
            writeln!(self.text, "{name} {value}")
        } else {
            writeln!(self.text, "{name}{{{labels}}} {value}")
        };
    }

    pub fn histogram(&mut self, name: &str, labels: &str, total: &HistogramTotal) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut below = 0;
        for (index, bucket) in total.buckets.iter().enumerate() {
            below += bucket;
            if (index + 1).is_multiple_of(BUCKETS_SHOWN) {
                #[allow(clippy::cast_precision_loss, reason = "bounds far below 2^52 us")]
                let bound = upper_bound_us(index) as f64 / 1_000_000.0;
                self.sample(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"{bound}\""), below);
            }
        }
        self.sample(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"+Inf\""), below);
        #[allow(clippy::cast_precision_loss, reason = "sums far below 2^52 us")]
        let sum = total.sum_us as f64 / 1_000_000.0;
        self.sample(&format!("{name}_sum"), labels, sum);
        self.sample(&format!("{name}_count"), labels, below);
    }
}

/// How many series a histogram has.
pub fn histogram_series() -> usize {
    HistogramTotal::default().buckets.len() / BUCKETS_SHOWN + 3
}
