//! Numbers, sizes and times as people read them. Integers only: formatting floats would cost the
//! page some kilobytes of wasm.

use std::time::Duration;

/// A byte count with a unit, in powers of 1,000: `512 B`, `20.5 kB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1_000 {
        return format!("{count} B");
    }
    let mut unit = 0;
    let mut divisor = 1_000_u64;
    // The next unit as soon as one decimal would round up to 1000.0.
    while unit + 1 < UNITS.len() && count >= divisor.saturating_mul(1_000) - divisor / 20 {
        divisor *= 1_000;
        unit += 1;
    }
    // A hundredth of the count at most is lost where ten times of it would not fit.
    let tenths =
        if count < u64::MAX / 20 { (count * 10 + divisor / 2) / divisor } else { count / (divisor / 10) };
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Milliseconds with up to two decimals and no trailing zeros: `1.24`, `12`, `0.5`.
pub fn millis(duration: Duration) -> String {
    let hundredths = duration.as_secs() * 100_000 + u64::from(duration.subsec_micros() + 5) / 10;
    let (whole, part) = (hundredths / 100, hundredths % 100);
    match part {
        0 => whole.to_string(),
        part if part % 10 == 0 => format!("{whole}.{}", part / 10),
        part => format!("{whole}.{part:02}"),
    }
}

/// The whole seconds that are left until `at`, rounded up; 0 once it has passed.
pub fn seconds_left(at: Duration, now: Duration) -> u64 {
    let left = at.saturating_sub(now);
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

/// The time of day of a moment in milliseconds, as `09:05:07.042`.
pub fn time_of_day(millis_since_midnight: u64) -> String {
    let seconds = millis_since_midnight / 1_000;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        millis_since_midnight % 1_000
    )
}

/// A count and its noun: `1 edit`, `3 edits`.
pub fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The same text with a capital letter in front, if it begins with an ASCII one: the tables for
/// all others would be 10 KB of wasm.
pub fn sentence(text: &str) -> String {
    let mut sentence = text.to_owned();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

/// The digits of a number in groups of three, as HTML. The gaps are empty elements, so the text
/// content stays the plain number, to be read by machines and copied by people.
pub fn grouped_html(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut html = String::with_capacity(digits.len() * 4);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            html.push_str("<i></i>");
        }
        html.push(digit);
    }
    html
}

/// The first characters of an id, enough to tell the peers of a room apart.
pub fn short_id(id: &str) -> &str {
    let end = id.char_indices().nth(6).map_or(id.len(), |(at, _)| at);
    &id[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_the_unit_that_keeps_them_short() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_000), "1.0 kB");
        assert_eq!(bytes(20_480), "20.5 kB");
        assert_eq!(bytes(999_949), "999.9 kB");
        assert_eq!(bytes(999_950), "1.0 MB");
        assert_eq!(bytes(5_250_000_000), "5.3 GB");
        assert_eq!(bytes(u64::MAX), "18446744.0 TB");
    }

    #[test]
    fn millis_have_at_most_two_decimals() {
        assert_eq!(millis(Duration::ZERO), "0");
        assert_eq!(millis(Duration::from_micros(1_236)), "1.24");
        assert_eq!(millis(Duration::from_micros(1_203)), "1.2");
        assert_eq!(millis(Duration::from_micros(1_050)), "1.05");
        assert_eq!(millis(Duration::from_micros(996)), "1");
        assert_eq!(millis(Duration::from_secs(2)), "2000");
    }

    #[test]
    fn a_countdown_ends_at_zero_and_not_before() {
        let at = Duration::from_secs(10);
        assert_eq!(seconds_left(at, Duration::from_secs(6)), 4);
        assert_eq!(seconds_left(at, Duration::from_millis(9_999)), 1);
        assert_eq!(seconds_left(at, at), 0);
        assert_eq!(seconds_left(at, Duration::from_secs(11)), 0);
    }

    #[test]
    fn time_of_day_is_padded_and_stays_within_a_day() {
        assert_eq!(time_of_day(0), "00:00:00.000");
        assert_eq!(time_of_day(32_707_042), "09:05:07.042");
        assert_eq!(time_of_day(86_400_000), "00:00:00.000");
    }

    #[test]
    fn sentences_begin_with_a_capital() {
        assert_eq!(sentence("the room is full"), "The room is full");
        assert_eq!(sentence("über"), "über");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn grouping_keeps_the_digits() {
        for number in [0, 999, 1_000, 12_345, 123_456, 1_234_567, u64::MAX] {
            assert_eq!(grouped_html(number).replace("<i></i>", ""), number.to_string());
        }
        assert_eq!(grouped_html(1_234), "1234");
        assert_eq!(grouped_html(1_234_567), "1<i></i>234<i></i>567");
    }

    #[test]
    fn short_ids_are_cut_between_characters() {
        assert_eq!(short_id("3f2a9c1d"), "3f2a9c");
        assert_eq!(short_id("ab"), "ab");
        assert_eq!(short_id("åäöåäöåäö"), "åäöåäö");
    }
}
