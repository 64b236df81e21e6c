//! Whoever only listens, in either framing.

use jigline_protocol::{jbd, modbus};

use super::{lumps, ms};

fn overheard_modbus(parts: &[&[u8]]) -> (Vec<modbus::sniffer::Sniffed>, u64) {
    let mut sniffer = modbus::sniffer::Sniffer::new(9600, ms(500));
    parts.iter().for_each(|part| sniffer.handle_bytes(ms(1), part));
    sniffer.handle_timeout(ms(10_000));
    assert_eq!(sniffer.poll_timeout(), None, "after a silence nothing is held");
    (std::iter::from_fn(|| sniffer.poll_event()).collect(), sniffer.dropped_bytes())
}

fn overheard_jbd(parts: &[&[u8]]) -> (Vec<jbd::sniffer::Sniffed>, u64) {
    let mut sniffer = jbd::sniffer::Sniffer::new(9600, ms(500));
    parts.iter().for_each(|part| sniffer.handle_bytes(ms(1), part));
    sniffer.handle_timeout(ms(10_000));
    assert_eq!(sniffer.poll_timeout(), None, "after a silence nothing is held");
    (std::iter::from_fn(|| sniffer.poll_event()).collect(), sniffer.dropped_bytes())
}

/// Lumps make no difference; in the JBD framing, where each frame reads back as written, no byte is counted twice or not at all; and a
/// request behind a silence is found behind anything.
pub fn sniffers(data: &[u8]) {
    assert_eq!(overheard_modbus(&[data]), overheard_modbus(&lumps(data)));
    let (heard, dropped) = overheard_jbd(&[data]);
    assert_eq!(overheard_jbd(&lumps(data)), (heard.clone(), dropped));
    let bytes = |frame: Result<Vec<u8>, jbd::FrameError>| frame.unwrap().len() as u64;
    let understood: u64 = heard
        .iter()
        .map(|sniffed| match sniffed {
            jbd::sniffer::Sniffed::Stray { reply, .. } => bytes(reply.encode(&[])),
            jbd::sniffer::Sniffed::Exchange { request, outcome, .. } => {
                let answer = match outcome {
                    jbd::sniffer::Outcome::Answered { reply, .. } => bytes(reply.encode(&[])),
                    // What data a refusal carries is not told.
                    jbd::sniffer::Outcome::Refused { .. } => 7,
                    jbd::sniffer::Outcome::Unanswered => 0,
                };
                bytes(request.encode(&[])) + answer
            }
        })
        .sum();
    let refusals = heard.iter().any(|sniffed| {
        matches!(
            sniffed,
            jbd::sniffer::Sniffed::Exchange { outcome: jbd::sniffer::Outcome::Refused { .. }, .. }
        )
    });
    assert!(
        understood + dropped == data.len() as u64 || refusals && understood + dropped < data.len() as u64
    );
    let ours = jbd::Request::Read { register: 3 };
    let mut sniffer = jbd::sniffer::Sniffer::new(9600, ms(500));
    sniffer.handle_bytes(ms(1), data);
    sniffer.handle_bytes(ms(5000), &ours.encode(&[]).unwrap());
    sniffer.handle_timeout(ms(10_000));
    let mut heard = std::iter::from_fn(|| sniffer.poll_event());
    let is_ours = |sniffed: jbd::sniffer::Sniffed| matches!(sniffed, jbd::sniffer::Sniffed::Exchange { request, .. } if request == ours);
    assert!(heard.any(is_ours));
}
