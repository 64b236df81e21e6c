//! A board in JBD's framing: fields as long as they are, the factory mode, sleep. Frames are typed here or published; the check sum
//! is reckoned here too.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

mod common;

use common::{Bench, MS, shipped};
use jigline_simulator::{
    Birth, Board, Disturbance, Disturbances, Fault, JigSettings, Knobs, Mode, jig::plan_boards,
};
use proptest::prelude::*;

const READ: u8 = 0xA5;
const WRITE: u8 = 0x5A;
const DONE: u8 = 0;

fn bench(fault: Option<Fault>, knobs: Knobs) -> Bench {
    Bench::with(shipped("jbd"), fault, knobs)
}

/// `DD`, direction, register, length, data, 10000h less the sum from the register on, `77`.
fn frame(direction: u8, register: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xDD, direction, register, data.len() as u8];
    frame.extend(data);
    let sum = frame[2..].iter().fold(0_u16, |sum, byte| sum.wrapping_sub(u16::from(*byte)));
    frame.extend(sum.to_be_bytes());
    frame.push(0x77);
    frame
}

/// Register, status and data of an answer whose marks, length and sum are right.
#[track_caller]
fn opened(answer: &[u8]) -> (u8, u8, Vec<u8>) {
    let [0xDD, register, status, length, rest @ ..] = answer else { panic!("{answer:02X?}") };
    let (data, tail) = rest.split_at(usize::from(*length));
    let sum = answer[2..4 + data.len()].iter().fold(0_u16, |sum, byte| sum.wrapping_sub(u16::from(*byte)));
    let [high, low] = sum.to_be_bytes();
    assert_eq!(tail, [high, low, 0x77], "{answer:02X?}");
    (*register, *status, data.to_vec())
}

trait Jbd {
    fn get(&mut self, register: u8) -> Result<Vec<u8>, u8>;
    fn put(&mut self, register: u8, data: &[u8]) -> u8;
    fn enter(&mut self);
    fn save(&mut self);
    fn leave(&mut self);
    fn word(&mut self, register: u8, at: usize) -> u16;
}

impl Jbd for Bench {
    /// The field, or the status that refuses it.
    fn get(&mut self, register: u8) -> Result<Vec<u8>, u8> {
        let (of, status, data) = opened(&self.say(&frame(READ, register, &[]), 150 * MS));
        assert_eq!(of, register);
        if status == DONE { Ok(data) } else { Err(status) }
    }

    /// The status that answers a write.
    fn put(&mut self, register: u8, data: &[u8]) -> u8 {
        let (of, status, none) = opened(&self.say(&frame(WRITE, register, data), 60 * MS));
        assert_eq!((of, none), (register, vec![]));
        status
    }

    fn enter(&mut self) {
        assert_eq!(self.put(0, &[0x56, 0x78]), DONE);
    }

    fn save(&mut self) {
        assert_eq!(self.put(1, &[0x28, 0x28]), DONE);
        self.run(600 * MS);
    }

    fn leave(&mut self) {
        assert_eq!(self.put(1, &[0, 0]), DONE);
    }

    fn word(&mut self, register: u8, at: usize) -> u16 {
        let data = self.get(register).unwrap();
        u16::from(data[at]) << 8 | u16::from(data[at + 1])
    }
}

#[test]
fn a_field_is_sent_whole_and_ends_with_the_last_sensor_and_the_last_cell() {
    let mut bench = bench(None, Knobs::default());
    // Ten cells and three sensors from birth: 23 bytes of head, two for each sensor.
    let basic = bench.get(0x03).unwrap();
    assert_eq!((basic.len(), basic[21], basic[22]), (29, 10, 3), "{basic:02X?}");
    assert_eq!(basic[18], 0x25, "firmware 2.5");
    assert_eq!(basic[20], 0x03, "both paths conduct");
    assert_eq!(bench.word(0x03, 10), 12 << 9 | 12 << 5 | 31, "2012-12-31");
    for at in [23, 25, 27] {
        assert!((2931..3031).contains(&bench.word(0x03, at)), "20 to 30 °C");
    }
    let cells = bench.get(0x04).unwrap();
    assert_eq!(cells.len(), 20);
    let sum: u32 = cells.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    assert!((2290 * 10..2340 * 10).contains(&sum), "{sum} mV");
    assert!(u32::from(bench.word(0x03, 0)).abs_diff(sum / 10) <= 1);
    assert_eq!(bench.get(0x05).unwrap(), b"JBD-");
    bench.enter();
    assert_eq!(bench.put(0x2F, &[0, 16]), DONE);
    assert_eq!(bench.put(0x2E, &[0, 0x01]), DONE);
    assert_eq!((bench.get(0x04).unwrap().len(), bench.get(0x03).unwrap().len()), (32, 25));
}

