//! The framing: what a known one allows of the link, and whether a described one can be spoken.

use super::Report;
use crate::{
    model::{
        Access, AddressStep, Block, DeviceModel, FrameCoding, FrameNumber, FramePart, FrameRow,
        FrameSettings, Framing, LinkSettings,
    },
    source::At,
};
use std::collections::BTreeSet;

pub(super) fn check_framing(link: &LinkSettings, report: &mut Report<'_>) {
    if link.framing != Framing::Described && !matches!(link.read_function, 3 | 4) {
        let reason = format!("read_function {} is neither 3 nor 4", link.read_function);
        report.key("link", "read_function", reason);
    }
    match (link.framing, link.address_step) {
        (Framing::Jbd, AddressStep::Register | AddressStep::Byte) => {
            report.key(
                "link",
                "address_step",
                "with the JBD framing an address is a whole field: say \"field\"",
            );
        }
        (Framing::ModbusRtu, AddressStep::Field) => {
            report.key(
                "link",
                "address_step",
                "a Modbus register is no whole field: say \"register\" or \"byte\"",
            );
        }
        _ => {}
    }
    if link.framing == Framing::Jbd && link.reply_address.is_some() {
        report.key("link", "reply_address", "JBD frames bear no address");
    }
    if let Some(wake) = link.wake.as_ref().filter(|wake| wake.frames == 0 || wake.pause_ms > 10_000) {
        let reason =
            format!("wake: {} frames with {} ms between them wake nobody", wake.frames, wake.pause_ms);
        report.key("link", "wake", reason);
    }
    let is_own = link.framing != Framing::ModbusRtu;
    if let Some(wake) = link.wake.as_ref().filter(|wake| is_own && wake.frames > 1) {
        let name = if link.framing == Framing::Jbd { "the JBD" } else { "a described" };
        let reason =
            format!("wake: {} frames, but with {name} framing one wakes the board: say 1", wake.frames);
        report.key("link", "wake", reason);
    }
    let mut codes = BTreeSet::new();
    for (index, exception) in link.exceptions.iter().enumerate() {
        if !codes.insert(exception.code) {
            let path = [At::Key("link"), At::Key("exception"), At::Index(index), At::Key("code")];
            report.at(&path, format!("exception {} stands twice", exception.code));
        }
    }
}

pub(super) fn check_frames(model: &DeviceModel, report: &mut Report<'_>) {
    let frame = match (&model.frame, model.link.framing) {
        (Some(frame), Framing::Described) => Some(frame),
        (None, Framing::Described) => {
            report.key("link", "framing", "a described framing needs [frame], which describes it");
            None
        }
        (Some(_), _) => {
            report.at(
                &[At::Key("frame")],
                "[frame] describes a framing that link.framing does not name: say \"described\"",
            );
            None
        }
        (None, _) => None,
    };
    if let Some(frame) = frame {
        check_rows(&model.link, frame, report);
    }
    for (index, block) in model.blocks.iter().enumerate() {
        check_block(model, frame, index, block, report);
    }
}

/// The rows of a framing, by their keys.
fn rows(frame: &FrameSettings) -> impl Iterator<Item = (&'static str, &FrameRow)> {
    [
        ("read", Some(&frame.read)),
        ("read_answer", Some(&frame.read_answer)),
        ("write", frame.write.as_ref()),
        ("write_answer", frame.write_answer.as_ref()),
        ("refusal", frame.refusal.as_ref()),
    ]
    .into_iter()
    .filter_map(|(key, row)| Some((key, row?)))
}

fn check_rows(link: &LinkSettings, frame: &FrameSettings, report: &mut Report<'_>) {
    let is_data = |part: &FramePart| matches!(part, FramePart::Data(_));
    let is_register = |part: &FramePart| matches!(part, FramePart::Register(_));
    match (&frame.write, &frame.write_answer) {
        (Some(_), None) => {
            report.key("frame", "write", "there is a write, and no write_answer that confirms it");
        }
        (None, Some(_)) => {
            report.key("frame", "write_answer", "write_answer answers a write, and there is none");
        }
        _ => {}
    }
    if !frame.read_answer.has(is_data) {
        report.key("frame", "read_answer", "read_answer holds no data: nothing could be read");
    }
    if frame.write.as_ref().is_some_and(|write| !write.has(is_data)) {
        report.key("frame", "write", "write holds no data: nothing could be written");
    }
    for (key, row) in [("read", Some(&frame.read)), ("write", frame.write.as_ref())] {
        if row.is_some_and(|row| !row.has(is_register)) {
            report.key(
                "frame",
                key,
                format!("{key} does not say which register is meant: put register into it"),
            );
        }
    }
    if frame.refusal.as_ref().is_some_and(|refusal| !refusal.has(|part| matches!(part, FramePart::Status))) {
        report.key("frame", "refusal", "refusal says nothing of why: put status into it");
    }
    let bears_address = |(_, row): (&str, &FrameRow)| row.has(|part| *part == FramePart::Address);
    if link.reply_address.is_some()
        && !rows(frame).filter(|(key, _)| key.ends_with("answer")).any(bears_address)
    {
        report.key("link", "reply_address", "no answer of [frame] bears an address");
    }
    for (key, row) in rows(frame) {
        let is_field = link.address_step == AddressStep::Field;
        if is_field && row.has(|part| matches!(part, FramePart::Count(_) | FramePart::End(_))) {
            let reason = format!("{key} counts registers, but an address is a whole field here");
            report.key("frame", key, reason);
        }
        let parts = row.parts();
        let is_mark =
            |part: Option<&FramePart>| matches!(part, Some(FramePart::Bytes(bytes)) if bytes.len() == 1);
        if frame.coding == FrameCoding::HexText && !(is_mark(parts.first()) && is_mark(parts.last())) {
            let reason =
                format!("{key} is text between two marks: its first part and its last are one byte each");
            report.key("frame", key, reason);
        }
    }
}

