//! What the system says of this process.

/// A field of `/proc/self/status` in bytes, on systems that have it: `VmRSS` is the memory that is resident
/// now, `VmHWM` the most that ever was.
pub fn memory(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
