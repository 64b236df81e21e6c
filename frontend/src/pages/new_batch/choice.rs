//! Which released bundle: by its model, its operation and, among those, by what else tells it from the others.

use crate::{i18n, numbers, ui};
use domain::{
    api::releases::{BundleState, BundleView},
    ids::ContentHash,
};
use leptos::prelude::*;
use std::sync::Arc;

/// A bundle that may be worked with.
#[derive(Debug, Clone, PartialEq)]
pub struct Released {
    hash: ContentHash,
    model: String,
    /// The procedure, which is what is done at the operation.
    operation: String,
    /// What tells it from others of both.
    name: String,
    simulator_only: bool,
}

/// Those that may be worked with, newest first as they come.
pub fn released(bundles: &[BundleView]) -> Vec<Released> {
    let one = |bundle: &BundleView| {
        let manifest = &bundle.manifest;
        let firmware = manifest.firmware.as_ref().map(|firmware| firmware.version.clone());
        let profile = format!("{} r{}", manifest.profile.id, manifest.profile.revision);
        let words = [Some(profile), firmware, Some(numbers::short_hash(bundle.hash.as_str()))];
        Released {
            hash: bundle.hash.clone(),
            model: manifest.model.id.clone(),
            operation: format!("{} r{}", manifest.procedure.id, manifest.procedure.revision),
            name: words.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            simulator_only: bundle.simulator_only,
        }
    };
    bundles.iter().filter(|bundle| bundle.state == BundleState::Released).map(one).collect()
}

/// What was chosen so far; empty: nothing yet.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Choice {
    model: String,
    operation: String,
    pub bundle: Option<ContentHash>,
}

impl Choice {
    /// Where there is one way to go on, it is gone; what no longer goes with the rest is forgotten.
    pub fn narrowed(mut self, released: &[Released]) -> Self {
        self.model = one_of(self.model, &models(released));
        self.operation = one_of(self.operation, &operations(released, &self.model));
        let bundles = bundles(released, &self.model, &self.operation);
        let chosen = bundles.iter().find(|one| Some(&one.hash) == self.bundle.as_ref());
        let only = bundles.first().filter(|_| bundles.len() == 1);
        self.bundle = chosen.or(only).map(|one| one.hash.clone());
        self
    }
}

fn one_of(chosen: String, all: &[String]) -> String {
    match all {
        [only] => only.clone(),
        all if all.contains(&chosen) => chosen,
        _ => String::new(),
    }
}

fn models(released: &[Released]) -> Vec<String> {
    distinct(released.iter().map(|one| &one.model))
}

fn operations(released: &[Released], model: &str) -> Vec<String> {
    distinct(released.iter().filter(|one| one.model == model).map(|one| &one.operation))
}

fn bundles<'r>(released: &'r [Released], model: &str, operation: &str) -> Vec<&'r Released> {
    released.iter().filter(|one| one.model == model && one.operation == operation).collect()
}

fn distinct<'t>(texts: impl Iterator<Item = &'t String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in texts {
        if !all.contains(text) {
            all.push(text.clone());
        }
    }
    all
}

/// A list a step; the next one knows only what goes with those before it.
pub fn choice(released: Vec<Released>, choice: RwSignal<Choice>) -> Vec<AnyView> {
    let t = i18n::texts();
    let released: Arc<[Released]> = released.into();
    let all = released.clone();
    let choose = move |change: fn(&mut Choice, String)| {
        let released = all.clone();
        Callback::new(move |value: String| {
            let mut next = choice.get_untracked();
            change(&mut next, value);
            choice.set(next.narrowed(&released));
        })
    };
    let [model, operation] =
        [choose(|choice, value| choice.model = value), choose(|choice, value| choice.operation = value)];
    let bundle = choose(|choice, value| choice.bundle = ContentHash::try_from(value).ok());
    let of_model = Memo::new(move |_| choice.read().model.clone());
    let of_operation = Memo::new(move |_| (choice.read().model.clone(), choice.read().operation.clone()));
    let (models, at_model, at_operation) = (models(&released), released.clone(), released.clone());
    let operations = move || {
        let names = operations(&at_model, &of_model.read());
        list(t.operation, "operation", same(names), &choice.read_untracked().operation, operation)
    };
    let bundles = move || {
        let (model, operation) = of_operation.get();
        let names = bundles(&at_operation, &model, &operation).into_iter();
        let names = names.map(|one| (one.hash.to_string(), one.name.clone())).collect();
        let chosen = choice.read_untracked().bundle.clone().map(String::from).unwrap_or_default();
        list(t.bundle, "bundle", names, &chosen, bundle)
    };
    let for_simulators = move || {
        let chosen = choice.read().bundle.clone()?;
        let is_it = released.iter().any(|one| one.hash == chosen && one.simulator_only);
        is_it.then(|| ui::said("wide small is-attention", t.simulator_only_why))
    };
    let first = list(t.model, "model", same(models), &choice.read_untracked().model, model);
    vec![first, operations.into_any(), bundles.into_any(), for_simulators.into_any()]
}

fn same(names: Vec<String>) -> Vec<(String, String)> {
    names.into_iter().map(|name| (name.clone(), name)).collect()
}

/// Where there is more than one to choose from, none is chosen for anybody.
fn list(
    label: &'static str,
    name: &'static str,
    mut names: Vec<(String, String)>,
    chosen: &str,
    choose: Callback<String>,
) -> AnyView {
    if names.len() != 1 {
        names.insert(0, (String::new(), i18n::texts().choose.to_owned()));
    }
    ui::choice_field(label, name, names, Some(chosen), choose)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(model: &str, operation: &str, name: &str) -> Released {
        Released {
            hash: ContentHash::of(name.as_bytes()),
            model: model.to_owned(),
            operation: operation.to_owned(),
            name: name.to_owned(),
            simulator_only: false,
        }
    }

    #[test]
    fn the_only_way_to_go_on_is_gone_and_no_other_is_chosen_for_anybody() {
        let (first, second) = (one("top", "birth r1", "a"), one("top", "birth r1", "b"));
        let only = Choice::default().narrowed(std::slice::from_ref(&first));
        assert_eq!((only.model.as_str(), only.operation.as_str()), ("top", "birth r1"));
        assert_eq!(only.bundle, Some(first.hash.clone()));
        let two = Choice::default().narrowed(&[first, second]);
        assert_eq!((two.model.as_str(), two.bundle), ("top", None));
        assert_eq!(Choice::default().narrowed(&[]), Choice::default());
    }

    #[test]
    fn another_model_forgets_what_does_not_go_with_it() {
        let all = [one("top", "birth r1", "a"), one("top", "birth r2", "b"), one("jk", "birth r1", "c")];
        let mut choice = Choice::default().narrowed(&all);
        assert_eq!(choice, Choice::default());
        choice.model = "top".to_owned();
        choice.operation = "birth r2".to_owned();
        let mut choice = choice.narrowed(&all);
        assert_eq!(choice.bundle, Some(all[1].hash.clone()));
        choice.model = "jk".to_owned();
        let choice = choice.narrowed(&all);
        assert_eq!((choice.operation.as_str(), choice.bundle), ("birth r1", Some(all[2].hash.clone())));
    }
}
