//! Whatever a model file contradicts itself in is found, on its line: the shipped model, spoilt in one place after another.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use jigline_domain::model::{ModelFault, ParameterChange, RegisterKind, parse_model};
use std::fs;

fn shipped() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../profiles/models/topbms.toml")).unwrap()
}

/// The shipped model with the first `old` behind `anchor` replaced, and the line of that place.
fn spoilt(anchor: &str, old: &str, new: &str) -> (String, usize) {
    let text = shipped();
    let from = text.find(anchor).unwrap_or_else(|| panic!("no {anchor:?} in the shipped model"));
    let at = from + text[from..].find(old).unwrap_or_else(|| panic!("no {old:?} behind {anchor:?}"));
    let spoilt = format!("{}{new}{}", &text[..at], &text[at + old.len()..]);
    (spoilt, text[..at].matches('\n').count() + 1)
}

fn faults(text: &str) -> Vec<ModelFault> {
    parse_model("m.toml", text).err().unwrap_or_default()
}

/// Spoils one place and wants exactly this fault on exactly that line (others may follow from it).
#[track_caller]
fn finds(anchor: &str, old: &str, new: &str, reason: &str) {
    let (text, line) = spoilt(anchor, old, new);
    let faults = faults(&text);
    let found = faults.iter().any(|fault| fault.line == line && fault.reason.contains(reason));
    let all: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert!(found, "wanted m.toml:{line}: ..{reason}.., found {all:#?}");
}

#[test]
fn a_slip_of_syntax_or_type_is_named_by_its_line() {
    finds("[link]", "baud = 9600", "baud = ", "");
    finds("[link]", "baud = 9600", "baud = \"9600\"", "invalid type: string");
    finds("[link]", "address = 1", "adress = 1", "unknown field `adress`");
    finds("name = \"cell_7_mv\"", "kind = \"u16\"", "kind = \"u17\"", "unknown variant `u17`");
    finds("[link]", "address = 1", "address = 300", "invalid value: integer `300`");
    let missing = faults("id = \"x\"\n");
    assert!(missing.iter().any(|fault| fault.reason.contains("missing field")), "{missing:?}");
}

#[test]
fn every_syntax_error_of_a_file_is_shown_at_once() {
    let (text, _) = spoilt("[link]", "baud = 9600", "baud = ");
    let text = text.replacen("max_read = 60", "max_read = = 60", 1);
    assert!(faults(&text).len() >= 2, "{:?}", faults(&text));
}

/// `line: reason` of all faults.
fn said(text: &str) -> Vec<String> {
    faults(text).into_iter().map(|fault| format!("{}: {}", fault.line, fault.reason)).collect()
}

/// The shipped model with every `(anchor, old, new)` done, and each place's line in what came of it.
fn spoilt_often(slips: &[(&str, &str, &str)]) -> (String, Vec<usize>) {
    let mut text = shipped();
    for (anchor, old, new) in slips {
        let from = text.find(anchor).unwrap_or_else(|| panic!("no {anchor:?}"));
        let at = from + text[from..].find(old).unwrap_or_else(|| panic!("no {old:?} behind {anchor:?}"));
        text.replace_range(at..at + old.len(), new);
    }
    let line = |(anchor, _, new): &(&str, &str, &str)| {
        let from = text.find(anchor).unwrap();
        text[..from + text[from..].find(new).unwrap()].matches('\n').count() + 1
    };
    let lines = slips.iter().map(line).collect();
    (text, lines)
}

#[test]
fn unknown_and_missing_keys_and_wrong_types_are_all_told_at_once_each_on_its_line() {
    let (text, lines) = spoilt_often(&[
        ("[link]", "retries = 2", "retries = 2\ncolour = 1"),
        ("[cells]", "max = 32", "max = 32\nleast = 1"),
        ("name = \"cell_7_mv\"", "kind = \"u16\"", "kind = \"u16\"\nsize = 2"),
        ("name = \"cell_9_mv\"", "address = ", "address = \"there\" # "),
        ("[name]", "max_length = 16\n", ""),
    ]);
    let said = said(&text);
    let wanted = [
        (lines[0] + 1, "unknown field `colour`"),
        (lines[1] + 1, "unknown field `least`"),
        (lines[2] + 1, "unknown field `size`"),
        (lines[3], "invalid type: string \"there\", expected u16"),
        (text[..text.find("[name]").unwrap()].matches('\n').count() + 1, "missing field `max_length`"),
    ];
    assert_eq!(said.len(), wanted.len(), "{said:#?}");
    for (line, reason) in wanted {
        assert!(
            said.iter().any(|said| said.starts_with(&format!("{line}: {reason}"))),
            "{line} {reason}: {said:#?}"
        );
    }
}

