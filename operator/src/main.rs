//! The operator's page: all slots of one jig, what each shows and asks. What lives here: views, their words, keys and sounds. What never
//! does: rules and verdicts; those are the station's.

mod app;
mod bench;
mod card;
mod choices;
mod desk;
mod detail;
mod feed;
mod labels;
mod later;
mod panel;
mod post;
mod question;
mod references;
mod said;
mod setup;
mod sound;
mod turns;
mod wedge;
mod words;

fn main() {
    console_error_panic_hook::set_once();
    if setup::is_here() {
        leptos::mount::mount_to_body(later::setup);
    } else {
        leptos::mount::mount_to_body(app::App);
    }
}
