//! Boards of the JBD framing: asleep, in and out of factory mode, with fields as long as they like.

use super::{
    super::{BoardLink, Line, LinkOptions},
    peer::{ask, read},
};
use crate::board::{BoardReply, BoardRequest};
use domain::{model::DeviceModel, rules::Ratings, text::FaultCode, value::Value};
use protocol::{
    jbd::{
        Reply, Request, Status,
        decoder::{CallbackSupport, RequestDecoder},
    },
    timing::wire_time,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::JoinHandle,
    time::{Instant, sleep, timeout_at},
};

const BAUD: u32 = 9600;
const MS: fn(u64) -> Duration = Duration::from_millis;

/// A scripted board: fields of bytes, of which those from 10h on want factory mode.
struct Board {
    kept: BTreeMap<u8, Vec<u8>>,
    working: BTreeMap<u8, Vec<u8>>,
    factory: bool,
    /// The first frame only wakes it.
    asleep: bool,
    /// Writes to these are refused.
    stubborn: BTreeSet<u8>,
    /// The request of this number is answered so late.
    late: BTreeMap<usize, Duration>,
    /// The request of this number is obeyed and not answered.
    unanswered: BTreeSet<usize>,
    /// In place of obeying the request of this number it starts anew.
    restarts: Option<usize>,
    seen: Vec<Request>,
}

fn model() -> Arc<DeviceModel> {
    let text = include_str!("../../../../profiles/models/jbd.toml");
    Arc::new(domain::model::parse_model("jbd.toml", text).unwrap())
}

impl Board {
    fn new() -> Self {
        let mut basic = vec![0; 23];
        // 52.00 V, -10.00 A, version 2.1, both paths on, 16 cells, two sensors.
        basic[..4].copy_from_slice(&[0x14, 0x50, 0xFC, 0x18]);
        basic[18..23].copy_from_slice(&[0x21, 80, 0x03, 16, 2]);
        basic.extend([0x0B, 0xA1, 0x0B, 0xAB]);
        let mut fields = BTreeMap::from([
            (0x03, basic),
            (0x04, (0..16).flat_map(|cell: u16| (3250 + cell).to_be_bytes()).collect()),
            (0x05, b"JBD-SP04S034-L4S-200A".to_vec()),
            (0x16, vec![0, 7]),
            (0x24, 3650_u16.to_be_bytes().to_vec()),
            (0x25, 3550_u16.to_be_bytes().to_vec()),
            (0x28, 6000_i16.to_be_bytes().to_vec()),
            (0x2D, vec![0, 0x0C]),
            (0x3A, vec![10, 20]),
            (0xA1, b"\x05MODEL".to_vec()),
            (0xA2, b"\x08AB000017".to_vec()),
        ]);
        fields.insert(0x26, 2500_u16.to_be_bytes().to_vec());
        fields.insert(0x27, 2800_u16.to_be_bytes().to_vec());
        fields.insert(0x36, 3900_u16.to_be_bytes().to_vec());
        Self {
            kept: fields.clone(),
            working: fields,
            factory: false,
            asleep: false,
            stubborn: BTreeSet::new(),
            late: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            restarts: None,
            seen: Vec::new(),
        }
    }

    fn connect(self) -> (BoardLink, JoinHandle<Self>) {
        let (near, far) = duplex(4096);
        let line = Line::from_stream("test-line", near, BAUD);
        (BoardLink::new(line, model(), LinkOptions::default()), tokio::spawn(self.serve(far)))
    }

    async fn serve(mut self, mut stream: DuplexStream) -> Self {
        let epoch = Instant::now();
        let mut decoder = RequestDecoder::new(MS(20), CallbackSupport::None);
        let mut buffer = [0; 512];
        loop {
            while let Some(received) = decoder.poll_frame() {
                if std::mem::take(&mut self.asleep) {
                    continue;
                }
                let number = self.seen.len();
                self.seen.push(received.request.clone());
                if self.restarts == Some(number) {
                    self.working = self.kept.clone();
                    self.factory = false;
                    continue;
                }
                let reply = self.obey(&received.request).encode(&[]).unwrap();
                if self.unanswered.contains(&number) {
                    continue;
                }
                let late = self.late.get(&number).copied().unwrap_or_default();
                sleep(wire_time(7 + reply.len(), BAUD) + late).await;
                if stream.write_all(&reply).await.is_err() {
                    return self;
                }
            }
            let wake = decoder.poll_timeout().map_or_else(|| Instant::now() + MS(3_600_000), |t| epoch + t);
            match timeout_at(wake, stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return self,
                Ok(Ok(count)) => decoder.handle_bytes(epoch.elapsed(), &buffer[..count]),
                Err(_) => decoder.handle_timeout(epoch.elapsed()),
            }
        }
    }

