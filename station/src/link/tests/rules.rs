//! What a board goes through while its profile is written: judged by the rules after each write that it saw.

use super::peer::{Peer, ask, model};
use crate::{
    board::{BoardReply, BoardRequest},
    link::LinkOptions,
};
use domain::{
    codec,
    model::{DeviceModel, Rule, RuleOp, Severity, parse_model},
    procedure::parse_procedure,
    profile::{Profile, parse_profile},
    rules::{Judgement, Ratings, binding_rules, judge},
    text::{Fault, FaultCode},
    value::Value,
};
use protocol::{
    modbus::Request,
    write_plan::{Access, Field, WriteLimits, plan_writes},
};
use std::{collections::BTreeMap, fs, sync::Arc};

type Board = BTreeMap<u16, u16>;

fn shipped(path: &str) -> String {
    fs::read_to_string(format!("{}/../profiles/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn topbms(max_write: u16) -> DeviceModel {
    let mut model = parse_model("m.toml", &shipped("models/topbms.toml")).unwrap();
    model.link.max_write = max_write;
    model
}

fn profiles() -> Vec<Profile> {
    ["topbms-12s-lto-200a", "topbms-14s-li-ion-60a", "topbms-16s-lifepo4-100a"]
        .map(|id| parse_profile("p.toml", &shipped(&format!("parameters/{id}.toml"))).unwrap())
        .to_vec()
}

fn ratings(profile: &Profile) -> Ratings {
    let procedure = parse_procedure("b.toml", &shipped("procedures/topbms-birth.toml")).unwrap();
    Ratings::on_jig(profile, &procedure)
}

fn holding(model: &DeviceModel, values: &BTreeMap<String, Value>) -> Board {
    let mut board = Board::new();
    for (name, value) in values {
        let register = model.register(name).unwrap();
        board.extend((register.address..).zip(codec::encode(register, value).unwrap()));
    }
    board
}

fn write(board: &mut Board, request: &Request) {
    match request {
        Request::WriteSingle { address, value } => drop(board.insert(*address, *value)),
        Request::WriteMultiple { address, values } => board.extend((*address..).zip(values.iter().copied())),
        _ => {}
    }
}

/// A board of that model that holds these values.
fn board_of(model: &DeviceModel, values: &BTreeMap<String, Value>) -> Peer {
    let mut peer = Peer::new();
    peer.registers.extend((0..23).map(|address| (address, 0)));
    let identity = [
        ("hardware_model", Value::from("TBA-32S-R2")),
        ("machine_code", Value::Number(342_589_975.0)),
        ("bluetooth_address", Value::from("26541C98068E")),
    ];
    peer.registers.extend(holding(model, &identity.map(|(name, value)| (name.to_owned(), value)).into()));
    peer.registers.extend(holding(model, values));
    peer
}

/// Ids of the binding rules that the board breaks.
fn broken(model: &DeviceModel, ratings: &Ratings, board: &Board) -> Vec<String> {
    let values: BTreeMap<String, Value> = model
        .parameters()
        .map(|register| {
            let words: Vec<u16> =
                (register.address..).take(register.width().into()).map(|a| board[&a]).collect();
            (register.name.clone(), codec::decode(register, &words).unwrap())
        })
        .collect();
    binding_rules(model, |_| true)
        .filter(|rule| judge(rule, ratings, &values) != Judgement::Holds)
        .map(|rule| rule.id.clone())
        .collect()
}

/// Rules broken after any of the writes that were not broken before the first one.
fn newly_broken(model: &DeviceModel, ratings: &Ratings, before: &Board, writes: &[Request]) -> Vec<String> {
    let first = broken(model, ratings, before);
    let mut board = before.clone();
    let mut found = Vec::new();
    for request in writes {
        write(&mut board, request);
        found.extend(broken(model, ratings, &board).into_iter().filter(|id| !first.contains(id)));
    }
    found
}

/// The fewest writes in order of address, which ask no rule.
fn unruled(model: &DeviceModel, before: &Board, wanted: &Board) -> Vec<Request> {
    let fields: Vec<Field> = model
        .parameters()
        .map(|register| {
            let of = |board: &Board| {
                (register.address..).take(register.width().into()).map(|a| board[&a]).collect()
            };
            let (current, wanted) = (Some(of(before)), of(wanted));
            Field { address: register.address, current, wanted, access: Access::Writable }
        })
        .collect();
    let limits = WriteLimits { max_registers: model.link.max_write, single_for_one: true };
    plan_writes(&fields, limits).unwrap()
}

#[tokio::test(start_paused = true)]
async fn from_any_chemistry_to_any_other_no_rule_breaks_on_the_way() {
    let mut would_have_broken = 0;
    for max_write in [40, 3, 2] {
        let model = topbms(max_write);
        for (from, to) in
            profiles().iter().flat_map(|from| profiles().into_iter().map(move |to| (from.clone(), to)))
        {
            let (before, wanted) = (holding(&model, &from.values), holding(&model, &to.values));
            let peer = board_of(&model, &from.values);
            let (mut link, board) = peer.connect_as(Arc::new(model.clone()), LinkOptions::default());
            let request = BoardRequest::WriteProfile { values: to.values.clone(), ratings: ratings(&to) };
            let BoardReply::ProfileWritten(written) = ask(&mut link, request).await.unwrap() else {
                panic!()
            };
            drop(link);
            let writes: Vec<Request> =
                board.await.unwrap().seen.into_iter().filter(Request::is_write).collect();
            let name = format!("{} to {} by {max_write}", from.id, to.id);
            assert!(written.parameters.iter().all(|parameter| parameter.holds()), "{name}");
            assert_eq!(written.parameters.len(), to.values.len(), "{name}");
            assert_eq!(newly_broken(&model, &ratings(&to), &before, &writes), Vec::<String>::new(), "{name}");
            let plain = unruled(&model, &before, &wanted);
            assert_eq!(writes.len(), written.transactions as usize);
            assert!(writes.len() >= plain.len(), "{name}");
            would_have_broken +=
                usize::from(!newly_broken(&model, &ratings(&to), &before, &plain).is_empty());
        }
    }
    // Else the rules were asked of writes that could not break them.
    assert!(would_have_broken >= 4, "{would_have_broken}");
}

/// The answer to these values, and what the board saw.
async fn given(
    model: DeviceModel,
    peer: Peer,
    values: &[(&str, f64)],
    ratings: Ratings,
) -> (Result<BoardReply, Fault>, Vec<Request>) {
    let (mut link, board) = peer.connect_as(Arc::new(model), LinkOptions::default());
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), Value::Number(*value))).collect();
    let answer = ask(&mut link, BoardRequest::WriteProfile { values, ratings }).await;
    drop(link);
    (answer, board.await.unwrap().seen)
}

