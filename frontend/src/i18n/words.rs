//! Words without figures. `key: "English", "中文";`

macro_rules! texts {
    ($($key:ident: $en:literal, $zh:literal;)+) => {
        /// One field a key.
        pub struct Texts {
            $(pub $key: &'static str,)+
        }

        pub static EN: Texts = Texts { $($key: $en,)+ };
        pub static ZH: Texts = Texts { $($key: $zh,)+ };

        #[cfg(test)]
        impl Texts {
            /// Every key with its text.
            pub fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($key), self.$key),)+]
            }
        }
    };
}

texts! {
    name_product: "Jigline", "Jigline";
    // Navigation, by job.
    nav_line: "Line", "产线";
    nav_batches: "Batches", "批次";
    nav_units: "Units", "单体";
    nav_profiles: "Profiles", "参数档";
    nav_leases: "Leases", "租期";
    nav_stations: "Stations", "工站";
    nav_quarantine: "Quarantine", "隔离区";
    question: "serial, machine code, Bluetooth address or name, any part of them", "序列号、机器码、蓝牙地址或名称，任意一部分";
    question_label: "Find a unit", "查找单体";
    other_language: "中文", "切换到英文 English";
    theme: "Theme", "主题";
    theme_auto: "as the system", "跟随系统";
    theme_light: "light", "浅色";
    theme_dark: "dark", "深色";
    sign_out: "Sign out", "退出";
    keys_hint: "/ question box · g then h b u p l: line, batches, units, profiles, leases · j k Enter in lists · Esc closes", "/ 搜索框 · g 再按 h b u p l：产线、批次、单体、参数档、租期 · 列表中 j k 回车 · Esc 关闭";
    // Signing in.
    sign_in: "Sign in", "登录";
    sign_in_why: "The line's records, from bare board to birth certificate.", "从裸板到出生证明的全部产线记录。";
    username: "Username", "用户名";
    password: "Password", "密码";
    signing_in: "Signing in", "正在登录";
    // Outcomes.
    pass: "pass", "合格";
    fail: "fail", "不合格";
    error: "bench fault", "工位故障";
    aborted: "aborted", "已中止";
    interrupted: "interrupted", "中断";
    verdict_pass: "PASS", "合格";
    verdict_fail: "FAIL", "不合格";
    verdict_error: "BENCH", "故障";
    verdict_aborted: "ABORTED", "中止";
    verdict_interrupted: "STOPPED", "中断";
    // The line.
    put_board_in: "Put a board in", "请放入电路板";
    take_out_next: "Take it out · next board", "取出 · 换下一块";
    take_out_red: "Take it out · red bin", "取出 · 放入红箱";
    refused: "Not worked", "未加工";
    broken: "Needs a hand", "需要处理";
    all_on_server: "all records on server", "记录已全部上传";
    first_pass: "first pass", "一次合格率";
    no_batch: "no batch assigned", "未分配批次";
    last: "last", "上一块";
    wall_view: "Wall view", "大屏";
    leave_wall: "Leave wall view (Esc)", "退出大屏（Esc）";
    line_empty: "No station yet", "还没有工站";
    line_empty_why: "Each enrolled station stands here with its slots. An administrator enrols stations.", "登记过的工站及其工位会显示在这里。由管理员登记工站。";
    station_silent: "This station has not been heard yet.", "尚未收到该工站的消息。";
    connection_lost: "No connection to the server.", "与服务器的连接已断开。";
    trying_again: "Trying again by itself.", "正在自动重试。";
    slot: "slot", "工位";
    simulated: "simulated boards", "模拟板";
    // Batches.
    batch: "Batch", "批次";
    customer: "Customer", "客户";
    bundle: "Bundle", "发布包";
    firmware: "Firmware", "固件";
    quantity: "Quantity", "数量";
    progress: "Progress", "进度";
    passed: "Passed", "合格";
    failed_runs: "Fails", "不合格次数";
    yield_first: "First-pass yield", "一次合格率";
    yield_final: "Final yield", "最终合格率";
    created: "Created", "创建时间";
    batches_empty: "No batch yet", "还没有批次";
    batches_empty_why: "A batch is a work order: a released bundle and a number of boards. An engineer or quality starts one.", "批次即工单：一个已发布的发布包和一定数量的电路板，由工程师或质量人员创建。";
    batch_report: "Batch report", "批次报告";
    print: "Print", "打印";
    yield_definition: "First-pass yield: boards whose first finished run passed, over boards with a finished run. Final yield: units that passed, over boards with a finished run. Runs that the bench or a hand ended count in neither.", "一次合格率：首次完成的运行即合格的板数 ÷ 有完成运行的板数。最终合格率：最终合格的单体数 ÷ 有完成运行的板数。因工位故障或人为中止的运行均不计入。";
    why_failed: "Why they failed", "不合格原因";
    no_failures: "Nothing failed.", "没有不合格。";
    runs_ended: "Runs by outcome", "按结果统计的运行";
    boards_worked: "boards worked", "已加工板数";
    units_of_batch: "Units and runs", "单体与运行";
    report_units_empty: "No run has finished in this batch yet.", "该批次还没有完成的运行。";
    from_to: "Worked", "加工时间";
    show_units: "Show as units", "按单体查看";
    // Units.
    serial: "Serial number", "序列号";
    machine_code: "Machine code", "机器码";
    bluetooth_address: "Bluetooth address", "蓝牙地址";
    bluetooth_name: "Bluetooth name", "蓝牙名称";
    pcb_label: "PCB label", "板号标签";
    customer_serial: "Customer's number", "客户编号";
    pack_serial: "Pack", "电池包";
    outcome: "Verdict", "判定";
    reason_column: "Why", "原因";
    station: "Station", "工站";
    finished: "Finished", "完成时间";
    lease: "Lease", "租期";
    no_serial: "no number", "无编号";
    all: "All", "全部";
    export: "Export", "导出";
    column_csv: "CSV", "CSV";
    column_xlsx: "XLSX", "XLSX";
    columns: "Columns", "列";
    dense_rows: "Dense rows", "紧凑行距";
    units_empty: "No unit fits this question", "没有符合条件的单体";
    units_empty_why: "Any part of a serial number, machine code, Bluetooth address or name finds it. Ask less, or take a filter away.", "输入序列号、机器码、蓝牙地址或名称的任意一部分即可查找。请减少条件或去掉筛选。";
    units_none: "No unit yet", "还没有单体";
    units_none_why: "Every board that a station has worked stands here, newest first.", "工站加工过的每块板都会显示在这里，最新的在前。";
    clear_filters: "Clear the question", "清除条件";
    remove_filter: "remove this filter", "去掉该筛选";
    next_page: "Next page", "下一页";
    first_page: "First page", "首页";
    // The unit.
    life: "Life", "履历";
    birth: "Birth", "出生";
    resumes: "takes over an interrupted run", "接续被中断的运行";
    parameters: "Parameters", "参数";
    differences_only: "differences only", "只看差异";
    all_parameters: "all", "全部显示";
    parameter: "parameter", "参数";
    before: "before", "原值";
    set: "set", "设定";
    read: "read", "回读";
    after_restart: "restart", "重启后";
    evidence: "Evidence", "证据";
    no_parameters: "This run wrote no parameter.", "本次运行未写入参数。";
    no_differences: "Every parameter stood on the board as the profile wants it.", "板上所有参数与参数档一致。";
    evidence_verified: "read back after restart", "重启后回读";
    evidence_read: "read before the restart only", "仅重启前回读";
    evidence_claimed: "claimed, nobody read it", "仅声称，未回读";
    word_read: "read", "仅回读";
    word_claimed: "claimed", "仅声称";
    does_not_hold: "does not hold", "未保持";
    measurements: "Measurements", "测量";
    no_measurements: "This run measured nothing.", "本次运行没有测量。";
    within_limits: "within limits", "全部在限值内";
    outside_limits: "outside limits", "超出限值";
    limit: "limits", "限值";
    cell: "Cell", "电芯";
    cells: "Cells", "电芯";
    cell_temperature: "Cell temperature", "电芯温度";
    calibration_correction: "Calibration's correction", "校准修正量";
    calibrated_current: "Current after calibration", "校准后电流";
    source_known: "board's reading against a known stimulus", "板的读数，对照已知激励";
    source_board: "board's own reading, no proof of accuracy", "板自身读数，不证明准确度";
    source_instrument: "instrument of the fixture", "治具仪器";
    when_under_load: "under load", "带载";
    when_after_restart: "after restart", "重启后";
    time_went: "Where the time went", "时间去向";
    floor: "floor", "线速下限";
    skipped: "skipped, found so", "已满足，跳过";
    begun_again: "begun again", "重试";
    total: "whole run", "全程";
    transferred: "sent in this run", "本次写入";
    left_there: "found so and left there", "已是该固件，未重写";
    firmware_before: "before", "原版本";
    grade_transfer_only: "transfer only", "仅传输确认";
    grade_version_only: "version text only", "仅版本号";
    grade_own_record: "own record of this board", "本板既往记录";
    grade_upload_compared: "upload compared", "回传比对";
    grade_board_crc: "CRC by board", "板自算 CRC";
    unit_password: "Unit's own password", "单体专用密码";
    proved: "proved: the new one opens, the old one is refused", "已验证：新密码可开，旧密码被拒";
    not_proved: "not proved", "未验证";
    record_hash: "Record SHA-256", "记录 SHA-256";
    received: "On server", "服务器收到";
    written: "Written", "写入时间";
    raw_record: "Record as JSON", "JSON 原始记录";
    operator: "Operator", "操作员";
    no_runs: "No run of this unit is on the server.", "服务器上没有该单体的运行记录。";
    doubts: "The server's own rules doubt this record", "服务器规则对该记录存疑";
    // Leases.
    lease_open: "no lock", "未锁定";
    lease_armed: "may discharge", "允许放电";
    lease_locked: "locked", "已锁定";
    lease_unknown: "lease unknown", "租期未知";
    on_the_board: "on the board", "已在板上";
    not_yet_on_board: "desired, not yet on the board", "已设定，尚未写入板上";
    desired: "Desired", "期望";
    reported: "On the board", "板上状态";
    read_at: "Read", "读取时间";
    never_read: "never read", "从未读取";
    set_term: "Set a term", "设定期限";
    mode: "State", "状态";
    term_ends: "Ends at the end of", "到期日（当日结束）";
    reason: "Why (stands in the audit)", "原因（记入审计）";
    reason_missing: "Say why, in a few words.", "请简要说明原因。";
    term_past: "The end must lie ahead.", "到期日必须在将来。";
    now: "now", "当前";
    then: "then", "变更为";
    desired_why: "It stands as desired until a board has taken it and was read again.", "写入板上并重新读取之前，仅为期望状态。";
    charge_stays: "A lock stops discharge, never charge.", "锁定只停止放电，从不停止充电。";
    save_term: "Set it", "确定";
    cancel: "Cancel", "取消";
    changed_by: "Changed by", "变更人";
    number_on_board: "number on the board", "板上序列号";
    charge_path: "charge", "充电";
    discharge_path: "discharge", "放电";
    on: "on", "开";
    off: "off", "关";
    leases_empty: "No unit with a lease", "没有带租期的单体";
    leases_empty_why: "Every unit that left the line with a lock stands here; what ends soonest comes first.", "带锁出厂的单体都会显示在这里，最先到期的排在最前。";
    leases_filter: "serial number or customer", "序列号或客户";
    // Profiles.
    profile: "Profile", "参数档";
    revision: "Revision", "版本";
    model: "Board model", "板型";
    chemistry: "Chemistry", "化学体系";
    li_ion: "Li-ion 3.7 V", "三元 3.7 V";
    li_fe_po4: "LiFePO₄ 3.2 V", "磷酸铁锂 3.2 V";
    lto: "LTO 2.3 V", "钛酸锂 2.3 V";
    cells_in_series: "Cells", "串数";
    ratings: "Rated", "额定";
    released: "released", "已发布";
    not_released: "not in a release", "未发布";
    values: "Values", "参数值";
    value: "value", "值";
    range: "range", "范围";
    address: "address", "地址";
    rules: "Rules", "规则";
    rule_holds: "holds", "满足";
    rule_broken: "broken", "违反";
    rule_warning: "warning", "警告";
    rule_not_judged: "judged with a procedure", "配工艺后判定";
    no_rules: "The model has no rules between parameters.", "该板型没有参数间规则。";
    provenance_published: "published", "公开资料";
    provenance_captured: "read off a bus", "总线抓取";
    provenance_assumed: "assumed", "假定";
    assumed_why: "Part of this model is assumed, not known: it drives simulated boards only.", "该板型部分内容为假定，仅用于模拟板。";
    assumed_record: "This record rests on assumed addresses: it proves a simulated board, never a real one.", "该记录基于假定地址：只能证明模拟板，不能证明真实保护板。";
    profiles_empty: "No profile", "没有参数档";
    profiles_empty_why: "Profiles are files under profiles/parameters; the server imports them when it starts.", "参数档是 profiles/parameters 下的文件，服务器启动时导入。";
    rated_charge: "charge", "充电";
    rated_discharge: "discharge", "放电";
    rated_peak: "peak", "峰值";
    working: "works with", "实际使用";
    // Stations.
    lamp: "Records", "记录";
    program: "Program", "程序";
    program_before: "version without check-in", "无登记功能的旧版本";
    last_record: "Last record", "最近记录";
    last_seen: "Last seen", "最近在线";
    never: "never", "从未";
    nothing_heard: "nothing heard yet", "尚无消息";
    frozen: "frozen", "已冻结";
    stations_empty: "No station", "没有工站";
    stations_empty_why: "A station is enrolled by an administrator and gets its key then.", "工站由管理员登记，登记时获得密钥。";
    machine: "Machine", "电脑指纹";
    machine_why: "The beginning of a fingerprint, not the machine's own name.", "仅为指纹前几位，不是电脑名称。";
    checked_in: "Checked in", "登记时间";
    slots: "Slots", "工位数";
    journals: "Journal files", "日志文件";
    journals_why: "A station numbers its records within a journal file. Missing are numbers that it said it closed, or that later ones show, and that the server does not hold.", "工站在日志文件内对记录连续编号。缺失：工站已完成（或由更大编号可知）而服务器没有的编号。";
    journals_empty: "It has never checked in and sent no record.", "从未登记，也未发送记录。";
    outbox: "Journal", "日志";
    begun: "First seen", "首次出现";
    said: "Closed", "已完成";
    held: "Held", "已收到";
    missing: "Missing", "缺失";
    state: "State", "状态";
    outbox_current: "in use", "使用中";
    outbox_left: "left, still owed", "已弃用，仍待补齐";
    outbox_ended: "ended", "已终止";
    unfreeze: "Unfreeze", "解除冻结";
    unfreeze_why: "The station goes on with a fresh journal and fresh numbers. Passes of its old journals that come later go to quarantine. Find out first which copy or program is the right one, and stop the other.", "工站将以新日志和新号段继续；旧日志之后送来的合格记录进入隔离区。请先确认哪一份副本或程序是正确的，并停用另一个。";
    replace_station: "Replace this station", "更换工站";
    replace_one: "The old key stops at once. Whatever works with it starts no board any more.", "旧密钥立即失效，使用它的程序不再开始作业。";
    replace_two: "You get a new key, shown once. Put it into station.toml on the machine that takes the place, in place of the old one.", "将显示一次新密钥。请在接替的电脑上写入 station.toml，替换旧密钥。";
    replace_three: "Start the station there. It begins a fresh journal with fresh numbers; passes that still come from the old ones go to quarantine.", "在该电脑上启动工站，将以新日志和新号段开始；旧日志仍送来的合格记录进入隔离区。";
    new_key: "The new key", "新密钥";
    new_key_why: "It is shown this once. In station.toml of the new machine:", "仅显示这一次。写入新电脑的 station.toml：";
    unused_numbers: "Numbers lent and on no board that the server knows of", "已借出而服务器未见用于任何板的序列号";
    no_unused_numbers: "No number is owed: every one that was lent is on a board.", "没有未归还的序列号。";
    note: "Note", "说明";
    note_why: "What was found, for whoever reads it later", "写明查明的情况，供日后查阅";
    note_missing: "Say why; it is kept.", "请填写说明，将被保存。";
    done: "Done", "完成";
    // Quarantine.
    quarantine_empty: "Nothing waits", "没有待处理内容";
    quarantine_empty_why: "Every text that stations sent became a record, or somebody has resolved it.", "工站发来的内容都已成为记录，或已处理。";
    waits: "Waiting", "待处理";
    resolved: "Resolved", "已处理";
    received_at: "Received", "收到时间";
    why_here: "Why it is here", "原因";
    record: "Record", "记录";
    reason_frozen: "The station was frozen when it came.", "收到时工站已冻结。";
    reason_ended: "A pass of a journal that an administrator had ended.", "来自已被管理员终止的日志的合格记录。";
    state_conflict: "conflict", "冲突";
    state_quarantined: "not accepted", "未接收";
    look: "Look", "查看";
    accept: "Take it in", "接收";
    accept_why: "It goes the ordinary way, whatever state its station is in, and becomes a record. What conflicts with a record is refused.", "按正常流程接收为记录，不论工站状态；与已有记录冲突的会被拒绝。";
    set_aside: "Set aside", "搁置";
    set_aside_why: "It becomes no record. The text stays, and can be read here.", "不作为记录，但内容保留，可在此查看。";
    way_accept: "taken in", "已接收";
    way_set_aside: "set aside", "已搁置";
    // States of a page.
    copy: "Copy", "复制";
    copied: "Copied", "已复制";
    try_again: "Try again", "重试";
    away_title: "The server does not answer", "服务器没有响应";
    away_why: "Nothing is lost: stations keep their records. The page tries again when you ask it to.", "数据不会丢失：工站会保留记录。请稍后重试。";
    unreadable_title: "The answer was not understood", "无法理解服务器的回答";
    unreadable_why: "Server and page may be of different versions: load the page again.", "服务器与页面版本可能不同，请刷新页面。";
    problem_title: "This did not work", "操作未成功";
    code: "code", "代码";
    not_found: "Nothing stands at this address", "此地址没有内容";
    not_found_why: "Look for the unit by any part of its number.", "可用编号的任意一部分查找单体。";
    to_the_line: "To the line", "前往产线";
    forbidden: "Your role may not see this", "您的角色无权查看";
}
