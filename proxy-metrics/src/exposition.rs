//! The one list of families: every name and help text that a scraper sees.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::UNIX_EPOCH;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;

use crate::counter::Counter;
use crate::histogram::Distribution;
use crate::labels::{StatusClass, TimeoutKind, UpstreamErrorKind};
use crate::metrics::State;
use crate::name::NameMetrics;
use crate::process;
use crate::shard::Shard;
use crate::upstream::{UpstreamMetrics, UpstreamShard};

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.encode_clients(&mut encoder)?;
        encode_upstreams(&mut encoder, &self.upstreams_in_use())?;
        encode_names(&mut encoder, &self.names_in_use())?;
        self.encode_process(&mut encoder)
    }
}

impl State {
    fn encode_clients(&self, out: &mut DescriptorEncoder) -> fmt::Result {
        single(
            out,
            "proxy_requests_total",
            "Requests received from clients.",
            &self.total(|shard| &shard.requests),
        )?;
        single(
            out,
            "proxy_requests_parse_errors_total",
            "Requests rejected before routing: malformed, too large or not supported.",
            &self.total(|shard| &shard.parse_errors),
        )?;
        labelled(
            out,
            "proxy_responses_total",
            "Responses sent to clients, by the first digit of the status.",
            StatusClass::ALL
                .into_iter()
                .map(|class| (class, self.sum(|shard| shard.response(class))))
                .filter(|&(class, count)| class != StatusClass::Informational || count > 0)
                .map(|(class, count)| {
                    ([("status_class", class.as_str())], ConstCounter::new(count))
                }),
        )?;
        single(
            out,
            "proxy_request_duration_seconds",
            "Time a request took, to the end of its response.",
            &Distribution::total(self.shards.iter().map(|shard| &shard.duration)),
        )?;
        single(
            out,
            "proxy_bytes_sent_total",
            "Bytes sent to clients, heads included.",
            &self.total(|shard| &shard.bytes_sent),
        )?;
        single(
            out,
            "proxy_bytes_received_total",
            "Bytes received from clients, heads included.",
            &self.total(|shard| &shard.bytes_received),
        )?;
        labelled(
            out,
            "proxy_timeout_errors_total",
            "Requests that ran into a time limit, by the limit.",
            TimeoutKind::ALL
                .into_iter()
                .map(|kind| ([("type", kind.as_str())], self.total(|shard| shard.timeout(kind)))),
        )?;
        labelled(
            out,
            "proxy_failures_total",
            "Failures by cause, in the words of the log.",
            self.causes.iter().enumerate().map(|(index, &cause)| {
                ([("cause", cause)], self.total(|shard| shard.failure(index)))
            }),
        )?;
        // Closed is read first: a connection that comes and goes in between then shows as open for
        // one scrape, instead of taking the difference below zero.
        let closed = self.sum(|shard| &shard.connections_closed);
        let opened = self.sum(|shard| &shard.connections_opened);
        single(
            out,
            "proxy_client_connections",
            "Client connections open.",
            &ConstGauge::new(opened.saturating_sub(closed)),
        )?;
        let clients = self.clients();
        single(
            out,
            "proxy_client_connections_limit",
            "Client connections served at once, at most.",
            &ConstGauge::new(clients.limit),
        )?;
        single(
            out,
            "proxy_waiting_clients",
            "Client connections accepted and waiting for a place, one a listening socket at most.",
            &ConstGauge::new(clients.waiting),
        )
    }

    fn encode_process(&self, out: &mut DescriptorEncoder) -> fmt::Result {
        single(
            out,
            "proxy_build_info",
            "The version of the proxy and the runtime it is built on.",
            &Info::new([("version", self.build.version), ("runtime", self.build.runtime)]),
        )?;
        labelled(
            out,
            "proxy_config_reloads_total",
            "Times the configuration was re-read, by result.",
            [("success", &self.reloads.succeeded), ("failure", &self.reloads.failed)]
                .map(|(result, count)| ([("result", result)], ConstCounter::new(count.value()))),
        )?;
        single(
            out,
            "proxy_config_last_reload_successful",
            "Whether the configuration was applied when it was last read.",
            &ConstGauge::new(u32::from(self.reloads.last_succeeded.load(Ordering::Relaxed))),
        )?;
        single(
            out,
            "proxy_config_last_reload_success_timestamp_seconds",
            "When a configuration was last applied, in Unix time.",
            &ConstGauge::new(self.reloads.last_success.load(Ordering::Relaxed)),
        )?;
        single(
            out,
            "proxy_log_lines_dropped_total",
            "Log lines given up because stdout did not take them.",
            &ConstCounter::new(self.log_lines_dropped.value()),
        )?;
        single(
            out,
            "proxy_draining",
            "Whether the process was told to stop and is about to end.",
            &ConstGauge::new(u32::from(self.draining.load(Ordering::Relaxed))),
        )?;
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        single(
            out,
            "process_start_time_seconds",
            "When the process started, in Unix time.",
            &ConstGauge::new(started.as_secs_f64()),
        )?;
        if let Some(seconds) = process::cpu_seconds() {
            let help = "User and system CPU time spent.";
            single(out, "process_cpu_seconds_total", help, &ConstCounter::new(seconds))?;
        }
        if let Some(bytes) = process::resident_bytes() {
            let help = "Memory in RAM.";
            single(out, "process_resident_memory_bytes", help, &ConstGauge::new(bytes))?;
        }
        if let Some(count) = process::open_fds() {
            let help = "File descriptors open.";
            single(out, "process_open_fds", help, &ConstGauge::new(count))?;
        }
        if let Some(count) = process::max_fds() {
            let help = "File descriptors that may be open.";
            single(out, "process_max_fds", help, &ConstGauge::new(count))?;
        }
        Ok(())
    }

