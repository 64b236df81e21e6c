//! The parameter password, the rental lock and the switches.

use super::{
    BoardLink,
    fault::{self, BusFault},
    map,
    registers::{Words, Write, encode, named},
};
use crate::board::{BoardReply, LeaseReading, OutputReading, PasswordProof, Secret};
use domain::{
    lease::BirthLease,
    model::{DeviceModel, LeaseSettings, OutputSettings, PasswordSettings, PathField, Register},
    text::{Fault, FaultCode},
    value::Value,
};
use std::{sync::Arc, time::Duration};

impl BoardLink {
    pub(super) async fn unlock(&mut self, candidates: &[Secret]) -> Result<BoardReply, Fault> {
        let model = Arc::clone(&self.model);
        let Some(password) = &model.password else {
            return Ok(BoardReply::Unlocked { opened_by: None });
        };
        if password.state_register.is_some() && self.is_open(password).await? {
            return Ok(BoardReply::Unlocked { opened_by: None });
        }
        for (index, candidate) in candidates.iter().enumerate() {
            if self.try_password(password, candidate).await? == Tried::Opened {
                self.key = password.each_write.then(|| candidate.clone());
                return Ok(BoardReply::Unlocked { opened_by: Some(index) });
            }
        }
        Err(Fault::new(FaultCode::PasswordRefused).with("tried", candidates.len()))
    }

    pub(super) async fn set_password(&mut self, new: &Secret) -> Result<BoardReply, Fault> {
        let model = Arc::clone(&self.model);
        let settings = password(&model)?;
        let register = settings.set_register.as_deref();
        let register = register.ok_or_else(|| lacks(&model, "no field that takes a new password"))?;
        let register = named(&model, register)?;
        let wanted = encode_secret(settings, register, new).ok_or_else(|| {
            fault::internal(format_args!("a password of this board has {} characters", settings.length))
        })?;
        self.write(&[Write::whole(register, None, wanted)]).await?;
        Ok(BoardReply::Done)
    }

    pub(super) async fn prove_password(&mut self, new: &Secret, old: &Secret) -> Result<BoardReply, Fault> {
        let model = Arc::clone(&self.model);
        let settings = password(&model)?;
        // Where nothing shows whether it is open, only its answer to each try does.
        let locked_first = settings.state_register.is_none() || !self.is_open(settings).await?;
        let old_refused = locked_first
            && match self.try_password(settings, old).await? {
                Tried::Opened => false,
                Tried::Refused => true,
                // A password that was never sent was not refused.
                Tried::Impossible => {
                    return Err(fault::internal(format_args!(
                        "the old password is none of this board's, which have {} characters: it was not tried",
                        settings.length
                    )));
                }
            };
        // On a board that stands open already, nothing shows that it was the new one.
        let new_opened = old_refused && self.try_password(settings, new).await? == Tried::Opened;
        Ok(BoardReply::PasswordProof(PasswordProof { locked_first, old_refused, new_opened }))
    }

    /// Whether the locked blocks stand open.
    pub(super) async fn is_open(&mut self, password: &PasswordSettings) -> Result<bool, Fault> {
        let model = Arc::clone(&self.model);
        let register = password.state_register.as_deref();
        let register = register.ok_or_else(|| lacks(&model, "no register that shows whether it is open"))?;
        let register = named(&model, register)?;
        let state = self.read(&[register]).await?.of(register)?;
        Ok(state.last() == Some(&1))
    }

    /// Tries one password. What decides is the state afterwards, not what the answer said; but without any answer nobody
    /// knows whether the board heard it, and a password that was never tried is not refused: such a try is repeated as a
    /// read is, and then is a fault.
    async fn try_password(
        &mut self,
        settings: &PasswordSettings,
        candidate: &Secret,
    ) -> Result<Tried, Fault> {
        let model = Arc::clone(&self.model);
        let register = named(&model, &settings.unlock_register)?;
        let Some(words) = encode_secret(settings, register, candidate) else {
            return Ok(Tried::Impossible);
        };
        let address = map::place(&model, register);
        let words = map::carried(&model, register, &words, &[]);
        let request = match words.as_slice() {
            [value] => protocol::modbus::Request::WriteSingle { address, value: *value },
            _ => protocol::modbus::Request::WriteMultiple { address, values: words },
        };
        let mut tries_left = self.model.link.retries;
        loop {
            self.ensure_identified().await?;
            let answer = self.bus.exchange(protocol::guard::Purpose::Work, &request).await;
            // Some boards want a pause before they are spoken to again (JK NW: 150 ms).
            tokio::time::sleep(Duration::from_millis(settings.pause_ms.into())).await;
            let failure = match answer {
                Ok(_) => return self.tried(settings, true).await,
                Err(failure) if failure.is_transient() => failure,
                Err(BusFault::Exception(_)) => return self.tried(settings, false).await,
                Err(failure) => return Err(failure.of_write(&self.bus.asked(&request)?, &register.name)),
            };
            // It may have been heard all the same.
            if settings.state_register.is_some() && self.is_open(settings).await? {
                return Ok(Tried::Opened);
            }
            if tries_left == 0 {
                let asked = self.bus.asked(&request)?;
                return Err(match failure {
                    // What the guard says of it may name the word that was sent.
                    BusFault::Garbage(_) => fault::garbage(&asked, "its answer to a password fits none"),
                    other => other.of_write(&asked, &register.name),
                });
            }
            tracing::warn!(register = register.name, tries_left, "try of a password repeated");
            tries_left -= 1;
        }
    }

