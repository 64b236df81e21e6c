use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn field(address: u16, current: u16, wanted: u16) -> Field {
    Field { address, current: Some(vec![current]), wanted: vec![wanted], access: Access::Writable }
}

fn wide(address: u16, current: [u16; 2], wanted: [u16; 2]) -> Field {
    Field { address, current: Some(current.to_vec()), wanted: wanted.to_vec(), access: Access::Writable }
}

#[test]
fn what_is_right_is_not_written() {
    assert_eq!(plan_writes(&[field(1, 5, 5), field(2, 6, 6)], WriteLimits::default()), Ok(vec![]));
}

#[test]
fn neighbours_go_together_and_a_right_register_between_them_is_not_bridged() {
    let fields = [field(1, 0, 1), field(2, 0, 2), field(3, 9, 9), field(4, 0, 4), field(5, 0, 5)];
    assert_eq!(
        plan_writes(&fields, WriteLimits::default()),
        Ok(vec![
            Request::WriteMultiple { address: 1, values: vec![1, 2] },
            Request::WriteMultiple { address: 4, values: vec![4, 5] },
        ])
    );
}

#[test]
fn a_value_of_two_registers_is_written_whole_and_never_split() {
    let fields = [field(1, 0, 1), wide(2, [0, 7], [1, 7]), field(4, 0, 1)];
    let limits = WriteLimits { max_registers: 2, single_for_one: true };
    assert_eq!(
        plan_writes(&fields, limits),
        Ok(vec![
            Request::WriteSingle { address: 1, value: 1 },
            Request::WriteMultiple { address: 2, values: vec![1, 7] },
            Request::WriteSingle { address: 4, value: 1 },
        ])
    );
}

#[test]
fn a_register_that_takes_function_06_only_gets_it_and_breaks_the_run() {
    let mut fields = [field(1, 0, 1), field(2, 0, 2), field(3, 0, 3)];
    fields[1].access = Access::SingleOnly;
    assert_eq!(
        plan_writes(&fields, WriteLimits { max_registers: 123, single_for_one: false }),
        Ok(vec![
            Request::WriteMultiple { address: 1, values: vec![1] },
            Request::WriteSingle { address: 2, value: 2 },
            Request::WriteMultiple { address: 3, values: vec![3] },
        ])
    );
}

#[test]
fn a_read_only_or_locked_register_that_differs_stops_the_whole_plan() {
    let mut fields = [field(1, 0, 1), field(2, 0, 2)];
    fields[1].access = Access::ReadOnly;
    assert_eq!(plan_writes(&fields, WriteLimits::default()), Err(PlanFault::ReadOnly { address: 2 }));
    fields[1].access = Access::Locked;
    assert_eq!(plan_writes(&fields, WriteLimits::default()), Err(PlanFault::Locked { address: 2 }));
    fields[1].current = Some(vec![2]);
    assert_eq!(
        plan_writes(&fields, WriteLimits::default()),
        Ok(vec![Request::WriteSingle { address: 1, value: 1 }])
    );
}

#[test]
fn a_register_that_cannot_be_read_is_written() {
    let fields = [Field { address: 9, current: None, wanted: vec![1, 2, 3], access: Access::Writable }];
    assert_eq!(
        plan_writes(&fields, WriteLimits::default()),
        Ok(vec![Request::WriteMultiple { address: 9, values: vec![1, 2, 3] }])
    );
}

#[test]
fn nonsense_is_named() {
    assert_eq!(
        plan_writes(&[wide(1, [0, 0], [1, 1]), field(2, 0, 1)], WriteLimits::default()),
        Err(PlanFault::Overlap { address: 2 })
    );
    assert_eq!(
        plan_writes(&[wide(65_535, [0, 0], [1, 1])], WriteLimits::default()),
        Err(PlanFault::BeyondLast { address: 65_535 })
    );
    let limits = WriteLimits { max_registers: 1, single_for_one: true };
    assert_eq!(
        plan_writes(&[wide(1, [0, 0], [1, 1])], limits),
        Err(PlanFault::TooLong { address: 1, quantity: 2, limit: 1 })
    );
    let limits = WriteLimits { max_registers: 124, single_for_one: true };
    assert_eq!(plan_writes(&[], limits), Err(PlanFault::Limit(124)));
}

