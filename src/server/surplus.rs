//! Memory that is free and yet kept: it is given back from time to time.
//!
//! When a crowd of connections leaves, it is given back at once where the connections are counted. This is for what is no
//! crowd: keys of 64 KiB that came and went, a table of many apps that was published again and again, long answers.

use std::{fs, time::Duration};

use tokio::{task::spawn_blocking, time::sleep};

use crate::memory::give_back;

/// A router that holds less than this is let alone.
const LITTLE: u64 = 64 * 1024 * 1024;
/// Between two looks, while giving back is worth it.
const PAUSE_MIN: Duration = Duration::from_secs(5);
/// Between two looks, while it is not: memory is back within a minute of its last use.
const PAUSE_MAX: Duration = Duration::from_secs(40);
/// Giving back was worth it where it freed at least this part of what was held.
const WORTH_IT: u64 = 16;

/// Gives memory back from time to time, for ever.
pub async fn give_back_regularly() {
    let mut pause = PAUSE_MIN;
    loop {
        sleep(pause).await;
        let Some(held) = held_bytes() else { return };
        if held < LITTLE {
            continue;
        }
        // Some threads may have to wait for it, so it is not asked for more often than it is worth.
        if spawn_blocking(give_back).await.is_err() {
            return;
        }
        pause = next_pause(pause, held, held_bytes().unwrap_or(held));
    }
}

/// How long to wait after memory was given back: shortest after it was worth it, else twice as long as before.
fn next_pause(pause: Duration, before: u64, after: u64) -> Duration {
    if before.saturating_sub(after) >= before / WORTH_IT { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) }
}

/// What this process holds of its own, in bytes: resident pages but those of files (proc_pid_statm(5)). None where the
/// system does not tell.
fn held_bytes() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    held_pages(&pages)?.checked_mul(rustix::param::page_size() as u64)
}

fn held_pages(statm: &str) -> Option<u64> {
    let mut numbers = statm.split_whitespace().skip(1).map_while(|number| number.parse::<u64>().ok());
    let (resident, of_files) = (numbers.next()?, numbers.next()?);
    resident.checked_sub(of_files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_files_do_not_count() {
        assert_eq!(held_pages("2000 300 120 5 0 90 0\n"), Some(180));
        assert_eq!(held_pages("2000 300\n"), None);
        assert_eq!(held_pages(""), None);
        assert!(cfg!(not(target_os = "linux")) || held_bytes().is_some_and(|bytes| bytes > 0));
    }

    #[test]
    fn it_is_asked_for_less_often_while_nothing_comes_of_it() {
        let mut pause = PAUSE_MIN;
        let pauses: Vec<u64> = std::iter::repeat_with(|| {
            pause = next_pause(pause, 1_600, 1_501);
            pause.as_secs()
        })
        .take(4)
        .collect();
        assert_eq!(pauses, [10, 20, 40, 40]);
        assert_eq!(next_pause(pause, 1_600, 1_500), PAUSE_MIN);
        assert_eq!(next_pause(PAUSE_MIN, 1_600, 1_700), PAUSE_MIN * 2, "it may have grown meanwhile");
    }
}
