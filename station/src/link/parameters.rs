//! The profile, the calibration, the name, and everything read afresh.

use super::{
    BoardLink,
    factory::Kept,
    fault, identity, map,
    plan::plan_writes,
    registers::{Words, Write, encode, is_secret, named, reading},
    rules::Rules,
};
use crate::board::{AfreshReading, BoardReply, ParameterWritten, ProfileWritten, Reading};
use domain::{
    model::{CalibrationSettings, DeviceModel, Register},
    rules::Ratings,
    text::{Fault, FaultCode},
    value::Value,
};
use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

impl BoardLink {
    pub(super) async fn read_parameters(&mut self) -> Result<Vec<Reading>, Fault> {
        let model = Arc::clone(&self.model);
        let parameters = parameters(&model);
        let words = self.read(&parameters).await?;
        parameters.into_iter().map(|register| words.reading(register)).collect()
    }

    pub(super) async fn read_named(&mut self, names: &[String]) -> Result<Vec<Reading>, Fault> {
        let model = Arc::clone(&self.model);
        let wanted = readable(&model, names)?;
        let words = self.read(&wanted).await?;
        wanted.into_iter().map(|register| words.reading(register)).collect()
    }

    /// Those of them that the board has.
    pub(super) async fn read_there(&mut self, names: &[String]) -> Result<Vec<Reading>, Fault> {
        let model = Arc::clone(&self.model);
        let wanted = readable(&model, names)?;
        let words = self.read_what_is_there(&wanted).await?;
        let there = wanted.into_iter().filter(|register| words.has(register));
        there.map(|register| words.reading(register)).collect()
    }

    /// Written, kept and read back; once more where the board may have forgotten some of it in between.
    pub(super) async fn write_profile(
        &mut self,
        values: &BTreeMap<String, Value>,
        ratings: &Ratings,
    ) -> Result<BoardReply, Fault> {
        let mut tries_left = self.tries();
        let (mut written, mut kept, mut seen) = self.write_profile_once(values, ratings, None).await?;
        while kept == Kept::Perhaps
            && tries_left > 0
            && !written.parameters.iter().all(ParameterWritten::holds)
        {
            tracing::warn!(tries_left, "the board forgot what was written before it was told to keep it");
            tries_left -= 1;
            let again;
            (again, kept, seen) = self.write_profile_once(values, ratings, Some(seen)).await?;
            written.transactions += again.transactions;
            for (first, again) in written.parameters.iter_mut().zip(again.parameters) {
                first.written |= again.written;
                first.read = again.read;
            }
        }
        Ok(BoardReply::ProfileWritten(written))
    }