#[test]
fn what_is_not_there_or_not_open_is_refused_with_its_status() {
    let mut bench = bench(None, Knobs::default());
    // FurTrader/OverkillSolarBMS, Capacity_parameter_registers.md: a read outside factory mode.
    assert_eq!(bench.say(&frame(READ, 0x12, &[]), 60 * MS), [0xDD, 0x12, 0x80, 0, 0xFF, 0x80, 0x77]);
    assert_eq!(bench.put(0x12, &[0x10, 0x68]), 0x81);
    assert_eq!(bench.put(0x12, &[0x10]), 0x81, "what is closed is not looked into");
    assert_eq!(bench.get(0x60), Err(0x80), "a hole");
    assert_eq!(bench.put(0x60, &[1, 2]), DONE, "a write into a hole is acknowledged and forgotten");
    assert_eq!(bench.get(0x60), Err(0x80));
    assert_eq!(bench.get(0x0A), Err(0x80), "write only");
    assert_eq!(bench.put(0x03, &[0; 29]), 0x81, "read only");
    assert_eq!(bench.put(0x00, &[0x12, 0x34]), 0x81, "not the word that opens");
    assert_eq!(bench.put(0x0A, &[0x7F, 0]), 0x80, "no such command");
    bench.enter();
    assert_eq!(bench.put(0x12, &[0x10]), 0x80, "half a value");
    assert_eq!(bench.put(0xA2, &[5, b'A']), 0x80, "a text that says another length");
    // Parameters by number: newer boards.
    assert_eq!(opened(&bench.say(&frame(READ, 0xFA, &[0, 0, 1]), 60 * MS)).1, 0x80);
}

#[test]
fn a_write_is_acknowledged_with_the_sum_of_nothing_and_a_damaged_request_with_82() {
    let mut bench = bench(None, Knobs::default());
    // Published: xlfe/bms-tools, ieb/N2KNMEA0183Wifi.
    let enter = [0xDD, 0x5A, 0x00, 0x02, 0x56, 0x78, 0xFF, 0x30, 0x77];
    assert_eq!(bench.say(&enter, 60 * MS), [0xDD, 0, 0, 0, 0, 0, 0x77]);
    let mut damaged = frame(WRITE, 0x12, &[0x10, 0x68]);
    damaged[5] ^= 1;
    assert_eq!(bench.say(&damaged, 60 * MS), [0xDD, 0x12, 0x82, 0, 0xFF, 0x7E, 0x77]);
    assert_eq!(bench.word(0x12, 0), 0, "nothing was written");
    // What is no frame gets no answer, and the next frame does.
    assert!(bench.say(&[0xDD, 0xA5, 0x03], 60 * MS).is_empty());
    assert!(bench.say(b"hello", 60 * MS).is_empty());
    assert!(bench.get(0x03).is_ok());
}

#[test]
fn what_was_written_is_kept_where_factory_mode_is_left_by_saving_and_forgotten_otherwise() {
    let mut bench = bench(None, Knobs::default());
    bench.enter();
    assert_eq!(bench.put(0x24, &[0x0E, 0x42]), DONE);
    assert_eq!(bench.word(0x24, 0), 3650, "it works with it at once");
    bench.leave();
    assert_eq!(bench.get(0x24), Err(0x80), "closed");
    bench.enter();
    assert_eq!(bench.word(0x24, 0), 4200, "forgotten");
    assert_eq!(bench.put(0x24, &[0x0E, 0x42]), DONE);
    // A restart, ordered or not, saves nothing.
    assert_eq!(bench.put(0x0A, &[0x03, 0x00]), DONE);
    bench.run(500 * MS);
    assert_eq!(bench.get(0x24), Err(0x80), "closed by the restart");
    bench.enter();
    assert_eq!(bench.word(0x24, 0), 4200);
    assert_eq!(bench.put(0x24, &[0x0E, 0x42]), DONE);
    assert_eq!(bench.board.observe().parameters["cell_over_voltage_mv"], "4200", "not stored yet");
    assert!(!bench.board.observe().changed_since_start);
    bench.save();
    let observed = bench.board.observe();
    assert_eq!(observed.parameters["cell_over_voltage_mv"], "3650");
    assert!(observed.changed_since_start);
    let now = bench.now;
    bench.board.set_power(now, false);
    bench.board.set_power(now, true);
    bench.run(500 * MS);
    bench.enter();
    assert_eq!(bench.word(0x24, 0), 3650);
}

