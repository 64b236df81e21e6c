//! Who asks: tokio-modbus, or the clients of `protocol` for boards that it cannot serve: another framing, answers from another
//! address, before which something else comes, or whose length is not the quantity asked for. All under the same guard.

use super::{asked::Asked, map, settings::BusSettings};
use domain::model::{DeviceModel, Framing, Quantity};
use protocol::{
    Instant,
    client::{ClientRefusal, Dialect, Pace},
    described::{self, Described, DescribedClient},
    guard::{Checked, GuardFault, LinkGuard, LinkRefusal, Purpose},
    jbd::{
        self, EmptyAnswers,
        client::{JbdClient, Numbering},
    },
    modbus::{
        self,
        client::{ClientOptions, RtuClient},
    },
};
use wirelog::model_frames::frames;

/// A board that was not spoken to for so long may sleep, where its model says that it sleeps at all. Assumed: no document says how
/// soon. A read sent twice for nothing costs a frame; a time-out costs the identity's read.
pub(super) const MAY_SLEEP_AFTER: std::time::Duration = std::time::Duration::from_secs(5);

#[derive(Debug)]
pub(super) enum Client {
    /// tokio-modbus ([`super::ready_made`]), guarded from here.
    ReadyMade(LinkGuard),
    Rtu(Box<RtuClient>),
    Jbd(Box<JbdClient>),
    Described {
        client: Box<DescribedClient>,
        /// What a byte of data is one of: the places of a field, or halves of words.
        is_field: bool,
    },
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Told {
    Answered(Checked),
    /// A proper frame that says no, with its number.
    Refused(u8),
    Silent,
    Garbage(String),
}

/// Why a request was not sent.
#[derive(Debug)]
pub(super) enum Unsent {
    Link(LinkRefusal),
    Impossible(String),
}

impl Client {
    pub(super) fn of(model: &DeviceModel, settings: &BusSettings) -> Self {
        let quirks = settings.reply_address != settings.address
            || model.link.quantity == Quantity::Addresses
            || model.commands.iter().any(|command| command.preamble);
        match model.link.framing {
            Framing::Jbd => Self::jbd(settings),
            Framing::Described => match frames(model) {
                Some(frames) => Self::Described {
                    client: Box::new(DescribedClient::speaking(Described::new(frames), pace(settings))),
                    is_field: map::is_field(model),
                },
                // A model that was checked has them; without them nothing is asked, see `Asked::of`.
                None => Self::rtu(settings),
            },
            Framing::ModbusRtu if quirks => Self::rtu(settings),
            Framing::ModbusRtu => {
                Self::ReadyMade(LinkGuard::new(settings.quiet(), settings.unexpected_limit))
            }
        }
    }

    /// For a Modbus board out of the standard.
    fn rtu(settings: &BusSettings) -> Self {
        Self::Rtu(Box::new(RtuClient::new(ClientOptions {
            baud: settings.baud,
            address: settings.address,
            reply_address: settings.reply_address,
            timeout: settings.patience(),
            quiet: settings.quiet(),
            unexpected_limit: settings.unexpected_limit,
        })))
    }

    /// For a board of the JBD framing.
    fn jbd(settings: &BusSettings) -> Self {
        Self::Jbd(Box::new(JbdClient::new(jbd::client::ClientOptions {
            pace: pace(settings),
            empty: EmptyAnswers::Summed,
            // Whether a board sends numbers back depends on its firmware, which is not known before it answered.
            numbering: Numbering::None,
        })))
    }

    /// Whether a sleeping board is woken by the client itself.
    pub(super) fn wakes(&self) -> bool {
        matches!(self, Self::Jbd(_) | Self::Described { .. })
    }

    pub(super) fn guard(&self) -> &LinkGuard {
        match self {
            Self::ReadyMade(guard) => guard,
            Self::Rtu(client) => client.guard(),
            Self::Jbd(client) => client.guard(),
            Self::Described { client, .. } => client.guard(),
        }
    }

