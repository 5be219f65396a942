//! Where clients go: releases come and go, endpoints die, people try a release first, and the router says why.

mod assets;
mod endpoint_drain;
mod explain;
mod halts;
mod health;
mod health_checks;
mod interim;
mod names;
mod page_headers;
mod paths;
mod pins;
mod plans;
mod race;
mod release;
mod shadow;
mod shielding;
mod testers;
mod unix_endpoints;
mod verdict;
mod without_cookies;
