//! Bits as a module answers for them: functions 01, 02, 05 and 15. Its own decoder, after Modbus Application Protocol V1.1b3.

/// What came of a data unit.
pub(super) enum Answered {
    Read(Vec<u8>),
    Write { answer: Vec<u8>, coils: Vec<(u16, bool)> },
}

const ILLEGAL_FUNCTION: u8 = 1;
const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;
/// Bits of the module, both ways.
const BITS: u32 = 256;

pub(super) fn answer(pdu: &[u8], input: impl Fn(u16) -> bool, coil: impl Fn(u16) -> bool) -> Answered {
    let refuse = |code: u8| Answered::Read(vec![pdu.first().copied().unwrap_or_default() | 0x80, code]);
    let word = |at: usize| pdu.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
    let (Some(&function), Some(address), Some(second)) = (pdu.first(), word(1), word(3)) else {
        return refuse(ILLEGAL_VALUE);
    };
    let fits = |count: u16| u32::from(address) + u32::from(count) <= BITS;
    match function {
        1 | 2 if pdu.len() == 5 => {
            if !(1..=2000).contains(&second) {
                return refuse(ILLEGAL_VALUE);
            }
            if !fits(second) {
                return refuse(ILLEGAL_ADDRESS);
            }
            let mut bytes = vec![0_u8; usize::from(second).div_ceil(8)];
            for bit in 0..second {
                let is_set = if function == 1 { coil(address + bit) } else { input(address + bit) };
                bytes[usize::from(bit / 8)] |= u8::from(is_set) << (bit % 8);
            }
            let mut answer = vec![function, bytes.len() as u8];
            answer.extend(bytes);
            Answered::Read(answer)
        }
        5 if pdu.len() == 5 => {
            if !fits(1) {
                return refuse(ILLEGAL_ADDRESS);
            }
            match second {
                0xFF00 | 0 => Answered::Write { answer: pdu.to_vec(), coils: vec![(address, second != 0)] },
                _ => refuse(ILLEGAL_VALUE),
            }
        }
        15 => {
            let bytes = &pdu[5..];
            let is_whole =
                bytes.first().is_some_and(|count| usize::from(*count) == usize::from(second).div_ceil(8))
                    && bytes.len() == 1 + usize::from(second).div_ceil(8);
            if !(1..=1968).contains(&second) || !is_whole {
                return refuse(ILLEGAL_VALUE);
            }
            if !fits(second) {
                return refuse(ILLEGAL_ADDRESS);
            }
            let bit = |bit: u16| bytes[1 + usize::from(bit / 8)] >> (bit % 8) & 1 == 1;
            let coils = (0..second).map(|at| (address + at, bit(at))).collect();
            Answered::Write { answer: pdu[..5].to_vec(), coils }
        }
        _ => refuse(ILLEGAL_FUNCTION),
    }
}
