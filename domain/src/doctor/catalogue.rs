//! Every finding: where it belongs, how it stands, what it says and what to do about it, English and Chinese side by side. One without
//! both languages does not build.

use super::{Area, FindingState};

macro_rules! findings {
    ($($area:ident {
        $($(#[$doc:meta])* $code:ident: $state:ident, $what_en:literal, $what_zh:literal $(, $next_en:literal, $next_zh:literal)?;)+
    })+) => {
        wire! {
            /// Everything that a look at a station's PC can find. The comment names the figures.
            #[derive(Copy, Eq, Hash)]
            pub enum FindingCode { $($($(#[$doc])* $code,)+)+ }
        }

        impl FindingCode {
            pub const ALL: &'static [Self] = &[$($(Self::$code,)+)+];

            #[must_use]
            pub fn area(self) -> Area {
                match self { $($(Self::$code => Area::$area,)+)+ }
            }

            #[must_use]
            pub fn state(self) -> FindingState {
                match self { $($(Self::$code => FindingState::$state,)+)+ }
            }

            /// In English and Chinese.
            #[must_use]
            pub fn what(self) -> (&'static str, &'static str) {
                match self { $($(Self::$code => ($what_en, $what_zh),)+)+ }
            }

            /// In English and Chinese; empty where nothing is to be done.
            #[must_use]
            pub fn next_step(self) -> (&'static str, &'static str) {
                match self { $($(Self::$code => (concat!($($next_en)?), concat!($($next_zh)?)),)+)+ }
            }
        }
    };
}

findings! {
    Settings {
        /// `path`, `station`
        SettingsRead: Good,
            "{path} is the file of {station}.", "{path} 为 {station} 的设置文件。";
        /// `path`, `detail`
        SettingsNotRead: Broken,
            "The station's settings {path} can't be used: {detail}.", "工站设置文件 {path} 不可用：{detail}。",
            "Correct the file, or start this as administrator if it may not be read; a PC that is no station yet is enrolled first (jigline-station enrol).",
            "请修正该文件；若无读取权限，请以管理员身份运行；尚未注册的电脑请先注册（jigline-station enrol）。";
        /// `path`
        SettingsOpen: Attention,
            "Everybody on this PC can read {path}, and the station's key in it.", "本机任何用户都能读取 {path} 及其中的工站密钥。",
            "Close it to others: chmod 600 {path}.", "请收回他人权限：chmod 600 {path}。";
    }
    Service {
        ServiceRuns: Good, "The station works as a service of this machine.", "工站以系统服务运行。";
        /// `pid`
        StationByHand: Attention,
            "The station works (process {pid}), but no service starts it again.", "工站正在运行（进程 {pid}），但不会随系统自动启动。",
            "Make it a service: jigline-station service install.", "请安装为服务：jigline-station service install。";
        ServiceStopped: Broken,
            "The station's service does not run: no board is worked.", "工站服务未运行：不会处理任何板子。",
            "Start it: systemctl start jigline-station, on Windows in the list of services; its log says why it stopped.",
            "请启动：systemctl start jigline-station，Windows 请在“服务”中启动；停止原因见其日志。";
        ServiceFailed: Broken,
            "The station's service ended with a fault.", "工站服务因故障退出。",
            "Read the last lines of its log (journalctl -u jigline-station; on Windows station.log in the data folder), mend what they name and start it.",
            "请查看日志末尾（journalctl -u jigline-station；Windows 为数据文件夹中的 station.log），排除所述问题后重新启动。";
        ServiceMissing: Attention,
            "The station is no service of this machine, and does not run.", "工站未安装为系统服务，也未运行。",
            "Make it one: jigline-station service install.", "请安装：jigline-station service install。";
    }
    Ports {
        /// `device`, `node`, `adapter`
        PortGood: Good, "{device} is {adapter} ({node}).", "{device} 为 {adapter}（{node}）。";
        /// `device`
        PortInNetwork: Good, "{device} is a port of a serial server in the network.", "{device} 为网络串口服务器的端口。";
        /// `device`
        PortSimulated: Good, "{device} is a simulated board's.", "{device} 为模拟板的端口。";
        /// `device`
        PortMissing: Broken,
            "{device} is not there.", "{device} 不存在。",
            "Plug its adapter into the socket that it was in. If it sits in another one now, bind the slot to its port anew (set-up page, or `device` in the settings).",
            "请将适配器插回原来的插口；若现在插在别处，请重新绑定该插槽的端口（设置页，或设置文件中的 device）。";
        /// `device`, `free`: ports that belong to no slot
        PortMissingOthersFree: Broken,
            "{device} is not there; {free} belongs to no slot.", "{device} 不存在；{free} 未分配给任何插槽。",
            "Plug its adapter into the socket that it was in, or bind the slot to the port where it sits now (set-up page, or `device` in the settings).",
            "请将适配器插回原来的插口，或将该插槽绑定到现在的端口（设置页，或设置文件中的 device）。";
        /// `device`, `other`: the other slot
        PortTwice: Broken,
            "{device} leads to the same port as slot {other}.", "{device} 与插槽 {other} 指向同一端口。",
            "Give each slot a port of its own in the station's settings.", "请在工站设置中为每个插槽指定各自的端口。";
        /// `device`, `account`, `group`
        PortForbidden: Broken,
            "The account {account} may not use {device}: it belongs to the group {group}.", "账户 {account} 无权使用 {device}：该端口属于组 {group}。",
            "Add it to the group (usermod --append --groups {group} {account}) and start the station again; `jigline-station service install` does that for the service.",
            "请将其加入该组（usermod --append --groups {group} {account}）并重启工站；服务方式可执行 jigline-station service install。";
        /// `device`, `program`, `pid`
        PortHeld: Broken,
            "{program} (process {pid}) has {device} open.", "{program}（进程 {pid}）占用了 {device}。",
            "Close that program. While it listens it takes bytes away from the station.", "请关闭该程序；它会抢走工站应收到的数据。";
        /// `device`, `place`
        PortByNumber: Attention,
            "{device} goes by the order of plugging: after a restart it may be another slot's.", "{device} 按插入顺序命名：重启后可能对应别的插槽。",
            "Name it by its place in the settings: {place}.", "请在设置中改用物理位置名称：{place}。";
        /// `device`, `part`: the device that may sleep
        PortSleeps: Attention,
            "USB energy saving may switch {device} off ({part}).", "USB 节能可能关闭 {device}（{part}）。",
            "Switch it off for good: add usbcore.autosuspend=-1 to the kernel's command line and restart; on Windows untick it in the device's energy settings.",
            "请永久关闭：在内核启动参数中加入 usbcore.autosuspend=-1 并重启；Windows 请在设备的电源管理中取消勾选。";
        /// `device`, `change`
        PortDoubted: Broken,
            "{device} may be another slot's by now: {change}. No board is begun at it.", "{device} 可能已属于别的插槽：{change}。该插槽不会开始任何板子。",
            "Prove it on the set-up page: switch the slot's board off and on, or unplug its adapter and plug it in again.", "请在设置页验证：将该插槽的板子断电再上电，或拔插其适配器。";
        /// `device`
        PortUnproved: Attention,
            "The settings name {device}, and nobody has shown that the slot hangs on it.", "设置指定了 {device}，但尚未验证该插槽确实接在其上。",
            "Prove it once on the set-up page; it is remembered.", "请在设置页验证一次，之后会记住。";
        /// `port`, `adapter`
        PortFree: Good, "{port} ({adapter}) belongs to no slot.", "{port}（{adapter}）未分配给任何插槽。";
        /// `program`
        PortMeddler: Attention,
            "{program} runs on this PC: it opens every serial adapter that is plugged in and sends to it.", "本机正在运行 {program}：它会打开每个新插入的串口适配器并发送数据。",
            "A jig PC does not need it: remove it, or systemctl disable --now {program}.", "治具电脑无需该程序：请卸载，或执行 systemctl disable --now {program}。";
    }
    Power {
        SleepOff: Good, "This PC does not go to sleep.", "本机不会休眠。";
        /// `how`
        SleepAllowed: Attention,
            "This PC may go to sleep, with boards under work ({how}).", "本机可能在处理板子时休眠（{how}）。",
            "Switch it off: systemctl mask sleep.target suspend.target hibernate.target; on Windows powercfg /change standby-timeout-ac 0.",
            "请关闭休眠：systemctl mask sleep.target suspend.target hibernate.target；Windows：powercfg /change standby-timeout-ac 0。";
        SleepUnknown: Unknown,
            "Whether this PC goes to sleep could not be found out.", "无法确定本机是否会休眠。",
            "Look at its energy settings: it must never sleep.", "请检查电源设置：必须设为永不休眠。";
    }
    Clock {
        /// `seconds`: by how many it differs
        ClockGood: Good, "The clock shows the server's time ({seconds} s apart).", "时钟与服务器一致（相差 {seconds} 秒）。";
        /// `seconds`
        ClockOff: Attention,
            "The clock is {seconds} s away from the server's.", "时钟与服务器相差 {seconds} 秒。",
            "Let this PC take its time from the plant's time server; records say when a board was worked by this clock.",
            "请让本机与厂内时间服务器同步；记录中的时间取自本机时钟。";
        /// `shows`
        ClockWrong: Broken,
            "The clock shows {shows}: no board is begun by it.", "时钟显示 {shows}：不会开始任何板子。",
            "Set date and time. If it happens again, change the battery on the mainboard.", "请设置日期和时间；若再次出现，请更换主板电池。";
        /// `seconds`
        ClockFarOff: Broken,
            "The clock is {seconds} s away from the server's: records would say another day or hour.", "时钟与服务器相差 {seconds} 秒：记录的日期时间将出错。",
            "Set date, time and zone of this PC, or the server's if that one is wrong.", "请校正本机的日期、时间和时区；若服务器有误则校正服务器。";
        /// `shows`
        ClockNotCompared: Unknown,
            "The clock shows {shows}; the server could not be asked for its own.", "时钟显示 {shows}；未能与服务器比对。",
            "Compare it with a watch.", "请与手表核对。";
        /// `program`
        ClockKept: Good, "{program} keeps the clock right.", "{program} 负责校时。";
        ClockNotKept: Attention,
            "Nothing on this PC keeps its clock right.", "本机没有校时服务。",
            "Switch time synchronisation on: timedatectl set-ntp true; on Windows the service Windows Time.", "请开启时间同步：timedatectl set-ntp true；Windows 请启用 Windows Time 服务。";
        /// `seconds`
        ClockBattery: Attention,
            "The clock on the mainboard is {seconds} s away from the system's: after a power cut the PC starts with that.", "主板时钟与系统时钟相差 {seconds} 秒：断电后将以主板时钟启动。",
            "Write it (hwclock --systohc); if it is off again later, change the battery on the mainboard.", "请写入（hwclock --systohc）；若再次偏差，请更换主板电池。";
    }
    Disk {
        /// `path`, `free`
        DiskGood: Good, "{path} has {free} free, on a disk that keeps what is written.", "{path} 剩余 {free}，磁盘可永久保存。";
        /// `path`, `free`
        DiskLow: Attention,
            "Only {free} is free at {path}.", "{path} 仅剩 {free}。",
            "Free some space: without any, no board is begun.", "请清理磁盘：空间用尽后不会开始任何板子。";
        /// `path`, `free`
        DiskFull: Broken,
            "{free} is free at {path}: the journal can't be written, and no board is begun.", "{path} 仅剩 {free}：日志库无法写入，不会开始任何板子。",
            "Free space on this disk now.", "请立即清理该磁盘。";
        /// `path`, `kind`
        DiskForgets: Broken,
            "{path} lies on a file system that forgets ({kind}): what is written there is gone after a restart, records and numbers with it.", "{path} 位于不保存数据的文件系统（{kind}）：重启后数据将丢失，包括记录和编号。",
            "Put the data folder (`data` in the settings) on a disk that keeps what is written.", "请将数据文件夹（设置中的 data）放到能永久保存的磁盘。";
        /// `product`
        DiskReverts: Broken,
            "{product} is on this PC: after a restart the disk is as it was before.", "本机装有 {product}：重启后磁盘会还原。",
            "Take the data folder out of what it puts back, or switch it off; a station whose journal went back is frozen.", "请将数据文件夹排除在还原之外，或关闭该功能；日志库被还原的工站会被冻结。";
        /// `path`, `kind`
        DiskInNetwork: Attention,
            "{path} lies on a disk in the network ({kind}): without the network no board is worked.", "{path} 位于网络磁盘（{kind}）：断网时无法处理板子。",
            "Put the data folder on a disk of this PC.", "请将数据文件夹放到本机磁盘。";
        /// `path`
        DiskReadOnly: Broken,
            "{path} can't be written: its disk was mounted for reading only.", "{path} 不可写：磁盘以只读方式挂载。",
            "Look at the system's log for faults of the disk, have it checked, and start the PC again.", "请在系统日志中查看磁盘故障，检查磁盘后重启电脑。";
        /// `path`, `detail`
        DiskUnknown: Unknown,
            "The disk of {path} could not be looked at: {detail}.", "无法检查 {path} 所在磁盘：{detail}。",
            "Check the data folder (`data` in the settings) and its permissions.", "请检查数据文件夹（设置中的 data）及其权限。";
    }
    Journal {
        /// `path`, `closed`
        JournalGood: Good, "{path} is whole; {closed} records were closed in it.", "{path} 完好；已完成 {closed} 条记录。";
        /// `path`
        JournalMissing: Attention,
            "There is no journal at {path} yet.", "{path} 尚无日志库。",
            "On a new station it is made at the first start. On an old one something took it away: leave the station stopped, look for the file, and tell the administrator.",
            "新工站首次启动时会自动创建；若为旧工站则文件已丢失：请保持停止，找回该文件并通知管理员。";
        /// `path`, `detail`
        JournalDamaged: Broken,
            "The journal {path} can't be used: {detail}.", "日志库 {path} 不可用：{detail}。",
            "Do not delete it: stop the station, keep a copy of the file, and tell the administrator.", "请勿删除：停止工站，备份该文件，并通知管理员。";
        /// `path`, `detail`
        JournalNotRead: Unknown,
            "The journal {path} could not be looked at: {detail}.", "无法检查日志库 {path}：{detail}。",
            "Start this as administrator.", "请以管理员身份运行。";
        /// `reason`
        JournalFrozen: Broken,
            "The server has frozen this station: {reason}", "服务器已冻结本工站：{reason}",
            "No board is begun until an administrator frees it on the server's page.", "管理员在服务器页面解除前，不会开始任何板子。";
        /// `here`, `known`: how often the file was changed, here and by the server's word
        JournalWentBack: Broken,
            "The journal went back: it was changed {here} times, and the server has heard of {known}. The disk reverts, or an old copy was put back.",
            "日志库被还原：本机记录 {here} 次变更，服务器已知 {known} 次。磁盘会还原，或被恢复为旧副本。",
            "Stop the station, find out what puts the disk back (a restore, a backup program, a cloned disk), and tell the administrator.", "请停止工站，查明是什么还原了磁盘（还原软件、备份程序或克隆盘），并通知管理员。";
        /// `count`
        RecordsWait: Attention,
            "{count} records wait on this disk for the server.", "{count} 条记录在本机等待上传。",
            "They are safe here and go by themselves; see whether the server is reached.", "记录安全，会自动上传；请检查能否连通服务器。";
        /// `count`
        RecordsGo: Good, "{count} records are on their way to the server.", "{count} 条记录正在上传。";
        /// `count`
        RecordsParked: Attention,
            "The server refuses {count} records by themselves.", "服务器拒收 {count} 条记录。",
            "Tell the administrator; start the station again once both have the same version.", "请通知管理员；版本一致后重启工站。";
        /// `count`
        RecordsSent: Good, "The server holds all {count} records of this journal.", "本日志库的 {count} 条记录均已上传。";
    }
    Server {
        /// `address`
        ServerAnswers: Good, "{address} answers, and knows this station.", "{address} 应答正常，已识别本工站。";
        /// `address`, `detail`
        ServerAway: Attention,
            "{address} does not answer: {detail}.", "{address} 无应答：{detail}。",
            "Check the cable and the address (`server` in the settings). Boards are worked meanwhile, from what is in hand.", "请检查网线和地址（设置中的 server）。在此期间可用本机已有的数据继续生产。";
        /// `address`, `detail`
        ServerStrange: Broken,
            "{address} answers, but not as a Jigline server does: {detail}.", "{address} 有应答，但不是 Jigline 服务器：{detail}。",
            "Check the address (`server` in the settings).", "请检查地址（设置中的 server）。";
        /// `address`
        ServerKnowsNot: Broken,
            "{address} does not know this station's key.", "{address} 不认识本工站的密钥。",
            "It was replaced or taken away: enrol this PC again, with a code from the stations page.", "该工站已被替换或删除：请用工站页面的注册码重新注册。";
        /// `address`: it begins with http
        ServerPlain: Good,
            "There is no certificate to run out: {address} is spoken to without one, as in a network where nobody else can listen.", "无需证书：与 {address} 的通信未加密，仅适用于封闭网络。";
        /// `address`
        ServerByCertificate: Broken,
            "{address} wants a certificate, and this program speaks http only.", "{address} 需要证书，而本程序仅支持 http。",
            "Give the server's own address (http://HOST:8480) in the settings.", "请在设置中填写服务器的 http 地址（http://HOST:8480）。";
    }
    Fixture {
        /// `address`
        FixtureAnswers: Good, "{address} can be reached.", "{address} 可以连通。";
        /// `address`
        FixtureAtWork: Good, "{address} is spoken to by the station.", "{address} 正由工站通信。";
        /// `address`, `detail`
        FixtureSilent: Broken,
            "{address} can't be reached: {detail}.", "{address} 无法连通：{detail}。",
            "Check its supply, its cable and its address (`fixture` in the settings).", "请检查治具的供电、网线和地址（设置中的 fixture）。";
        FixtureNone: Good, "The settings name no fixture: boards are noticed on the line or by a scan.", "设置中没有治具：通过通信线或扫码识别板子。";
    }
    Labels {
        PrinterNone: Good, "The settings name no label printer: batches whose units get labels here are not worked.", "设置中没有标签打印机：需在此打印标签的批次不会在本站生产。";
        /// `to`
        PrinterReady: Good, "{to} answers and is ready to print.", "{to} 应答正常，可以打印。";
        /// `to`, `language`
        PrinterMute: Unknown,
            "{to} can be reached and says nothing of itself ({language}).", "{to} 可以连通，但不报告自身状态（{language}）。",
            "Look at it: label, ribbon, head shut, no lamp red. Many printers answer nothing; one that speaks another language than `language` in the settings prints nothing either.",
            "请查看打印机：标签、碳带、打印头是否合上、有无红灯。许多打印机不应答；若其语言与设置中的 language 不符，则也不会打印。";
        /// `to`, `detail`
        PrinterSilent: Broken,
            "{to} can't be reached: {detail}.", "{to} 无法连通：{detail}。",
            "Switch it on, check its network cable and its address (`to` under [label_printer] in the settings). Boards are worked meanwhile; their labels wait.",
            "请开机，并检查网线和地址（设置中 [label_printer] 的 to）。期间板子照常生产，标签等待打印。";
        /// `to`
        PrinterPaperOut: Broken,
            "{to} is out of labels.", "{to} 缺标签纸。",
            "Put a roll in and press its button once; what waits is printed then.", "请装入标签卷并按一次走纸键；等待的标签随后打印。";
        /// `to`
        PrinterHeadOpen: Broken,
            "The head of {to} is open.", "{to} 的打印头未合上。",
            "Shut it until it clicks on both sides.", "请合上打印头，直到两侧卡紧。";
        /// `to`
        PrinterRibbonOut: Broken,
            "{to} is out of ribbon.", "{to} 缺碳带。",
            "Put a ribbon in; where labels are thermal paper, set the printer to direct thermal.", "请更换碳带；若使用热敏标签，请将打印机设为热敏模式。";
        /// `to`
        PrinterPaused: Broken,
            "{to} is paused.", "{to} 已暂停。",
            "Press its pause button, or its feed button.", "请按暂停键或走纸键恢复。";
        /// `to`
        PrinterJammed: Broken,
            "A label is jammed in {to}.", "{to} 卡纸。",
            "Open the head, take the label out, clean off its glue and shut the head.", "请打开打印头，取出标签，清除残胶后合上。";
        /// `to`
        PrinterDeviceGood: Good, "{to} is there and may be written to; it says nothing of itself this way.", "{to} 存在且可写；此方式无法得知打印机状态。";
        /// `to`
        PrinterDeviceMissing: Broken,
            "{to} is not there.", "{to} 不存在。",
            "Switch the printer on and plug its cable in (ls /dev/usb shows those that are there); its name is `to` under [label_printer] in the settings.",
            "请开机并插好数据线（用 ls /dev/usb 查看现有设备）；名称在设置的 [label_printer] 的 to 中。";
        /// `to`, `account`, `group`
        PrinterDeviceForbidden: Broken,
            "The account {account} may not write to {to}: it belongs to the group {group}.", "账户 {account} 无权写入 {to}：该设备属于组 {group}。",
            "Add it to the group (usermod --append --groups {group} {account}) and start the station again.", "请将其加入该组（usermod --append --groups {group} {account}）并重启工站。";
        /// `to`
        PrinterQueueGood: Good, "{to} takes jobs; it says nothing of the printer itself.", "{to} 接受作业；此方式无法得知打印机状态。";
        /// `to`, `detail`
        PrinterQueueStopped: Broken,
            "{to} prints nothing: {detail}.", "{to} 不打印：{detail}。",
            "Mend what it names, then let it go on: cupsaccept and cupsenable with the queue's name; on Windows resume it in the list of printers.",
            "请排除所述问题后恢复：对该队列执行 cupsaccept 和 cupsenable；Windows 请在打印机列表中恢复打印。";
        /// `to`
        PrinterQueueMissing: Broken,
            "There is no queue {to} on this PC.", "本机没有打印队列 {to}。",
            "Name one of those that are there (lpstat -e), or make it (lpadmin); on Windows share the printer under that name.", "请改用现有队列（lpstat -e），或用 lpadmin 新建；Windows 请以该名称共享打印机。";
        /// `to`, `detail`
        PrinterNotLookedAt: Unknown,
            "{to} could not be looked at: {detail}.", "无法检查 {to}：{detail}。",
            "See whether the printing system of this PC works (lpstat -r), and print a page of its own.", "请检查本机打印系统是否运行（lpstat -r），并打印测试页。";
        FontGood: Good, "Chinese on labels can be drawn.", "标签上的中文可以绘制。";
        FontMissing: Attention,
            "This PC has no font with Chinese: batches whose labels bear any are not worked here.", "本机没有中文字体：标签含中文的批次不会在本站生产。",
            "Install one (Debian: apt install fonts-wqy-microhei), or name one as `font` under [label_printer] in the settings.",
            "请安装字体（Debian：apt install fonts-wqy-microhei），或在设置的 [label_printer] 中以 font 指定。";
        /// `font`
        FontWithoutChinese: Attention,
            "The font {font} has no Chinese: batches whose labels bear any are not worked here.", "字体 {font} 不含中文：标签含中文的批次不会在本站生产。",
            "Name another one as `font` under [label_printer] in the settings, or none: then a well-known one of this PC is used.",
            "请在设置的 [label_printer] 中改用其他 font，或不指定：将使用本机的常见字体。";
    }
    Versions {
        /// `station`, `server`
        VersionsAlike: Good, "Station and server are {station}.", "工站与服务器版本均为 {station}。";
        /// `station`
        VersionAlone: Unknown,
            "The station is {station}; the server did not say what it is.", "工站版本 {station}；服务器未告知版本。",
            "Compare the two on the server's page once it answers.", "服务器恢复后请在其页面核对版本。";
        /// `station`, `server`
        VersionsDiffer: Attention,
            "The station is {station}, the server {server}. They understand each other.", "工站版本 {station}，服务器 {server}，可以互通。",
            "Bring the older one up to date when no board is under work.", "请在空闲时升级较旧的一方。";
        /// `station`, `server`: wire versions
        WireDiffers: Broken,
            "Station and server don't understand each other: wire version {station} here, {server} there.", "工站与服务器无法互通：本机协议版本 {station}，服务器 {server}。",
            "Bring the older one up to date.", "请升级较旧的一方。";
        /// `pid`
        ProgramReplaced: Attention,
            "The station that runs (process {pid}) is older than the program on the disk.", "正在运行的工站（进程 {pid}）比磁盘上的程序旧。",
            "Start the service again when no board is under work.", "请在空闲时重启服务。";
    }
}
