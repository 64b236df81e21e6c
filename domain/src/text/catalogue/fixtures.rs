//! What is measured, and what the bench around the boards says: covers, the emergency stop, instruments, nests.

use super::{Sentence, say};

pub(super) fn shunt_of_another_variant() -> Sentence {
    say(
        "Wrong variant: the board read {found} mA where {expected} mA flowed; that is {correction_percent} % off, and a shunt of this variant is at most {max_correction_percent} % off.",
        "规格不符：实际 {expected} mA，保护板读数 {found} mA，偏差 {correction_percent} %；本规格采样电阻最多偏差 {max_correction_percent} %。",
        "Take it out and compare its shunt and MOSFETs with the order: boards of 40 A and 200 A may share a PCB.",
        "请取出并与订单核对采样电阻和 MOS 管：40 A 与 200 A 的板可能共用 PCB。",
    )
}

pub(super) fn fixture_unfit() -> Sentence {
    say(
        "Fixture {fixture} is not made for {product}.",
        "治具 {fixture} 不适用于 {product}。",
        "Put the right fixture on and name its file in station.toml, or give this jig another order.",
        "请更换为正确的治具并在 station.toml 中指定其文件，或为本治具更换工单。",
    )
}

pub(super) fn cover_open() -> Sentence {
    say(
        "The cover {cover} is open: nothing under it is under voltage.",
        "护盖 {cover} 已打开：其下已全部断电。",
        "Close it; the board is then looked at anew.",
        "请关闭护盖；随后将重新检测该板。",
    )
}

pub(super) fn emergency_stop() -> Sentence {
    say(
        "Emergency stop: everything is off.",
        "急停：已全部断电。",
        "When nobody is in danger, pull the button out and press reset; the boards are then looked at anew.",
        "确认无人危险后，旋出急停按钮并按复位；随后将重新检测各板。",
    )
}

pub(super) fn reset_needed() -> Sentence {
    say(
        "The emergency stop is pulled out, and everything is still off.",
        "急停已旋出，仍处于断电状态。",
        "Press the reset button at the fixture.",
        "请按治具上的复位按钮。",
    )
}

pub(super) fn instrument_silent() -> Sentence {
    say(
        "The instrument {instrument} does not answer: {detail}.",
        "仪器 {instrument} 无应答：{detail}。",
        "Check its supply and cable; the board did nothing wrong and is worked again.",
        "检查仪器电源和线缆；该板无问题，将重新检测。",
    )
}

pub(super) fn instrument_nonsense() -> Sentence {
    say(
        "What the instrument {instrument} answers is no reading: {detail}.",
        "仪器 {instrument} 的应答不是有效读数：{detail}。",
        "Switch it off and on and look at its display; if it goes on, call the engineer. The board did nothing wrong.",
        "重启仪器并查看其显示；仍如此请联系工程师。该板无问题。",
    )
}

pub(super) fn instrument_differs() -> Sentence {
    say(
        "Another instrument than {instrument} is connected: it says {found}, the fixture's file says {expected}.",
        "连接的不是仪器 {instrument}：其标识为 {found}，治具文件为 {expected}。",
        "Connect the right one, or have the engineer enter the new one with its calibration in the fixture's file.",
        "请接回正确的仪器，或由工程师在治具文件中登记新仪器及其校准日期。",
    )
}

pub(super) fn instrument_busy() -> Sentence {
    say(
        "Other slots had the instrument {instrument} for {seconds} s.",
        "仪器 {instrument} 被其他工位占用 {seconds} 秒。",
        "Look at the slots that use it; the board did nothing wrong and is worked again.",
        "查看占用该仪器的工位；该板无问题，将重新检测。",
    )
}

pub(super) fn instrument_due() -> Sentence {
    say(
        "The calibration of the instrument {instrument} ran out on {due}.",
        "仪器 {instrument} 的校准已于 {due} 到期。",
        "Exchange it, or have the engineer enter its new calibration in the fixture's file.",
        "请更换仪器，或由工程师在治具文件中登记新的校准日期。",
    )
}

pub(super) fn nest_worn() -> Sentence {
    say(
        "Nest {nest} has clamped {contacts} boards; its needles are good for {limit}.",
        "夹具 {nest} 已压合 {contacts} 次；探针寿命为 {limit} 次。",
        "Have the needles changed and give the nest its new number in the fixture's file.",
        "请更换探针，并在治具文件中登记新的夹具编号。",
    )
}

pub(super) fn calibration_off() -> Sentence {
    say(
        "Current calibration is off: {found} where {expected} flows, {tolerance} allowed.",
        "电流校准超差：读数 {found}，实际 {expected}，允许 {tolerance}。",
        "Check the load's clamps and put the board in again; if it fails twice, put it aside for repair.",
        "检查负载夹具后重新放入；再次失败请放入待修区。",
    )
}

pub(super) fn outside_limits() -> Sentence {
    say(
        "{measurement} is {found} {unit}, outside {min} to {max}.",
        "{measurement} 为 {found} {unit}，超出 {min} 至 {max}。",
        "Check wires and clamps and put the board in again; if it fails twice, put it aside for repair.",
        "检查接线和夹具后重新放入；再次失败请放入待修区。",
    )
}

pub(super) fn radio_not_heard() -> Sentence {
    say(
        "The board's radio {address} was not heard within {seconds} s.",
        "{seconds} 秒内未收到保护板蓝牙 {address} 的信号。",
        "Check its Bluetooth module and put the board in again; if it fails twice, put it aside for repair.",
        "检查蓝牙模块后重新放入；再次失败请放入待修区。",
    )
}

pub(super) fn radio_weak() -> Sentence {
    say(
        "The board's radio is heard with {found} dBm; in its nest it must have {min} dBm.",
        "保护板蓝牙信号为 {found} dBm，治具内应不低于 {min} dBm。",
        "Check its Bluetooth module and antenna; if it fails twice, put it aside for repair.",
        "检查蓝牙模块和天线；再次失败请放入待修区。",
    )
}
