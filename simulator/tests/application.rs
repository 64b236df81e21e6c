//! The board while its application runs: what it answers, what it refuses, what it keeps.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

mod common;

use common::{Bench, MS, digits, hal_model, image, model};
use jigline_simulator::{Fault, Knobs, Mode};
use proptest::prelude::*;
use protocol::modbus::{Request, Response, rtu};

fn exception(response: Option<Response>) -> u8 {
    match response {
        Some(Response::Exception { code, .. }) => code.number(),
        other => panic!("{other:?} is no exception"),
    }
}

#[test]
fn identity_is_read_as_born() {
    let mut bench = Bench::new(None);
    let birth = bench.board.birth().clone();
    let code = bench.read("machine_code");
    assert_eq!(u32::from(code[0]) << 16 | u32::from(code[1]), birth.machine_code);
    assert_eq!(bench.read("bluetooth_address"), digits(&birth.bluetooth_address));
    assert_eq!(bench.read("factory_date"), [(12 << 9) | (12 << 5) | 31]);
    assert_eq!(bench.read("firmware_version")[..2], [0x5631, 0x2E38]);
    assert_eq!(bench.read("hardware_model"), [0x5442, 0x412D, 0x3332, 0x532D, 0x5232, 0, 0, 0]);
}

#[test]
fn holes_read_only_fields_ranges_and_locks_have_each_their_exception() {
    let mut bench = Bench::new(None);
    assert_eq!(exception(bench.ask(&Request::ReadHolding { address: 0x0050, quantity: 1 })), 2);
    // From the last register of a block into the hole behind it.
    assert_eq!(exception(bench.ask(&Request::ReadHolding { address: 0x0016, quantity: 2 })), 2);
    assert_eq!(exception(bench.ask(&Request::ReadHolding { address: 0x0500, quantity: 3 })), 2, "write only");
    assert_eq!(exception(bench.ask(&Request::ReadInput { address: 0, quantity: 1 })), 1);
    assert_eq!(bench.write("machine_code", &[1, 2]), 4);
    assert_eq!(bench.write("charge_protection_l1_mv", &[2800]), 4, "locked");
    assert_eq!(bench.write("password_unlock", &digits("000000")), 4);
    assert_eq!(bench.read("password_state"), [0]);
    bench.unlock();
    assert_eq!(bench.write("charge_protection_l1_mv", &[1499]), 3);
    assert_eq!(bench.write("charge_protection_l1_mv", &[2800, 9999]), 3, "one bad value refuses all");
    assert_eq!(bench.read("charge_protection_l1_mv"), [4200]);
    assert_eq!(bench.write("heater_mode", &[9]), 3, "no such option");
    let many = Request::WriteMultiple { address: 0x0700, values: vec![0x5A01] };
    assert_eq!(exception(bench.ask(&many)), 1, "function 06 only");
    assert_eq!(
        exception(bench.ask(&Request::WriteSingle { address: 0x0700, value: 1 })),
        3,
        "no such command"
    );
    assert_eq!(exception(bench.ask(&Request::ReadHolding { address: 0x0100, quantity: 61 })), 2);
}

#[test]
fn another_address_or_a_broken_frame_is_met_with_silence() {
    let mut bench = Bench::new(None);
    let request = Request::ReadHolding { address: 0, quantity: 2 };
    let mut frame = rtu::encode_request(2, &request).unwrap();
    assert!(bench.say(&frame, 100 * MS).is_empty());
    frame = rtu::encode_request(1, &request).unwrap();
    frame[4] ^= 1;
    assert!(bench.say(&frame, 100 * MS).is_empty());
    assert!(bench.ask(&request).is_some(), "and it listens again afterwards");
}