#[test]
fn texts_say_their_length_and_are_as_long_as_they_are() {
    let mut bench = bench(None, Knobs::default());
    bench.enter();
    // ieb/N2KNMEA0183Wifi: a board without a barcode.
    assert_eq!(bench.say(&frame(READ, 0xA2, &[]), 60 * MS), [0xDD, 0xA2, 0, 1, 0, 0xFF, 0xFF, 0x77]);
    assert_eq!(bench.put(0xA2, b"\x0AJL-0000042"), DONE);
    assert_eq!(bench.get(0xA2).unwrap(), b"\x0AJL-0000042");
    assert_eq!(bench.put(0xA2, b"\x03JL1"), DONE);
    assert_eq!(bench.get(0xA2).unwrap(), b"\x03JL1", "no rest of the longer one");
    assert_eq!(bench.put(0xA2, &[b"\x20".as_slice(), &[b'x'; 32]].concat()), 0x80, "31 at most");
    bench.save();
    assert_eq!(bench.board.observe().text(&bench.model, "barcode").unwrap(), "JL1");
    assert_eq!(bench.board.observe().raw(&bench.model, "barcode").unwrap()[..2], [0x034A, 0x4C31]);
}

#[test]
fn what_was_read_since_the_start_is_told_by_name() {
    let mut bench = bench(None, Knobs::default());
    bench.get(0x03).unwrap();
    let observed = bench.board.observe();
    let was_read = |name| observed.was_read(&bench.model, name);
    assert_eq!((was_read("current_ma"), was_read("temperature_3_c")), (Some(true), Some(true)));
    assert_eq!((was_read("temperature_4_c"), was_read("cell_1_mv")), (Some(false), Some(false)));
    assert_eq!(was_read("nobody"), None);
    bench.put(0x0A, &[0x03, 0x00]);
    bench.run(500 * MS);
    assert_eq!(bench.board.observe().was_read(&bench.model, "current_ma"), Some(false));
}

#[test]
fn halves_of_a_field_are_named_one_by_one_and_written_together() {
    let mut bench = bench(None, Knobs::default());
    bench.enter();
    assert_eq!(bench.put(0x3D, &[2, 7]), DONE);
    bench.save();
    let kept = bench.board.observe().parameters;
    assert_eq!(
        (kept["cell_under_voltage_delay_s"].as_str(), kept["cell_over_voltage_delay_s"].as_str()),
        ("2", "7")
    );
}

#[test]
fn bit_12_of_the_functions_makes_the_units_ten_times_as_large() {
    let mut bench = bench(None, Knobs::default());
    bench.enter();
    assert_eq!(bench.put(0x28, &[0x03, 0xE8]), DONE);
    bench.save();
    assert_eq!(bench.board.observe().parameters["charge_over_current_a"], "10");
    let now = bench.now;
    bench.board.set_load_ma(now, 20_000);
    bench.run(2000 * MS);
    let plain = bench.word(0x03, 2).cast_signed();
    assert!((-2150..-1850).contains(&plain), "{plain}: 10 mA each, discharge is negative");
    bench.enter();
    assert_eq!(bench.put(0x2D, &[0x10, 0x00]), DONE);
    bench.save();
    let tenfold = bench.word(0x03, 2).cast_signed();
    assert!((-215..-185).contains(&tenfold), "{tenfold}: 100 mA each");
    assert_eq!(bench.word(0x03, 20), 0x8300 | 10, "and the state of the paths says so");
    assert_eq!(bench.board.observe().parameters["charge_over_current_a"], "100", "the same raw number");
}

#[test]
fn the_amount_without_a_sign_calibrates_while_discharging_and_not_without_a_current() {
    let mut bench = bench(None, Knobs::default());
    assert_eq!(bench.put(0xAF, &[0x07, 0xD0]), 0x81, "outside factory mode");
    bench.enter();
    assert_eq!(bench.put(0xAF, &[0x07, 0xD0]), 0x81, "20 A that do not flow");
    let now = bench.now;
    bench.board.set_load_ma(now, 20_000);
    bench.run(2000 * MS);
    let off = bench.word(0x03, 2).cast_signed() + 2000;
    assert!(off.abs() > 30, "{off}: some percent wrong from birth");
    assert_eq!(bench.put(0xAF, &[0x07, 0xD0]), DONE);
    assert!((bench.word(0x03, 2).cast_signed() + 2000).abs() < 8);
    bench.save();
    let kept = bench.board.observe();
    assert!(kept.calibrated && kept.current_error_percent.abs() < 0.3, "{}", kept.current_error_percent);
}