    /// `seen`: what the board was read to hold a moment ago, after something else may have been forgotten. Gives what it holds now.
    async fn write_profile_once(
        &mut self,
        values: &BTreeMap<String, Value>,
        ratings: &Ratings,
        seen: Option<Words>,
    ) -> Result<(ProfileWritten, Kept, Words), Fault> {
        let model = Arc::clone(&self.model);
        // Everything that cannot go into the map is found before a byte is written, and what needs no board before one is sent.
        for name in values.keys() {
            named(&model, name)?;
        }
        let registers: Vec<(&Register, &Value)> = model
            .registers
            .iter()
            .filter_map(|register| Some((register, values.get(&register.name)?)))
            .collect();
        for (register, value) in registers.iter().filter(|(register, _)| register.scale_when.is_none()) {
            encode(register, value)?;
        }
        let rules = Rules::of(&model, ratings, values);
        rules.refuse_deadly(values)?;
        // What the rules ask for besides stays as it is.
        let beside = rules.registers_beside(values)?;
        let names: Vec<&Register> = registers.iter().map(|(register, _)| *register).collect();
        let is_again = seen.is_some();
        let before = match seen {
            Some(seen) => seen,
            None => self.read(&[&names[..], &beside].concat()).await?,
        };
        // Steps are of the size that the board's own switch gives them.
        let scaled: Vec<Cow<'_, Register>> = names.iter().map(|register| before.scaled(register)).collect();
        let beside: Vec<Cow<'_, Register>> = beside.iter().map(|register| before.scaled(register)).collect();
        let mut wanted = Vec::with_capacity(scaled.len());
        for (register, (_, value)) in scaled.iter().zip(&registers) {
            wanted.push((&**register, encode(register, value)?));
        }
        keeps_steps(&model, &wanted, &before)?;
        let (mut whole, mut shared) = (Vec::with_capacity(wanted.len()), Vec::new());
        for (register, words) in &wanted {
            let (current, around) = (Some(before.of(register)?), before.around(register));
            let write = Write { register, current, wanted: words.clone(), around };
            if model.shares_its_place(register) { shared.push(write) } else { whole.push(write) }
        }
        for register in &beside {
            let held = before.of(register)?;
            whole.push(Write::whole(register, Some(held.clone()), held));
        }
        let plan = [rules.plan(&whole)?, plan_writes(&model, &shared)?].concat();
        let transactions = self.write_all(&plan).await?;
        // What is read back is what the board was told to keep.
        let kept = self.keep().await?;
        let mut after = before.clone();
        // Whatever else it holds was read since it may have forgotten it.
        let is_known = |register: &&Register| {
            let is_held = |(one, words): &(&Register, Vec<u16>)| {
                one.name == register.name && before.of(one).is_ok_and(|held| held == *words)
            };
            is_again
                && kept == Kept::Surely
                && !model.shares_its_place(register)
                && wanted.iter().any(is_held)
        };
        let unknown: Vec<&Register> = names.iter().copied().filter(|register| !is_known(register)).collect();
        after.extend(Some(self.read(&unknown).await?));
        let mut parameters = Vec::with_capacity(wanted.len());
        for (register, wanted) in wanted {
            let before = before.reading(register)?;
            parameters.push(ParameterWritten {
                name: register.name.clone(),
                unit: register.unit.clone(),
                written: before.raw != wanted,
                before,
                set: reading(register, wanted),
                read: after.reading(register)?,
            });
        }
        Ok((ProfileWritten { parameters, transactions }, kept, after))
    }

    pub(super) async fn calibrate(&mut self, true_ma: u32, within_ma: u32) -> Result<BoardReply, Fault> {
        let model = Arc::clone(&self.model);
        let calibration = calibration(&model)?;
        let register = named(&model, &calibration.register)?;
        let before_ma = self.read_current().await?;
        if before_ma.unsigned_abs().abs_diff(true_ma.into()) > within_ma.into() {
            return Ok(BoardReply::Calibrated { before_ma, after_ma: before_ma });
        }
        let register = self.scaled_by_board(register).await?;
        let register = &*register;
        let value = Value::Number(from_milliamperes(register, f64::from(true_ma))?);
        let wanted = encode(register, &value)?;
        // What is measured afterwards is what the board keeps.
        self.write_to_keep(&Write::whole(register, None, wanted)).await?;
        tokio::time::sleep(Duration::from_millis(calibration.settle_ms.into())).await;
        let after_ma = self.read_current().await?;
        Ok(BoardReply::Calibrated { before_ma, after_ma })
    }