#[tokio::test(start_paused = true)]
async fn a_deadly_value_is_refused_before_a_byte_is_sent() {
    let profile = &profiles()[0];
    for (name, value, rule) in [
        ("discharge_current_limit_a", 150.0, "discharge-limit-above-working"),
        ("discharge_current_limit_a", 201.0, "discharge-limit-within-rating"),
        ("charge_protection_l1_mv", 2700.0, "charge-recovery-below-l1"),
    ] {
        let mut values = profile.values.clone();
        values.insert(name.to_owned(), Value::Number(value));
        let (mut link, board) = Peer::new().connect_as(Arc::new(topbms(40)), LinkOptions::default());
        let fault = ask(&mut link, BoardRequest::WriteProfile { values, ratings: ratings(profile) })
            .await
            .unwrap_err();
        drop(link);
        assert_eq!((fault.code, fault.args["rule"].as_str()), (FaultCode::DeadlyValue, rule));
        assert!(board.await.unwrap().seen.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_products_rating_or_the_jigs_test_current_a_current_limit_is_refused_unsent() {
    let profile = &profiles()[0];
    let no_product = Ratings { product: None, ..ratings(profile) };
    let no_jig = Ratings { jig_test_current_a: None, ..ratings(profile) };
    for (ratings, missing) in [(no_product, "product.working_discharge_a"), (no_jig, "jig.test_current_a")] {
        let limit = [("discharge_current_limit_a", 200.0)];
        let (answer, seen) = given(topbms(40), Peer::new(), &limit, ratings).await;
        let fault = answer.unwrap_err();
        assert_eq!((fault.code, fault.args["missing"].as_str()), (FaultCode::RuleNotJudged, missing));
        assert!(seen.is_empty());
    }
    // A value that no such rule stands over needs neither.
    let peer = board_of(&topbms(40), &profile.values);
    let (answer, _) = given(topbms(40), peer, &[("charge_delay_s", 7.0)], Ratings::default()).await;
    assert!(matches!(answer, Ok(BoardReply::ProfileWritten(written)) if written.transactions == 1));
}

#[tokio::test(start_paused = true)]
async fn one_value_by_hand_is_judged_with_what_the_board_holds_beside_it() {
    let peer = board_of(&topbms(40), &profiles()[0].values);
    let (answer, seen) =
        given(topbms(40), peer, &[("charge_protection_l1_mv", 2950.0)], Ratings::default()).await;
    let fault = answer.unwrap_err();
    assert_eq!(fault.code, FaultCode::DeadlyValue, "{fault:?}");
    assert_eq!(fault.args["rule"], "charge-l2-above-l1");
    assert!(!seen.is_empty() && !seen.iter().any(Request::is_write), "{seen:?}");
}

/// The tests' model, one register a write, with rules `left op factor * right`.
fn ruled(rules: &[(&str, RuleOp, f64, &str)]) -> DeviceModel {
    let mut model = DeviceModel::clone(&model());
    model.link.max_write = 1;
    let message = model.title.clone();
    let rule = |&(left, op, factor, right): &(&str, RuleOp, f64, &str)| Rule {
        id: format!("{left}-{right}"),
        left: left.to_owned(),
        op,
        right: right.to_owned(),
        factor,
        magnitude: false,
        severity: Severity::Error,
        message: message.clone(),
    };
    model.rules = rules.iter().map(rule).collect();
    model
}

const TWO: [&str; 2] = ["charge_limit_mv", "discharge_limit_mv"];

#[tokio::test(start_paused = true)]
async fn a_detour_is_taken_where_no_order_keeps_the_rules() {
    let [low, high] = TWO;
    let model = ruled(&[(low, RuleOp::Lt, 1.0, high), (high, RuleOp::Lt, 2.0, low)]);
    let mut peer = Peer::new();
    peer.set(100, &[1000, 1500]);
    let (answer, seen) = given(model, peer, &[(low, 1500.0), (high, 2800.0)], Ratings::default()).await;
    assert!(matches!(answer, Ok(BoardReply::ProfileWritten(written)) if written.transactions == 3));
    let writes: Vec<Request> = seen.into_iter().filter(Request::is_write).collect();
    let single = |address, value| Request::WriteSingle { address, value };
    assert_eq!(writes, [single(101, 1501), single(100, 1500), single(101, 2800)]);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_keeps_the_rules_nothing_is_written() {
    let [low, high] = TWO;
    let mut peer = Peer::new();
    peer.set(100, &[3000, 3000]);
    let model = ruled(&[(low, RuleOp::Eq, 1.0, high)]);
    let (answer, seen) = given(model, peer, &[(low, 3500.0), (high, 3500.0)], Ratings::default()).await;
    let fault = answer.unwrap_err();
    assert_eq!(fault.code, FaultCode::NoSafeOrder);
    assert_eq!(fault.args["registers"], "charge_limit_mv, discharge_limit_mv");
    assert_eq!(fault.args["rules"], "charge_limit_mv-discharge_limit_mv");
    assert!(!seen.iter().any(Request::is_write), "{seen:?}");
}
