//! The application's side of a board in a framing that its model describes.
//!
//! Which status refuses what, no model says: the first of its exceptions that no repetition helps. Where no frame says no, the
//! board is silent.

use domain::model::{AddressStep, Block, FramePart, FrameRow, FrameSettings};
use protocol::Instant;

use super::{Board, application::Effects, ear::DescribedRequest, fields::first_of};
use crate::{
    disturbance::Disturbance,
    memory::Refusal,
    places,
    rows::{self, Held},
};

/// Where a model names no exception.
const REFUSED: u8 = 1;

impl Board {
    /// The bytes of the answer; none: the board is silent.
    pub(super) fn obey_described(
        &mut self,
        now: Instant,
        request: &DescribedRequest,
        effects: &mut Effects,
    ) -> Option<Vec<u8>> {
        let frame = self.model.frame.clone()?;
        let register = request.read.as_ref().or(request.write.as_ref())?.register;
        let block = self.block_at(register).cloned();
        // Where both look the same the function tells, or what the board lets be read.
        let told = frame.read.has(|part| *part == FramePart::Function);
        let reads = match (&request.read, &request.write) {
            (Some(_), None) => true,
            (None, _) => false,
            (Some(held), Some(_)) if told => {
                let own = block.as_ref().and_then(|block| block.read_function);
                held.function == own.unwrap_or(self.model.link.read_function)
            }
            (Some(_), Some(_)) => {
                block.as_ref().is_none_or(|block| self.memory.check_read(block.start, 1).is_ok())
            }
        };
        let (held, row) = match (&request.read, &request.write) {
            (Some(held), _) if reads => (held, &frame.read_answer),
            (_, Some(held)) => (held, frame.write_answer.as_ref()?),
            _ => return None,
        };
        let asked_row = if reads { &frame.read } else { frame.write.as_ref()? };
        if asked_row.has(|part| *part == FramePart::Address) && held.address != self.model.link.address {
            return None;
        }
        let outcome = if reads {
            self.read_described(now, &frame, block.as_ref(), held)
        } else {
            self.write_described(now, block.as_ref(), held, asked_row, effects).map(|()| Vec::new())
        };
        let mut answer = Held { status: frame.done, data: Vec::new(), ..held.clone() };
        if row.has(|part| *part == FramePart::Address) {
            answer.address = self.answering_address();
        } else if self.mischief.strikes(Disturbance::WrongAddress) {
            answer.register = answer.register.wrapping_add(1) & 0xFF;
        }
        match outcome {
            Ok(data) => {
                answer.data = data;
                let frames = block.filter(|_| reads).and_then(|block| block.frames);
                parted(&frame, row, &answer, frames)
            }
            Err(_) => {
                let row = frame.refusal.as_ref().unwrap_or(row);
                answer.status = self.refusal_status();
                row.has(|part| *part == FramePart::Status).then(|| rows::make(&frame, row, &answer))?
            }
        }
    }

    fn read_described(
        &mut self,
        now: Instant,
        frame: &FrameSettings,
        block: Option<&Block>,
        held: &Held,
    ) -> Result<Vec<u8>, Refusal> {
        let block = block.ok_or(Refusal::Hole)?;
        let function = block.read_function.unwrap_or(self.model.link.read_function);
        if frame.read.has(|part| *part == FramePart::Function) && held.function != function {
            return Err(Refusal::Function);
        }
        let argument = block.argument.as_ref().map(|argument| argument.as_bytes()).unwrap_or_default();
        let (said, filled) = held.data.split_at_checked(argument.len()).ok_or(Refusal::Value)?;
        if said != argument || filled.iter().any(|byte| *byte != 0) {
            return Err(Refusal::Value);
        }
        if self.step == AddressStep::Field {
            return self.read_field(now, held.register);
        }
        let first = places::at(self.step, held.register).ok_or(Refusal::Hole)?;
        let asked = if frame.read.has(|part| matches!(part, FramePart::Count(_))) {
            held.count
        } else {
            held.end.checked_sub(held.register).ok_or(Refusal::Value)?
        };
        let words = if self.step == AddressStep::Byte { asked / 2 } else { asked };
        self.memory.check_read(first, words)?;
        self.read_since_start.extend((first..).take(usize::from(words)));
        Ok(self.read(now, first, words).into_iter().flat_map(u16::to_be_bytes).collect())
    }

    fn write_described(
        &mut self,
        now: Instant,
        block: Option<&Block>,
        held: &Held,
        row: &FrameRow,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let block = block.ok_or(Refusal::Hole)?;
        if row.has(|part| *part == FramePart::Function) && Some(held.function) != block.write_function {
            return Err(Refusal::Function);
        }
        if self.step == AddressStep::Field {
            let fill = row.has(|part| matches!(part, FramePart::Data(Some(_))));
            let data = if fill { self.own_part(held) } else { &held.data };
            return self.write_field(now, held.register, data, effects);
        }
        let first = places::at(self.step, held.register).ok_or(Refusal::Hole)?;
        let words: Vec<u16> = held
            .data
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |word, byte| word << 8 | u16::from(*byte)))
            .collect();
        self.write(now, first, &words, false, effects)
    }

    /// What of a filled frame is the field's; the rest must be nought.
    fn own_part<'h>(&self, held: &'h Held) -> &'h [u8] {
        let length = self.whole_field_bytes(first_of(held.register)).min(held.data.len());
        let (own, fill) = held.data.split_at(length);
        if fill.iter().all(|byte| *byte == 0) { own } else { &held.data }
    }

    fn block_at(&self, register: u16) -> Option<&Block> {
        self.model.block_of(places::at(self.step, register)?, 1)
    }

    fn refusal_status(&self) -> u8 {
        let mut exceptions = self.model.link.exceptions.iter();
        exceptions.find(|exception| !exception.transient).map_or(REFUSED, |exception| exception.code)
    }
}

/// The answer in one frame, or in as many as it fills of those that its block allows, each with its number before its part of the data.
fn parted(frame: &FrameSettings, row: &FrameRow, answer: &Held, frames: Option<u8>) -> Option<Vec<u8>> {
    let Some(most) = frames else { return rows::make(frame, row, answer) };
    let room = |part: &FramePart| if let FramePart::Data(room) = part { *room } else { None };
    let each = usize::from(row.parts().iter().find_map(room)?).checked_sub(1).filter(|each| *each > 0)?;
    let filled = answer.data.len().div_ceil(each).clamp(1, most.into());
    let mut bytes = Vec::new();
    for (index, number) in (0..filled).zip(1_u8..) {
        let own = answer.data.iter().skip(index * each).take(each).copied();
        let data = [number].into_iter().chain(own).collect();
        bytes.extend(rows::make(frame, row, &Held { data, ..answer.clone() })?);
    }
    Some(bytes)
}