#[test]
fn a_bit_that_is_set_in_e1_switches_a_path_off_and_field_03_shows_it() {
    let mut bench = bench(None, Knobs::default());
    assert_eq!(bench.put(0xE1, &[0, 1]), 0x81, "in factory mode only");
    let mut paths_after = |bits: u8| {
        bench.enter();
        assert_eq!(bench.put(0xE1, &[0, bits]), DONE);
        // What the switches are is no setting: it holds without being saved.
        bench.leave();
        let holds = bench.board.observe().holds;
        (bench.get(0x03).unwrap()[20], holds.charge_on, holds.discharge_on)
    };
    assert_eq!(paths_after(1), (2, false, true));
    assert_eq!(paths_after(2), (1, true, false));
    assert_eq!(paths_after(3), (0, false, false));
    assert_eq!(paths_after(0), (3, true, true));
    assert_eq!(bench.get(0xE1), Err(0x80), "not readable");
    let now = bench.now;
    bench.board.set_load_ma(now, 20_000);
    bench.enter();
    assert_eq!(bench.put(0xE1, &[0, 2]), DONE);
    assert_eq!(bench.board.flowing_ma(), 0);
}

#[test]
fn saving_clears_the_error_counters() {
    let mut bench = bench(None, Knobs::default());
    // A Li-ion board on titanate cells: under-voltage of a cell, and of the pack.
    assert_eq!(bench.get(0xAA).unwrap().len(), 22);
    assert_eq!((bench.word(0xAA, 8), bench.word(0xAA, 20), bench.word(0xAA, 6)), (1, 1, 0));
    assert_eq!(bench.word(0x03, 16), 1 << 1 | 1 << 3, "and the alarms");
    bench.enter();
    bench.leave();
    assert_eq!(bench.word(0xAA, 8), 1);
    bench.enter();
    bench.save();
    assert_eq!((bench.word(0xAA, 8), bench.word(0xAA, 20)), (0, 0));
}

#[test]
fn a_sleeping_board_loses_the_first_frame_and_hears_the_second() {
    let mut bench = bench(None, Knobs { asleep: 1, ..Knobs::default() });
    assert_eq!(bench.board.mode(), Mode::Asleep);
    assert!(bench.say(&frame(READ, 0x03, &[]), 100 * MS).is_empty());
    assert!(bench.get(0x03).is_ok());
    assert_eq!(bench.put(0x0A, &[0x05, 0x00]), DONE, "sleep is acknowledged");
    bench.run(100 * MS);
    assert_eq!(bench.board.mode(), Mode::Asleep);
    assert!(bench.say(&frame(READ, 0x03, &[]), 100 * MS).is_empty());
    assert!(bench.get(0x03).is_ok());
}

#[test]
fn a_board_that_nobody_asks_falls_asleep_and_forgets_what_was_not_saved() {
    let mut bench = bench(None, Knobs { sleep_after_s: 3, ..Knobs::default() });
    bench.enter();
    assert_eq!(bench.put(0x24, &[0x0E, 0x42]), DONE);
    bench.run(2900 * MS);
    assert_eq!(bench.word(0x24, 0), 3650, "still awake");
    bench.run(3100 * MS);
    assert_eq!(bench.board.mode(), Mode::Asleep);
    assert!(bench.say(&frame(READ, 0x24, &[]), 100 * MS).is_empty());
    assert_eq!(bench.get(0x24), Err(0x80), "closed");
    bench.enter();
    assert_eq!(bench.word(0x24, 0), 4200);
}

#[test]
fn one_setting_reads_back_right_and_has_its_old_value_after_the_restart() {
    let mut bench = bench(Some(Fault::RegisterDoesNotHold), Knobs::default());
    bench.enter();
    for register in [0x24, 0x26] {
        assert_eq!(bench.put(register, &[0x0C, 0x1C]), DONE);
        assert_eq!(bench.word(register, 0), 3100);
    }
    bench.save();
    bench.enter();
    assert_eq!((bench.word(0x24, 0), bench.word(0x26, 0)), (3100, 3100));
    bench.leave();
    assert_eq!(bench.put(0x0A, &[0x03, 0x00]), DONE);
    bench.run(500 * MS);
    bench.enter();
    let after = [bench.word(0x24, 0), bench.word(0x26, 0)];
    assert!(after == [4200, 3100] || after == [3100, 2750], "{after:?}");
}