#[test]
fn an_answer_takes_more_than_the_silence_and_less_than_the_models_patience() {
    let mut bench = Bench::new(None);
    let frame = rtu::encode_request(1, &Request::ReadHolding { address: 0, quantity: 2 }).unwrap();
    for _ in 0..50 {
        assert!(bench.say(&frame, 4 * MS).is_empty(), "3.5 characters at 9600 are 3.6 ms");
        assert!(!bench.run(12 * MS).is_empty());
        // Its nine bytes are on the wire for 9.4 ms, and so is the next question for its eight.
        bench.run(20 * MS);
    }
}

#[test]
fn a_question_that_began_while_the_board_speaks_is_lost() {
    let mut bench = Bench::new(None);
    let frame = rtu::encode_request(1, &Request::ReadHolding { address: 0x0100, quantity: 48 }).unwrap();
    let before = bench.board.observe().ignored_frames;
    assert!(!bench.say(&frame, 16 * MS).is_empty(), "101 bytes begin to flow, for 105 ms");
    // 8.3 ms of question end 50 ms later, in the middle of the answer.
    bench.run(50 * MS);
    assert!(bench.say(&frame, 300 * MS).is_empty());
    assert_eq!(bench.board.observe().ignored_frames, before + 1);
    assert!(!bench.say(&frame, 300 * MS).is_empty(), "and afterwards it hears again");
}

#[test]
fn a_restart_keeps_what_was_stored_and_loses_the_unlock() {
    let mut bench = Bench::new(None);
    bench.unlock();
    assert_eq!(bench.write("charge_protection_l1_mv", &[2800]), 0);
    bench.restart();
    assert_eq!(bench.read("charge_protection_l1_mv"), [2800]);
    assert_eq!(bench.read("password_state"), [0]);
    assert_eq!(bench.write("charge_protection_l1_mv", &[2900]), 4);
}

#[test]
fn the_application_is_silent_for_a_while_after_a_restart() {
    let mut bench = Bench::new(None);
    bench.command("restart");
    assert_eq!(bench.board.mode(), Mode::Nothing);
    assert_eq!(bench.ask(&Request::ReadHolding { address: 0, quantity: 2 }), None);
    bench.run(400 * MS);
    assert_eq!(bench.board.mode(), Mode::Application);
}

#[test]
fn power_taken_away_too_soon_loses_the_write() {
    let mut bench = Bench::new(None);
    bench.unlock();
    let write = Request::WriteSingle { address: 0x0200, value: 2800 };
    let said = bench.say(&rtu::encode_request(1, &write).unwrap(), 12 * MS);
    assert!(!said.is_empty(), "acknowledged, not stored");
    bench.board.set_power(bench.now, false);
    bench.run(300 * MS);
    bench.board.set_power(bench.now, true);
    bench.run(400 * MS);
    assert_eq!(bench.read("charge_protection_l1_mv"), [4200]);
}

#[test]
fn a_request_during_the_store_is_lost() {
    let mut bench = Bench::new(None);
    bench.unlock();
    let write = rtu::encode_request(1, &Request::WriteSingle { address: 0x0200, value: 2800 }).unwrap();
    let read = rtu::encode_request(1, &Request::ReadHolding { address: 0x0200, quantity: 1 }).unwrap();
    assert_eq!(bench.say(&write, 14 * MS).len(), 8);
    assert!(bench.say(&read, 100 * MS).is_empty());
    assert_eq!(bench.board.observe().ignored_frames, 1);
    assert_eq!(bench.read("charge_protection_l1_mv"), [2800]);
}

#[test]
fn one_register_reads_back_right_and_has_its_old_value_after_the_restart() {
    let mut bench = Bench::new(Some(Fault::RegisterDoesNotHold));
    bench.unlock();
    let fresh: Vec<u16> = vec![2800, 2950, 2700, 5, 1800, 1600, 2200];
    assert_eq!(bench.write("charge_protection_l1_mv", &fresh), 0);
    let request = Request::ReadHolding { address: 0x0200, quantity: 7 };
    assert_eq!(bench.ask(&request), Some(Response::ReadHolding(fresh.clone())));
    bench.restart();
    let Some(Response::ReadHolding(kept)) = bench.ask(&request) else { panic!() };
    let lost = kept.iter().zip(&fresh).filter(|(kept, fresh)| kept != fresh).count();
    assert_eq!(lost, 1, "{kept:?}");
    // Trying again does not help.
    bench.unlock();
    assert_eq!(bench.write("charge_protection_l1_mv", &fresh), 0);
    bench.restart();
    assert_eq!(bench.ask(&request), Some(Response::ReadHolding(kept)));
}