    fn sum(&self, counter: impl Fn(&Shard) -> &Counter) -> u64 {
        self.shards.iter().map(|shard| counter(shard).value()).sum()
    }

    fn total(&self, counter: impl Fn(&Shard) -> &Counter) -> ConstCounter<u64> {
        ConstCounter::new(self.sum(counter))
    }
}

fn encode_upstreams(
    out: &mut DescriptorEncoder,
    upstreams: &[Arc<UpstreamMetrics>],
) -> fmt::Result {
    let counters = |counter: fn(&UpstreamShard) -> &Counter| {
        upstreams.iter().map(move |upstream| (of(upstream), total(upstream, counter)))
    };
    labelled(
        out,
        "proxy_upstream_requests_total",
        "Requests given to an upstream.",
        counters(|shard| &shard.requests),
    )?;
    labelled(
        out,
        "proxy_upstream_errors_total",
        "Requests that an upstream failed.",
        upstreams.iter().flat_map(|upstream| {
            UpstreamErrorKind::ALL.into_iter().map(move |kind| {
                let [name] = of(upstream);
                ([name, ("type", kind.as_str())], total(upstream, |shard| shard.error(kind)))
            })
        }),
    )?;
    labelled(
        out,
        "proxy_upstream_retries_total",
        "Requests to an upstream that were tried once more.",
        counters(|shard| &shard.retries),
    )?;
    labelled(
        out,
        "proxy_upstream_connects_total",
        "Connections opened to an upstream.",
        counters(|shard| &shard.connects),
    )?;
    labelled(
        out,
        "proxy_upstream_request_duration_seconds",
        "Time from a connection to the upstream in hand to the end of its response.",
        upstreams.iter().map(|upstream| {
            let shards = upstream.shards().iter();
            (of(upstream), Distribution::total(shards.map(|shard| &shard.duration)))
        }),
    )?;

    let pools: Vec<_> = upstreams.iter().map(|upstream| (of(upstream), upstream.pool())).collect();
    labelled(
        out,
        "proxy_upstream_connections",
        "Connections open to an upstream, by what they do.",
        pools.iter().flat_map(|&([name], pool)| {
            [("active", pool.open.saturating_sub(pool.idle)), ("idle", pool.idle)]
                .map(|(state, count)| ([name, ("state", state)], ConstGauge::new(count)))
        }),
    )?;
    labelled(
        out,
        "proxy_upstream_connections_limit",
        "Connections open to an upstream at once, at most.",
        pools.iter().map(|&(labels, pool)| (labels, ConstGauge::new(pool.limit))),
    )?;
    labelled(
        out,
        "proxy_upstream_waiting_requests",
        "Requests waiting for a connection to an upstream.",
        pools.iter().map(|&(labels, pool)| (labels, ConstGauge::new(pool.waiting))),
    )
}

fn encode_names(out: &mut DescriptorEncoder, names: &[Arc<NameMetrics>]) -> fmt::Result {
    labelled(
        out,
        "proxy_resolve_addresses",
        "Addresses that the last good look-up of an upstream's name gave.",
        names.iter().map(|name| ([("name", name.name())], ConstGauge::new(name.addresses()))),
    )?;
    labelled(
        out,
        "proxy_resolve_errors_total",
        "Look-ups of an upstream's name that gave no address.",
        names.iter().map(|name| ([("name", name.name())], ConstCounter::new(name.errors.value()))),
    )
}

fn of(upstream: &UpstreamMetrics) -> [(&str, &str); 1] {
    [("upstream", upstream.name())]
}

fn total(
    upstream: &UpstreamMetrics,
    counter: impl Fn(&UpstreamShard) -> &Counter,
) -> ConstCounter<u64> {
    ConstCounter::new(upstream.shards().iter().map(|shard| counter(shard).value()).sum())
}

/// Encodes a family of one series, without labels of its own.
fn single(
    out: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(out.encode_descriptor(family_name(name), help, None, metric.metric_type())?)
}

/// Encodes a family of a series per label set.
fn labelled<L: EncodeLabelSet, M: EncodeMetric + TypedMetric>(
    out: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    series: impl IntoIterator<Item = (L, M)>,
) -> fmt::Result {
    let mut family = out.encode_descriptor(family_name(name), help, None, M::TYPE)?;
    for (labels, metric) in series {
        metric.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// OpenMetrics names a family without the suffix that its samples carry, and the encoder adds it
/// back; the list above has the names that a user looks for.
fn family_name(name: &str) -> &str {
    let without = |suffix| name.strip_suffix(suffix);
    without("_total").or_else(|| without("_info")).unwrap_or(name)
}