    fn obey(&mut self, request: &Request) -> Reply {
        let register = request.register();
        let say = |status, data| Reply { register, status, data };
        match request {
            Request::Write { register: 0x00, data } if *data == [0x56, 0x78] => self.factory = true,
            Request::Write { register: 0x01, data } if self.factory => {
                self.factory = false;
                match data[..] {
                    [0x28, 0x28] => self.kept = self.working.clone(),
                    [0, 0] => self.working = self.kept.clone(),
                    _ => return say(Status::InvalidOperation, Vec::new()),
                }
            }
            Request::Read { register } => {
                let guarded = *register >= 0x10 && !self.factory;
                return match self.working.get(register).filter(|_| !guarded) {
                    Some(data) => say(Status::Done, data.clone()),
                    None => say(Status::NoSuchCommand, Vec::new()),
                };
            }
            Request::Write { register, data } if self.factory && !self.stubborn.contains(register) => {
                self.working.insert(*register, data.clone());
            }
            _ => return say(Status::InvalidOperation, Vec::new()),
        }
        say(Status::Done, Vec::new())
    }
}

async fn write(link: &mut BoardLink, values: &[(&str, Value)]) -> Result<BoardReply, domain::text::Fault> {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let ratings = Ratings { jig_test_current_a: Some(10.0), ..Ratings::default() };
    ask(link, BoardRequest::WriteProfile { values, ratings }).await
}

fn enters(request: &&Request) -> bool {
    **request == Request::enter_factory_mode()
}

#[tokio::test(start_paused = true)]
async fn a_sleeping_board_is_woken_by_its_first_frame_and_identified() {
    for asleep in [false, true] {
        let mut board = Board::new();
        board.asleep = asleep;
        let (mut link, board) = board.connect();
        let started = Instant::now();
        let BoardReply::Identity(identity) = ask(&mut link, BoardRequest::ReadIdentity).await.unwrap() else {
            panic!("an identity")
        };
        assert!(identity.is_model && identity.firmware_version == "2.1", "{identity:?}");
        assert_eq!(identity.identifiers[0].value, "AB000017");
        assert!(started.elapsed() < MS(if asleep { 1100 } else { 700 }), "{:?}", started.elapsed());
        assert_eq!(link.unexpected_frames(), 0);
        drop(link);
        let seen = board.await.unwrap().seen;
        // Who it is, before its guard is touched; and it is not left open.
        let place = |wanted: &Request| seen.iter().position(|request| request == wanted).unwrap();
        assert!(place(&Request::Read { register: 5 }) < place(&Request::enter_factory_mode()), "{seen:?}");
        assert_eq!(seen.last(), Some(&Request::leave_factory_mode_without_saving()), "{seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_guard_of_another_model_is_not_touched() {
    let mut board = Board::new();
    board.working.insert(0x05, b"XYZ-1".to_vec());
    let (mut link, board) = board.connect();
    let BoardReply::Identity(identity) = ask(&mut link, BoardRequest::ReadIdentity).await.unwrap() else {
        panic!("an identity")
    };
    assert_eq!((identity.is_model, identity.model_value.as_str()), (false, "XYZ-1"));
    drop(link);
    assert!(board.await.unwrap().seen.iter().all(|request| !request.is_write()));
}

#[tokio::test(start_paused = true)]
async fn live_values_are_read_as_far_as_the_board_has_them_and_without_factory_mode() {
    let (mut link, board) = Board::new().connect();
    ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
    let names = ["current_ma", "cell_16_mv", "temperature_2_c", "outputs"];
    assert_eq!(read(&mut link, &names).await.unwrap(), ["-10000", "3265", "25.6", "0x0310"]);
    drop(link);
    let seen = board.await.unwrap().seen;
    assert_eq!(seen.iter().filter(enters).count(), 1, "for the identity: {seen:?}");
    assert_eq!(seen[seen.len() - 2..], [Request::Read { register: 3 }, Request::Read { register: 4 }]);
}

#[tokio::test(start_paused = true)]
async fn a_value_beyond_the_end_of_the_boards_answer_is_not_made_up() {
    let (mut link, _board) = Board::new().connect();
    let fault = read(&mut link, &["cell_17_mv"]).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::BoardAnswersGarbage);
    assert!(fault.args["detail"].contains("holds 32 bytes, it should hold 34"), "{fault:?}");
}

#[tokio::test(start_paused = true)]
async fn settings_are_written_in_factory_mode_kept_on_leaving_and_read_back_afterwards() {
    let (mut link, board) = Board::new().connect();
    ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
    let values = [
        ("cell_over_voltage_mv", Value::Number(3600.0)),
        ("cell_over_voltage_recovery_mv", Value::Number(3500.0)),
        ("charge_high_temperature_delay_s", Value::Number(9.0)),
    ];
    let BoardReply::ProfileWritten(written) = write(&mut link, &values).await.unwrap() else {
        panic!("a profile")
    };
    assert_eq!(written.transactions, 3);
    assert!(written.parameters.iter().all(|parameter| parameter.written && parameter.holds()), "{written:?}");
    drop(link);
    let board = board.await.unwrap();
    assert_eq!(board.kept[&0x24], 3600_u16.to_be_bytes());
    assert_eq!(board.kept[&0x25], 3500_u16.to_be_bytes());
    // The other half of the field is as it was.
    assert_eq!(board.kept[&0x3A], [10, 9]);
    assert!(!board.factory, "it is left");
    let saved = board.seen.iter().position(|r| *r == Request::leave_factory_mode_and_save()).unwrap();
    let last_write = board.seen.iter().rposition(|r| r.register() >= 0x10 && r.is_write()).unwrap();
    let read_back = board.seen.iter().rposition(|r| *r == Request::Read { register: 0x24 }).unwrap();
    assert!(last_write < saved && saved < read_back, "{:?}", board.seen);
}

#[tokio::test(start_paused = true)]
async fn what_was_written_before_a_refusal_is_forgotten() {
    let mut board = Board::new();
    board.stubborn.insert(0x24);
    let (mut link, board) = board.connect();
    ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
    let values = [
        ("cell_over_voltage_mv", Value::Number(3600.0)),
        ("cell_over_voltage_recovery_mv", Value::Number(3500.0)),
    ];
    let fault = write(&mut link, &values).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::WriteRefused);
    assert!(fault.args["exception"].contains("81h"), "{fault:?}");
    drop(link);
    let board = board.await.unwrap();
    assert_eq!((&board.working, board.factory), (&board.kept, false));
    assert_eq!(board.kept[&0x25], 3550_u16.to_be_bytes());
    assert!(!board.seen.contains(&Request::leave_factory_mode_and_save()));
}

