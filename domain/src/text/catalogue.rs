//! The one catalogue of sentences for faults and steps, English and Chinese side by side. Every match is exhaustive and
//! every arm has all of its texts, so a code without a translation does not build.
//!
//! A sentence says what is wrong with which figures; the next step says what the person at the jig does about it.

mod doubts;
mod filled;
mod fixtures;
mod gates;
mod labels;
mod lists;
mod references;
mod steps;

pub use doubts::doubt_text;
pub use lists::list_problem_text;
pub use steps::step_title;

pub(crate) use filled::filled;

use super::{Fault, FaultCode};

wire! {
    /// The language a person reads.
    #[derive(Copy, Eq, Hash)]
    pub enum Language {
        En,
        Zh,
    }
}

impl Language {
    pub(crate) fn pick<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}

/// What went wrong, in one sentence with its figures; a figure that the fault does not carry shows as `?`.
#[must_use]
pub fn fault_text(language: Language, fault: &Fault) -> String {
    let sentence = sentence(fault.code);
    filled(language, language.pick(sentence.what_en, sentence.what_zh), &fault.args)
}

/// What to do next, in one sentence.
#[must_use]
pub fn fault_next_step(language: Language, fault: &Fault) -> String {
    let sentence = sentence(fault.code);
    filled(language, language.pick(sentence.next_en, sentence.next_zh), &fault.args)
}

struct Sentence {
    what_en: &'static str,
    what_zh: &'static str,
    next_en: &'static str,
    next_zh: &'static str,
}

/// One line a text: what (English, Chinese), next step (English, Chinese).
const fn say(
    what_en: &'static str,
    what_zh: &'static str,
    next_en: &'static str,
    next_zh: &'static str,
) -> Sentence {
    Sentence { what_en, what_zh, next_en, next_zh }
}

