//! The columns of the list of units: which there are, which are shown. The number and its verdict always are.

use crate::{i18n, numbers, ui};
use domain::{api::units::UnitRow, lease::LeaseSync};
use leptos::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Why,
    MachineCode,
    BluetoothAddress,
    BluetoothName,
    Batch,
    Firmware,
    Bundle,
    Station,
    Lease,
    Finished,
}

/// The columns that are hidden, one bit each; remembered as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hidden(pub u16);

impl Column {
    /// In the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Why,
        Self::MachineCode,
        Self::BluetoothAddress,
        Self::BluetoothName,
        Self::Batch,
        Self::Firmware,
        Self::Bundle,
        Self::Station,
        Self::Lease,
        Self::Finished,
    ];

    fn title(self) -> &'static str {
        let t = i18n::texts();
        match self {
            Self::Why => t.reason_column,
            Self::MachineCode => t.machine_code,
            Self::BluetoothAddress => t.bluetooth_address,
            Self::BluetoothName => t.bluetooth_name,
            Self::Batch => t.batch,
            Self::Firmware => t.firmware,
            Self::Bundle => t.bundle,
            Self::Station => t.station,
            Self::Lease => t.lease,
            Self::Finished => t.finished,
        }
    }

    pub fn head(self) -> AnyView {
        let class = if self == Self::Finished { "number" } else { "" };
        view! { <th class=class>{self.title()}</th> }.into_any()
    }

    pub fn cell(self, unit: &UnitRow) -> AnyView {
        match self {
            Self::Why => {
                let why = unit.fault.as_ref().map(i18n::fault);
                view! { <td class="why" title=why.clone()>{why.clone()}</td> }.into_any()
            }
            Self::MachineCode => mono(unit.machine_code.clone()),
            Self::BluetoothAddress => mono(unit.bluetooth_address.as_deref().map(numbers::bluetooth)),
            Self::BluetoothName => mono(unit.bluetooth_name.clone()),
            Self::Batch => view! {
                <td class="nowrap">
                    <a class="above plain" href=format!("/batches/{}", unit.batch_id)>{unit.batch_name.clone()}</a>
                </td>
            }
            .into_any(),
            Self::Firmware => view! { <td>{unit.firmware_version.clone()}</td> }.into_any(),
            Self::Bundle => view! { <td class="nowrap">{unit.bundle_label.clone()}</td> }.into_any(),
            Self::Station => {
                view! { <td class="nowrap quiet">{i18n::at_slot(&unit.station_name, unit.slot)}</td> }.into_any()
            }
            Self::Lease => {
                // A unit that was never read has nothing to say here.
                let badge = (unit.lease != LeaseSync::Unknown).then(|| ui::sync_badge(unit.lease));
                view! { <td>{badge}</td> }.into_any()
            }
            Self::Finished => view! { <td class="number quiet">{ui::moment(unit.finished_at)}</td> }.into_any(),
        }
    }
}

fn mono(text: Option<String>) -> AnyView {
    view! { <td class="mono nowrap">{text}</td> }.into_any()
}

impl Hidden {
    /// What is hidden at first: on a narrow screen also the name, which repeats the number.
    pub fn at_first(width_px: f64) -> Self {
        let hidden = Self(0).with(Column::Bundle).with(Column::Lease);
        if width_px < 1440.0 { hidden.with(Column::BluetoothName) } else { hidden }
    }

    fn with(self, column: Column) -> Self {
        Self(self.0 | 1 << column as u16)
    }

    fn toggled(self, column: Column) -> Self {
        Self(self.0 ^ 1 << column as u16)
    }

    pub fn shows(self, column: Column) -> bool {
        self.0 & 1 << column as u16 == 0
    }

    pub fn shown(self) -> impl Iterator<Item = Column> {
        Column::ALL.into_iter().filter(move |column| self.shows(*column))
    }
}

/// The list to choose from; `choose` is called with what is hidden then.
pub fn chooser(hidden: RwSignal<Hidden>, choose: impl Fn(Hidden) + Copy + Send + 'static) -> AnyView {
    let items = Column::ALL.map(|column| {
        view! {
            <label>
                <input type="checkbox" prop:checked=move || hidden.get().shows(column)
                    on:change=move |_| choose(hidden.get_untracked().toggled(column))/>
                {column.title()}
            </label>
        }
    });
    view! {
        <details class="menu">
            <summary class="chip">{i18n::texts().columns}</summary>
            <div class="card">{items.into_iter().collect_view()}</div>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_hidden_and_shown_for_itself() {
        let all = Hidden(0);
        assert_eq!(all.shown().count(), Column::ALL.len());
        for column in Column::ALL {
            let without = all.toggled(column);
            assert!(!without.shows(column) && without.shown().count() == Column::ALL.len() - 1);
            assert_eq!(without.toggled(column), all);
        }
        assert!(!Hidden::at_first(1280.0).shows(Column::BluetoothName));
        assert!(Hidden::at_first(1920.0).shows(Column::BluetoothName));
    }
}