#[test]
fn a_board_whose_store_is_broken_works_as_told_until_the_restart_and_then_knows_nothing_of_it() {
    type Restarts = fn(&mut Bench);
    let by_command: Restarts = Bench::restart;
    let by_supply: Restarts = |bench| {
        bench.board.set_power(bench.now, false);
        bench.run(300 * MS);
        bench.board.set_power(bench.now, true);
        bench.run(400 * MS);
    };
    for restarts in [by_command, by_supply] {
        let mut bench = Bench::new(Some(Fault::KeepsNothing));
        let (born, name) = (bench.board.observe().parameters, bench.read("bluetooth_name"));
        bench.board.set_load_ma(bench.now, 20_000);
        bench.unlock();
        bench.run(400 * MS);
        assert_eq!(bench.write("calibration_current_ma", &[20_000]), 0);
        assert_eq!(bench.write("charge_protection_l1_mv", &[2800, 2950, 2700]), 0);
        assert_eq!(bench.write("bluetooth_name", &digits("TB-12345")), 0);
        assert_eq!(bench.write("lease_mode", &[1]), 0);
        assert_eq!(bench.write("password_set", &digits("271828")), 0);
        // Long after the time that a store takes.
        bench.run(5_000 * MS);
        assert_eq!(bench.read("charge_protection_l1_mv"), [2800]);
        assert_eq!((bench.read("lease_mode"), bench.read("outputs")), (vec![1], vec![3]));
        restarts(&mut bench);
        let observed = bench.board.observe();
        assert_eq!(observed.parameters, born);
        assert!(!observed.calibrated && observed.holds.password_is_factory);
        assert_eq!(bench.read("charge_protection_l1_mv"), [4200]);
        assert_eq!(bench.read("bluetooth_name"), name);
        assert_eq!((bench.read("lease_mode"), bench.read("outputs")), (vec![0], vec![0]));
        bench.unlock();
    }
}

#[test]
fn the_new_password_opens_after_the_restart_and_the_old_one_does_not() {
    let mut bench = Bench::new(None);
    assert_eq!(bench.write("password_set", &digits("271828")), 4, "locked");
    bench.unlock();
    assert_eq!(bench.write("password_set", &digits("271828")), 0);
    assert!(!bench.board.observe().holds.password_is_factory);
    bench.restart();
    assert_eq!(bench.write("password_unlock", &digits("123456")), 4);
    assert_eq!(bench.write("password_unlock", &digits("271828")), 0);
    assert_eq!(bench.read("password_state"), [1]);
    assert_eq!(bench.write("password_unlock", &digits("123456")), 4);
    assert_eq!(bench.read("password_state"), [0], "a wrong password closes what stood open");
}

#[test]
fn calibration_wants_a_current_and_switches_the_output_on() {
    let mut bench = Bench::new(None);
    bench.unlock();
    assert_eq!(bench.read("outputs"), [0], "a new board with relay does not work before it was calibrated");
    assert_eq!(bench.write("calibration_current_ma", &[20_000]), 4, "no current flows");
    bench.board.set_load_ma(bench.now, 20_000);
    bench.run(400 * MS);
    let shown = |words: Vec<u16>| f64::from((u32::from(words[0]) << 16 | u32::from(words[1])).cast_signed());
    let before = shown(bench.read("current_ma"));
    let off = (before / -20_000.0 - 1.0).abs();
    assert!((0.018..0.062).contains(&off), "{before}: two to six percent off, discharge negative");
    assert_eq!(bench.write("calibration_current_ma", &[1_999]), 3);
    assert_eq!(bench.write("calibration_current_ma", &[20_000]), 0);
    let after = shown(bench.read("current_ma"));
    assert!((after + 20_000.0).abs() < 30.0, "{after}");
    assert_eq!(bench.read("outputs"), [3]);
    bench.restart();
    bench.run(400 * MS);
    let kept = shown(bench.read("current_ma"));
    assert!((kept + 20_000.0).abs() < 30.0, "{kept} after the restart");
}

