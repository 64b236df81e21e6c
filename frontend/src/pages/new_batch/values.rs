//! What the order says of the parameters that the bundle's profile leaves to it, judged while it is typed by the rules that the server
//! judges it by.

use crate::{
    api, i18n, numbers,
    query::{Query, query},
    ui,
};
use domain::{
    ids::ContentHash,
    profile::{OrderForm, OrderParameter, OrderValues},
};
use leptos::prelude::*;

/// What a bundle leaves to the order, and whose answer that is.
type Asked = (Option<ContentHash>, OrderForm);

/// As typed, by parameter: what was typed for another bundle stays for the parameters that both leave to the order.
type Typed = Vec<(String, String)>;

#[derive(Clone, Copy)]
pub struct Values {
    bundle: Memo<Option<ContentHash>>,
    asked: Query<Asked>,
    typed: RwSignal<Typed>,
}

impl Values {
    pub fn of(bundle: Memo<Option<ContentHash>>) -> Self {
        let ask = |hash: Option<ContentHash>| async move {
            let form = match &hash {
                Some(hash) => api::order_form(hash).await?,
                None => OrderForm::default(),
            };
            Ok((hash, form))
        };
        Self { bundle, asked: query(move || bundle.get(), ask), typed: RwSignal::default() }
    }

    /// What is to be sent, or what has to be done first.
    pub fn given(self) -> Result<OrderValues, &'static str> {
        let t = i18n::texts();
        let bundle = self.bundle.get_untracked();
        let asked = untrack(|| self.asked.get()).filter(|asked| asked.0 == bundle);
        let asked = asked.ok_or(t.order_unknown)?;
        let typed = self.typed.read_untracked();
        if !wrong(&asked.1, &typed).is_empty() {
            return Err(t.mend_values);
        }
        Ok(given(&asked.1, &typed).0)
    }

    pub fn view(self) -> AnyView {
        self.asked.show(move |asked| self.fields(&asked))
    }

    fn fields(self, asked: &Asked) -> AnyView {
        let t = i18n::texts();
        let (bundle, form) = asked;
        let left = match (bundle, form.parameters.is_empty()) {
            (None, _) => return ui::said("quiet small", t.choose_bundle_first),
            (_, true) => return ui::said("quiet small", t.nothing_left),
            _ => form.clone(),
        };
        let wrong = Memo::new(move |_| wrong(&left, &self.typed.read()));
        let rows: Vec<AnyView> = form.parameters.iter().map(|one| self.field(one, wrong)).collect();
        view! { <p class="quiet small">{t.order_values_why}</p>{rows} }.into_any()
    }

    fn field(self, parameter: &OrderParameter, wrong: Memo<Typed>) -> AnyView {
        let name = parameter.name.clone();
        let typed = of(&self.typed.read_untracked(), &name).unwrap_or_default().to_owned();
        let heard = {
            let name = name.clone();
            move |text: String| {
                self.typed.update(|typed| {
                    typed.retain(|(other, _)| *other != name);
                    typed.push((name.clone(), text));
                });
            }
        };
        let told = {
            let name = name.clone();
            move || of(&wrong.read(), &name).map(|why| ui::said("told is-fail small", why))
        };
        view! {
            <label class="order-value" data-parameter=name>
                <span>{i18n::pick(&parameter.title)}</span>
                <input name=parameter.name.clone() inputmode="decimal" autocomplete="off" placeholder=numbers::reading(parameter.value)
                    value=typed on:input=move |event| heard(event_target_value(&event))/>
                <span class="unit">{parameter.unit.clone()}</span>
                <span class="small quiet">{i18n::left_to_order(parameter)}</span>
                {told}
            </label>
        }
        .into_any()
    }
}

fn of<'t>(typed: &'t Typed, name: &str) -> Option<&'t str> {
    typed.iter().find(|(other, _)| other == name).map(|(_, text)| text.as_str())
}

/// The values that were given, and the parameters whose text is no number. Nothing typed: the profile's own stands.
fn given(form: &OrderForm, typed: &Typed) -> (OrderValues, Vec<String>) {
    let (mut values, mut none) = (OrderValues::new(), Vec::new());
    for parameter in &form.parameters {
        match of(typed, &parameter.name).unwrap_or_default().trim() {
            "" => {}
            text => match text.parse::<f64>().ok().filter(|value| value.is_finite()) {
                Some(value) => drop(values.insert(parameter.name.clone(), value)),
                None => none.push(parameter.name.clone()),
            },
        }
    }
    (values, none)
}

/// What is wrong with what was typed, by parameter; of several the first.
fn wrong(form: &OrderForm, typed: &Typed) -> Typed {
    let (values, none) = given(form, typed);
    let none = none.into_iter().map(|name| (name, i18n::texts().no_number.to_owned()));
    let wrong = form.problems(&values).into_iter();
    let wrong = wrong.map(|(parameter, why)| (parameter.name.clone(), i18n::order_problem(parameter, why)));
    none.chain(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{model::Bilingual, profile::OrderBounds};

    fn form() -> OrderForm {
        let parameter = OrderParameter {
            name: "limit_a".to_owned(),
            title: Bilingual { en: String::new(), zh: String::new() },
            unit: "A".to_owned(),
            value: 100.0,
            bounds: OrderBounds { min: 60.0, max: 120.0 },
            step: Some(1.0),
            offset: 0.0,
        };
        OrderForm { parameters: vec![parameter], ..OrderForm::default() }
    }

    fn typed(text: &str) -> Typed {
        vec![("limit_a".to_owned(), text.to_owned()), ("another bundle's".to_owned(), "x".to_owned())]
    }

    #[test]
    fn what_was_typed_is_a_value_a_fault_or_the_profiles_own() {
        let own = (OrderValues::new(), Vec::new());
        assert_eq!((given(&form(), &typed("")), given(&form(), &typed("  "))), (own.clone(), own));
        assert_eq!(given(&form(), &typed(" 90 ")).0, OrderValues::from([("limit_a".to_owned(), 90.0)]));
        for (text, is_wrong) in [
            ("90", false),
            ("", false),
            ("121", true),
            ("90.5", true),
            ("nan", true),
            ("1e999", true),
            ("90 A", true),
        ] {
            assert_eq!(of(&wrong(&form(), &typed(text)), "limit_a").is_some(), is_wrong, "{text}");
        }
    }
}
