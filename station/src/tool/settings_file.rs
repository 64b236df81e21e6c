//! Parameters in a file: what `dump --save` writes and `write FILE` takes again, and a product's profile, which is one as well.

use super::{
    fault::{ToolFault, ToolResult},
    judge::{Values, check_value, parameter},
};
use crate::board::{BoardIdentity, Reading};
use chrono::{DateTime, Utc};
use domain::{
    codec,
    model::{Access, DeviceModel},
    profile::ProductRatings,
    value::Value,
};
use serde::Deserialize;
use std::{fmt::Write as _, io::Write as _, path::Path};

/// What of such a file matters here; a profile says more.
#[derive(Deserialize)]
struct SettingsFile {
    /// The device model's id.
    model: String,
    #[serde(default)]
    product: Option<ProductRatings>,
    values: Values,
}

/// What a file holds for boards of `model`: values of the right type and in range, and the product's ratings where it is a profile.
pub(super) fn read(model: &DeviceModel, path: &Path) -> ToolResult<(Values, Option<ProductRatings>)> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        ToolFault::usage(format!("{name} is neither NAME=VALUE nor a file of parameters: {error}"))
    })?;
    let file: SettingsFile = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let message = error.message().replace('\n', ", ");
        ToolFault::usage(format!(
            "{name}, line {line}: {message}; a file of parameters is what `board dump --save` writes, or a profile"
        ))
    })?;
    if file.model != model.id {
        return Err(ToolFault::usage(format!(
            "{name} is of a board of model {}, not of {}; nothing was sent",
            file.model, model.id
        )));
    }
    for (parameter_name, value) in &file.values {
        check_value(parameter(model, parameter_name)?, value)?;
    }
    Ok((file.values, file.product))
}

/// Writes a new file. Returns how many parameters are in it and the names of those that are not: read-only ones, and values that no
/// board of this model would take.
pub(super) fn save(
    path: &Path,
    model: &DeviceModel,
    identity: &BoardIdentity,
    at: DateTime<Utc>,
    readings: &[Reading],
) -> ToolResult<(usize, Vec<String>)> {
    let (text, kept, left_out) = text(model, identity, at, readings);
    let created = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let failed = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                "it is there already and is not written over; choose another name"
            }
            _ => "choose another place",
        };
        ToolFault::refused(
            "not_saved",
            format!("The parameters are not saved in {}: {error}; {hint}.", path.display()),
        )
    };
    created.and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)?;
    Ok((kept, left_out))
}

fn text(
    model: &DeviceModel,
    identity: &BoardIdentity,
    at: DateTime<Utc>,
    readings: &[Reading],
) -> (String, usize, Vec<String>) {
    let mut lines = format!(
        "# Parameters of a board, read {}: {}, firmware {}.\n# `jigline-station board write FILE` gives them to a board of this model.\n\
         model = {}\nmodel_revision = {}\n\n[values]\n",
        at.format("%Y-%m-%d %H:%M UTC"),
        quiet(&identity.describe()),
        quiet(&identity.firmware_version),
        toml::Value::from(model.id.as_str()),
        model.revision
    );
    let (mut kept, mut left_out) = (0, Vec::new());
    for reading in readings {
        let Some(register) = model.register(&reading.name) else { continue };
        let access = model.block(register).map(|block| block.access);
        let is_written = matches!(access, Some(Access::ReadWrite | Access::WriteOnly));
        let is_taken = codec::encode(register, &reading.value).is_ok_and(|raw| raw == reading.raw);
        let value = match &reading.value {
            Value::Number(_) => reading.value.to_string(),
            Value::Text(text) => toml::Value::from(text.as_str()).to_string(),
        };
        let unit = if reading.unit.is_empty() { String::new() } else { format!(" # {}", reading.unit) };
        let mut line = format!("{} = {value}{unit}", reading.name);
        if is_written && is_taken {
            kept += 1;
        } else {
            line = format!(
                "# {}: {}",
                if is_written { "not to be written again" } else { "read only" },
                quiet(&line)
            );
            left_out.push(reading.name.clone());
        }
        // Writing to a String does not fail.
        let _ = writeln!(lines, "{line}");
    }
    (lines, kept, left_out)
}

/// What a board says of itself must not end a comment.
fn quiet(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::model::parse_model;

    fn model() -> DeviceModel {
        parse_model("topbms.toml", include_str!("../../../profiles/models/topbms.toml")).unwrap()
    }

    fn identity() -> BoardIdentity {
        BoardIdentity {
            identifiers: Vec::new(),
            model_value: "TBA\n[values]".to_owned(),
            is_model: true,
            firmware_version: "V1.8\nx = 1".to_owned(),
            firmware_crc32: None,
            cells: None,
        }
    }

    fn reading(model: &DeviceModel, name: &str, value: Value) -> Reading {
        let register = model.register(name).unwrap();
        let raw = codec::encode(register, &value).unwrap_or_else(|_| vec![0xFFFF]);
        Reading { name: name.to_owned(), raw, value, unit: register.unit.clone() }
    }

    #[test]
    fn what_was_saved_is_read_again_and_what_no_board_takes_is_a_comment() {
        let model = model();
        let readings = [
            reading(&model, "charge_protection_l1_mv", Value::Number(4180.0)),
            reading(&model, "charge_delay_s", Value::Number(9999.0)),
            reading(&model, "heater_mode", Value::from("all")),
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board.toml");
        let saved = save(&path, &model, &identity(), DateTime::UNIX_EPOCH, &readings).unwrap();
        assert_eq!(saved, (2, vec!["charge_delay_s".to_owned()]));
        let (values, product) = read(&model, &path).unwrap();
        assert!(product.is_none());
        let expected = Values::from([
            ("charge_protection_l1_mv".to_owned(), Value::Number(4180.0)),
            ("heater_mode".to_owned(), Value::from("all")),
        ]);
        assert_eq!(values, expected);
        let again = save(&path, &model, &identity(), DateTime::UNIX_EPOCH, &readings).unwrap_err();
        assert!(again.to_string().contains("not written over"), "{again}");
    }

    #[test]
    fn a_file_of_another_model_or_with_a_slip_names_file_and_place() {
        let (model, folder) = (model(), tempfile::tempdir().unwrap());
        for (text, part) in [
            ("model = \"jbd\"\n[values]\n", "is of a board of model jbd"),
            ("model = \"topbms\"\n[values]\nx = = 1\n", "line 3"),
            ("model = \"topbms\"\n[values]\nno_such = 1\n", "no parameter \"no_such\""),
            ("model = \"topbms\"\n[values]\ncharge_delay_s = 9999\n", "nothing was sent"),
        ] {
            let path = folder.path().join("file.toml");
            std::fs::write(&path, text).unwrap();
            let fault = read(&model, &path).unwrap_err();
            assert!(fault.to_string().contains(part), "{fault}");
        }
        assert!(read(&model, Path::new("charge_delay_s")).unwrap_err().to_string().contains("NAME=VALUE"));
    }
}