#[test]
fn a_locked_lease_stops_discharge_and_never_charge() {
    for (knobs, outputs) in [
        (Knobs::default(), 1),
        (Knobs { ignore_lock: 1, ..Knobs::default() }, 3),
        (Knobs { lock_stops_charge: 1, ..Knobs::default() }, 0),
    ] {
        let mut bench = Bench::with(model(), None, knobs);
        bench.unlock();
        bench.board.set_load_ma(bench.now, 20_000);
        bench.run(400 * MS);
        assert_eq!(bench.write("calibration_current_ma", &[20_000]), 0);
        assert_eq!(bench.write("lease_mode", &[2]), 0);
        assert_eq!(bench.read("outputs"), [outputs], "{knobs:?}");
        assert_eq!(bench.board.flowing_ma(), if outputs & 2 == 0 { 0 } else { 20_000 });
        bench.restart();
        assert_eq!(bench.read("lease_mode"), [2]);
        assert_eq!(bench.read("outputs"), [outputs], "{knobs:?} after the restart");
    }
}

#[test]
fn a_shorted_discharge_path_conducts_and_shows_it_whatever_switch_and_lock_say() {
    for (fault, off) in [(None, 1), (Some(Fault::ShortedMosfet), 3)] {
        let mut bench = Bench::new(fault);
        bench.unlock();
        bench.board.set_load_ma(bench.now, 20_000);
        bench.run(400 * MS);
        assert_eq!(bench.write("calibration_current_ma", &[20_000]), 0);
        assert_eq!((bench.read("outputs"), bench.board.flowing_ma()), (vec![3], 20_000), "{fault:?}");
        let flowing = if off == 1 { 0 } else { 20_000 };
        // Charge on, discharge off: its bit of the switches, then its lock.
        let switches = bench.read("switches")[0];
        assert_eq!(bench.write("switches", &[switches & !2]), 0);
        assert_eq!((bench.read("outputs"), bench.board.flowing_ma()), (vec![off], flowing), "{fault:?}");
        assert_eq!(bench.write("switches", &[switches]), 0);
        assert_eq!(bench.write("lease_mode", &[2]), 0);
        assert_eq!((bench.read("outputs"), bench.board.flowing_ma()), (vec![off], flowing), "{fault:?}");
        // Its loader switches nothing, and a board without power has no pack.
        bench.enter_loader();
        assert_eq!(bench.board.flowing_ma(), flowing, "{fault:?} in its loader");
        bench.board.set_power(bench.now, false);
        assert_eq!(bench.board.flowing_ma(), 0);
    }
}

#[test]
fn a_write_once_field_is_written_once() {
    let mut bench = Bench::new(None);
    bench.unlock();
    let number = digits("TB26480001234567");
    assert_eq!(bench.write("serial_number", &number), 0);
    assert_eq!(bench.read("serial_number"), number);
    assert_eq!(bench.write("serial_number", &number), 0, "the same again is no change");
    assert_eq!(bench.write("serial_number", &digits("TB26480009999999")), 4);
}

#[test]
fn alarms_follow_the_boards_own_limits() {
    let mut bench = Bench::new(None);
    assert_eq!(bench.read("alarms"), [0b1100], "2.3 V cells under Li-ion limits are over-discharged");
    bench.unlock();
    assert_eq!(bench.write("discharge_protection_l1_mv", &[1800, 1600]), 0);
    assert_eq!(bench.read("alarms"), [0]);
}

