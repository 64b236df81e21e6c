//! The one place where tokio-modbus is called and timed out, on a line lent for that one exchange.
//!
//! It hands a late answer to the next request and answers of the wrong length to this one (`protocol::guard` has the measurements):
//! what comes out of here is judged by the bus before anybody believes it.

use super::{lent, line::Line};
use protocol::modbus::{ExceptionCode, Request, Response};
use std::{borrow::Cow, io};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tokio_modbus::{ProtocolError, Slave, client::Client as _, client::rtu::attach_slave};

/// What the client made of an exchange.
#[derive(Debug)]
pub(super) enum Called {
    Answered(Response),
    Silent,
    Garbage(String),
    Port(io::Error),
}

/// Lends the line to a client that asks and waits until `deadline`; the receiver brings the line home, also where the future is
/// dropped.
pub(super) fn call(
    line: Line,
    address: u8,
    request: &Request,
    deadline: Instant,
) -> (impl Future<Output = Called>, oneshot::Receiver<Line>) {
    let (lent, back) = lent::lend(line);
    let called = async move {
        let mut client = attach_slave(lent, Slave(address));
        match timeout_at(deadline, client.call(to_client(request))).await {
            Err(_) => Called::Silent,
            Ok(Ok(Ok(response))) => match from_client(response) {
                Some(response) => Called::Answered(response),
                None => Called::Garbage("the answer is of another function".to_owned()),
            },
            Ok(Ok(Err(code))) => Called::Answered(Response::Exception {
                function: request.function(),
                code: ExceptionCode::from(u8::from(code)),
            }),
            Ok(Err(tokio_modbus::Error::Protocol(error))) => Called::Garbage(match error {
                ProtocolError::HeaderMismatch { .. } => "the answer bears another device address".to_owned(),
                ProtocolError::FunctionCodeMismatch { .. } => "the answer is of another function".to_owned(),
            }),
            Ok(Err(tokio_modbus::Error::Transport(error))) if error.kind() == io::ErrorKind::InvalidData => {
                Called::Garbage(
                    "the bytes make no frame (wrong check sum, noise, or another rate)".to_owned(),
                )
            }
            Ok(Err(tokio_modbus::Error::Transport(error))) => Called::Port(error),
        }
    };
    (called, back)
}

fn to_client(request: &Request) -> tokio_modbus::Request<'_> {
    match request {
        Request::ReadHolding { address, quantity } => {
            tokio_modbus::Request::ReadHoldingRegisters(*address, *quantity)
        }
        Request::ReadInput { address, quantity } => {
            tokio_modbus::Request::ReadInputRegisters(*address, *quantity)
        }
        Request::WriteSingle { address, value } => {
            tokio_modbus::Request::WriteSingleRegister(*address, *value)
        }
        Request::WriteMultiple { address, values } => {
            tokio_modbus::Request::WriteMultipleRegisters(*address, Cow::Borrowed(values))
        }
        Request::ReadCoils { address, quantity } => tokio_modbus::Request::ReadCoils(*address, *quantity),
        Request::WriteCoils { address, values } => {
            tokio_modbus::Request::WriteMultipleCoils(*address, Cow::Borrowed(values))
        }
    }
}

fn from_client(response: tokio_modbus::Response) -> Option<Response> {
    Some(match response {
        tokio_modbus::Response::ReadHoldingRegisters(values) => Response::ReadHolding(values),
        tokio_modbus::Response::ReadInputRegisters(values) => Response::ReadInput(values),
        tokio_modbus::Response::WriteSingleRegister(address, value) => {
            Response::WriteSingle { address, value }
        }
        tokio_modbus::Response::WriteMultipleRegisters(address, quantity) => {
            Response::WriteMultiple { address, quantity }
        }
        tokio_modbus::Response::ReadCoils(bits) => Response::ReadCoils(bits),
        tokio_modbus::Response::WriteMultipleCoils(address, quantity) => {
            Response::WriteCoils { address, quantity }
        }
        _ => return None,
    })
}
