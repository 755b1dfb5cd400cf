//! What Linux tells of this process in /proc; absent elsewhere.

use std::fs;
use std::time::Duration;

/// User and system time spent, in seconds.
pub(crate) fn cpu_seconds() -> Option<f64> {
    cpu_seconds_in(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// Memory in RAM, in bytes.
pub(crate) fn resident_bytes() -> Option<u64> {
    resident_bytes_in(&fs::read_to_string("/proc/self/status").ok()?)
}

/// File descriptors open.
pub(crate) fn open_fds() -> Option<usize> {
    // One of them is the directory itself.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1))
}

/// File descriptors that may be open: the soft limit. None where it is unlimited.
pub(crate) fn max_fds() -> Option<u64> {
    max_fds_in(&fs::read_to_string("/proc/self/limits").ok()?)
}

// proc(5): utime and stime are fields 14 and 15, counted from the pid; the second, the command in
// parentheses, may itself hold spaces and parentheses.
fn cpu_seconds_in(stat: &str) -> Option<f64> {
    let (_, after_command) = stat.rsplit_once(") ")?;
    let mut times = after_command.split(' ').skip(11).map(str::parse::<u64>);
    let ticks = times.next()?.ok()? + times.next()?.ok()?;
    Some(Duration::from_millis(ticks * MILLIS_PER_TICK).as_secs_f64())
}

// In kB, unlike the pages of statm, whose size is not to be had without a system call.
fn resident_bytes_in(status: &str) -> Option<u64> {
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(kilobytes.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

fn max_fds_in(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The kernel reports times to user space in hundredths of a second (`USER_HZ`) on every
/// architecture that Rust's standard library supports.
const MILLIS_PER_TICK: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_in_stat_may_hold_parentheses_and_spaces() {
        let stat = "42 (a) b ) S 1 42 42 0 -1 4194560 900 0 3 0 250 75 0 0 20 0 4 0 8 9 10\n";
        assert_eq!(cpu_seconds_in(stat), Some(3.25));
        assert_eq!(cpu_seconds_in("42 (a"), None);
    }

    #[test]
    fn resident_memory_is_told_in_bytes() {
        let status = "Name:\tproxy\nVmHWM:\t    9999 kB\nVmRSS:\t    1100 kB\n";
        assert_eq!(resident_bytes_in(status), Some(1100 * 1024));
        assert_eq!(resident_bytes_in("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn the_soft_limit_of_files_is_the_first_one() {
        let header = "Limit                     Soft Limit           Hard Limit           Units\n";
        let limited = "Max open files            1024                 524288               files\n";
        let unlimited =
            "Max open files            unlimited            unlimited            files\n";
        assert_eq!(max_fds_in(&format!("{header}{limited}")), Some(1024));
        assert_eq!(max_fds_in(&format!("{header}{unlimited}")), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_found() {
        assert!(cpu_seconds().is_some());
        assert!(resident_bytes().unwrap() > 0);
        assert!(open_fds().unwrap() >= 1);
    }
}
