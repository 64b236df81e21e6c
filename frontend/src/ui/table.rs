//! Tables and facts of one form: the same few pieces for every page keep the bundle small.

use crate::numbers;
use leptos::prelude::*;

/// A column: its name, the class of its cells, and what the name means where that needs saying.
pub type Column = (&'static str, &'static str, &'static str);

/// A list that a page is: its rows are followed by Enter.
pub fn list(columns: &[Column], rows: Vec<AnyView>) -> AnyView {
    view! { <div class="card flush scroll">{table("list", columns, rows)}</div> }.into_any()
}

pub fn table(class: &'static str, columns: &[Column], rows: Vec<AnyView>) -> AnyView {
    let head: Vec<AnyView> = columns
        .iter()
        .map(|(name, class, why)| {
            let class = if class.starts_with("number") { "number" } else { "" };
            view! { <th class=class title=*why>{*name}</th> }.into_any()
        })
        .collect();
    view! { <table class=class><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table> }.into_any()
}

/// One row; `name` is what a test finds it by.
pub fn row(name: String, columns: &[Column], cells: Vec<AnyView>) -> AnyView {
    let cells: Vec<AnyView> = columns
        .iter()
        .zip(cells)
        .map(|((_, class, _), cell)| view! { <td class=*class>{cell}</td> }.into_any())
        .collect();
    view! { <tr data-row=name>{cells}</tr> }.into_any()
}

/// One of the facts over a page.
pub fn fact(name: &'static str, value: AnyView) -> AnyView {
    view! { <div><dt>{name}</dt><dd>{value}</dd></div> }.into_any()
}

/// A bundle's label with its hash.
pub fn bundle(label: &str, assumed: bool, hash: String) -> AnyView {
    view! {
        {label.to_owned()}{super::assumed_bundle(assumed)}" "
        <span class="quiet mono" title=hash.clone()>{numbers::short_hash(&hash)}</span>
        {super::copy_button(hash)}
    }
    .into_any()
}

/// A text in a tone.
pub fn said(class: &'static str, text: impl Into<String>) -> AnyView {
    view! { <span class=class>{text.into()}</span> }.into_any()
}

pub fn link(class: &'static str, address: String, text: AnyView) -> AnyView {
    view! { <a class=class href=address>{text}</a> }.into_any()
}

/// A button; `act` is what a test finds it by.
pub fn button(class: &'static str, act: &'static str, label: &'static str, click: Callback<()>) -> AnyView {
    view! { <button class=class type="button" data-act=act on:click=move |_| click.run(())>{label}</button> }
        .into_any()
}
