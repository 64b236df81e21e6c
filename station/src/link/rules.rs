//! The model's rules over a profile that is written: refused before a byte where they forbid it, and kept by the order of
//! the writes. Judged by [`domain::rules`], ordered by [`protocol::write_plan::order_writes`].

use super::{
    fault, map,
    plan::{cannot_be_written, fields, limits},
    registers::{Write, is_secret},
};
use domain::{
    codec,
    model::{DeviceModel, Register, Rule},
    rules::{self, Judgement, Ratings, is_rating},
    text::{Fault, FaultCode},
    value::Value,
};
use protocol::{
    modbus::Request,
    write_plan::{self, Interim, OrderFault},
};
use std::collections::BTreeMap;

/// The rules that these values stand under.
pub(super) struct Rules<'m> {
    model: &'m DeviceModel,
    ratings: &'m Ratings,
    binding: Vec<&'m Rule>,
}

impl<'m> Rules<'m> {
    pub(super) fn of(model: &'m DeviceModel, ratings: &'m Ratings, values: &BTreeMap<String, Value>) -> Self {
        let binding = rules::binding_rules(model, |name| values.contains_key(name)).collect();
        Self { model, ratings, binding }
    }

    /// Refuses what needs no look at the board: values that break a rule among themselves or with a rating, and rules whose
    /// rating nobody told.
    pub(super) fn refuse_deadly(&self, values: &BTreeMap<String, Value>) -> Result<(), Fault> {
        for rule in &self.binding {
            match rules::judge(rule, self.ratings, values) {
                Judgement::Broken { left, right } => return Err(deadly(rule, left, right)),
                Judgement::NotJudged { missing } if is_rating(&missing) || values.contains_key(&missing) => {
                    return Err(not_judged(rule, &missing));
                }
                // The board is asked for it.
                Judgement::NotJudged { .. } | Judgement::Holds => {}
            }
        }
        Ok(())
    }

    /// Parameters that the rules ask for beside these values, in the model's order.
    pub(super) fn registers_beside(
        &self,
        values: &BTreeMap<String, Value>,
    ) -> Result<Vec<&'m Register>, Fault> {
        let mut beside: Vec<&Register> = Vec::new();
        for rule in &self.binding {
            let sides = [&rule.left, &rule.right].into_iter().filter(|side| !is_rating(side));
            for name in sides.filter(|name| !values.contains_key(*name)) {
                let register = self.model.register(name).filter(|register| self.is_readable(register));
                let register = register.ok_or_else(|| not_judged(rule, name))?;
                if !beside.iter().any(|known| known.name == register.name) {
                    beside.push(register);
                }
            }
        }
        beside.sort_by_key(|register| register.address);
        Ok(beside)
    }

    fn is_readable(&self, register: &Register) -> bool {
        !is_secret(self.model, register) && self.model.can_read(register)
    }

    /// The writes of whole registers in an order that keeps the rules (none rests on half a register).
    pub(super) fn plan(&self, writes: &[Write<'_>]) -> Result<Vec<Request>, Fault> {
        let place = |name: &str| writes.iter().position(|write| write.register.name == name);
        let mut asked = Vec::new();
        let mut planned = Vec::new();
        for rule in &self.binding {
            let left = place(&rule.left).ok_or_else(|| not_judged(rule, &rule.left))?;
            let right = if is_rating(&rule.right) {
                None
            } else {
                Some(place(&rule.right).ok_or_else(|| not_judged(rule, &rule.right))?)
            };
            let (model, rating) = (self.model, self.ratings.get(&rule.right));
            let (of_left, of_right) = (writes[left].register, right.map(|right| writes[right].register));
            // Words that make no number obey no rule: a board that holds them breaks it already.
            let holds = move |l: &[u16], r: &[u16]| {
                let value = |register, places: &[u16]| number(register, &map::raw(model, register, places)?);
                let right = of_right.map_or(rating, |register| value(register, r));
                value(of_left, l).zip(right).is_some_and(|(l, r)| rules::obeys(rule, l, r))
            };
            planned.push(write_plan::Rule { left, right, holds: Box::new(holds) });
            asked.push((*rule, left, right));
        }
        let interim = interims(self.model, writes, &asked);
        let fields = fields(self.model, writes);
        match write_plan::order_writes(&fields, limits(self.model), &planned, &interim) {
            Ok(ordered) => {
                if ordered.detours > 0 || !ordered.fewest {
                    tracing::info!(
                        detours = ordered.detours,
                        fewest = ordered.fewest,
                        "the rules ask for another order of the writes than the map"
                    );
                }
                Ok(ordered.writes)
            }
            Err(order_fault) => Err(self.refusal(writes, &asked, order_fault)),
        }
    }

    fn refusal(&self, writes: &[Write<'_>], asked: &[Asked<'_>], order_fault: OrderFault) -> Fault {
        match order_fault {
            OrderFault::WantedBreaks { rules: broken } => {
                let Some(&(rule, left, right)) = broken.first().and_then(|index| asked.get(*index)) else {
                    return fault::internal("a rule is broken that nobody asked for");
                };
                let wanted = |side: usize| number(writes[side].register, &writes[side].wanted);
                let bound = right.map_or(self.ratings.get(&rule.right), wanted);
                match (wanted(left), bound) {
                    (Some(found), Some(bound)) => deadly(rule, found, rule.factor * bound),
                    (None, _) => not_judged(rule, &rule.left),
                    (_, None) => not_judged(rule, &rule.right),
                }
            }
            OrderFault::NoSafeOrder { fields, rules, gave_up } => {
                tracing::warn!(?fields, ?rules, gave_up, "no order of the writes keeps the rules");
                let list = |names: Vec<&str>| names.join(", ");
                let registers = fields.iter().filter_map(|field| writes.get(*field));
                let rules = rules.iter().filter_map(|rule| asked.get(*rule));
                Fault::new(FaultCode::NoSafeOrder)
                    .with("registers", list(registers.map(|write| write.register.name.as_str()).collect()))
                    .with("rules", list(rules.map(|(rule, ..)| rule.id.as_str()).collect()))
            }
            other => cannot_be_written(self.model, other),
        }
    }
}