#[test]
fn several_slips_in_one_table_are_told_one_by_one_and_none_follows_from_another() {
    // Of the wrong type: a text, a number that does not go in, a list, an option that is none, a text for a table.
    let (text, lines) = spoilt_often(&[
        ("[link]", "baud = 9600", "baud = \"9600\""),
        ("[link]", "address = 1", "address = 300"),
        ("[link]", "retries = 2", "retries = [2]"),
        ("name = \"cell_7_mv\"", "kind = \"u16\"", "kind = \"u17\""),
        ("name = \"cell_8_mv\"", "title = {", "title = \"x\" # {"),
    ]);
    let found = said(&text);
    let found: Vec<&str> = found.iter().map(|said| said.split(": ").next().unwrap()).collect();
    assert_eq!(found, lines.iter().map(ToString::to_string).collect::<Vec<_>>());
    // Missing ones: all of a table's, and whole tables.
    let mut text = shipped();
    for line in ["baud = 9600", "max_read = 60\n", "start_timeout_ms = 5000\n"] {
        text = text.replacen(line, "", 1);
    }
    let (from, to) = (text.find("[cells]").unwrap(), text.find("# A limit below").unwrap());
    text.replace_range(from..to, "");
    let found = said(&text);
    for missing in ["cells", "baud", "max_read", "start_timeout_ms"] {
        assert!(found.iter().any(|said| said.contains(&format!("missing field `{missing}`"))), "{found:#?}");
    }
    assert_eq!(found.len(), 4, "{found:#?}");
}

#[test]
fn what_is_sound_of_a_file_with_slips_is_checked_too() {
    let (text, _) = spoilt_often(&[
        ("[link]", "retries = 2", "retries = 2\ncolour = 1"),
        ("[link]", "baud = 9600", "baud = 9601"),
        ("[cells]", "max = 32", "max = 33"),
        ("[boot]", "execute_key = 0x32", "execute_key = 0x31"),
    ]);
    let found = said(&text).join("\n");
    for reason in
        ["unknown field `colour`", "baud 9601", "no register \"cell_33_mv\"", "is the download_key too"]
    {
        assert!(found.contains(reason), "{reason}: {found}");
    }
    // Something had to be made up: what stands apart from it is checked, what rests on it is not.
    let (text, _) = spoilt_often(&[
        ("name = \"cell_9_mv\"", "kind = \"u16\"", "kind = 3"),
        ("[link]", "baud = 9600", "baud = 9601"),
        ("revision", "revision = 4", "revision = 0"),
    ]);
    let found = said(&text);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[2].ends_with("wanted string or table"), "{found:#?}");
    // No such file at all.
    let found = said("colour = 1\n");
    assert!(found.len() > 5 && found.iter().all(|said| said.contains("field `")), "{found:#?}");
    assert_eq!(said("").len(), said("colour = 1\n").len() - 1);
}

#[test]
fn the_head_the_link_and_the_loader_are_within_their_bounds() {
    finds("id =", "\"topbms\"", "\"Top BMS\"", "is not of a-z");
    finds("revision", "revision = 4", "revision = 0", "counts from 1");
    finds("[link]", "baud = 9600", "baud = 9601", "no usual rate");
    finds("[link]", "address = 1", "address = 0", "outside Modbus's 1..247");
    finds("[link]", "max_read = 60", "max_read = 126", "outside Modbus's 1..125");
    finds("[link]", "max_write = 40", "max_write = 0", "outside Modbus's 1..123");
    finds("[link]", "timeout_ms = 500", "timeout_ms = 0", "timeout_ms 0");
    finds("[firmware]", "boot_bytes = 8192", "boot_bytes = 131072", "leaves no room");
    finds("[firmware]", "version_offset = 512", "version_offset = 131000", "beyond the largest image");
    finds("[boot]", "baud = 9600", "baud = 1", "no usual rate");
    finds("[boot]", "data_block_bytes = 1024", "data_block_bytes = 512", "blocks of 128 and 1024");
    finds("[boot]", "execute_key = 0x32", "execute_key = 0x31", "is the download_key too");
    finds("[boot]", "download_key = 0x31", "download_key = 0x20", "is the probe_byte too");
    finds("[boot]", "erase_timeout_ms = 10000", "erase_timeout_ms = 0", "outside 1..600000");
    finds("[boot]", "\"enter_loader\"", "\"jump\"", "there is no command \"jump\"");
    finds("[link]", "start_timeout_ms = 5000", "start_timeout_ms = 0", "outside 1..600000");
}