#[test]
fn a_silent_board_and_another_model() {
    let mut silent = Bench::new(Some(Fault::Silent));
    assert_eq!(silent.ask(&Request::ReadHolding { address: 0, quantity: 1 }), None);
    assert!(silent.say(b" 1 ", 5_000 * MS).is_empty());
    let mut other = Bench::new(Some(Fault::WrongModel));
    let words = other.read("hardware_model");
    assert_ne!(words, Bench::new(None).read("hardware_model"));
    let text: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    assert!(text.iter().take_while(|byte| **byte != 0).all(u8::is_ascii_graphic), "{text:?}");
}

#[test]
fn one_low_cell_shows_in_its_register_and_in_the_spread() {
    let mut bench = Bench::new(Some(Fault::CellOutOfLimits));
    let Some(Response::ReadHolding(cells)) =
        bench.ask(&Request::ReadHolding { address: 0x0100, quantity: 8 })
    else {
        panic!()
    };
    assert_eq!(cells.iter().filter(|cell| **cell < 2280).count(), 1, "{cells:?}");
    assert!(bench.read("cell_difference_mv")[0] > 50);
}

#[test]
fn knobs_lose_spoil_and_delay_answers() {
    let read = Request::ReadHolding { address: 0, quantity: 1 };
    let mut loses = Bench::with(model(), None, Knobs { lose_answer_every: 3, ..Knobs::default() });
    let answered: Vec<bool> = (0..6).map(|_| loses.ask(&read).is_some()).collect();
    assert_eq!(answered, [true, true, false, true, true, false]);
    let frame = rtu::encode_request(1, &read).unwrap();
    let mut spoils = Bench::with(model(), None, Knobs { damage_answer_every: 1, ..Knobs::default() });
    assert!(rtu::decode_frame(&spoils.say(&frame, 100 * MS)).is_err());
    let mut babbles = Bench::with(model(), None, Knobs { babble: 1, ..Knobs::default() });
    assert!(rtu::decode_frame(&babbles.say(&frame, 100 * MS)).is_err());
    let late = Knobs { late_answer_every: 1, late_answer_ms: 600, ..Knobs::default() };
    let mut late = Bench::with(model(), None, late);
    assert!(late.say(&frame, 600 * MS).is_empty());
    assert_eq!(late.run(20 * MS).len(), 7);
    let mut forgets = Bench::with(model(), None, Knobs { forget_password: 1, ..Knobs::default() });
    forgets.unlock();
    assert_eq!(forgets.write("password_set", &digits("271828")), 0);
    forgets.restart();
    assert_eq!(forgets.write("password_unlock", &digits("123456")), 0);
}

#[test]
fn a_board_may_acknowledge_its_restart_and_go_on_as_if_nothing_were() {
    let mut bench = Bench::with(model(), None, Knobs { ignore_restart: 1, ..Knobs::default() });
    bench.unlock();
    let restarts = bench.board.observe().restarts;
    bench.restart();
    assert_eq!(bench.read("password_state"), [1], "what stood open stands open");
    assert_eq!(bench.board.observe().restarts, restarts);
    assert!(bench.enter_loader().contains("Main Menu"), "another command");

    let mut slow = Bench::with(model(), None, Knobs { start_later_ms: 2_000, ..Knobs::default() });
    let read = Request::ReadHolding { address: 0, quantity: 1 };
    assert_eq!(slow.ask(&read), None, "400 ms after its power came");
    slow.run(2_000 * MS);
    assert!(slow.ask(&read).is_some());
}

