use super::super::sample::Watched;
use super::*;
use crate::board::Reading;
use domain::{
    codec,
    model::{DeviceModel, parse_model},
    value::Value,
};

fn model() -> DeviceModel {
    parse_model("topbms.toml", include_str!("../../../../profiles/models/topbms.toml")).unwrap()
}

/// What a board of 12 cells would be read to hold in the first `count` seconds.
fn samples(count: u64) -> Vec<Sample> {
    let model = model();
    let watched = Watched::of(&model);
    (1..=count).map(|number| sample(&model, &watched, number)).collect()
}

fn sample(model: &DeviceModel, watched: &Watched, number: u64) -> Sample {
    let readings = watched.names().into_iter().map(|name| {
        let register = model.register(&name).unwrap();
        let raw = match name.as_str() {
            "cell_count" => vec![12],
            "cell_3_mv" => vec![2412],
            "cell_7_mv" => vec![2371],
            "pack_voltage_v" => vec![2880 + (number % 7) as u16 * 3],
            "current_ma" => {
                codec::encode(register, &Value::Number(-20_000.0 + number as f64 * 400.0)).unwrap()
            }
            "soc_percent" => vec![64],
            "alarms" => vec![0b1_0000_0001],
            "outputs" => vec![0b1],
            "switches" => vec![0b101],
            _ if name.starts_with("cell_temperature") => vec![251],
            _ if name.ends_with("temperature_c") => vec![288],
            _ if name.starts_with("cell_") => vec![2400],
            _ => vec![0; usize::from(register.width())],
        };
        let value = codec::decode(register, &raw).unwrap();
        Reading { name, raw, value, unit: register.unit.clone() }
    });
    watched.sample(number, "2027-03-01T09:30:00Z".parse().unwrap(), readings.collect())
}

fn screen() -> Screen {
    Screen {
        title: "TOPBMS line A, 3S to 32S".to_owned(),
        port: "/dev/ttyUSB0".to_owned(),
        board: "machine_code 342589975, bluetooth_address 26541C98068E  firmware V1.8".to_owned(),
        is_model: true,
        colour: false,
    }
}

fn curves(samples: &[Sample]) -> Curves {
    let mut curves = Curves::default();
    samples.iter().for_each(|sample| curves.push(sample));
    curves
}

#[test]
fn a_frame_shows_cells_temperatures_alarms_and_curves() {
    let samples = samples(60);
    let frame = screen().frame(samples.last(), &curves(&samples), None, 100);
    insta::assert_snapshot!(frame.join("\n"));
}

#[test]
fn no_line_is_wider_than_the_terminal_with_and_without_colours() {
    let samples = samples(200);
    let curves = curves(&samples);
    for columns in [40, 60, 80, 100, 132, 160] {
        let plain = screen().frame(samples.last(), &curves, Some("no answer for 3 s"), columns);
        for line in &plain {
            assert!(width(line) <= columns, "{columns}: {line}");
        }
        let coloured = Screen { colour: true, ..screen() };
        let coloured = coloured.frame(samples.last(), &curves, Some("no answer for 3 s"), columns);
        let stripped: Vec<String> =
            coloured.iter().map(|line| console::strip_ansi_codes(line).into_owned()).collect();
        assert_eq!(stripped, plain, "colours add nothing but colour");
    }
}

#[test]
fn a_flat_curve_is_a_line_and_a_rising_one_climbs() {
    assert_eq!(plot(&[5.0; 3], 5.0, 5.0), ["   ", "▄▄▄", "███"]);
    assert_eq!(plot(&[0.0, 1.0, 2.0], 0.0, 2.0), ["  █", " ▅█", "▁██"]);
}

#[test]
fn a_paragraph_and_an_object_tell_the_same() {
    let sample = samples(1).remove(0);
    insta::assert_snapshot!("paragraph", sample.lines().join("\n"));
    insta::assert_json_snapshot!("object", sample);
}

#[test]
fn alarms_beyond_the_sixteenth_bit_are_shown_and_bits_that_tell_of_other_things_are_no_alarms() {
    let text = include_str!("../../../../profiles/models/jk-pb.toml");
    let model = parse_model("jk-pb.toml", text).unwrap();
    let watched = Watched::of(&model);
    let readings = watched.names().into_iter().map(|name| {
        let register = model.register(&name).unwrap();
        let raw = match name.as_str() {
            // Charge MOSFET, and the very first.
            "alarms" => vec![0x0001, 0x0001],
            "cells_present" => vec![0x0000, 0x0003],
            _ => vec![0; usize::from(register.width())],
        };
        let value = codec::decode(register, &raw).unwrap();
        Reading { name, raw, value, unit: register.unit.clone() }
    });
    let sample = watched.sample(1, "2027-03-01T09:30:00Z".parse().unwrap(), readings.collect());
    assert_eq!(sample.alarms, ["wire_resistance", "charge_mosfet"]);
    let text = sample.lines().join("\n");
    assert!(text.contains("alarms: Wire resistance; Charge MOSFET"), "{text}");
    assert!(text.contains("Cell 1, Cell 2") && !text.contains("Ω"), "{text}");
}
