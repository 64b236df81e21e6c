//! Orders under rules: by example, and (in `everything`) against a search that tries everything.

use super::*;
use everything::{Case, check};

mod everything;

/// `left OP right` over single registers, as the tests write it.
#[derive(Debug, Clone, Copy)]
struct Said(usize, Op, usize);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    Lt,
    Ne,
    Eq,
    /// Below twice the right side.
    LtTwice,
    /// Their sum is seven or more.
    SumGe,
}

impl Op {
    fn holds(self, left: u16, right: u16) -> bool {
        match self {
            Self::Lt => left < right,
            Self::Ne => left != right,
            Self::Eq => left == right,
            Self::LtTwice => left < 2 * right,
            Self::SumGe => left + right >= 7,
        }
    }
}

fn rules(said: &[Said]) -> Vec<Rule<'static>> {
    said.iter()
        .map(|&Said(left, op, right)| Rule {
            left,
            right: Some(right),
            holds: Box::new(move |l, r| op.holds(l[0], r[0])),
        })
        .collect()
}

fn field(address: u16, current: u16, wanted: u16) -> Field {
    Field { address, current: Some(vec![current]), wanted: vec![wanted], access: Access::Writable }
}

fn interim(field: usize, value: u16) -> Interim {
    Interim { field, words: vec![value] }
}

fn single(address: u16, value: u16) -> Request {
    Request::WriteSingle { address, value }
}

fn multiple(address: u16, values: &[u16]) -> Request {
    Request::WriteMultiple { address, values: values.to_vec() }
}

#[track_caller]
fn plan(fields: &[Field], said: &[Said], values: &[Interim]) -> OrderedWrites {
    order_writes(fields, WriteLimits::default(), &rules(said), values).unwrap()
}

/// Recovery below level 1 below level 2, in three places of the map.
const TRIPLE: [Said; 2] = [Said(0, Op::Lt, 1), Said(1, Op::Lt, 2)];

#[test]
fn the_charge_protection_is_raised_from_above_and_lowered_from_below() {
    let raised = plan(&[field(10, 2700, 3550), field(20, 2800, 3650), field(30, 2950, 3750)], &TRIPLE, &[]);
    assert_eq!(raised.writes, [single(30, 3750), single(20, 3650), single(10, 3550)]);
    let lowered = plan(&[field(10, 3550, 2700), field(20, 3650, 2800), field(30, 3750, 2950)], &TRIPLE, &[]);
    assert_eq!(lowered.writes, [single(10, 2700), single(20, 2800), single(30, 2950)]);
    assert!(raised.fewest && lowered.fewest && raised.detours + lowered.detours == 0);
}

#[test]
fn neighbours_go_in_one_transaction_which_no_rule_sees_in_the_middle() {
    let planned = plan(&[field(10, 2700, 3550), field(11, 2800, 3650), field(12, 2950, 3750)], &TRIPLE, &[]);
    assert_eq!(planned.writes, [multiple(10, &[3550, 3650, 3750])]);
}

#[test]
fn a_transaction_is_cut_where_its_halves_must_go_before_and_after_another() {
    // 10 makes room for 20, and 20 for 11.
    let said = [Said(2, Op::Lt, 0), Said(1, Op::Lt, 2)];
    let planned = plan(&[field(10, 5, 9), field(11, 3, 7), field(20, 4, 8)], &said, &[]);
    assert_eq!(planned.writes, [single(10, 9), single(20, 8), single(11, 7)]);
    assert!(planned.fewest);
}

#[test]
fn a_swap_takes_the_detour_that_is_there_and_is_refused_where_none_is() {
    let swap = [field(10, 1, 2), field(20, 2, 1)];
    let said = [Said(0, Op::Ne, 1)];
    let planned = plan(&swap, &said, &[interim(0, 3)]);
    assert_eq!(planned.writes, [single(10, 3), single(20, 1), single(10, 2)]);
    assert_eq!(planned.detours, 1);
    // Side by side they need none.
    assert_eq!(plan(&[field(10, 1, 2), field(11, 2, 1)], &said, &[interim(0, 3)]).detours, 0);
    let refused = Err(OrderFault::NoSafeOrder { fields: vec![0, 1], rules: vec![0], gave_up: false });
    assert_eq!(order_writes(&swap, WriteLimits::default(), &rules(&said), &[]), refused);
    // A value that is itself in the way is no detour.
    assert_eq!(order_writes(&swap, WriteLimits::default(), &rules(&said), &[interim(0, 2)]), refused);
    let equal = [Said(0, Op::Eq, 1)];
    let both = [field(10, 1, 2), field(20, 1, 2)];
    assert_eq!(order_writes(&both, WriteLimits::default(), &rules(&equal), &[interim(0, 3)]), refused);
}

#[test]
fn a_deadly_value_is_refused_whatever_the_board_holds() {
    let said = [Said(0, Op::Lt, 1)];
    for current in [1, 9] {
        let fields = [field(10, current, 7), field(20, 5, 5)];
        let planned = order_writes(&fields, WriteLimits::default(), &rules(&said), &[]);
        assert_eq!(planned, Err(OrderFault::WantedBreaks { rules: vec![0] }));
    }
    // A rule between fields that stand still is not ours.
    let fields = [field(10, 7, 7), field(20, 5, 5), field(30, 0, 1)];
    assert_eq!(plan(&fields, &said, &[]).writes, [single(30, 1)]);
}

