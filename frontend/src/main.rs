//! The office page. What lives here: views, their words and their geometry. What never does: rules and figures that the
//! server or the line decide by; those are in `domain`.

mod api;
mod app;
mod chart;
mod clock;
mod frame;
mod i18n;
mod keys;
mod live;
mod numbers;
mod pages;
mod query;
mod session;
mod settings;
mod ui;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(app::App);
}
