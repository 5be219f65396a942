//! Health: what an assignment asks about endpoints and drains. The caller answers from live state.

/// The state of endpoints and releases, by their slots.
pub trait Health {
    /// Whether an endpoint (by slot) serves. An endpoint that was not checked yet counts as serving.
    fn serves(&self, endpoint: usize) -> bool;
    /// How many requests are in flight at an endpoint (by slot).
    fn in_flight(&self, endpoint: usize) -> u32;
    /// An endpoint's (by slot) share of new clients in percent of its peers' share: less than 100 while it starts slowly.
    fn weight(&self, endpoint: usize) -> u32 {
        let _ = endpoint;
        100
    }
    /// Whether `drainseconds` have passed for a draining release (by slot).
    fn drain_over(&self, release: usize) -> bool;
}
