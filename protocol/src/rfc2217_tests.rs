use super::*;
use proptest::prelude::*;

/// A server that consents and sets what it is asked for, with the same escaping.
#[derive(Debug)]
struct Server {
    refused: Option<(u8, u8)>,
    /// Sets another value than asked.
    wrong: Option<(u8, Vec<u8>)>,
    baud: u32,
    data: Vec<u8>,
}

impl Server {
    fn new() -> Self {
        Self { refused: None, wrong: None, baud: 0, data: Vec::new() }
    }

    /// What it answers, by looking at the bytes alone.
    fn answer(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        while let Some((&first, rest)) = bytes.split_first() {
            bytes = match (first, rest) {
                (IAC, [verb @ (WILL | DO), option, rest @ ..]) => {
                    let refuses = self.refused == Some((*verb, *option));
                    let reply = match (*verb, refuses) {
                        (WILL, false) => DO,
                        (WILL, true) => DONT,
                        (_, false) => WILL,
                        (_, true) => WONT,
                    };
                    said.extend([IAC, reply, *option]);
                    rest
                }
                (IAC, [WONT | DONT, _, rest @ ..]) => rest,
                (IAC, [SB, COM_PORT, command, rest @ ..]) => {
                    let end = (0..rest.len() - 1)
                        .find(|at| {
                            rest[*at..*at + 2] == [IAC, SE]
                                && rest[..*at].iter().filter(|b| **b == IAC).count() % 2 == 0
                        })
                        .unwrap();
                    let mut value: Vec<u8> = Vec::new();
                    let mut escaped = rest[..end].iter();
                    while let Some(byte) = escaped.next() {
                        value.push(*byte);
                        if *byte == IAC {
                            escaped.next();
                        }
                    }
                    if let Some((_, wrong)) = self.wrong.as_ref().filter(|(wrong, _)| wrong == command) {
                        value.clone_from(wrong);
                    }
                    if *command == SET_BAUDRATE {
                        self.baud = u32::from_be_bytes(value.clone().try_into().unwrap());
                    }
                    said.extend([IAC, SB, COM_PORT, command + FROM_SERVER]);
                    said.extend(super::escaped(&value));
                    said.extend([IAC, SE]);
                    &rest[end + 2..]
                }
                (IAC, [IAC, rest @ ..]) => {
                    self.data.push(IAC);
                    rest
                }
                (byte, rest) => {
                    self.data.push(byte);
                    rest
                }
            };
        }
        said
    }
}

/// Until neither has anything to say.
fn talk(client: &mut Client, server: &mut Server) {
    while let Some(bytes) = client.poll_transmit() {
        let said = server.answer(&bytes);
        assert_eq!(client.handle_bytes(&said), []);
    }
}

#[test]
fn a_port_is_settled_once_everything_was_confirmed_and_not_before() {
    let (mut client, mut server) = (Client::new(9600), Server::new());
    let first = client.poll_transmit().unwrap();
    assert!(!client.is_settled());
    let said = server.answer(&first);
    for &byte in &said {
        assert!(!client.is_settled());
        client.handle_bytes(&[byte]);
    }
    assert!(!client.is_settled() && client.waits_for().contains("rate"), "{}", client.waits_for());
    talk(&mut client, &mut server);
    assert!(client.is_settled());
    assert_eq!(server.baud, 9600);
    // 65,535 baud holds the byte that begins a command, twice.
    client.set_baud(65_535);
    assert!(!client.is_settled());
    talk(&mut client, &mut server);
    assert!(client.is_settled());
    assert_eq!((server.baud, server.data.len()), (65_535, 0));
}

#[test]
fn a_server_without_control_or_with_seven_bits_or_with_another_rate_is_told_from_each_other() {
    for (refused, wrong, failure) in [
        (Some((WILL, COM_PORT)), None, Failure::NoControl),
        (Some((WILL, BINARY)), None, Failure::NotBinary),
        (Some((DO, BINARY)), None, Failure::NotBinary),
        (
            None,
            Some((SET_BAUDRATE, 115_200_u32.to_be_bytes().to_vec())),
            Failure::Baud { asked: 9600, set: 115_200 },
        ),
        (None, Some((SET_PARITY, vec![3])), Failure::Setting("no parity")),
    ] {
        let (mut client, mut server) = (Client::new(9600), Server { refused, wrong, ..Server::new() });
        talk(&mut client, &mut server);
        assert_eq!((client.failure(), client.is_settled()), (Some(failure), false));
    }
}

#[test]
fn what_nobody_wants_is_refused_once_and_a_refusal_is_not_answered() {
    let mut client = Client::new(9600);
    client.poll_transmit();
    // Echo, window size; what we asked for ourselves.
    client.handle_bytes(&[
        IAC,
        WILL,
        1,
        IAC,
        DO,
        31,
        IAC,
        WILL,
        SUPPRESS_GO_AHEAD,
        IAC,
        DONT,
        31,
        IAC,
        WONT,
        1,
    ]);
    assert_eq!(client.poll_transmit(), Some(vec![IAC, DONT, 1, IAC, WONT, 31]));
    assert_eq!(client.poll_transmit(), None);
}

#[test]
fn a_server_may_ask_for_a_pause() {
    let (mut client, mut server) = (Client::new(9600), Server::new());
    talk(&mut client, &mut server);
    assert_eq!(client.handle_bytes(&[7, IAC, SB, COM_PORT, SUSPEND + FROM_SERVER, IAC, SE, 8]), [7, 8]);
    assert!(!client.is_settled() && client.waits_for().contains("pause"));
    client.handle_bytes(&[IAC, SB, COM_PORT, RESUME + FROM_SERVER, IAC, SE]);
    assert!(client.is_settled());
}

proptest! {
    #[test]
    fn data_goes_through_both_ways_as_it_is_however_it_is_cut(
        data in proptest::collection::vec(prop_oneof![any::<u8>(), Just(IAC), Just(SE), Just(SB)], 0..200),
        cut in 1_usize..20,
    ) {
        let mut server = Server::new();
        let mut client = Client::new(9600);
        talk(&mut client, &mut server);
        let over = client.encode(&data);
        server.answer(&over);
        prop_assert_eq!(&server.data, &data);
        let mut came = Vec::new();
        for piece in over.chunks(cut) {
            came.extend(client.handle_bytes(piece));
        }
        prop_assert_eq!(came, data);
        prop_assert!(client.is_settled());
    }

    #[test]
    fn whatever_comes_is_borne_and_costs_no_memory(
        noise in proptest::collection::vec(prop_oneof![any::<u8>(), 240_u8..=255, Just(COM_PORT)], 0..600),
        cut in 1_usize..20,
    ) {
        let run = |cut: usize| {
            let mut client = Client::new(9600);
            let mut data = Vec::new();
            for piece in noise.chunks(cut) {
                data.extend(client.handle_bytes(piece));
            }
            (data, client.poll_transmit(), client.failure())
        };
        let (data, transmit, failure) = run(cut);
        prop_assert!(data.len() <= noise.len() && transmit.as_ref().is_none_or(|t| t.len() <= 200 + noise.len()));
        prop_assert_eq!((data, transmit, failure), run(1000));
    }
}