fn sentence(code: FaultCode) -> Sentence {
    use FaultCode as C;
    match code {
        C::BoardSilent => say(
            "The board has not answered for {seconds} s.",
            "保护板 {seconds} 秒无应答。",
            "Check how it sits and its supply; if it stays silent, put it aside for repair.",
            "检查放置和供电；仍无应答请放入待修区。",
        ),
        C::WrongModel => say(
            "Wrong model: the board says {found}, the batch wants {expected}.",
            "型号不符：保护板为 {found}，本批次要求 {expected}。",
            "Take it out and put it with its own batch; nothing was written to it.",
            "请取出并放回所属批次；未写入任何数据。",
        ),
        C::BoardOfAnotherVariant => references::another_variant(),
        C::CellCountDiffers => references::cell_count_differs(),
        C::PassedAlready => say(
            "This board passed already, as {serial}.",
            "该保护板已通过，序列号 {serial}。",
            "Take it out and put it with the good ones; a re-test needs an order.",
            "请取出放入良品区；重测需下达指令。",
        ),
        C::IdentityInTwoSlots => say(
            "Identity {identity} is in slot {other_slot} too.",
            "身份码 {identity} 同时出现在 {other_slot} 号工位。",
            "Take this board out and keep it for quality: two boards must not share an identity.",
            "请取出并交质量部门：两块板的身份码不得相同。",
        ),
        C::IdentityOfAnotherUnit => say(
            "Identity {identity} belongs to unit {serial}.",
            "身份码 {identity} 属于产品 {serial}。",
            "Take the board out and keep it for quality: it may be a copy or a swapped radio.",
            "请取出并交质量部门：可能是身份码重复或更换过蓝牙模块。",
        ),
        C::IdentityIsDefault => say(
            "The board has no identity: {field} is the default {found}.",
            "保护板无有效身份：{field} 为默认值 {found}。",
            "Put it aside for rework: its identity must be programmed first.",
            "请放入返工区：需先写入身份码。",
        ),
        C::IdentityChanged => say(
            "The board changed during the run: it was {before}, now it is {after}.",
            "测试中保护板已更换：原为 {before}，现为 {after}。",
            "Take it out, then put each board in again and leave it until the verdict.",
            "请取出，重新逐块放入，出结果前不要移动。",
        ),
        C::NumberNotOurs => say(
            "The board bears number {found} already, and no record of this line gave it that one. Nothing was written.",
            "保护板上已有序列号 {found}，但本产线没有相应记录。未写入任何数据。",
            "Put it aside and ask quality whose board it is; to number it anew, its field must be emptied with the maker's tool first.",
            "请放入待查区，由质量部门确认来源；如需重新编号，请先用厂商工具清空该字段。",
        ),
        C::LabelNotOfForm | C::LabelTaken | C::LabelDiffers | C::LabelNotPrinted => labels::scanned(code),
        C::LabelNotPrintable | C::LabelDue | C::LabelOfAnother => labels::printed(code),
        C::LabelAddressDiffers | C::LabelNumberToo | C::LabelNotAwaited => labels::printed(code),
        C::BoardIsReference => references::never_worked(),
        C::ReferenceAsExpected => references::as_expected(),
        C::ReferenceOverdue | C::ReferenceWornOut => references::past_its_end(code),
        C::ReferenceNotAsExpected => references::not_as_expected(),
        C::BoardShipped => say(
            "Board {board} was shipped: {reason}. Nothing was written.",
            "保护板 {board} 已发货：{reason}。未写入任何数据。",
            "Put it with the returns; quality takes it back on the unit's page before it is worked again.",
            "请放入退货区；质量部门在单体页面登记退回后方可再次作业。",
        ),
        C::BoardOnHold => say(
            "Board {board} is on hold: {reason}. Nothing was written.",
            "保护板 {board} 已停用：{reason}。未写入任何数据。",
            "Put it aside for quality, who release it on the unit's page.",
            "请放入待查区；由质量部门在单体页面解除停用。",
        ),
        C::BoardLeased => say(
            "Board {board} is leased until {until}. Nothing was written.",
            "保护板 {board} 处于租期内，至 {until}。未写入任何数据。",
            "Put it aside and ask sales whose it is; they end its term before it is worked again.",
            "请放入待查区并询问销售部门；结束租期后方可再次作业。",
        ),
        C::BoardOfAnotherBatch => say(
            "Board {board} belongs to batch {batch}. Nothing was written.",
            "保护板 {board} 属于批次 {batch}。未写入任何数据。",
            "Take it to the jig that works that batch; if it is to change batches, quality lets it go on the unit's page.",
            "请送到该批次的工站；如需改批次，由质量部门在单体页面移出批次。",
        ),
        C::TooManyFails => say(
            "Board {board} failed {fails} times in a row; after {allowed} it needs rework. Nothing was written.",
            "保护板 {board} 已连续 {fails} 次不合格；达到 {allowed} 次需返工。未写入任何数据。",
            "Take it to the rework bench; it is let in again when they have entered what was done.",
            "请送返工台；登记返工内容后方可再次作业。",
        ),
        C::FlashFailed => say(
            "The firmware transfer failed after {attempts} attempts: {reason}.",
            "固件烧录失败，已尝试 {attempts} 次：{reason}。",
            "Put the board in again; if it fails twice, put it aside for repair.",
            "请重新放入；再次失败请放入待修区。",
        ),
        C::FirmwareCrcDiffers => say(
            "The firmware on the board differs: CRC {found} instead of {expected}.",
            "板上固件不一致：CRC 为 {found}，应为 {expected}。",
            "Put the board in again to flash it anew; if it differs twice, put it aside for repair.",
            "请重新放入再次烧录；仍不一致请放入待修区。",
        ),
        C::FirmwareVersionDiffers => say(
            "The board reports firmware {found} instead of {expected}.",
            "固件版本为 {found}，应为 {expected}。",
            "Put the board in again to flash it anew; if it differs twice, call the engineer.",
            "请重新放入再次烧录；仍不一致请联系工程师。",
        ),
        C::FirmwareEvidenceTooWeak => say(
            "The firmware is not proved well enough: {found}, where the procedure accepts {accepted}.",
            "固件证据不足：现为 {found}，工艺要求 {accepted}。",
            "Call the engineer: this board does not report what the procedure asks for.",
            "请联系工程师：该板无法提供工艺要求的证据。",
        ),
        C::LoaderSilent => say(
            "The boot loader did not answer within {menu_timeout_s} s.",
            "引导程序 {menu_timeout_s} 秒内无应答。",
            "Put the board in again; if it stays silent, put it aside for repair.",
            "请重新放入；仍无应答请放入待修区。",
        ),
        C::ApplicationDidNotStart => say(
            "The firmware did not start within {seconds} s.",
            "固件 {seconds} 秒内未启动。",
            "Put the board in again to flash it anew; if it does not start, put it aside for repair.",
            "请重新放入再次烧录；仍不启动请放入待修区。",
        ),
        C::PasswordRefused => say(
            "The board refused every password that was tried ({tried}).",
            "保护板拒绝了所有已尝试的密码（{tried}）。",
            "Put it aside for rework: somebody has set a password of their own.",
            "请放入返工区：该板已被设置其他密码。",
        ),
        C::RegisterDoesNotHold => say(
            "{register} does not hold: set {expected}, read {found}.",
            "参数 {register} 未保存：设定 {expected}，读回 {found}。",
            "Put the board in again; if it fails twice, put it aside for repair.",
            "请重新放入；再次失败请放入待修区。",
        ),
        C::WriteRefused => say(
            "The board refused to take {register} (exception {exception}).",
            "保护板拒绝写入 {register}（异常码 {exception}）。",
            "Put the board in again; if it refuses twice, call the engineer.",
            "请重新放入；再次拒绝请联系工程师。",
        ),
        C::DeadlyValue => say(
            "{register} must not become {found}: rule {rule} forbids it (against {bound}). Nothing was written.",
            "禁止将 {register} 设为 {found}：违反规则 {rule}（界限 {bound}）。未写入任何参数。",
            "Call the engineer: the profile or the procedure must be changed before any board is worked with it.",
            "请联系工程师：需先修改参数档或工艺，再继续作业。",
        ),
        C::RuleNotJudged => say(
            "Rule {rule} cannot be judged: {missing} is not known. Nothing was written.",
            "无法判定规则 {rule}：{missing} 未知。未写入任何参数。",
            "Call the engineer: the figure must be given before this value is written.",
            "请联系工程师：需先提供该数据才能写入。",
        ),
        C::NoSafeOrder => say(
            "{registers} cannot be changed without breaking {rules} on the way. Nothing was written.",
            "修改 {registers} 的过程中必然违反 {rules}。未写入任何参数。",
            "Put it aside for rework and call the engineer: its present values and the profile's do not meet.",
            "请放入返工区并联系工程师：现有参数无法安全改为目标参数。",
        ),
        C::OtherVariant => say(
            "The board is another variant: {bit} of {register} is {found}, the profile wants {expected}, and with it every limit would mean another current. Nothing was written.",
            "保护板规格不同：{register} 的 {bit} 为 {found}，参数方案要求 {expected}，各项限值的单位会随之改变。未写入任何参数。",
            "Put it aside; call the engineer: this batch's profile is for boards of the other size.",
            "请放入待修区并联系工程师：本批参数方案适用于另一规格的板。",
        ),
        C::CalibrationOff => fixtures::calibration_off(),
        C::ShuntOfAnotherVariant => fixtures::shunt_of_another_variant(),
        C::OutsideLimits => fixtures::outside_limits(),
        C::RadioNotHeard => fixtures::radio_not_heard(),
        C::RadioWeak => fixtures::radio_weak(),
        C::NameDoesNotHold => say(
            "The Bluetooth name does not hold: set {expected}, read {found}.",
            "蓝牙名称未保存：设定 {expected}，读回 {found}。",
            "Put the board in again; if it fails twice, put it aside for repair.",
            "请重新放入；再次失败请放入待修区。",
        ),
        C::NewPasswordRefused => say(
            "After the restart the board does not take its new password.",
            "重启后保护板不接受新密码。",
            "Put it aside for rework; its password is kept for the rework bench.",
            "请放入返工区；密码已保存，可在返工台查询。",
        ),
        C::OldPasswordStillOpens => say(
            "After the restart the old password still opens the board.",
            "重启后旧密码仍可解锁。",
            "Put the board in again; if it fails twice, put it aside for repair. It must not be shipped.",
            "请重新放入；再次失败请放入待修区，禁止出货。",
        ),
        C::LeaseDoesNotHold => say(
            "The lease lock does not hold: set {expected}, read {found}.",
            "租赁锁未保存：设定 {expected}，读回 {found}。",
            "Put the board in again; if it fails twice, put it aside for repair.",
            "请重新放入；再次失败请放入待修区。",
        ),
        C::OutputWrong => say(
            "The {path} path is {found} and should be {expected}.",
            "输出状态不符（{path}）：现为 {found}，应为 {expected}。",
            "Put the board in again; if it fails twice, put it aside for repair.",
            "请重新放入；再次失败请放入待修区。",
        ),
        C::BoardAnswersGarbage => say(
            "The board answers {request} with garbage: {detail}.",
            "保护板对 {request} 的应答无效：{detail}。",
            "Check how it sits and the wire; if other boards do it too, call the engineer.",
            "检查放置和接线；其他板也如此请联系工程师。",
        ),
        C::BoardStoppedAnswering => say(
            "The board stopped answering at {request}.",
            "保护板在 {request} 时停止应答。",
            "Check how it sits and put it in again; if it fails twice, put it aside for repair.",
            "检查放置后重新放入；再次失败请放入待修区。",
        ),
        C::FlagNotSeen => say(
            "{register} {bit} did not read {expected} within {seconds} s.",
            "{register} {bit} 在 {seconds} 秒内未变为 {expected}。",
            "Put the board in again; if it fails twice, put it aside for repair.",
            "请重新放入；再次失败请放入待修区。",
        ),
        C::StepTimedOut => say(
            "The step was not done within {seconds} s.",
            "步骤未在 {seconds} 秒内完成。",
            "Put the board in again; if it takes too long twice, put it aside for repair.",
            "请重新放入；再次超时请放入待修区。",
        ),
        C::PromptDenied => say(
            "Answered no to \"{question}\".",
            "对“{question}”的回答为否。",
            "Put the board aside for repair.",
            "请放入待修区。",
        ),
        C::ScanDiffers => say(
            "The scan {found} is not of the form {expected}, asked for by \"{question}\".",
            "“{question}”：扫码 {found} 不符合格式 {expected}。",
            "Check that the right label was scanned and put the board in again.",
            "请确认所扫标签后重新放入。",
        ),
        C::PromptUnanswered => say(
            "Nobody answered \"{question}\" within {seconds} s.",
            "“{question}”在 {seconds} 秒内无人回答。",
            "Put the board in again and answer the question.",
            "请重新放入并回答提问。",
        ),
        C::BoardTakenOut => say(
            "The board was taken out before the verdict.",
            "出结果前保护板被取出。",
            "Put it in again and leave it until the light turns green or red.",
            "请重新放入，等绿灯或红灯亮起再取出。",
        ),
        C::LineCollision => say(
            "On the line of {device} somebody else speaks at the same time: {detail}.",
            "{device} 的总线上有其他设备同时发送：{detail}。",
            "Take every other master and display off this bus, check the wires A and B; if nothing else is there, check whether this adapter echoes at all (echo = true in station.toml, --echo of the tool).",
            "请断开该总线上的其他主机和显示屏，检查 A、B 接线；若无其他设备，请确认该转换器是否有回显（station.toml 的 echo = true，工具的 --echo）。",
        ),
        C::PortVanished => say(
            "The serial port {device} has vanished: {detail}.",
            "串口 {device} 已断开：{detail}。",
            "Plug its adapter in again; the other slots go on.",
            "请重新插好转换器；其他工位继续工作。",
        ),
        C::PortNotOpened => say(
            "The serial port {device} cannot be opened: {detail}.",
            "无法打开串口 {device}：{detail}。",
            "Check that its adapter is plugged in and no other program uses it; the other slots go on.",
            "检查转换器是否插好、是否被其他程序占用；其他工位继续工作。",
        ),
        C::PortRateFixed => say(
            "{device} cannot change its rate: the board's firmware speaks at {application_baud} baud, its boot loader at {loader_baud}.",
            "{device} 无法切换波特率：保护板固件为 {application_baud}，引导程序为 {loader_baud}。",
            "Put this slot on a serial port of the jig's own PC, or set one baud for both in station.toml where the boards allow it; nothing was sent.",
            "请将该工位改接本机串口；若保护板允许，可在 station.toml 中设定同一波特率。未发送任何数据。",
        ),
        C::FixtureSilent => say(
            "The fixture does not answer: {detail}.",
            "夹具无应答：{detail}。",
            "Check the fixture's cable and power; the slots go on when it is back.",
            "检查夹具的线缆和电源；恢复后工位自动继续。",
        ),
        C::ClockWrong => say(
            "This station's clock shows {shows}.",
            "本站时钟显示 {shows}。",
            "Set this PC's date and time: what waits goes on.",
            "请校正本机日期和时间，等待的板将自动继续。",
        ),
        C::FixtureUnfit => fixtures::fixture_unfit(),
        C::CoverOpen => fixtures::cover_open(),
        C::EmergencyStop => fixtures::emergency_stop(),
        C::ResetNeeded => fixtures::reset_needed(),
        C::InstrumentSilent => fixtures::instrument_silent(),
        C::InstrumentNonsense => fixtures::instrument_nonsense(),
        C::InstrumentDiffers => fixtures::instrument_differs(),
        C::InstrumentBusy => fixtures::instrument_busy(),
        C::InstrumentDue => fixtures::instrument_due(),
        C::NestWorn => fixtures::nest_worn(),
        C::JournalNotWritten => say(
            "The run cannot be written to {path}: {detail}.",
            "无法写入记录文件 {path}：{detail}。",
            "Make room on the disk or call the administrator; nothing is worked without its record.",
            "请清理磁盘或联系管理员；没有记录不能作业。",
        ),
        C::NoSerialNumbers => say(
            "The station has no serial numbers left: {detail}.",
            "本站序列号已用完：{detail}。",
            "Check the line to the server, or have the batch's quantity raised; the board is not lost.",
            "检查与服务器的连接，或增加批次数量；该板数据不会丢失。",
        ),
        C::NoShare => say(
            "No share of the batch is free here: all has passed or is promised.",
            "本站没有可用的批次份额：均已合格或已分给其他工站。",
            "Assign the next batch, or see its ledger for who holds the rest; the board waits.",
            "请分配下一批次，或在台账查看份额去向；该板等待中。",
        ),
        C::ShareWrittenOff => say(
            "This station's share of the batch was written off and given to others.",
            "本站的批次份额已核销并分给其他工站。",
            "Assign another batch, or have the administrator replace the station; the board waits.",
            "请分配其他批次，或请管理员更换工站；该板等待中。",
        ),
        C::NoBatch => say(
            "No batch is assigned to this station.",
            "本站尚未分配批次。",
            "Have one assigned on the page of the line; the board waits and nothing is done to it.",
            "请在产线页面分配批次；保护板等待中，不做任何操作。",
        ),
        C::ServerAway => say(
            "The server is away and no work is kept on this disk: {detail}.",
            "服务器无应答，本机也没有保存任务：{detail}。",
            "Check the server and the network; the board waits and is worked when the server is back.",
            "请检查服务器和网络；保护板等待中，恢复后自动作业。",
        ),
        C::AdmissionRefused => say(
            "The server does not say whether this board may be worked: {detail}.",
            "服务器未答复该保护板可否作业：{detail}。",
            "Check the station's batch on the line page and that station and server are of one version; the board waits, nothing is written to it.",
            "请在产线页面检查批次，并确认站点与服务器版本一致；保护板等待中，不做任何操作。",
        ),
        C::JournalWentBack => say(
            "The server has frozen this station: its journal ends at record {found}, and the server knows of record {expected}. An old copy of it was put back.",
            "服务器已冻结本站：本站日志止于第 {found} 条记录，而服务器已知第 {expected} 条。可能恢复了旧的日志副本。",
            "Call the administrator: the station's page frees it, and it goes on with fresh numbers. No board is started; what is on this disk is kept.",
            "请联系管理员：在站点页面解除冻结后，将以新的号段继续。现不开始任何作业；本机数据已保留。",
        ),
        C::JournalOlder => say(
            "The server has frozen this station: its journal is one from before; another, or a later state of this one, has been in use here since.",
            "服务器已冻结本站：当前日志是较早的一份，其后本站已使用另一份日志或其更新状态。",
            "Call the administrator: if this journal is the right one, the station's page frees it, and it goes on with fresh numbers. No board is started; what is on this disk is kept.",
            "请联系管理员：确认应使用此日志后，在站点页面解除冻结，将以新的号段继续。现不开始任何作业；本机数据已保留。",
        ),
        C::JournalDiffers => say(
            "The server has frozen this station: record {number} of its journal is not the one that the server knows. Two copies of it were worked with.",
            "服务器已冻结本站：本站日志的第 {number} 条记录与服务器所知的不同。可能有两份日志副本在使用。",
            "Call the administrator: find the other copy and stop it, then the station's page frees this one. No board is started.",
            "请联系管理员：找到并停用另一份副本，再在站点页面解除冻结。现不开始任何作业。",
        ),
        C::MachineChanged => say(
            "This station's journal was last worked with on another machine ({before}, this one is {found}). No number is given and no board started.",
            "本站日志上次在另一台电脑上使用（{before}，本机为 {found}）。不发放序列号，也不开始作业。",
            "Call the administrator: if this machine takes the other's place, choose 'Replace this station' on its page and enrol this machine with the code it gives out (--renew); if the disk was copied, take the copy away.",
            "请联系管理员：若本机接替原电脑，请在站点页面选择“更换工站”，并用得到的登记码重新登记本机（--renew）；若硬盘是复制的，请停用副本。",
        ),
        C::StationTwiceAlive => say(
            "The server has frozen this station: two programs work with its key at the same time.",
            "服务器已冻结本站：有两个程序同时使用本站的密钥。",
            "Call the administrator: find the other one and stop it, then the station's page frees this one. No board is started.",
            "请联系管理员：找到并停用另一个程序，再在站点页面解除冻结。现不开始任何作业。",
        ),
        C::OutboxEnded => say(
            "The administrator has ended this station's journal, and {unsent} of its records are still on this disk.",
            "管理员已终止本站的旧日志，仍有 {unsent} 条记录在本机。",
            "It goes on by itself with a fresh journal when the server holds them; if it stays so, call the administrator.",
            "服务器收到后将自动启用新日志；若一直如此请联系管理员。",
        ),
        C::KeyUnknown => say(
            "The server knows no station with this key.",
            "服务器上没有使用此密钥的站点。",
            "Call the administrator: the station was replaced, or this is another server; if this machine is to work, it is enrolled with a code from the stations page.",
            "请联系管理员：该站点已被更换，或服务器地址有误；若应使用本机，请用站点页面的登记码登记。",
        ),
        C::WireVersionDiffers => say(
            "Station and server are of different versions: the station speaks version {station}, the server version {server}.",
            "站点与服务器版本不同：站点为 {station}，服务器为 {server}。",
            "Call the administrator: update the older of the two; the board waits and nothing is done to it.",
            "请联系管理员：更新其中较旧的一方；保护板等待中，不做任何操作。",
        ),
        C::StationStopped => say(
            "The station was stopped during the run.",
            "测试中站点程序停止。",
            "Put the board in again; the run is taken up with the same number.",
            "请重新放入；将沿用原序列号继续。",
        ),
        C::BundleRefused => say(
            "The batch's bundle is refused: {detail}.",
            "本批次的发布包被拒绝：{detail}。",
            "Call the engineer: the bundle must be released again.",
            "请联系工程师：需重新发布。",
        ),
        C::PortToBeProved => gates::port_to_be_proved(),
        C::NobodySignedIn => gates::nobody_signed_in(),
        C::ChangeOverOpen => gates::change_over_open(),
        C::ReferencesDue => gates::references_due(),
        C::FirstArticleDue => gates::first_article_due(),
        C::LineStopped => gates::line_stopped(),
        C::BatchHeld => gates::batch_held(),
        C::PassNotHeld => say(
            "The server does not hold this record for a pass.",
            "服务器不认可该记录为合格。",
            "Put the board aside and call quality: its record says why.",
            "请将该板单独存放并联系质量人员：原因见其记录。",
        ),
        C::NameNotPossible => say(
            "The Bluetooth name cannot be made: {detail}.",
            "无法生成蓝牙名称：{detail}。",
            "Call the engineer: the procedure's name template must be changed.",
            "请联系工程师：需修改工艺中的名称模板。",
        ),
        C::Internal => say(
            "The program has met a fault of its own: {detail}.",
            "程序内部错误：{detail}。",
            "Put the board in again, and send the log to whoever keeps the program.",
            "请重新放入，并将日志发给程序维护人员。",
        ),
    }
}

#[cfg(test)]
mod tests;
