//! What a server counts, as Prometheus reads it.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// A request by where it went and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    endpoint: String,
    status: u16,
}

/// Counters, gauges and histograms of a server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Histogram,
    /// Connections that are open.
    pub(crate) connections: Gauge,
    /// Requests that wait for the network.
    pub(crate) waiting: Gauge,
    /// Images that were classified.
    pub(crate) images: Counter,
    batches: Histogram,
    queued: Histogram,
    computed: Histogram,
}

/// Bounds of times: from 100 µs, each twice the last, to 26 s.
fn times() -> Histogram {
    Histogram::new(exponential_buckets(1e-4, 2.0, 19))
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("convnet"),
            requests: Family::default(),
            seconds: times(),
            connections: Gauge::default(),
            waiting: Gauge::default(),
            images: Counter::default(),
            batches: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            queued: times(),
            computed: times(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("requests", "Requests by endpoint and status", self.requests.clone());
        registry.register_with_unit(
            "request",
            "Time from a request's head to its answer",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register("connections", "Connections that are open", self.connections.clone());
        registry.register("waiting_requests", "Requests that wait for the network", self.waiting.clone());
        registry.register("images", "Images that were classified", self.images.clone());
        registry.register("batch_images", "Images that were classified at once", self.batches.clone());
        registry.register_with_unit(
            "queue",
            "Time that a request waited for the network",
            Unit::Seconds,
            self.queued.clone(),
        );
        registry.register_with_unit(
            "compute",
            "Time of the network for a batch",
            Unit::Seconds,
            self.computed.clone(),
        );
        self
    }

    /// A request was answered.
    pub(crate) fn answered(&self, endpoint: &str, status: u16, time: Duration) {
        let labels = Answered { endpoint: endpoint.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.seconds.observe(time.as_secs_f64());
    }

    /// A request waited for the network.
    pub(crate) fn waited(&self, time: Duration) {
        self.queued.observe(time.as_secs_f64());
    }

    /// A batch was classified.
    pub(crate) fn computed(&self, images: usize, time: Duration) {
        self.images.inc_by(images as u64);
        self.batches.observe(images as f64);
        self.computed.observe(time.as_secs_f64());
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told() {
        let metrics = Metrics::new();
        metrics.answered("/v2", 200, Duration::from_millis(3));
        metrics.answered("/v2", 404, Duration::from_millis(3));
        metrics.computed(5, Duration::from_millis(7));
        metrics.computed(1, Duration::from_millis(7));
        metrics.connections.set(2);
        let text = metrics.text().expect("text");
        for line in [
            "convnet_requests_total{endpoint=\"/v2\",status=\"404\"} 1",
            "convnet_images_total 6",
            "convnet_batch_images_count 2",
            "convnet_connections 2",
            "convnet_compute_seconds_bucket{le=\"0.0064\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