#[test]
fn reads_bridge_what_is_readable_and_never_a_hole() {
    let wanted = [Span::one(1), Span { address: 8, quantity: 2 }, Span::one(30)];
    let blocks = [1..=10, 30..=40];
    assert_eq!(
        plan_reads(&wanted, &blocks, 125),
        Ok(vec![Span { address: 1, quantity: 9 }, Span { address: 30, quantity: 1 }])
    );
    assert_eq!(
        plan_reads(&wanted, &blocks, 8),
        Ok(vec![Span::one(1), Span { address: 8, quantity: 2 }, Span::one(30)])
    );
    assert_eq!(plan_reads(&[Span::one(11)], &blocks, 8), Err(PlanFault::Unreadable { address: 11 }));
    assert_eq!(
        plan_reads(&[Span { address: 10, quantity: 2 }], &blocks, 8),
        Err(PlanFault::Unreadable { address: 10 })
    );
}

/// The fewest runs that cover `cells` neighbouring fields of the given lengths, by trying everything.
fn fewest_runs(lengths: &[usize], limit: usize) -> usize {
    let mut best = vec![usize::MAX; lengths.len() + 1];
    best[0] = 0;
    for end in 1..=lengths.len() {
        for start in 0..end {
            if lengths[start..end].iter().sum::<usize>() <= limit && best[start] != usize::MAX {
                best[end] = best[end].min(best[start] + 1);
            }
        }
    }
    best[lengths.len()]
}

fn any_fields() -> impl Strategy<Value = Vec<Field>> {
    proptest::collection::vec((0_u16..3, 1_usize..4, any::<bool>(), any::<bool>()), 0..25).prop_map(|rows| {
        let mut address = 100;
        rows.into_iter()
            .map(|(gap, length, right, readable)| {
                let at = address + gap;
                address = at + length as u16;
                let wanted: Vec<u16> = (0..length as u16).map(|index| at + index).collect();
                let held = if right { wanted.clone() } else { vec![0; length] };
                Field { address: at, current: readable.then_some(held), wanted, access: Access::Writable }
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn a_plan_makes_the_board_as_wanted_touches_nothing_else_and_is_the_shortest(
        fields in any_fields(), max_registers in 3_u16..10,
    ) {
        let plan = plan_writes(&fields, WriteLimits { max_registers, single_for_one: true }).unwrap();
        let to_write: BTreeMap<u16, u16> = fields
            .iter()
            .filter(|field| !field.is_right())
            .flat_map(|field| field.wanted.iter().enumerate().map(|(i, v)| (field.address + i as u16, *v)))
            .collect();
        let mut written = BTreeMap::new();
        for request in &plan {
            prop_assert_eq!(request.validate(), Ok(()));
            let (address, quantity) = request.span();
            prop_assert!(quantity <= max_registers);
            let values = match request {
                Request::WriteSingle { value, .. } => vec![*value],
                Request::WriteMultiple { values, .. } => values.clone(),
                _ => vec![],
            };
            for (index, value) in values.into_iter().enumerate() {
                prop_assert_eq!(written.insert(address + index as u16, value), None, "written twice");
            }
        }
        prop_assert_eq!(&written, &to_write);

        let mut shortest = 0;
        let mut lengths: Vec<usize> = Vec::new();
        let mut next = None;
        for field in fields.iter().filter(|field| !field.is_right()) {
            if next != Some(field.address) {
                shortest += fewest_runs(&lengths, usize::from(max_registers));
                lengths.clear();
            }
            lengths.push(field.wanted.len());
            next = Some(field.address + field.wanted.len() as u16);
        }
        shortest += fewest_runs(&lengths, usize::from(max_registers));
        prop_assert_eq!(plan.len(), shortest);
    }

    #[test]
    fn reads_cover_every_span_whole_inside_one_block(
        offsets in proptest::collection::vec((0_u16..60, 1_u16..4), 0..20), max_registers in 4_u16..20,
    ) {
        let blocks = [0..=19, 25..=44, 50..=80];
        let wanted: Vec<Span> = offsets
            .into_iter()
            .map(|(address, quantity)| Span { address, quantity })
            .filter(|span| blocks.iter().any(|b| b.contains(&span.address) && span.end() <= u32::from(*b.end()) + 1))
            .collect();
        let plan = plan_reads(&wanted, &blocks, max_registers).unwrap();
        for read in &plan {
            prop_assert!(read.quantity <= max_registers);
            prop_assert!(blocks.iter().any(|b| b.contains(&read.address) && read.end() <= u32::from(*b.end()) + 1));
        }
        for span in &wanted {
            prop_assert!(plan.iter().any(|read| read.address <= span.address && span.end() <= read.end()));
        }
        prop_assert!(plan.len() <= wanted.len());
    }
}
