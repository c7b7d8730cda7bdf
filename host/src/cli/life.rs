//! Life spans of tokens as they are written on the command line.

use std::time::Duration;

/// A time such as 90s, 15m, 1h or 7d, at most `most`.
pub(super) fn life(text: &str, most: Duration) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let read = |(unit, seconds): (&str, u64)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(seconds);
    let life = units.into_iter().find_map(read).map(Duration::from_secs);
    life.filter(|life| !life.is_zero() && *life <= most).ok_or_else(|| {
        let hours = most.as_secs() / 3600;
        let most = if hours >= 48 { format!("{}d", hours / 24) } else { format!("{hours}h") };
        format!("write a time from 1s to {most}, such as 15m")
    })
}
