//! Which frames carry a password, so that the recorder is told before they go out.

use super::{asked::Asked, registers::is_secret};
use crate::wire::Recorder;
use domain::{
    codec,
    model::{AddressStep, DeviceModel, Register},
    value::Value,
};
use protocol::{
    described::{self, Frames},
    modbus::Request,
    row::Fields,
};

/// The fields of a model that hold passwords, so that no frame with one of them in it is recorded as it is, whoever asked for it.
#[derive(Debug, Clone, Default)]
pub(super) struct SecretFields {
    fields: Vec<Register>,
    /// Addresses that a register takes.
    step: u32,
}

impl SecretFields {
    pub(super) fn of(model: &DeviceModel) -> Self {
        let fields = model.registers.iter().filter(|register| is_secret(model, register)).cloned().collect();
        let step = if model.link.address_step == AddressStep::Byte { 2 } else { 1 };
        Self { fields, step }
    }

    /// Tells the recorder what the next frame is.
    pub(super) fn announce(&self, recorder: &Recorder, address: u8, asked: &Asked) {
        let question = match asked {
            Asked::Modbus(question) => question,
            Asked::Jbd { .. } => return recorder.expect_frame(&asked.frame(address).unwrap_or_default()),
            Asked::Described { frames, question, .. } => {
                return self.announce_described(
                    recorder,
                    &asked.frame(address).unwrap_or_default(),
                    frames,
                    question,
                );
            }
        };
        let request = question.request();
        let (first, quantity) = request.span();
        let (from, to) = (u32::from(first), u32::from(first) + u32::from(quantity) * self.step);
        let touched = self.fields.iter().find(|register| {
            let at = u32::from(register.address);
            at < to && from < at + u32::from(register.width()) * self.step
        });
        match touched {
            Some(register) if request.is_write() => {
                recorder.expect_secret(address, request, password_of(register, request).as_deref());
            }
            // A read of one is not planned by anybody; what it brings is not kept.
            Some(_) => recorder.expect_secret(address, request, None),
            None => recorder.expect_plain(),
        }
    }
}

impl SecretFields {
    fn announce_described(
        &self,
        recorder: &Recorder,
        frame: &[u8],
        frames: &Frames,
        question: &described::Question,
    ) {
        let fields = &question.fields;
        let from = u32::from(fields.register.unwrap_or_default());
        let to = from + u32::from(fields.count.unwrap_or(1)).max(1);
        let secret = self.fields.iter().find(|register| {
            let at = u32::from(register.address);
            at < to && from < at + u32::from(register.width()) * self.step
        });
        let (Some(_), Some(row)) = (secret, frames.request(question.way)) else {
            return recorder.expect_plain();
        };
        let said = Fields { status: Some(frames.done), data: Vec::new(), ..fields.clone() };
        let taken = frames.answer(question.way).and_then(|row| row.encode(&said).ok()).unwrap_or_default();
        let text = std::str::from_utf8(&fields.data).ok().map(|text| text.trim_end_matches('\0'));
        recorder.expect_described_secret(frame, row.before_data().unwrap_or_default(), taken, text);
    }
}

/// The password that a write carries, where it is whole.
fn password_of(register: &Register, request: &Request) -> Option<String> {
    let words = match request {
        Request::WriteSingle { value, .. } => std::slice::from_ref(value),
        Request::WriteMultiple { values, .. } => values,
        // No password lies in bits.
        Request::ReadHolding { .. }
        | Request::ReadInput { .. }
        | Request::ReadCoils { .. }
        | Request::WriteCoils { .. } => return None,
    };
    let from = usize::from(register.address.checked_sub(request.span().0)?);
    let own = words.get(from..from + usize::from(register.width()))?;
    match codec::decode(register, own).ok()? {
        Value::Text(text) => Some(text),
        Value::Number(_) => None,
    }
}
