//! The browser's clock and zone: the one place that asks them. Times are shown in the site's zone, named on hover.

use crate::{i18n, numbers};
use chrono::{DateTime, Utc};
use domain::text::Language;
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::JsValue;

/// Milliseconds since 1970, UTC.
pub fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// A moment in the browser's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    pub year: u32,
    /// 1 to 12.
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
}

/// `at` in the browser's zone.
pub fn local(at: DateTime<Utc>) -> Local {
    local_of(at.timestamp_millis() as f64)
}

fn local_of(milliseconds: f64) -> Local {
    let date = js_sys::Date::new(&JsValue::from_f64(milliseconds));
    Local {
        year: date.get_full_year(),
        month: date.get_month() + 1,
        day: date.get_date(),
        hour: date.get_hours(),
        minute: date.get_minutes(),
        second: date.get_seconds(),
    }
}

/// The last second of the day `YYYY-MM-DD` in the browser's zone; none for what is no date.
pub fn end_of_day(date: &str) -> Option<DateTime<Utc>> {
    let parsed: chrono::NaiveDate = date.parse().ok()?;
    use chrono::Datelike as _;
    let month = i32::try_from(parsed.month0()).ok()?;
    let day = i32::try_from(parsed.day()).ok()?;
    let year = u32::try_from(parsed.year()).ok()?;
    let local = js_sys::Date::new_with_year_month_day_hr_min_sec(year, month, day, 23, 59, 59);
    DateTime::from_timestamp_millis(local.get_time() as i64)
}

/// Name of the browser's zone: `Asia/Shanghai`.
pub fn zone() -> String {
    let format = js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new());
    js_sys::Reflect::get(&format.resolved_options(), &JsValue::from_str("timeZone"))
        .ok()
        .and_then(|name| name.as_string())
        .unwrap_or_else(|| "UTC".to_owned())
}

/// `2026-11-22`.
pub fn iso_date(local: Local) -> String {
    format!("{:04}-{:02}-{:02}", local.year, local.month, local.day)
}

/// `2026-11-22 14:02:31 Asia/Shanghai`.
pub fn full(at: DateTime<Utc>) -> String {
    let local = local(at);
    format!("{} {:02}:{:02}:{:02} {}", iso_date(local), local.hour, local.minute, local.second, zone())
}

/// `22 Nov 14:02`, `11月22日 14:02`; with the year where it is not this one.
pub fn short(at: DateTime<Utc>) -> String {
    short_of(local(at), local_of(now_ms()).year, i18n::language())
}

fn short_of(at: Local, this_year: u32, language: Language) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Local { year, month, day, hour, minute, .. } = at;
    let name = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
    match (language, year == this_year) {
        (Language::En, true) => format!("{day} {name} {hour:02}:{minute:02}"),
        (Language::En, false) => format!("{day} {name} {year} {hour:02}:{minute:02}"),
        (Language::Zh, true) => format!("{month}月{day}日 {hour:02}:{minute:02}"),
        (Language::Zh, false) => format!("{year}年{month}月{day}日 {hour:02}:{minute:02}"),
    }
}

/// The date alone in the browser's zone.
pub fn day(at: DateTime<Utc>) -> String {
    iso_date(local(at))
}

/// Milliseconds since 1970, anew each second for as long as the page stands.
pub fn ticking() -> RwSignal<f64> {
    let now = RwSignal::new(now_ms());
    if let Ok(handle) = set_interval_with_handle(move || now.set(now_ms()), Duration::from_secs(1)) {
        on_cleanup(move || handle.clear());
    }
    now
}

/// How long a board has been worked, as `1:32`. The station's own clock gives the start, so it is measured to the
/// station's last word and only the rest by ours: two clocks that differ don't show.
pub fn elapsed(started: DateTime<Utc>, last_word: DateTime<Utc>, since_last_word_ms: f64) -> String {
    let known = (last_word - started).num_milliseconds().max(0);
    numbers::clock((known as u64 + since_last_word_ms.max(0.0) as u64) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_another_year_names_it() {
        let at = Local { year: 2026, month: 11, day: 22, hour: 14, minute: 2, second: 31 };
        assert_eq!(short_of(at, 2026, Language::En), "22 Nov 14:02");
        assert_eq!(short_of(at, 2027, Language::En), "22 Nov 2026 14:02");
        assert_eq!(short_of(at, 2026, Language::Zh), "11月22日 14:02");
        assert_eq!(short_of(at, 2027, Language::Zh), "2026年11月22日 14:02");
        assert_eq!(iso_date(at), "2026-11-22");
    }

    #[test]
    fn clocks_that_differ_do_not_show_in_the_elapsed_time() {
        let at = |s| DateTime::from_timestamp(s, 0).unwrap();
        assert_eq!(elapsed(at(1000), at(1090), 2400.0), "1:32");
        assert_eq!(elapsed(at(1000), at(990), -5.0), "0:00");
    }
}