    /// The register in steps of the size that the board's own switch gives it.
    async fn scaled_by_board<'m>(&mut self, register: &'m Register) -> Result<Cow<'m, Register>, Fault> {
        let model = Arc::clone(&self.model);
        let switches = map::switches(&model, &[register]);
        if switches.is_empty() {
            return Ok(Cow::Borrowed(register));
        }
        Ok(self.read(&switches).await?.scaled(register))
    }

    pub(super) async fn read_current(&mut self) -> Result<i64, Fault> {
        let model = Arc::clone(&self.model);
        let register = named(&model, &calibration(&model)?.current_register)?;
        let words = self.read(&[register]).await?;
        let reading = words.reading(register)?;
        let current = reading.value.as_number().ok_or_else(|| {
            fault::internal(format_args!("{} reads {}, which is no current", register.name, reading.value))
        })?;
        to_milliamperes(register, current)
    }

    pub(super) async fn write_name(&mut self, name: &str) -> Result<BoardReply, Fault> {
        let model = Arc::clone(&self.model);
        let impossible = |detail: String| Fault::new(FaultCode::NameNotPossible).with("detail", detail);
        let settings = model
            .name
            .as_ref()
            .ok_or_else(|| impossible(format!("device model {} has no Bluetooth name", model.id)))?;
        if let Some(stranger) = name.chars().find(|c| !settings.charset.contains(*c)) {
            return Err(impossible(format!(
                "{name:?} holds {stranger:?}, which the board's name may not hold"
            )));
        }
        if name.is_empty() || name.chars().count() > usize::from(settings.max_length) {
            return Err(impossible(format!("{name:?} must have 1 to {} characters", settings.max_length)));
        }
        let register = named(&model, &settings.register)?;
        let wanted = encode(register, &Value::from(name))?;
        let current = self.read(&[register]).await?.of(register)?;
        let read = self.write_and_read(register, current, wanted).await?;
        Ok(BoardReply::Name { read })
    }

    pub(super) async fn write_number(&mut self, name: &str, serial: &str) -> Result<BoardReply, Fault> {
        let model = Arc::clone(&self.model);
        let register = named(&model, name)?;
        if is_secret(&model, register) {
            return Err(fault::internal(format_args!("{name} holds a password and takes no number")));
        }
        let wanted = encode(register, &Value::from(serial))?;
        let current = self.read(&[register]).await?.of(register)?;
        let field = model.identity_field(name).filter(|_| current != wanted);
        // From the write on it is another identity, whenever the board took it; in all else it is the same.
        self.renaming = field.map(|field| field.kind);
        let written = self.write_and_read(register, current, wanted).await;
        if self.renaming.take().is_some() {
            // Whether it is, the runner asks.
            self.known = None;
        }
        Ok(BoardReply::Number { read: written? })
    }

    /// Registers beside the parameters.
    pub(super) async fn set_registers(
        &mut self,
        values: &BTreeMap<String, Value>,
    ) -> Result<Vec<Reading>, Fault> {
        let model = Arc::clone(&self.model);
        let mut wanted = Vec::with_capacity(values.len());
        for (name, value) in values {
            let register = named(&model, name)?;
            if is_secret(&model, register) || register.parameter {
                return Err(fault::internal(format_args!("{name} is not set beside the profile")));
            }
            wanted.push((register, encode(register, value)?));
        }
        let is_readable = |register: &Register| model.can_read(register);
        let readable: Vec<&Register> =
            wanted.iter().map(|(register, _)| *register).filter(|register| is_readable(register)).collect();
        let current = self.read(&readable).await?;
        for (register, words) in wanted {
            let held = if is_readable(register) { Some(current.of(register)?) } else { None };
            if held.as_ref() != Some(&words) {
                self.write_to_keep(&Write::whole(register, held, words)).await?;
            }
        }
        let after = self.read(&readable).await?;
        readable.into_iter().map(|register| after.reading(register)).collect()
    }

    async fn write_and_read(
        &mut self,
        register: &Register,
        current: Vec<u16>,
        wanted: Vec<u16>,
    ) -> Result<String, Fault> {
        self.write_to_keep(&Write::whole(register, Some(current), wanted)).await?;
        Ok(self.read(&[register]).await?.reading(register)?.value.to_string())
    }

    pub(super) async fn read_all(&mut self, names: &[String]) -> Result<BoardReply, Fault> {
        let model = Arc::clone(&self.model);
        let parameters = parameters(&model);
        let extra = readable(&model, names)?;
        let mut wanted = identity::wanted(&model)?;
        wanted.extend(&parameters);
        wanted.extend(&extra);
        wanted.extend(model.name.as_ref().map(|name| named(&model, &name.register)).transpose()?);
        if let Some(lease) = &model.lease {
            for name in [&lease.mode_register, &lease.expiry_register] {
                wanted.push(named(&model, name)?);
            }
        }
        if let Some(output) = &model.output {
            wanted.extend(super::locks::output_registers(&model, output)?);
        }
        let words = self.read(&wanted).await?;
        let name = match &model.name {
            Some(settings) => Some(words.reading(named(&model, &settings.register)?)?.value.to_string()),
            None => None,
        };
        let lease = match &model.lease {
            Some(settings) => Some(super::locks::lease_reading(&model, settings, &words)?),
            None => None,
        };
        let output = match &model.output {
            Some(settings) => Some(super::locks::output_reading(&model, settings, &words)?),
            None => None,
        };
        Ok(BoardReply::Afresh(Box::new(AfreshReading {
            identity: identity::decode_identity(&model, &words)?,
            parameters: parameters
                .into_iter()
                .map(|register| words.reading(register))
                .collect::<Result<_, _>>()?,
            name,
            lease,
            output,
            registers: extra.into_iter().map(|register| words.reading(register)).collect::<Result<_, _>>()?,
        })))
    }
}

