//! Work on a file that may hold anything: where redb cannot go on it panics, which here is an error like any other.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::Once,
};

use super::error::DiskError;

thread_local! {
    /// Whether a panic on this thread is taken as an error, so that nobody need read of it as a panic.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does work on the file. A panic says that the file is damaged: redb found in it what it never writes.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, DiskError>) -> Result<T, DiskError> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                others(panic);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    // What the work leaves half done is dropped with the database, which is opened anew before it is used again.
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    done.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it cannot be read");
        Err(DiskError::Corrupt(text.lines().next().unwrap_or_default().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_next_one_is_heard_of_again() {
        let failed: Result<(), _> = guarded(|| panic!("page {} is not one\nof ours", 7));
        assert!(
            matches!(&failed, Err(DiskError::Corrupt(text)) if text == "page 7 is not one"),
            "{failed:?}"
        );
        assert!(!GUARDED.get());
        assert!(guarded(|| Ok(1)).is_ok());
    }
}