#[test]
fn faults_of_a_board_show_in_its_fields() {
    let mut low = bench(Some(Fault::CellOutOfLimits), Knobs::default());
    let cells = low.get(0x04).unwrap();
    let below = cells.chunks(2).filter(|pair| u16::from(pair[0]) << 8 | u16::from(pair[1]) < 2290).count();
    assert_eq!(below, 1);
    assert_ne!(bench(Some(Fault::WrongModel), Knobs::default()).get(0x05).unwrap(), b"JBD-");
    let mut stuck = bench(Some(Fault::StuckMosfet), Knobs::default());
    assert_eq!(stuck.get(0x03).unwrap()[20], 2, "discharge only");
    let mut weak = bench(Some(Fault::IdentityChanges), Knobs::default());
    weak.enter();
    assert_eq!(weak.put(0xA2, b"\x03JL1"), DONE);
    weak.save();
    let now = weak.now;
    weak.board.set_power(now, false);
    weak.board.set_power(now, true);
    weak.run(500 * MS);
    weak.enter();
    assert_eq!(weak.get(0xA2).unwrap(), b"\x03JL0");
}

#[test]
fn of_a_batch_only_those_boards_are_bad_on_which_it_shows() {
    let settings = JigSettings { boards: 12, faulty: 8, ..JigSettings::one_board(shipped("jbd"), 5) };
    let plans = plan_boards(&settings).unwrap();
    let faults: Vec<Fault> = plans.iter().filter_map(|plan| plan.birth.fault).collect();
    let named = [Fault::Silent, Fault::CellOutOfLimits, Fault::RegisterDoesNotHold, Fault::WrongModel];
    assert_eq!(faults, [named, named].concat(), "no loader, and nothing to clone before it is numbered");
    let mut serials: Vec<u16> = plans
        .into_iter()
        .map(|plan| {
            let birth = Birth { fault: None, ..plan.birth };
            let mut board = Board::new(shipped("jbd"), birth);
            board.set_power(1000 * MS, true);
            board.observe().raw(&shipped("jbd"), "maker_serial").unwrap()[0]
        })
        .collect();
    serials.dedup();
    assert_eq!(serials.len(), 12, "{serials:?}");
}

#[test]
fn disturbances_strike_a_board_without_addresses_too() {
    let disturbed = |kind| {
        let birth =
            Birth::new(7, 42, None, [].into()).with_disturbances(Disturbances::default().with(kind, 1.0));
        let model = shipped("jbd");
        let mut bench = Bench { board: Board::new(model.clone(), birth), model, now: 1000 * MS };
        let now = bench.now;
        bench.board.set_power(now, true);
        bench.run(400 * MS);
        bench
    };
    let (register, status, _) =
        opened(&disturbed(Disturbance::WrongAddress).say(&frame(READ, 0x03, &[]), 60 * MS));
    assert_eq!(status, DONE);
    assert_ne!(register, 0x03, "another register, with a right sum");
    let mut torn = disturbed(Disturbance::RestartInWrite);
    torn.enter();
    for register in [0x24, 0x26] {
        assert_eq!(torn.put(register, &[0x0C, 0x1C]), DONE);
    }
    assert!(torn.say(&frame(WRITE, 1, &[0x28, 0x28]), 60 * MS).is_empty(), "it restarts while it stores");
    let kept = torn.board.observe().parameters;
    let is_new = |name: &str| kept[name] == "3100";
    assert!(is_new("cell_over_voltage_mv") != is_new("cell_under_voltage_mv"), "a half of it is kept");
}

proptest! {
    /// Whatever arrives, it answers in whole frames or not at all, and its next answer is right.
    #[test]
    fn rubbish_harms_nothing(rubbish in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut bench = bench(None, Knobs::default());
        bench.say(&rubbish, 700 * MS);
        bench.run(1000 * MS);
        prop_assert!(bench.get(0x04).is_ok());
    }

    /// A setting holds whatever is written, and a stranger to its range reads it back.
    #[test]
    fn every_field_of_the_settings_gives_back_what_it_took(register in 0x10_u8..0x30, value: [u8; 2]) {
        let mut bench = bench(None, Knobs::default());
        bench.enter();
        prop_assert_eq!(bench.put(register, &value), DONE);
        prop_assert_eq!(bench.get(register), Ok(value.to_vec()));
        bench.save();
        bench.enter();
        prop_assert_eq!(bench.get(register), Ok(value.to_vec()));
    }
}