    pub(super) fn guard_mut(&mut self) -> &mut LinkGuard {
        match self {
            Self::ReadyMade(guard) => guard,
            Self::Rtu(client) => client.guard_mut(),
            Self::Jbd(client) => client.guard_mut(),
            Self::Described { client, .. } => client.guard_mut(),
        }
    }

    /// Of protocol's own clients: asks. `waking`: the board may sleep, and a read is sent twice where nothing comes to the first; so long
    /// its answer is waited for.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        purpose: Purpose,
        asked: &Asked,
        (waking, patience): (bool, std::time::Duration),
    ) -> Result<(), Unsent> {
        let alien = || Unsent::Impossible("a request of another framing".to_owned());
        match (self, asked) {
            (Self::Rtu(client), Asked::Modbus(question)) => {
                while client.poll_event().is_some() {}
                client.wait_for(patience);
                client.begin(now, purpose, question.clone()).map_err(|refusal| match refusal {
                    modbus::client::ClientRefusal::Link(refusal) => Unsent::Link(refusal),
                    modbus::client::ClientRefusal::Pdu(fault) => Unsent::Impossible(fault.to_string()),
                })
            }
            (Self::Jbd(client), Asked::Jbd { question, .. }) => {
                client.wait_for(patience);
                begin(client, now, purpose, question.clone(), waking && !asked.is_write())
            }
            (Self::Described { client, .. }, Asked::Described { question, .. }) => {
                client.wait_for(patience);
                begin(client, now, purpose, question.clone(), waking && !asked.is_write())
            }
            _ => Err(alien()),
        }
    }

    /// The future that waited for the answer was dropped.
    pub(super) fn cancel(&mut self, now: Instant) {
        match self {
            Self::ReadyMade(guard) => guard.handle_cancelled(now),
            Self::Rtu(client) => client.cancel(now),
            Self::Jbd(client) => client.cancel(now),
            Self::Described { client, .. } => client.cancel(now),
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::ReadyMade(_) => None,
            Self::Rtu(client) => client.poll_transmit(),
            Self::Jbd(client) => client.poll_transmit(),
            Self::Described { client, .. } => client.poll_transmit(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::ReadyMade(guard) => guard.poll_timeout(),
            Self::Rtu(client) => client.poll_timeout(),
            Self::Jbd(client) => client.poll_timeout(),
            Self::Described { client, .. } => client.poll_timeout(),
        }
    }

    pub(super) fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        match self {
            Self::ReadyMade(_) => {}
            Self::Rtu(client) => client.handle_bytes(now, bytes),
            Self::Jbd(client) => client.handle_bytes(now, bytes),
            Self::Described { client, .. } => client.handle_bytes(now, bytes),
        }
    }

    /// What came while the line was drained.
    pub(super) fn overhear(&mut self, now: Instant, bytes: &[u8]) {
        match self {
            // What is owed of Modbus tells too little of its question.
            Self::ReadyMade(_) | Self::Rtu(_) => {}
            Self::Jbd(client) => client.overhear(now, bytes),
            Self::Described { client, .. } => client.overhear(now, bytes),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::ReadyMade(guard) => guard.handle_timeout(now),
            Self::Rtu(client) => client.handle_timeout(now),
            Self::Jbd(client) => client.handle_timeout(now),
            Self::Described { client, .. } => client.handle_timeout(now),
        }
    }

    pub(super) fn poll_told(&mut self) -> Option<Told> {
        match self {
            Self::ReadyMade(_) => None,
            Self::Rtu(client) => client.poll_event().and_then(told_by_modbus),
            Self::Jbd(client) => client.poll_event().and_then(told_by_jbd),
            Self::Described { client, is_field } => {
                let is_field = *is_field;
                client.poll_event().and_then(|event| told_by_described(event, is_field))
            }
        }
    }
}

fn pace(settings: &BusSettings) -> Pace {
    Pace {
        baud: settings.baud,
        timeout: settings.patience(),
        quiet: settings.quiet(),
        unexpected_limit: settings.unexpected_limit,
        wake_pause: settings.wake.unwrap_or_default(),
    }
}

