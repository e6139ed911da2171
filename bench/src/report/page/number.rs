//! Numbers as people read them: three digits, and a unit or its prefix.

/// A number with a prefix for thousands and more: `153 k`.
pub fn short(value: f64) -> String {
    let (scaled, prefix) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, " G"),
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e3 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    format!("{}{prefix}", three_digits(scaled))
}

/// As [`short`], without zeros that tell nothing: for an axis.
pub fn tick(value: f64) -> String {
    let text = short(value);
    let (number, prefix) =
        text.split_once(' ').map_or((text.as_str(), ""), |(number, prefix)| (number, prefix));
    let number =
        if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    if prefix.is_empty() { number.to_owned() } else { format!("{number} {prefix}") }
}

/// Microseconds, or milliseconds or seconds where there are many of them.
pub fn time(microseconds: f64) -> String {
    let (scaled, unit) = match microseconds {
        us if us >= 1e6 => (us / 1e6, "s"),
        us if us >= 1e3 => (us / 1e3, "ms"),
        us => (us, "µs"),
    };
    format!("{} {unit}", three_digits(scaled))
}

/// As [`time`], without zeros that tell nothing.
pub fn time_tick(microseconds: f64) -> String {
    let text = time(microseconds);
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let number =
        if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number} {unit}")
}

/// A part of one as per cent.
pub fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

fn three_digits(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Seconds since 1970 as a date and a time of UTC.
pub fn date(unix_time: u64) -> String {
    let (days, second) = (unix_time / 86_400, unix_time % 86_400);
    // Civil from days (Howard Hinnant, chrono-compatible low-level date algorithms), for dates since 1970.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", second / 3600, second / 60 % 60)
}

#[cfg(test)]
mod tests;
