//! Who a request is of that a proxy passes on, as the proxy's header says.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use super::guard_refusal::GuardRefusal;
use crate::{
    control::shared::{
        access::{caller::Caller, proxy_sign_in::SignInFault},
        core::Core,
        error::{ApiError, Kind},
    },
    rollout::keys::{self, Meaning},
};

/// None: nobody says who it is, or somebody of whom it means nothing.
pub fn caller_of_proxy(
    core: &Core,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Option<Caller>, GuardRefusal> {
    let peer = peer.to_canonical();
    let Some(sign_in) = &core.options.sign_in else { return Ok(None) };
    if !sign_in.is_said(headers) || !sign_in.has_address(peer) {
        return Ok(None);
    }
    if is_endpoint(core, peer) {
        let message = format!(
            "{peer} is the address of an endpoint, which signs nobody in: the proxy needs an address of its own"
        );
        return Err(ApiError::new(Kind::Forbidden, message).into());
    }
    match sign_in.caller(headers) {
        Ok(caller) => Ok(Some(caller)),
        Err(SignInFault::Malformed(why)) => Err(ApiError::new(Kind::Malformed, why).into()),
        Err(SignInFault::NoRole(name)) => {
            core.sign_ins.count_failed();
            let message = format!(
                "`{}` may do nothing here: `admin_sso_roles` gives no role to that name or its groups",
                name.escape_debug()
            );
            Err(ApiError::new(Kind::Forbidden, message).into())
        }
        Err(SignInFault::Secret) => {
            core.sign_ins.count_failed();
            let failure = core.sign_ins.fail(peer, core.clock.monotonic());
            if failure.is_notable() {
                tracing::warn!(%peer, "{} requests came with a name and without the proxy's secret; answers are delayed", failure.count);
            }
            let message = "the proxy at this address does not show its secret in X-Rolling-Router-Sso-Secret";
            Err(GuardRefusal { error: ApiError::new(Kind::Unauthorized, message), wait: failure.wait })
        }
    }
}

/// Whether an endpoint is registered at this address, on whatever port, or a name of one stands for it.
fn is_endpoint(core: &Core, address: IpAddr) -> bool {
    let is_here = |ip: IpAddr| ip.to_canonical() == address;
    let published = core.live.load_full();
    let mut routed =
        published.table.apps.values().flat_map(|app| app.listed()).flat_map(|release| &release.endpoints);
    let registered = core.store.held();
    let mut registered =
        registered.iter().filter(|(key, _)| matches!(keys::meaning(key), Some(Meaning::Endpoint(..))));
    let at = |value: &[u8]| std::str::from_utf8(value).ok()?.trim().parse::<SocketAddr>().ok();
    routed.any(|endpoint| endpoint.address.ip().is_some_and(is_here))
        || core.names.resolved().all().any(|ip| is_here(*ip))
        || registered.any(|(_, (value, _))| at(value).is_some_and(|at| is_here(at.ip())))
}