fn check_block(
    model: &DeviceModel,
    frame: Option<&FrameSettings>,
    index: usize,
    block: &Block,
    report: &mut Report<'_>,
) {
    let name = &block.name;
    let end = u32::from(block.start) + u32::from(block.count);
    let rows = frame.into_iter().flat_map(rows);
    let narrow = rows
        .flat_map(|(_, row)| row.parts())
        .any(|part| matches!(part, FramePart::Register(FrameNumber { bytes: 1, .. })));
    if end > 0x100 && (narrow || model.link.address_step == AddressStep::Field) {
        let reason = format!("block {name:?} ends beyond address 0xFF, and a frame has one byte for it");
        report.row("block", index, "count", reason);
    }
    let (reads, writes) = (block.access != Access::WriteOnly, block.access != Access::ReadOnly);
    let has = |row: Option<&FrameRow>, part: fn(&FramePart) -> bool| row.is_some_and(|row| row.has(part));
    let is_function = |part: &FramePart| *part == FramePart::Function;
    if frame.is_some_and(|frame| frame.write.is_none()) && writes {
        report.row("block", index, "access", format!("block {name:?} is written, and [frame] has no write"));
    }
    let write = frame.and_then(|frame| frame.write.as_ref());
    if writes && has(write, is_function) && block.write_function.is_none() {
        let reason = format!("block {name:?} is written with a function: say write_function");
        report.row("block", index, "name", reason);
    }
    let read = frame.map(|frame| &frame.read);
    // Behind 01 an address is a bit.
    let is_of_bits = model.link.framing == Framing::ModbusRtu
        && model.link.address_step == AddressStep::Register
        && block.read_function == Some(1);
    let idle = [
        ("read_function", block.read_function.is_some() && !is_of_bits && !(reads && has(read, is_function))),
        ("write_function", block.write_function.is_some() && !(writes && has(write, is_function))),
        (
            "argument",
            block.argument.is_some() && !(reads && has(read, |part| matches!(part, FramePart::Data(_)))),
        ),
        ("frames", block.frames.is_some() && !(reads && frame.is_some())),
    ];
    for (key, _) in idle.iter().filter(|(_, is_idle)| *is_idle) {
        let reason = match model.link.framing {
            Framing::ModbusRtu if *key == "read_function" => {
                format!(
                    "read_function of block {name:?} is not 1, which is for bits whose addresses count one by one"
                )
            }
            _ => format!("{key} of block {name:?} stands in no frame: [frame] sends none with it"),
        };
        report.row("block", index, key, reason);
    }
    if let Some(frames) = block.frames.filter(|frames| *frames < 2 || block.count != 1) {
        let reason =
            format!("block {name:?}: one field comes in two frames or more, not {} in {frames}", block.count);
        report.row("block", index, "frames", reason);
    }
    let is_filled = |part: &FramePart| matches!(part, FramePart::Data(Some(2..)));
    if block.frames.is_some() && frame.is_some_and(|frame| !frame.read_answer.has(is_filled)) {
        let reason = format!(
            "block {name:?} comes in several frames, whose data must have one length: data:8 in read_answer"
        );
        report.row("block", index, "frames", reason);
    }
    let room = read.and_then(|row| {
        row.parts().iter().find_map(|part| if let FramePart::Data(room) = part { *room } else { None })
    });
    let argument = block.argument.as_ref().map_or(0, |argument| argument.as_bytes().len());
    if room.is_some_and(|room| argument > usize::from(room)) {
        report.row("block", index, "argument", format!("argument of block {name:?} does not fit the frame"));
    }
}