    /// What a try came to: by the register that shows it, else by the board's own answer.
    async fn tried(&mut self, settings: &PasswordSettings, accepted: bool) -> Result<Tried, Fault> {
        let opened = if settings.state_register.is_some() { self.is_open(settings).await? } else { accepted };
        Ok(if opened { Tried::Opened } else { Tried::Refused })
    }

    /// Boards that want their password before each write get it again.
    pub(super) async fn knock(&mut self) -> Result<(), Fault> {
        let model = Arc::clone(&self.model);
        let (Some(settings), Some(key)) = (&model.password, self.key.clone()) else { return Ok(()) };
        match self.try_password(settings, &key).await? {
            Tried::Opened => Ok(()),
            Tried::Refused | Tried::Impossible => {
                Err(Fault::new(FaultCode::PasswordRefused).with("tried", 1))
            }
        }
    }

    pub(super) async fn read_lease(&mut self) -> Result<BoardReply, Fault> {
        let model = Arc::clone(&self.model);
        let settings = lease(&model)?;
        let registers = [&settings.mode_register, &settings.expiry_register];
        let [mode, expiry] = registers.map(|name| named(&model, name));
        let words = self.read(&[mode?, expiry?]).await?;
        Ok(BoardReply::Lease(lease_reading(&model, settings, &words)?))
    }

    pub(super) async fn write_lease(
        &mut self,
        mode: BirthLease,
        expires_s: Option<u32>,
    ) -> Result<BoardReply, Fault> {
        let model = Arc::clone(&self.model);
        let settings = lease(&model)?;
        let mode_register = named(&model, &settings.mode_register)?;
        let expiry_register = named(&model, &settings.expiry_register)?;
        let mode_words = encode(mode_register, &Value::from(mode.as_str()))?;
        let expiry_words = encode(expiry_register, &Value::Number(expires_s.unwrap_or(0).into()))?;
        let before = self.read(&[mode_register, expiry_register]).await?;
        // The term first: the mode is the last write on the board.
        let expiry = Write::whole(expiry_register, Some(before.of(expiry_register)?), expiry_words);
        self.write(&[expiry]).await?;
        let mode = Write::whole(mode_register, Some(before.of(mode_register)?), mode_words);
        self.write(&[mode]).await?;
        let after = self.read(&[mode_register, expiry_register]).await?;
        Ok(BoardReply::Lease(lease_reading(&model, settings, &after)?))
    }

    pub(super) async fn write_switches(
        &mut self,
        charge: bool,
        discharge: bool,
    ) -> Result<BoardReply, Fault> {
        let model = Arc::clone(&self.model);
        let settings = model
            .safe_state
            .as_ref()
            .ok_or_else(|| fault::internal(format_args!("device model {} has no switches", model.id)))?;
        // Two bits of one field are switched by one write.
        let mut fields: Vec<Write<'_>> = Vec::new();
        for (path, is_on) in [(&settings.charge, charge), (&settings.discharge, discharge)] {
            let register = named(&model, &path.register)?;
            let known = fields.iter().position(|write| write.register.name == register.name);
            let index = match known {
                Some(index) => index,
                None => {
                    let current = if model.can_read(register) {
                        Some(self.read(&[register]).await?.of(register)?)
                    } else {
                        None
                    };
                    // A field that can't be read has no bits but the switches: the model was checked for that.
                    let wanted = current.clone().unwrap_or_else(|| vec![0; usize::from(register.width())]);
                    fields.push(Write::whole(register, current, wanted));
                    fields.len() - 1
                }
            };
            let Some(Write { wanted, .. }) = fields.get_mut(index) else { continue };
            match &path.bit {
                None => *wanted = encode(register, &Value::Number(path.value(is_on).into()))?,
                Some(bit) => {
                    let mask = path.mask(register).ok_or_else(|| no_bit(register, bit))?;
                    if let Some(word) = wanted.last_mut() {
                        *word = if path.value(is_on) == 1 { *word | mask } else { *word & !mask };
                    }
                }
            }
        }
        for write in fields {
            self.write(&[write]).await?;
        }
        Ok(BoardReply::Output(self.read_output().await?))
    }