/// `twice`: where nothing comes to the first, the board may have slept.
fn begin<D: Dialect>(
    client: &mut protocol::client::Client<D>,
    now: Instant,
    purpose: Purpose,
    question: D::Question,
    twice: bool,
) -> Result<(), Unsent> {
    while client.poll_event().is_some() {}
    let begun = if twice {
        client.begin_waking(now, purpose, question)
    } else {
        client.begin(now, purpose, question)
    };
    begun.map_err(|refusal| match refusal {
        ClientRefusal::Link(refusal) => Unsent::Link(refusal),
        other => Unsent::Impossible(other.to_string()),
    })
}

fn told_by_modbus(event: modbus::client::ClientEvent) -> Option<Told> {
    use modbus::client::{ClientEvent, ClientFault};
    Some(match event {
        ClientEvent::Answered(checked) => Told::Answered(checked),
        ClientEvent::Failed(ClientFault::Timeout(_) | ClientFault::Cancelled) => Told::Silent,
        ClientEvent::Failed(ClientFault::Guard(GuardFault::Exception { code, .. })) => {
            Told::Refused(code.number())
        }
        ClientEvent::Failed(ClientFault::Guard(misfit)) => Told::Garbage(misfit.to_string()),
        ClientEvent::Failed(ClientFault::Frame(_)) => {
            Told::Garbage("the bytes make no frame (wrong check sum, noise, or another rate)".to_owned())
        }
        ClientEvent::Failed(ClientFault::Address { .. }) => {
            Told::Garbage("the answer bears another device address".to_owned())
        }
        ClientEvent::Failed(fault) => Told::Garbage(fault.to_string()),
        ClientEvent::Quiet => return None,
    })
}

fn told_by_jbd(event: jbd::client::ClientEvent) -> Option<Told> {
    use jbd::client::{Checked as Answer, ClientEvent, ClientFault, Misfit};
    Some(match event {
        // A place of this framing is a byte.
        ClientEvent::Answered(Answer::Data(bytes)) => {
            Told::Answered(Checked::Registers(bytes.into_iter().map(u16::from).collect()))
        }
        ClientEvent::Answered(Answer::Registers(words)) => Told::Answered(Checked::Registers(words)),
        ClientEvent::Answered(Answer::Written) => Told::Answered(Checked::Written),
        ClientEvent::Failed(ClientFault::Timeout(_) | ClientFault::Cancelled) => Told::Silent,
        ClientEvent::Failed(ClientFault::Misfit(Misfit::Refused { status, .. })) => {
            Told::Refused(status.number())
        }
        ClientEvent::Failed(fault) => Told::Garbage(fault.to_string()),
        ClientEvent::Quiet => return None,
    })
}

fn told_by_described(event: DescribedEvent, is_field: bool) -> Option<Told> {
    use described::{Checked as Answer, Misfit};
    use protocol::client::{ClientEvent, ClientFault};
    Some(match event {
        ClientEvent::Answered(Answer::Data(bytes)) if is_field => {
            Told::Answered(Checked::Registers(bytes.into_iter().map(u16::from).collect()))
        }
        ClientEvent::Answered(Answer::Data(bytes)) => Told::Answered(Checked::Registers(
            bytes
                .chunks(2)
                .map(|pair| pair.iter().fold(0, |word, byte| word << 8 | u16::from(*byte)))
                .collect(),
        )),
        ClientEvent::Answered(Answer::Written) => Told::Answered(Checked::Written),
        ClientEvent::Failed(ClientFault::Timeout(_) | ClientFault::Cancelled) => Told::Silent,
        ClientEvent::Failed(ClientFault::Misfit(Misfit::Refused { status })) => Told::Refused(status),
        ClientEvent::Failed(fault) => Told::Garbage(fault.to_string()),
        ClientEvent::Quiet => return None,
    })
}

type DescribedEvent = protocol::client::ClientEvent<described::Checked, described::Misfit>;
