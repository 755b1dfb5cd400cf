//! What /proc says of a process: its CPU time, its memory, its children.

use std::fs;
use std::time::Duration;

/// `root` and all its descendants, as far as they live.
pub(crate) fn with_descendants(root: u32) -> Vec<u32> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(&pid) = all.get(next) {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        next += 1;
    }
    all
}

/// User and system time of `pids`, all threads of theirs.
///
/// From `task/*/schedstat`, whose first field is the run time in nanoseconds. It is the sum that
/// `utime` and `stime` of /proc/PID/stat are made from, which are rounded down to ticks of 10 ms.
/// Those serve where the kernel has no schedstat.
pub(crate) fn cpu_time(pids: &[u32]) -> Duration {
    let precise = pids.iter().map(|pid| cpu_time_of(*pid)).sum::<Option<Duration>>();
    precise.unwrap_or_else(|| pids.iter().map(|pid| ticks_of(*pid)).sum())
}

/// Resident memory of `pids`, in bytes.
///
/// From `smaps_rollup`: the counter in `statm` lags by some pages for each core.
pub(crate) fn resident_bytes(pids: &[u32]) -> u64 {
    let rollup = |pid| fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    pids.iter().filter_map(|pid| parse_resident(&rollup(pid))).sum()
}

/// How long `cores` have been idle, all together, in ticks of 10 ms.
pub(crate) fn idle_time(cores: &[usize]) -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    cores.iter().filter_map(|core| parse_idle(&text, *core)).map(from_ticks).sum()
}

fn cpu_time_of(pid: u32) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        sum += parse_schedstat(&text)?;
    }
    Some(sum)
}

fn ticks_of(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    from_ticks(parse_stat(&text).unwrap_or(0))
}

fn parse_schedstat(text: &str) -> Option<Duration> {
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// `idle` and `iowait` of a core.
fn parse_idle(text: &str, core: usize) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("cpu{core} ")))?;
    line.split_whitespace().skip(3).take(2).map(|field| field.parse::<u64>().ok()).sum()
}

fn from_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second())
}

/// `utime` and `stime`, in ticks. The name in the second field may hold anything, parentheses too.
fn parse_stat(text: &str) -> Option<u64> {
    let mut fields = text[text.rfind(')')? + 1..].split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn parse_resident(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ticks_behind_any_name() {
        let text = "42 (a) b (c) S 1 2 3 0 -1 4194560 2447 3235750 1 152 17 25 16947 1213 20 0";
        assert_eq!(parse_stat(text), Some(42));
        assert_eq!(parse_stat("42 (a"), None);
    }

    #[test]
    fn reads_run_time_and_memory() {
        let time = parse_schedstat("26982218 9547378 76\n");
        assert_eq!(time, Some(Duration::from_nanos(26_982_218)));
        assert_eq!(parse_schedstat(""), None);
        let rollup = "5581-7ffd ---p 00000000 00:00 0 [rollup]\nRss:    3780 kB\nPss:   1 kB\n";
        assert_eq!(parse_resident(rollup), Some(3_870_720));
        assert_eq!(parse_resident(""), None);
    }

    #[test]
    fn reads_how_long_a_core_was_idle() {
        let text = "cpu  9 9 9 9 9\ncpu1 1 2 3 40 2 6 7 8 9 10\ncpu11 1 1 1 7 0 0\n";
        assert_eq!(parse_idle(text, 1), Some(42));
        assert_eq!(parse_idle(text, 11), Some(7));
        assert_eq!(parse_idle(text, 0), None);
    }

    #[test]
    fn both_clocks_agree_on_this_process() {
        let start = crate::clock::now();
        while start.elapsed() < Duration::from_millis(200) {
            std::hint::spin_loop();
        }
        let pid = std::process::id();
        let (ticks, precise) = (ticks_of(pid), cpu_time_of(pid).unwrap());
        // Threads that have ended are in the ticks alone, so it is no more than that, and a tick.
        assert!(precise <= ticks + Duration::from_millis(20) && !precise.is_zero());
        assert!(resident_bytes(&[pid]) > 1 << 20);
        assert!(with_descendants(pid).contains(&pid));
    }
}