#[tokio::test(start_paused = true)]
async fn a_late_or_missing_answer_never_spoils_the_next_one_nor_what_is_kept() {
    for number in 4..16 {
        for late in [None, Some(MS(560)), Some(MS(900))] {
            let mut board = Board::new();
            match late {
                Some(late) => drop(board.late.insert(number, late)),
                None => drop(board.unanswered.insert(number)),
            }
            let (mut link, board) = board.connect();
            ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
            let values = [
                ("cell_over_voltage_mv", Value::Number(3600.0)),
                ("cell_over_voltage_recovery_mv", Value::Number(3500.0)),
            ];
            let BoardReply::ProfileWritten(written) = write(&mut link, &values).await.unwrap() else {
                panic!("a profile")
            };
            let read: Vec<String> = written.parameters.iter().map(|p| p.read.value.to_string()).collect();
            assert_eq!(read, ["3600", "3500"], "request {number}, {late:?}");
            drop(link);
            let board = board.await.unwrap();
            assert_eq!(board.kept[&0x24], 3600_u16.to_be_bytes(), "request {number}, {late:?}");
            assert_eq!(board.kept[&0x25], 3500_u16.to_be_bytes(), "request {number}, {late:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_restarts_before_it_keeps_what_was_written_gets_it_again() {
    let mut struck = 0;
    for number in 4..27 {
        let mut board = Board::new();
        board.restarts = Some(number);
        let (mut link, board) = board.connect();
        ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
        let values = [("cell_over_voltage_mv", Value::Number(3600.0))];
        let BoardReply::ProfileWritten(written) = write(&mut link, &values).await.unwrap() else {
            panic!("a profile")
        };
        assert!(written.parameters.iter().all(|p| p.written && p.holds()), "request {number}: {written:?}");
        let calibrate = BoardRequest::Calibrate { true_ma: 10_200, within_ma: 1_000 };
        ask(&mut link, calibrate).await.unwrap();
        let number_it = BoardRequest::WriteNumber { register: "barcode".into(), serial: "AB000018".into() };
        let said = ask(&mut link, number_it).await.unwrap();
        assert_eq!(said, BoardReply::Number { read: "AB000018".to_owned() }, "request {number}");
        drop(link);
        let board = board.await.unwrap();
        struck += usize::from(board.seen.len() > number);
        assert_eq!(board.kept[&0x24], 3600_u16.to_be_bytes(), "request {number}");
        assert_eq!(board.kept.get(&0xAF), Some(&1020_u16.to_be_bytes().to_vec()), "request {number}");
        assert_eq!(board.kept[&0xA2], b"\x08AB000018", "request {number}");
    }
    assert_eq!(struck, 23, "every one of them was sent");
}

#[tokio::test(start_paused = true)]
async fn a_board_that_reckons_in_other_steps_is_another_variant() {
    let mut board = Board::new();
    // The switch for tenfold units.
    board.working.insert(0x2D, vec![0x10, 0x0C]);
    board.kept = board.working.clone();
    let (mut link, board) = board.connect();
    ask(&mut link, BoardRequest::ReadIdentity).await.unwrap();
    // Without the switch in the profile its steps are the board's own: 6000 * 0.1 A.
    assert_eq!(read(&mut link, &["charge_over_current_a"]).await.unwrap(), ["600"]);
    let values = [("function_switches", Value::from("0x000C"))];
    let fault = write(&mut link, &values).await.unwrap_err();
    assert_eq!((fault.code, fault.args["found"].as_str()), (FaultCode::OtherVariant, "1"));
    drop(link);
    let board = board.await.unwrap();
    assert!(board.seen.iter().all(|request| !request.is_write() || request.register() < 0x10));
}