/// A profile that turns the switch on which its own steps hang would mean tenfold limits until the last of them is written:
/// boards differ in it by their hardware, so it is another variant's profile.
fn keeps_steps(model: &DeviceModel, wanted: &[(&Register, Vec<u16>)], before: &Words) -> Result<(), Fault> {
    for register in model.registers.iter().filter_map(|register| register.scale_when.as_ref()) {
        let Some((switch, words)) = wanted.iter().find(|(switch, _)| switch.name == register.register) else {
            continue;
        };
        let bit = switch.bits.iter().find(|bit| bit.name == register.bit).map_or(0, |bit| bit.bit);
        let is_set = |words: &[u16]| words.first().is_some_and(|word| word >> bit.min(15) & 1 == 1);
        let (held, asked) = (is_set(&before.of(switch)?), is_set(words));
        if held != asked {
            let shown = |set| if set { "1" } else { "0" };
            return Err(Fault::new(FaultCode::OtherVariant)
                .with("register", &switch.name)
                .with("bit", &register.bit)
                .with("found", shown(held))
                .with("expected", shown(asked)));
        }
    }
    Ok(())
}

/// Every parameter but the passwords.
fn parameters(model: &DeviceModel) -> Vec<&Register> {
    model.parameters().filter(|register| !is_secret(model, register)).collect()
}

fn readable<'m>(model: &'m DeviceModel, names: &[String]) -> Result<Vec<&'m Register>, Fault> {
    names
        .iter()
        .map(|name| {
            let register = named(model, name)?;
            if is_secret(model, register) {
                return Err(fault::internal(format_args!("{name} holds a password and is never read")));
            }
            Ok(register)
        })
        .collect()
}

fn calibration(model: &DeviceModel) -> Result<&CalibrationSettings, Fault> {
    model
        .calibration
        .as_ref()
        .ok_or_else(|| fault::internal(format_args!("device model {} has no calibration", model.id)))
}

/// Milliamperes in one of the register's unit.
fn unit_of(register: &Register) -> Result<f64, Fault> {
    match register.unit.as_str() {
        "A" => Ok(1000.0),
        "mA" => Ok(1.0),
        other => {
            Err(fault::internal(format_args!("{} is in {other:?}; a current is in A or mA", register.name)))
        }
    }
}

/// Rounded to the nearest step that the register can hold.
fn from_milliamperes(register: &Register, ma: f64) -> Result<f64, Fault> {
    let value = ma / unit_of(register)?;
    let steps = ((value - register.offset) / register.scale).round();
    // Four places, as every value is shown and stored.
    Ok(((steps * register.scale + register.offset) * 10_000.0).round() / 10_000.0)
}

fn to_milliamperes(register: &Register, value: f64) -> Result<i64, Fault> {
    Ok((value * unit_of(register)?).round() as i64)
}