#[test]
fn a_rule_that_the_board_breaks_stands_in_nobodys_way_until_it_holds() {
    let said = [Said(0, Op::Lt, 1)];
    // Broken before, and either order ends well.
    assert_eq!(plan(&[field(10, 9, 3), field(20, 5, 6)], &said, &[]).writes, [single(10, 3), single(20, 6)]);
    // The first write mends another rule, which the second one must not break again.
    let said = [Said(0, Op::Lt, 1), Said(1, Op::Lt, 2)];
    let planned = plan(&[field(10, 9, 3), field(20, 8, 4), field(30, 5, 6)], &said, &[]);
    assert_eq!(planned.writes.len(), 3);
}

/// The detour of 10 mends the rule that it lies below 20; on its way home it must not break it again.
#[test]
fn what_a_detour_has_mended_stays_whole() {
    let fields = [field(10, 9, 7), field(20, 5, 10), field(30, 7, 9)];
    let apart = || rules(&[Said(0, Op::Lt, 1), Said(0, Op::Ne, 2)]);
    let planned = order_writes(&fields, WriteLimits::default(), &apart(), &[interim(0, 3)]).unwrap();
    let home = planned.writes.iter().position(|write| *write == single(10, 7)).unwrap();
    assert!(planned.writes[..home].contains(&single(20, 10)), "{:?}", planned.writes);
    // And where 20 may rise after 10 alone, there is no way.
    let mut rules = apart();
    rules.push(Rule { left: 0, right: Some(1), holds: Box::new(|x, y| y[0] <= 6 || x[0] == 7) });
    assert!(order_writes(&fields, WriteLimits::default(), &rules, &[interim(0, 3)]).is_err());
}

#[test]
fn an_unknown_value_becomes_known_before_its_neighbours_move() {
    let unknown = |address, wanted| Field { current: None, ..field(address, 0, wanted) };
    let said = [Said(0, Op::Lt, 1)];
    let planned = plan(&[field(10, 3, 4), unknown(20, 6)], &said, &[]);
    assert_eq!(planned.writes, [single(20, 6), single(10, 4)]);
    // Where it would not hold at once, not even then.
    let raised = [field(10, 9, 3), unknown(20, 6)];
    assert_eq!(
        order_writes(&raised, WriteLimits::default(), &rules(&said), &[]),
        Err(OrderFault::NoSafeOrder { fields: vec![0, 1], rules: vec![0], gave_up: false })
    );
    let planned = plan(&raised, &said, &[interim(1, 11)]);
    assert_eq!(planned.writes, [single(20, 11), single(10, 3), single(20, 6)]);
}

#[test]
fn half_a_value_is_asked_of_no_rule() {
    let mut wide = Field { wanted: vec![1, 2], current: Some(vec![0, 0]), ..field(10, 0, 0) };
    wide.access = Access::SingleOnly;
    let rule = || [Rule { left: 0, right: None, holds: Box::new(|_, _| true) }];
    assert_eq!(
        order_writes(&[wide.clone()], WriteLimits::default(), &rule(), &[]),
        Err(OrderFault::Torn { address: 10 })
    );
    wide.current = Some(vec![1, 0]);
    let planned = order_writes(&[wide], WriteLimits::default(), &rule(), &[]).unwrap();
    assert_eq!(planned.writes, [single(11, 2)]);
}

/// Forty parameters, twenty rules, every run of the map in a circle with another one.
#[test]
fn a_profile_of_forty_parameters_is_cut_as_seldom_as_can_be() {
    let mut fields = Vec::new();
    let mut said = Vec::new();
    for group in 0..10_u16 {
        let (at, base) = (100 * group, usize::from(group) * 4);
        fields.extend([field(at, 5, 9), field(at + 1, 3, 7), field(at + 50, 4, 8), field(at + 51, 0, 1)]);
        said.extend([Said(base + 2, Op::Lt, base), Said(base + 1, Op::Lt, base + 2)]);
    }
    let planned = plan(&fields, &said, &[]);
    // Two runs each, one cut each.
    assert_eq!((planned.writes.len(), planned.fewest), (30, true));

    // All of them one component: the ends of each run stand against the next one.
    let chain: Vec<Field> = (0..20_u16)
        .flat_map(|run| {
            [field(10 * run, 2 * run + 10, 2 * run + 50), field(10 * run + 1, 90 - run, 40 - run)]
        })
        .collect();
    let said: Vec<Said> = (0..19).map(|run| Said(2 * run, Op::Lt, 2 * run + 2)).collect();
    let planned = plan(&chain, &said, &[]);
    assert_eq!((planned.writes.len(), planned.fewest), (20, true));
    let highest = multiple(190, &[88, 21]);
    assert_eq!(planned.writes[0], highest, "the highest makes room for the next");
}

#[test]
fn what_is_stuck_in_a_great_component_takes_its_detour_and_the_rest_goes_as_ever() {
    let mut fields: Vec<Field> = (0..20).map(|i| field(100 + i, 0, 1)).collect();
    fields[4] = field(104, 1, 2);
    fields.push(field(300, 2, 1));
    let planned = plan(&fields, &[Said(4, Op::Ne, 20)], &[interim(20, 9)]);
    assert_eq!((planned.detours, planned.fewest), (1, false));
    assert_eq!(planned.writes.len(), 5);
    check(
        &Case { fields, said: vec![Said(4, Op::Ne, 20)], interim: vec![interim(20, 9)], limit: 123 },
        &planned,
    )
    .unwrap();
}
