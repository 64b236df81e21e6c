//! What stands on a unit's label, out of its record and its order.

use crate::order::WorkOrder;
use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use domain::{
    identifier::IdentifierKind,
    label_template::{Field, LabelValues},
    record::BirthRecord,
    serial_number::{Pattern, render_name},
};

/// Of the unit that a record is about.
pub fn values(order: &WorkOrder, record: &BirthRecord, zone: FixedOffset) -> LabelValues {
    let known = of_order(order).with(Field::Date, day(record.finished_at, zone));
    let known = record.serial.iter().fold(known, |known, serial| known.with(Field::Serial, serial));
    [
        (IdentifierKind::BluetoothName, Field::Name),
        (IdentifierKind::BluetoothAddress, Field::Bluetooth),
        (IdentifierKind::MachineCode, Field::MachineCode),
    ]
    .into_iter()
    .fold(known, |known, (kind, field)| {
        let own = record.identifiers.iter().rfind(|identifier| identifier.kind == kind);
        own.map_or_else(|| known.clone(), |own| known.clone().with(field, &own.value))
    })
}

/// Of a unit that is a number alone so far, its label being printed at that time.
pub fn ahead(order: &WorkOrder, serial: &str, at: DateTime<Utc>, zone: FixedOffset) -> LabelValues {
    of_order(order).with(Field::Serial, serial).with(Field::Date, day(at, zone))
}

/// Of a unit as an order's may be: its number as long as they are, and what a board of its model shows.
pub fn sample(order: &WorkOrder, zone: FixedOffset) -> LabelValues {
    // Nobody is told a day by it: all are of one length.
    let known = of_order(order).with(Field::Date, day(DateTime::<Utc>::UNIX_EPOCH, zone));
    let number = Pattern::parse(&order.procedure.number.pattern)
        .ok()
        .and_then(|pattern| pattern.number(pattern.largest_sequence(), NaiveDate::default()).ok())
        .unwrap_or_default();
    let model = &order.model;
    let named = order.procedure.name.as_ref().zip(model.name.as_ref());
    let name = named.and_then(|(step, settings)| render_name(&step.template, &number, settings).ok());
    let shown = |kind| model.identity.fields.iter().any(|field| field.kind == kind);
    let known =
        name.into_iter().fold(known.with(Field::Serial, number), |known, name| known.with(Field::Name, name));
    let known = if shown(IdentifierKind::BluetoothAddress) {
        known.with(Field::Bluetooth, "000000000000")
    } else {
        known
    };
    if shown(IdentifierKind::MachineCode) {
        known.with(Field::MachineCode, u32::MAX.to_string())
    } else {
        known
    }
}

fn of_order(order: &WorkOrder) -> LabelValues {
    LabelValues::default()
        .with(Field::Batch, &order.batch_name)
        .with(Field::Customer, &order.customer)
        .with(Field::ProductEn, &order.profile.title.en)
        .with(Field::ProductZh, &order.profile.title.zh)
        .with(Field::Firmware, &order.bundle.firmware_version)
        .with(Field::Profile, &order.profile.id)
        .with(Field::Revision, order.profile.revision.to_string())
}

fn day(at: DateTime<Utc>, zone: FixedOffset) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d").to_string()
}
