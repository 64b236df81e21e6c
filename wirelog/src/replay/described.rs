//! Questions and answers in a framing that the model describes.

use super::{Answer, Exchange, Reader, command, refusal};
use crate::model_frames::{frames, joined, way_of};
use domain::model::{Command, DeviceModel, Framing};
use protocol::{
    described::{Frames, Way},
    row::Fields,
};
use std::sync::Arc;

/// The frames of a model, and its names.
#[derive(Debug)]
pub(super) struct Rows<'m> {
    frames: Arc<Frames>,
    model: &'m DeviceModel,
    reader: Reader<'m>,
}

impl<'m> Rows<'m> {
    /// None: the model's framing has a name.
    pub fn of(model: &'m DeviceModel) -> Option<Self> {
        let frames = frames(model)?;
        Some(Self { frames, model, reader: Reader::new(Some(model), Framing::Described) })
    }
}

/// A request, where these bytes are one.
pub(super) fn exchange(bytes: &[u8], rows: &mut Rows<'_>) -> Option<Exchange> {
    let request = rows.frames.decode_request(bytes)?;
    let writes = way_of(rows.model, &request) == Way::Write;
    let Fields { address: device, function, register, count, data, .. } = request.fields;
    let address = register?;
    let (values, command) = if writes {
        (rows.reader.values(address, &data), command(&rows.reader, address, |command| says(command, &data)))
    } else {
        (Vec::new(), None)
    };
    Some(Exchange {
        framing: Framing::Described,
        device,
        function: function.unwrap_or_default(),
        writes,
        address,
        count: count.unwrap_or(1),
        command,
        password: None,
        values,
        answer: None,
    })
}

/// Whether these bytes are the command's value, in a row that may fill up with zeros.
fn says(command: &Command, data: &[u8]) -> bool {
    data.strip_prefix(command.value_bytes().as_slice()).is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}

/// The answer to the request among the bytes that came: where it begins and ends, and what it says.
pub(super) fn answer(
    exchange: &mut Exchange,
    heard: &[u8],
    after_ms: f64,
    rows: &mut Rows<'_>,
) -> Option<(usize, usize)> {
    let way = if exchange.is_write() { Way::Write } else { Way::Read };
    let found = rows.frames.decode_answers(way, heard);
    let (from, to) = (found.first()?.0, found.last()?.1);
    let told: Vec<Fields> = found.into_iter().map(|(_, _, fields)| fields).collect();
    let refused = told.iter().filter_map(|fields| fields.status).find(|status| *status != rows.frames.done);
    let result = match refused {
        Some(status) => refusal(&rows.reader, status, format_args!("status {status:02X}h")),
        None => "ok".to_owned(),
    };
    if refused.is_none() && way == Way::Read {
        let data = joined(rows.model, exchange.address, &told);
        exchange.values = rows.reader.values(exchange.address, &data);
    }
    exchange.answer = Some(Answer { after_ms, result });
    Some((from, to))
}