#[test]
fn no_byte_that_prods_a_loader_means_something_else() {
    for key in ["probe_byte = 0x20", "download_key = 0x31", "execute_key = 0x32"] {
        let name = key.split(' ').next().unwrap();
        for abort in ["0x18", "0x61", "0x41"] {
            finds("[boot]", key, &format!("{name} = {abort}"), "aborts a transfer");
        }
    }
    finds("[boot]", "execute_key = 0x32", "execute_key = 0x20", "is the probe_byte too");
}

/// Another shipped model, spoilt in one place, and what is said of it.
fn said_of(id: &str, old: &str, new: &str) -> Vec<String> {
    let path = format!("{}/../profiles/models/{id}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(old), "{id} has no {old:?}");
    said(&text.replacen(old, new, 1))
}

#[test]
fn what_no_link_can_do_is_no_part_of_a_model() {
    let password = "[password]\nunlock_register = \"barcode\"\nlength = 6\nfactory = \"123456\"\n\n[password.origin]\nprovenance = \"published\"\nsource = \"x\"\n\n[factory_mode]\n";
    let found = said_of("jbd", "[factory_mode]\n", password);
    assert!(found.len() == 1 && found[0].contains("leave [password] out"), "{found:?}");
    let found = said_of("jbd", "wake = { frames = 1,", "wake = { frames = 2,");
    assert!(found.len() == 1 && found[0].contains("one wakes the board"), "{found:?}");
    // A Modbus board may need more.
    assert_eq!(said_of("jk-pb", "wake = { frames = 2,", "wake = { frames = 3,"), Vec::<String>::new());
}

#[test]
fn a_rule_rests_on_whole_places() {
    let rule = |left: &str| {
        format!(
            "\n[[rule]]\nid = \"half\"\nleft = \"{left}\"\nop = \"gt\"\nright = \"{left}\"\nseverity = \"error\"\nmessage = {{ en = \"a\", zh = \"a\" }}\n"
        )
    };
    let mut refused = 0;
    for id in ["jk-pb", "jbd"] {
        let path = format!("{}/../profiles/models/{id}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap();
        let model = parse_model(id, &text).unwrap();
        for register in model.parameters().filter(|register| register.kind == RegisterKind::U8Low) {
            let found = said(&format!("{text}{}", rule(&register.name)));
            let sharing = found.iter().filter(|said| said.contains("shares its place")).count();
            assert_eq!((found.len(), sharing), (2, 2), "{id} {}: {found:?}", register.name);
            refused += 1;
        }
    }
    assert!(refused > 2, "{refused}");
}

#[test]
fn a_framing_and_its_addresses_go_together() {
    let with = |line: &str| format!("{line}max_read = 60\n");
    finds("[link]", "max_read = 60\n", &with("read_function = 5\n"), "neither 3 nor 4");
    let jbd = shipped().replacen("\"modbus_rtu\"", "\"jbd\"", 1);
    assert!(faults(&jbd).iter().any(|fault| fault.reason.contains("an address is a whole field")));
    let (text, _) = spoilt("[link]", "max_read = 60\n", &with("address_step = \"field\"\n"));
    assert!(faults(&text).iter().any(|fault| fault.reason.contains("no whole field")));
    finds("[link]", "max_read = 60\n", &with("wake = { frames = 0, pause_ms = 1 }\n"), "wake nobody");
    let twice = "exception = [{ code = 4, title = { en = \"a\", zh = \"a\" } }, { code = 4, title = { en = \"b\", zh = \"b\" } }]\n";
    finds("[link]", "max_read = 60\n", &with(twice), "exception 4 stands twice");
    let image = shipped().replace("[boot]", "[boat]");
    assert!(faults(&image).iter().any(|fault| fault.reason.contains("unknown field `boat`")));
    let text = shipped();
    let (from, to) = (text.find("[boot]").unwrap(), text.find("[cells]").unwrap());
    let without = format!("{}{}", &text[..from], &text[to..]);
    assert!(faults(&without).iter().any(|fault| fault.reason.contains("no [boot] that says how to send it")));
}

#[test]
fn a_field_that_its_kind_does_not_allow_is_named() {
    let kind = "kind = \"u16\"";
    finds("name = \"cell_7_mv\"", kind, "at = 3\nkind = \"u16\"", "which is no whole field");
    finds("name = \"cell_7_mv\"", kind, "bytes = 3\nkind = \"u16\"", "bytes is for ASCII and hex fields");
    finds(
        "name = \"cell_7_mv\"",
        kind,
        "negative_above = 3\nkind = \"i16\"",
        "negative_above is for u8 and u16",
    );
    let scale = "scale_when = { register = \"switches\", bit = \"none\", scale = 10 }\nkind = \"u16\"";
    finds("name = \"cell_7_mv\"", kind, "byte_order = \"low_first\"\nkind = \"u8_low\"", "no pairs of bytes");
    finds("name = \"cell_7_mv\"", kind, scale, "names no bit \"none\"");
    finds("name = \"cell_7_mv\"", kind, "kind = \"version\"", "a version of one byte lies in a field");
    let ratings =
        shipped().replacen("[password]", "[ratings]\nmin_cells = 33\nsource = \"x\"\n[password]", 1);
    assert!(faults(&ratings).iter().any(|fault| fault.reason.contains("min_cells 33 is outside 1..32")));
}

#[test]
fn a_parameter_is_read_and_written_as_often_as_one_likes() {
    let block = "name = \"protection\"";
    let (text, _) = spoilt(block, "access = \"read_write\"", "access = \"write_once\"");
    let found = said(&text);
    let refused =
        |name: &str| found.iter().any(|said| said.contains(&format!("parameter {name:?} stands in block")));
    assert!(refused("charge_protection_l1_mv") && refused("discharge_current_limit_a"), "{found:#?}");
    let (text, _) = spoilt("name = \"serial_number\"", "title", "parameter = true\ntitle");
    let found = said(&text);
    assert!(found.len() == 1 && found[0].contains("which is not read_write"), "{found:?}");
}

#[test]
fn what_a_command_sets_are_parameters_and_values_that_they_take() {
    finds("name = \"preset_lto\"", "charge_recovery_mv", "charge_rescue_mv", "which is no parameter");
    finds("name = \"preset_lto\"", "chemistry", "lease_mode", "which is no parameter");
    finds(
        "name = \"preset_lto\"",
        "charge_recovery_mv = 2700",
        "charge_recovery_mv = 27",
        "outside 1500..4500 mV",
    );
}

#[test]
fn a_command_that_puts_parameters_back_says_so() {
    let text = shipped().replacen("resets_parameters = true\n", "", 1);
    let line = text.lines().position(|line| line == "name = \"reset\"").unwrap() + 1;
    let found = faults(&text);
    assert!(found.len() == 1 && found[0].line == line, "{found:?}");
    assert!(found[0].reason.contains("changes parameters and does not say so"), "{found:?}");
    // Whatever its name, a press whose values are known is told from one whose values nobody knows.
    let model = parse_model("m.toml", &shipped()).unwrap();
    let change = |name: &str| model.command(name).unwrap().parameter_change();
    assert_eq!(change("reset"), ParameterChange::Unknown);
    assert!(matches!(change("preset_lto"), ParameterChange::Known(sets) if sets.contains_key("chemistry")));
    assert_eq!(change("restart"), ParameterChange::Nothing);
    assert!(model.command("reset").unwrap().changes_parameters());
    assert!(!model.command("sleep").unwrap().changes_parameters());
    for (id, name) in [("daly-d2", "reset"), ("seplos-v3", "reset"), ("jk-pb", "preset_lto")] {
        let path = format!("{}/../profiles/models/{id}.toml", env!("CARGO_MANIFEST_DIR"));
        let model = parse_model(id, &fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(model.command(name).unwrap().parameter_change(), ParameterChange::Unknown, "{id} {name}");
    }
}

#[test]
fn a_block_that_is_locked_for_reads_is_locked_for_writes_too() {
    finds("name = \"live\"", "access = ", "locked_reads = true\naccess = ", "say locked too");
    let (text, _) = spoilt("name = \"protection\"", "locked = true", "locked = true\nlocked_reads = true");
    assert!(faults(&text).is_empty(), "{:?}", faults(&text));
}

#[test]
fn a_preamble_comes_before_an_answer() {
    let command = "name = \"enter_loader\"";
    let (text, _) = spoilt(command, "acknowledged = true", "acknowledged = true\npreamble = true");
    assert!(faults(&text).is_empty(), "{:?}", faults(&text));
    finds(command, "acknowledged = true", "preamble = true\nacknowledged = false", "there is none");
}

#[test]
fn blocks_and_registers_lie_where_they_can() {
    finds("name = \"live\"", "start = 0x0100", "start = 0x0010", "overlaps block \"identity\"");
    finds("name = \"live\"", "\"live\"", "\"identity\"", "block \"identity\" stands twice");
    finds("name = \"number\"", "count = 8", "count = 65000", "ends beyond address 0xFFFF");
    finds("name = \"password_state\"", "count = 1", "count = 0", "is empty");
    finds("name = \"cell_7_mv\"", "\"cell_7_mv\"", "\"cell_6_mv\"", "stands twice");
    finds("name = \"cell_8_mv\"", "\"cell_8_mv\"", "\"cell_7_mv\"", "stands twice");
    finds("name = \"cell_8_mv\"", "\"cell_8_mv\"", "\"Cell 8\"", "is not of a-z");
    finds("name = \"cycles\"", "address = 0x012D", "address = 0x0150", "lies in no block");
    finds(
        "name = \"cycles\"",
        "address = 0x012D",
        "address = 0x012C",
        "overlaps register \"balancer_temperature_c\"",
    );
    // A wide one laid over the next: found on the second of the two.
    finds(
        "name = \"soc_percent\"",
        "address = 0x0123",
        "address = 0x0122",
        "overlaps register \"current_ma\"",
    );
    finds(
        "name = \"hardware_model\"",
        "address = 0x000F",
        "address = 0x0010",
        "lies in no block, or leaves its own",
    );
    finds(
        "name = \"calibration_current_ma\"",
        "address = 0x0600",
        "address = 0x0100",
        "overlaps register \"cell_1_mv\"",
    );
    let (text, _) = spoilt("[link]", "max_read = 60", "max_read = 5");
    let wide: Vec<_> =
        faults(&text).into_iter().filter(|fault| fault.reason.contains("link.max_read is 5")).collect();
    assert_eq!(wide.len(), 4, "{wide:?}");
}

#[test]
fn a_register_is_of_one_piece() {
    finds(
        "name = \"bluetooth_name\"",
        "kind = \"ascii_nul\"\ncount = 8",
        "kind = \"ascii_nul\"",
        "needs its count",
    );
    finds("name = \"cycles\"", "kind = \"u16\"", "kind = \"enum\"", "has no options");
    finds("name = \"cycles\"", "kind = \"u16\"", "kind = \"bits\"", "names no bits");
    finds("name = \"chemistry\"", "raw = 1", "raw = 0", "stands twice");
    finds("name = \"switches\"", "bit = 1", "bit = 0", "stands twice");
    finds("name = \"switches\"", "bit = 3", "bit = 16", "is beyond 15");
    finds("name = \"charge_protection_l1_mv\"", "min = 1500", "min = 4501", "has min 4501 above max 4500");
    finds(
        "name = \"charge_protection_l1_mv\"",
        "max = 4500",
        "max = 70000",
        "beyond what its raw type holds",
    );
    finds("name = \"heater_on_c\"", "max = 30", "max = 30.00001", "more than four decimal places");
    finds("name = \"pack_voltage_v\"", "scale = 0.01", "scale = 0.0", "has scale 0");
    let text = shipped().replacen("kind = \"ascii_nul\"", "scale = 0.1\nkind = \"ascii_nul\"", 1);
    assert!(faults(&text)[0].reason.contains("is no whole number"), "{:?}", faults(&text));
}

#[test]
fn every_name_that_is_used_exists_and_fits_its_use() {
    finds(
        "[[identity.field]]",
        "register = \"machine_code\"",
        "register = \"nobody\"",
        "there is no register \"nobody\"",
    );
    finds("[identity]", "\"hardware_model\"", "\"nobody\"", "there is no register \"nobody\"");
    finds("[firmware]", "\"firmware_version\"", "\"cycles\"", "of the wrong kind");
    finds("[firmware]", "\"firmware_crc32\"", "\"cycles\"", "of the wrong kind");
    finds("[cells]", "max = 32", "max = 33", "no register \"cell_33_mv\"");
    finds("[cells]", "\"cell_count\"", "\"cycles\"", "cannot be both read and written");
    finds("[password]", "\"password_unlock\"", "\"firmware_version\"", "cannot be written");
    let (text, _) = spoilt("[password]", "length = 6", "length = 8");
    assert_eq!(
        faults(&text).len(),
        3,
        "neither register nor the factory's password fit: {:?}",
        faults(&text)
    );
    finds("[password]", "\"123456\"", "\"1234\"", "has not 6 characters");
    finds("[password]", "\"password_state\"", "\"calibration_current_ma\"", "cannot be read");
    finds("[name]", "\"bluetooth_name\"", "\"soc_percent\"", "of the wrong kind");
    finds("[name]", "max_length = 16", "max_length = 17", "more than its register holds");
    finds("[lease]", "\"lease_mode\"", "\"heater_mode\"", "has no option \"open\"");
    finds("[lease]", "\"lease_expiry_s\"", "\"cycles\"", "of the wrong kind");
    let discharge = "discharge = { register = \"outputs\", bit = \"discharge\" }";
    finds(
        "[output]",
        discharge,
        &discharge.replace("bit = \"discharge\"", "bit = \"out\""),
        "names no bit \"out\"",
    );
    finds("[output]", discharge, "discharge = { register = \"outputs\" }", "of the wrong kind");
    finds("[output]", discharge, "discharge = { register = \"pack_voltage_v\" }", "is scaled");
    finds("[output]", discharge, "discharge = { register = \"password_set\" }", "of the wrong kind");
    finds("[output]", discharge, &discharge.replace(" }", ", on = 2 }"), "at 1, or at 0");
    finds("[calibration]", "\"calibration_current_ma\"", "\"current_ma\"", "cannot be written");
    finds("[calibration]", "\"current_ma\"", "\"nobody\"", "there is no register \"nobody\"");
    finds("[calibration]", "min_a = 2", "min_a = 0", "positive number of amperes");
    let charge = "charge = { register = \"switches\", bit = \"charge\" }";
    finds("[safe_state]", charge, &charge.replace("switches", "outputs"), "cannot be written");
    finds("[safe_state]", charge, &charge.replace("\"charge\" }", "\"in\" }"), "names no bit \"in\"");
    finds("name = \"sleep\"", "address = 0x0703", "address = 0x0704", "lies in no block");
    finds("name = \"sleep\"", "\"sleep\"", "\"reset\"", "command \"reset\" stands twice");
    finds(
        "id = \"charge-l2-above-l1\"",
        "\"charge_protection_l1_mv\"",
        "\"charge_protection_l9_mv\"",
        "which is no parameter",
    );
    finds(
        "id = \"charge-l2-above-l1\"",
        "\"charge_protection_l1_mv\"",
        "\"chemistry\"",
        "no number parameter",
    );
    finds(
        "id = \"charge-recovery-below-l1\"",
        "charge-recovery-below-l1",
        "charge-l2-above-l1",
        "stands twice",
    );
    finds(
        "id = \"charge-limit-within-rating\"",
        "product.rated_charge_a",
        "product.rated",
        "which is no parameter",
    );
}

#[test]
fn paths_that_are_switched_or_locked_are_seen_too() {
    let output = "[output]\ncharge = { register = \"outputs\", bit = \"charge\" }\ndischarge = { register = \"outputs\", bit = \"discharge\" }\n";
    let text = shipped();
    assert!(text.contains(output));
    let reasons: Vec<String> =
        faults(&text.replace(output, "")).into_iter().map(|fault| fault.reason).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons.iter().all(|reason| reason.contains("no [output]")), "{reasons:?}");
    // Of a field that nobody can read, each bit is one of the two switches.
    let text =
        fs::read_to_string(format!("{}/../profiles/models/jbd.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let third = "{ bit = 2, name = \"heat\", title = { en = \"Heat\", zh = \"加热\" } },\n  { bit = 1, name = \"discharge_off\"";
    let spoilt = text.replacen("{ bit = 1, name = \"discharge_off\"", third, 1);
    let found = faults(&spoilt);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].reason.contains("nobody knows what its bit \"heat\" is"), "{found:?}");
}

#[test]
fn all_faults_are_found_at_once_and_in_the_order_of_the_file() {
    let text =
        shipped().replacen("baud = 9600", "baud = 9601", 1).replacen("max_read = 60", "max_read = 0", 1);
    let text = text.replacen("right = \"product.rated_charge_a\"", "right = \"product.rated\"", 1);
    let faults = faults(&text);
    assert!(faults.len() >= 3, "{faults:?}");
    assert!(faults.is_sorted_by_key(|fault| fault.line), "{faults:?}");
    assert!(faults[0].to_string().starts_with("m.toml:"), "{}", faults[0]);
}
