//! Numbers with units, as people write them.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes: `65536`, `64KiB`, `1MiB`, `500kB`.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let (number, unit) = split(text);
    let scale: usize = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "k" | "kib" => 1 << 10,
        "mb" => 1_000_000,
        "m" | "mib" => 1 << 20,
        _ => return Err("a size is a number of bytes, or ends in KiB, MiB, kB or MB".into()),
    };
    let number: usize = number.parse().map_err(|_| format!("{number:?} is no whole number"))?;
    let bytes = number.checked_mul(scale).filter(|bytes| (1_024..=1 << 30).contains(bytes));
    bytes.ok_or_else(|| "must be from 1KiB to 1GiB".into())
}

/// A number of bytes on disk: as [`size`], and larger, `10GiB`, `1TB`.
pub(crate) fn disk_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let scale: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "k" | "kib" => 1 << 10,
        "mb" => 1_000_000,
        "m" | "mib" => 1 << 20,
        "gb" => 1_000_000_000,
        "g" | "gib" => 1 << 30,
        "tb" => 1_000_000_000_000,
        "t" | "tib" => 1 << 40,
        _ => {
            return Err("a size is a number of bytes, or ends in KiB, MiB, GiB, TiB, kB, MB, GB or TB".into());
        }
    };
    let number: u64 = number.parse().map_err(|_| format!("{number:?} is no whole number"))?;
    let bytes = number.checked_mul(scale).filter(|bytes| (1 << 20..=16 << 40).contains(bytes));
    bytes.ok_or_else(|| "must be from 1MiB to 16TiB".into())
}

/// A number of bytes for people.
pub(crate) fn bytes(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..0x400 => return format!("{bytes} bytes"),
        0x400..0x10_0000 => (1 << 10, "KiB"),
        0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    match (bytes / unit, bytes % unit * 10 / unit) {
        (whole, 0) => format!("{whole} {name}"),
        (whole, tenths) => format!("{whole}.{tenths} {name}"),
    }
}

/// How long something is kept: `30d`, `12h`, `45m`, `10s`.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let scale = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("such a time ends in s, m, h or d, as 30d".into()),
    };
    let number: u64 = number.parse().map_err(|_| format!("{number:?} is no whole number"))?;
    let seconds = number.checked_mul(scale).filter(|seconds| (1..=36_500 * 86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "must be from 1s to 36500d".into())
}

/// A time: `8` or `8s`, `500ms`, `2m`.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let scale = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        _ => return Err("a time is a number of seconds, or ends in ms, s or m".into()),
    };
    let number: u64 = number.parse().map_err(|_| format!("{number:?} is no whole number"))?;
    let millis = number.checked_mul(scale).filter(|millis| (100..=86_400_000).contains(millis));
    millis.map(Duration::from_millis).ok_or_else(|| "must be from 100ms to a day".into())
}

/// A number above zero.
pub(crate) fn count<N: FromStr<Err: Display> + PartialOrd + Default>(text: &str) -> Result<N, String> {
    let number: N = text.parse().map_err(|error| format!("{error}"))?;
    if number > N::default() { Ok(number) } else { Err("must be at least 1".into()) }
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    (number, unit.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(size("65536"), Ok(65_536));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("64 kb"), Ok(64_000));
        assert_eq!(size("1M"), Ok(1 << 20));
        for wrong in
            ["", "KiB", "-1", "1.5MiB", "64KiBs", "0", "99999999999999999999", "18446744073709551615MiB"]
        {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_read() {
        assert_eq!(time("8"), Ok(Duration::from_secs(8)));
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "s", "1h", "-8", "0", "0.5s", "99999999999999999999"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_kept_is_larger_and_longer() {
        assert_eq!(disk_size("1048576"), Ok(1 << 20));
        assert_eq!(disk_size("10 GiB"), Ok(10 << 30));
        assert_eq!(disk_size("2TB"), Ok(2_000_000_000_000));
        for wrong in ["", "1", "1023KiB", "17TiB", "1.5GiB", "99999999999TiB", "1PiB"] {
            assert!(disk_size(wrong).is_err(), "{wrong}");
        }
        assert_eq!((age("90d"), age("1s")), (Ok(Duration::from_secs(7_776_000)), Ok(Duration::from_secs(1))));
        for wrong in ["", "90", "0s", "36501d", "1y", "1.5d"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
        let said = [500, 12 << 10, (1 << 20) + (1 << 19), 1 << 30].map(bytes);
        assert_eq!(said, ["500 bytes", "12 KiB", "1.5 MiB", "1 GiB"]);
    }

    #[test]
    fn counts_are_above_zero() {
        assert_eq!(count::<u32>("3"), Ok(3));
        assert!(
            count::<u32>("0").is_err() && count::<u32>("x").is_err() && count::<u32>("5000000000").is_err()
        );
    }
}