/// A rule with the places of its sides among the writes; none: the right one is a rating.
type Asked<'m> = (&'m Rule, usize, Option<usize>);

fn number(register: &Register, words: &[u16]) -> Option<f64> {
    codec::decode(register, words).ok()?.as_number()
}

/// Values worth a detour: the nearest steps around every bound that one side of a rule sets the other, now and in the end.
fn interims(model: &DeviceModel, writes: &[Write<'_>], asked: &[Asked<'_>]) -> Vec<Interim> {
    let mut interims: Vec<Interim> = Vec::new();
    for &(rule, left, right) in asked {
        let Some(right) = right.filter(|_| rule.factor != 0.0) else { continue };
        for (field, other, factor) in [(left, right, rule.factor), (right, left, 1.0 / rule.factor)] {
            let bounds = [writes[other].current.as_ref(), Some(&writes[other].wanted)];
            let bounds =
                bounds.into_iter().flatten().filter_map(|words| number(writes[other].register, words));
            for words in bounds.flat_map(|bound| steps_around(writes[field].register, factor * bound)) {
                let words = map::carried(model, writes[field].register, &words, &[]);
                let interim = Interim { field, words };
                if !interims.contains(&interim) {
                    interims.push(interim);
                }
            }
        }
    }
    interims
}

/// The steps of a register next below, at and next above a value, as far as it can hold them.
fn steps_around(register: &Register, value: f64) -> impl Iterator<Item = Vec<u16>> {
    let steps = (value - register.offset) / register.scale;
    let around = [steps.ceil() - 1.0, steps.floor(), steps.ceil(), steps.floor() + 1.0];
    around.into_iter().filter_map(|steps| {
        // Four places, as every value is shown and stored.
        let value = ((steps * register.scale + register.offset) * 10_000.0).round() / 10_000.0;
        codec::encode(register, &Value::Number(value)).ok()
    })
}

fn deadly(rule: &Rule, left: f64, right: f64) -> Fault {
    Fault::new(FaultCode::DeadlyValue)
        .with("register", &rule.left)
        .with("found", Value::Number(left))
        .with("bound", Value::Number(right))
        .with("rule", &rule.id)
}

fn not_judged(rule: &Rule, missing: &str) -> Fault {
    Fault::new(FaultCode::RuleNotJudged).with("rule", &rule.id).with("missing", missing)
}