#[test]
fn the_same_seed_says_the_same_bytes() {
    let run = || {
        let mut bench = Bench::new(None);
        let mut said = Vec::new();
        for quantity in 1..40 {
            let frame = rtu::encode_request(1, &Request::ReadHolding { address: 0x0100, quantity }).unwrap();
            said.push((bench.now, bench.say(&frame, 40 * MS)));
        }
        said
    };
    assert_eq!(run(), run());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_bytes_in_any_lumps_make_the_board_panic(
        lumps in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), 0_u64..400), 0..30),
        start in 0..4_u8,
    ) {
        let mut bench = match start {
            0 => Bench::new(None),
            1 => Bench::new(Some(Fault::InterruptedFlash)),
            2 => Bench::with(hal_model(), Some(Fault::InterruptedFlash), Knobs::default()),
            _ => {
                let mut bench = Bench::new(Some(Fault::InterruptedFlash));
                bench.run(2_000 * MS);
                bench.say(b"1", 100 * MS);
                bench
            }
        };
        for (bytes, pause) in lumps {
            bench.say(&bytes, pause as u32 * MS);
        }
    }

    #[test]
    fn no_pdu_makes_the_board_panic_and_every_answer_is_a_right_frame(
        pdus in prop::collection::vec((prop::sample::select(vec![3_u8, 4, 6, 16, 1, 5, 43]), prop::collection::vec(any::<u8>(), 0..40)), 1..30),
    ) {
        let mut bench = Bench::new(None);
        for (function, rest) in pdus {
            let mut pdu = vec![function];
            pdu.extend(rest);
            let said = bench.say(&rtu::encode_frame(1, &pdu), 100 * MS);
            if !said.is_empty() && bench.board.mode() == Mode::Application {
                let frame = rtu::decode_frame(&said).unwrap();
                prop_assert_eq!(frame.address, 1);
                prop_assert_eq!(frame.pdu[0] & 0x7F, function);
            }
        }
    }

    #[test]
    fn what_a_parameter_takes_it_reads_back_and_keeps(index in 0_usize..37, value in any::<u16>()) {
        let mut bench = Bench::new(None);
        let parameters: Vec<_> = bench.model.parameters().filter(|p| p.width() == 1).cloned().collect();
        let register = &parameters[index % parameters.len()];
        bench.unlock();
        let before = bench.read(&register.name);
        let outcome = bench.write(&register.name, &[value]);
        let expected = if outcome == 0 { vec![value] } else { before };
        prop_assert!(outcome == 0 || outcome == 3);
        prop_assert_eq!(&bench.read(&register.name), &expected);
        bench.restart();
        prop_assert_eq!(&bench.read(&register.name), &expected);
    }
}

#[test]
fn images_differ_in_the_crc_that_the_board_reports() {
    // Not a matter of course: files that end in their own CRC-32 all have the same one.
    let model = model();
    let crcs: std::collections::BTreeSet<u32> =
        (0..20).map(|seed| protocol::crc::crc32(&image(&model, "V1.9", seed))).collect();
    assert_eq!(crcs.len(), 20);
}

#[test]
fn a_chemistrys_preset_wants_the_password_sets_its_thresholds_and_is_kept() {
    let mut bench = Bench::new(None);
    let preset = bench.model.command("preset_lto").unwrap().clone();
    let press = Request::WriteSingle { address: preset.address, value: preset.value };
    assert_eq!(exception(bench.ask(&press)), 4, "locked");
    assert_eq!(bench.read("chemistry"), [0]);
    bench.unlock();
    bench.command("preset_lto");
    bench.run(100 * MS);
    bench.command("restart");
    bench.run(600 * MS);
    // Typed from the sheet, not read out of the model.
    for (name, word) in [
        ("chemistry", 2),
        ("charge_protection_l1_mv", 2800),
        ("charge_protection_l2_mv", 2950),
        ("charge_recovery_mv", 2700),
        ("discharge_protection_l1_mv", 1800),
        ("discharge_protection_l2_mv", 1600),
        ("discharge_recovery_mv", 2200),
        ("balance_start_mv", 2600),
    ] {
        assert_eq!(bench.read(name), [word], "{name}");
    }
}
