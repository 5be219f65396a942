//! All certificates as people see them: for the API, the metrics and the alarms.

use super::{
    board::{BoardCertificate, BoardOrder},
    wanted::wanted_hosts,
};
use crate::{
    control::shared::core::Core, live::certificates::FileCertificate, rollout::app::AppName,
    schema::certificate::Certificate,
};

/// Those in files of this router, then those of a CA and the hosts that are to have one.
pub fn certificates(core: &Core) -> Vec<Certificate> {
    let now = core.clock.wall_ms();
    let files = core.live.certificates().files();
    let mut all: Vec<Certificate> = files.iter().map(|file| of_file(file, now)).collect();
    let (issued, orders, wanted) = (core.acme.certificates(), core.acme.orders(), wanted_hosts(core));
    // Without a CA a host that wants one waits all the same, and says so.
    let mut hosts: Vec<&String> = issued.keys().chain(wanted.keys()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let asks = core.options.acme.is_some();
    let row = |host: &String| of_host(host, wanted.get(host), issued.get(host), orders.get(host), asks, now);
    all.extend(hosts.into_iter().map(row));
    all
}

fn of_file(file: &FileCertificate, now: u64) -> Certificate {
    let ends_at = file.ends_at.map(|seconds| seconds * 1_000);
    let state = match (&file.fault, ends_at) {
        (_, Some(ends_at)) if ends_at < now => "expired",
        (Some(_), None) => "unreadable",
        _ => "valid",
    };
    Certificate {
        names: file.names.clone(),
        source: "file".to_owned(),
        state: state.to_owned(),
        file: Some(file.file.clone()),
        ends_at,
        error: file.fault.clone(),
        ..Certificate::default()
    }
}

fn of_host(
    host: &str,
    app: Option<&AppName>,
    issued: Option<&BoardCertificate>,
    order: Option<&BoardOrder>,
    asks: bool,
    now: u64,
) -> Certificate {
    let fault = order.and_then(|order| order.stored.fault.as_ref());
    let unasked = || {
        (issued.is_none() && order.is_none() && !asks)
            .then(|| "this router has no `acme_directory`".to_owned())
    };
    let state = match (issued, fault) {
        (Some(known), _) if known.fault.is_some() => "unreadable",
        (Some(known), _) if known.stored.ends_at < now => "expired",
        (Some(_), _) => "valid",
        (None, Some(_)) => "failed",
        (None, None) => "ordering",
    };
    Certificate {
        names: vec![host.to_owned()],
        source: "acme".to_owned(),
        state: state.to_owned(),
        app: app.map(ToString::to_string),
        file: None,
        ends_at: issued.map(|known| known.stored.ends_at),
        renew_at: issued.filter(|_| app.is_some()).map(|known| known.stored.renew_at),
        error: fault.map(|fault| fault.error.clone()).or_else(|| issued?.fault.clone()).or_else(unasked),
        failures: order.map_or(0, |order| order.stored.failures),
        retry_at: fault.map(|fault| fault.retry_at),
    }
}