    pub(super) async fn read_output(&mut self) -> Result<OutputReading, Fault> {
        let model = Arc::clone(&self.model);
        let settings = model
            .output
            .as_ref()
            .ok_or_else(|| fault::internal(format_args!("device model {} shows no output", model.id)))?;
        let registers = output_registers(&model, settings)?;
        let words = self.read(&registers).await?;
        output_reading(&model, settings, &words)
    }
}

/// What came of trying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    Opened,
    Refused,
    /// Of another length, or no ASCII: it is none of this board's, and was not sent.
    Impossible,
}

/// The lock out of registers that were read.
pub(super) fn lease_reading(
    model: &DeviceModel,
    settings: &LeaseSettings,
    words: &Words,
) -> Result<LeaseReading, Fault> {
    let mode = words.reading(named(model, &settings.mode_register)?)?;
    let expiry = words.reading(named(model, &settings.expiry_register)?)?;
    let modes = [BirthLease::Open, BirthLease::Armed, BirthLease::Locked];
    Ok(LeaseReading {
        mode: modes.into_iter().find(|known| mode.value == Value::from(known.as_str())),
        raw_mode: mode.raw.last().copied().unwrap_or_default(),
        expires_s: expiry.value.as_number().map(|seconds| seconds as u32).filter(|seconds| *seconds != 0),
    })
}

/// The registers in which both paths are seen, each once.
pub(super) fn output_registers<'m>(
    model: &'m DeviceModel,
    settings: &OutputSettings,
) -> Result<Vec<&'m Register>, Fault> {
    let charge = named(model, &settings.charge.register)?;
    let discharge = named(model, &settings.discharge.register)?;
    Ok(if charge.name == discharge.name { vec![charge] } else { vec![charge, discharge] })
}

/// The paths out of registers that were read.
pub(super) fn output_reading(
    model: &DeviceModel,
    settings: &OutputSettings,
    words: &Words,
) -> Result<OutputReading, Fault> {
    let is_on = |path: &PathField| {
        let register = named(model, &path.register)?;
        let Some(bit) = &path.bit else {
            let value = words.reading(register)?.value.as_number();
            return Ok(value.is_some_and(|value| path.is_on(value)));
        };
        let word = words.of(register)?.last().copied().unwrap_or_default();
        path.is_on_in(register, word).ok_or_else(|| no_bit(register, bit))
    };
    let charge = named(model, &settings.charge.register)?;
    Ok(OutputReading {
        charge_on: is_on(&settings.charge)?,
        discharge_on: is_on(&settings.discharge)?,
        raw: words.of(charge)?.last().copied().unwrap_or_default(),
    })
}

fn password(model: &DeviceModel) -> Result<&PasswordSettings, Fault> {
    model
        .password
        .as_ref()
        .ok_or_else(|| fault::internal(format_args!("device model {} has no parameter password", model.id)))
}

/// The model's file does not give what this needs.
fn lacks(model: &DeviceModel, what: &str) -> Fault {
    fault::internal(format_args!("device model {} has {what}", model.id))
}

fn lease(model: &DeviceModel) -> Result<&LeaseSettings, Fault> {
    model
        .lease
        .as_ref()
        .ok_or_else(|| fault::internal(format_args!("device model {} has no lease lock", model.id)))
}

/// None: this board cannot have such a password. Errors of the codec would show the secret, so they are dropped here.
fn encode_secret(settings: &PasswordSettings, register: &Register, secret: &Secret) -> Option<Vec<u16>> {
    if secret.length() != usize::from(settings.length) {
        return None;
    }
    domain::codec::encode(register, &Value::from(secret.expose())).ok()
}

fn no_bit(register: &Register, name: &str) -> Fault {
    fault::internal(format_args!("{} has no bit {name:?}", register.name))
}
