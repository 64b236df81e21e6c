//! The frames that a model describes, as protocol's machines take them, and what of them only the model tells.

use domain::model::{
    Access, DeviceModel, FrameCheck, FrameCoding, FrameNumber, FramePart, FrameRow, FrameSettings,
};
use protocol::{
    described::{Frames, Request, Way, WriteFrames},
    row::{Check, Coding, Fields, Order, Part, Row, Word},
};
use std::sync::Arc;

/// None: the model's framing is one that has a name.
#[must_use]
pub fn frames(model: &DeviceModel) -> Option<Arc<Frames>> {
    let settings = model.frame.as_ref()?;
    let row = |row: &FrameRow| described(settings, row);
    let write = settings.write.as_ref().zip(settings.write_answer.as_ref());
    Some(Arc::new(Frames {
        read: row(&settings.read),
        read_answer: row(&settings.read_answer),
        write: write.map(|(request, answer)| WriteFrames { request: row(request), answer: row(answer) }),
        refusal: settings.refusal.as_ref().map(row),
        done: settings.done,
    }))
}

/// Which way a request goes where both look the same: as its function says, or as its block allows, and if both are allowed a write is
/// what carries something.
#[must_use]
pub fn way_of(model: &DeviceModel, request: &Request) -> Way {
    request.way.unwrap_or_else(|| {
        let fields = &request.fields;
        let block = fields.register.and_then(|register| model.block_of(register, 1));
        let read_function = block.and_then(|block| block.read_function).unwrap_or(model.link.read_function);
        match (fields.function, block.map(|block| block.access)) {
            (Some(function), _) if function == read_function => Way::Read,
            (Some(_), _) | (None, Some(Access::WriteOnly)) => Way::Write,
            (None, Some(Access::ReadOnly)) => Way::Read,
            _ if fields.data.iter().any(|byte| *byte != 0) => Way::Write,
            _ => Way::Read,
        }
    })
}

/// The data of an answer, out of all its frames.
#[must_use]
pub fn joined(model: &DeviceModel, register: u16, frames: &[Fields]) -> Vec<u8> {
    let numbered = model.block_of(register, 1).is_some_and(|block| block.frames.is_some());
    frames.iter().flat_map(|fields| fields.data.iter().skip(usize::from(numbered))).copied().collect()
}

fn described(settings: &FrameSettings, row: &FrameRow) -> Row {
    let coding = match settings.coding {
        FrameCoding::Binary => Coding::Binary,
        FrameCoding::HexText => Coding::HexText,
    };
    Row::new(coding, row.parts().iter().map(part).collect())
}

fn part(part: &FramePart) -> Part {
    match part {
        FramePart::Bytes(bytes) => Part::Bytes(bytes.clone()),
        FramePart::Address => Part::Address,
        FramePart::Function => Part::Function,
        FramePart::Register(number) => Part::Register(word(*number)),
        FramePart::Count(number) => Part::Count(word(*number)),
        FramePart::End(number) => Part::End(word(*number)),
        FramePart::Status => Part::Status,
        FramePart::Length(number, more) => Part::Length(word(*number), *more),
        FramePart::LengthYdt => Part::LengthYdt,
        FramePart::Data(fill) => Part::Data(*fill),
        FramePart::Any(bytes) => Part::Any(*bytes),
        FramePart::CheckedFrom => Part::CheckedFrom,
        FramePart::CheckedTo => Part::CheckedTo,
        FramePart::Check(check) => Part::Check(match check {
            FrameCheck::Sum8 => Check::Sum8,
            FrameCheck::Sum16 => Check::Sum16,
            FrameCheck::NegatedSum16 => Check::NegatedSum16,
            FrameCheck::Crc16 => Check::Crc16,
            FrameCheck::Crc16HighFirst => Check::Crc16HighFirst,
        }),
    }
}

fn word(number: FrameNumber) -> Word {
    let order = if number.is_low_first { Order::LowFirst } else { Order::HighFirst };
    Word { bytes: number.bytes, order }
}
