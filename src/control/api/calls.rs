//! The list of calls: method, path and handler of each. A test holds it against `docs/openapi.json`.

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, on},
};

use crate::control::shared::core::Core;

/// Calls, as they become routes.
#[derive(Default)]
pub struct Calls {
    router: Router<Core>,
    #[cfg(test)]
    pub listed: Vec<(&'static str, &'static str)>,
}

/// What answers a call.
macro_rules! method {
    ($($method:ident, $filter:ident;)*) => { $(
        #[doc = concat!("A call by ", stringify!($filter), ".")]
        pub fn $method<T: 'static>(self, path: &'static str, handler: impl Handler<T, Core>) -> Self {
            self.add(MethodFilter::$filter, stringify!($method), path, handler)
        }
    )* };
}

impl Calls {
    method! {
        get, GET;
        put, PUT;
        post, POST;
        patch, PATCH;
        delete, DELETE;
    }

    #[cfg_attr(not(test), expect(unused_variables, reason = "only tests list the calls"))]
    fn add<T: 'static>(
        self,
        filter: MethodFilter,
        method: &'static str,
        path: &'static str,
        handler: impl Handler<T, Core>,
    ) -> Self {
        #[cfg(test)]
        let listed = self.listed.into_iter().chain([(method, path)]).collect();
        Self {
            router: self.router.route(path, on(filter, handler)),
            #[cfg(test)]
            listed,
        }
    }

    /// The routes.
    pub fn into_router(self) -> Router<Core> {
        self.router
    }
}
