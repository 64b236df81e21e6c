use super::*;

const QUIET: Duration = Duration::from_millis(50);

fn ms(value: u64) -> Instant {
    Duration::from_millis(value)
}

fn ready() -> LinkGuard {
    let mut guard = LinkGuard::new(QUIET, 2);
    guard.begin(ms(0), Purpose::Identify, &read(1), ms(500)).unwrap();
    guard.handle_answer(None, ms(10));
    guard.confirm_identity();
    guard
}

fn read(quantity: u16) -> Request {
    Request::ReadHolding { address: 10, quantity }
}

/// The smallest number of registers, 1 to `up_to`, whose read brings an answer that is told from all that are owed.
fn telling_quantity(
    guard: &mut LinkGuard,
    now: Instant,
    request: &Request,
    up_to: u16,
) -> Result<u16, Instant> {
    let quantities: Vec<u16> = (1..=up_to).collect();
    let function = request.function();
    guard.telling(now, &quantities, |quantity| Some(Shape::of_registers(function, quantity)))
}

#[test]
fn a_fitting_answer_passes() {
    assert_eq!(check(&read(2), &Response::ReadHolding(vec![1, 2])), Ok(Checked::Registers(vec![1, 2])));
    let write = Request::WriteSingle { address: 7, value: 9 };
    assert_eq!(check(&write, &Response::WriteSingle { address: 7, value: 9 }), Ok(Checked::Written));
    let write = Request::WriteMultiple { address: 7, values: vec![1, 2, 3] };
    assert_eq!(check(&write, &Response::WriteMultiple { address: 7, quantity: 3 }), Ok(Checked::Written));
}

#[test]
fn an_answer_with_too_few_or_too_many_registers_is_refused() {
    assert_eq!(check(&read(2), &Response::ReadHolding(vec![1])), Err(GuardFault::Count { asked: 2, got: 1 }));
    assert_eq!(
        check(&read(2), &Response::ReadHolding(vec![1, 2, 3])),
        Err(GuardFault::Count { asked: 2, got: 3 })
    );
}

#[test]
fn an_echo_with_another_address_value_or_quantity_is_refused() {
    let single = Request::WriteSingle { address: 7, value: 9 };
    assert_eq!(
        check(&single, &Response::WriteSingle { address: 8, value: 9 }),
        Err(GuardFault::WriteAddress { sent: 7, echoed: 8 })
    );
    assert_eq!(
        check(&single, &Response::WriteSingle { address: 7, value: 10 }),
        Err(GuardFault::WriteValue { sent: 9, echoed: 10 })
    );
    let many = Request::WriteMultiple { address: 7, values: vec![1, 2] };
    assert_eq!(
        check(&many, &Response::WriteMultiple { address: 6, quantity: 2 }),
        Err(GuardFault::WriteAddress { sent: 7, echoed: 6 })
    );
    assert_eq!(
        check(&many, &Response::WriteMultiple { address: 7, quantity: 1 }),
        Err(GuardFault::WriteQuantity { sent: 2, echoed: 1 })
    );
}

#[test]
fn another_function_is_refused_and_so_is_an_exception_to_another_function() {
    assert_eq!(check(&read(1), &Response::ReadInput(vec![1])), Err(GuardFault::Function { sent: 3, got: 4 }));
    let exception = Response::Exception { function: 3, code: ExceptionCode::DeviceBusy };
    let fault = check(&read(1), &exception).unwrap_err();
    assert_eq!(fault, GuardFault::Exception { function: 3, code: ExceptionCode::DeviceBusy });
    assert!(fault.is_exception());
    let write = Request::WriteSingle { address: 1, value: 1 };
    assert_eq!(check(&write, &exception), Err(GuardFault::Function { sent: 6, got: 3 }));
}

#[test]
fn work_is_refused_before_the_board_is_identified() {
    let mut guard = LinkGuard::new(QUIET, 2);
    assert_eq!(guard.begin(ms(0), Purpose::Work, &read(1), ms(100)), Err(LinkRefusal::MustIdentify));
    guard.begin(ms(0), Purpose::Identify, &read(1), ms(100)).unwrap();
    guard.handle_answer(None, ms(10));
    assert_eq!(guard.begin(ms(11), Purpose::Work, &read(1), ms(100)), Err(LinkRefusal::MustIdentify));
    guard.confirm_identity();
    guard.begin(ms(11), Purpose::Work, &read(1), ms(100)).unwrap();
}

#[test]
fn only_one_request_is_outstanding() {
    let mut guard = ready();
    guard.begin(ms(20), Purpose::Work, &read(1), ms(500)).unwrap();
    assert_eq!(guard.begin(ms(21), Purpose::Work, &read(1), ms(500)), Err(LinkRefusal::Outstanding));
    assert_eq!(guard.begin(ms(21), Purpose::Identify, &read(1), ms(500)), Err(LinkRefusal::Outstanding));
}

#[test]
fn late_answer_is_never_taken_for_the_next_register() {
    let mut guard = ready();
    guard.begin(ms(20), Purpose::Work, &read(1), ms(100)).unwrap();
    guard.handle_timeout(ms(99));
    assert!(matches!(guard.state(), LinkState::Waiting { .. }));
    guard.handle_timeout(ms(100));
    assert_eq!(guard.begin(ms(101), Purpose::Work, &read(1), ms(200)), Err(LinkRefusal::MustDrain));
    // The late answer: it restarts the quiet time and is counted.
    guard.handle_stray(ms(140));
    assert_eq!(guard.begin(ms(160), Purpose::Identify, &read(1), ms(300)), Err(LinkRefusal::MustDrain));
    assert_eq!(guard.unexpected_frames(), 1);
    assert_eq!(guard.begin(ms(190), Purpose::Work, &read(1), ms(300)), Err(LinkRefusal::MustIdentify));
    assert_eq!(guard.begin(ms(190), Purpose::Identify, &read(1), ms(300)), Err(LinkRefusal::Ambiguous));
    guard.begin(ms(190), Purpose::Identify, &read(2), ms(300)).unwrap();
}

#[test]
fn an_exception_keeps_the_link_but_a_misfit_makes_it_drain() {
    let mut guard = ready();
    guard.begin(ms(20), Purpose::Work, &read(1), ms(100)).unwrap();
    guard
        .handle_answer(Some(&GuardFault::Exception { function: 3, code: ExceptionCode::DeviceBusy }), ms(30));
    assert_eq!(guard.state(), LinkState::Ready);
    guard.begin(ms(40), Purpose::Work, &read(1), ms(100)).unwrap();
    guard.handle_answer(Some(&GuardFault::Count { asked: 2, got: 1 }), ms(50));
    assert_eq!(guard.state(), LinkState::MustDrain { quiet_from: ms(50) });
    assert_eq!(guard.unexpected_frames(), 1);
}

#[test]
fn a_burst_of_stray_bytes_counts_once_and_too_many_bursts_void_the_link() {
    let mut guard = ready();
    for lump in 0..20 {
        guard.handle_stray(ms(100 + lump * 10));
    }
    assert_eq!(guard.unexpected_frames(), 1);
    for burst in 1..3 {
        guard.handle_stray(ms(1_000 * burst));
    }
    assert_eq!(guard.unexpected_frames(), 3);
    assert!(guard.is_void());
    guard.distrust(ms(8_000));
    assert_eq!(
        guard.begin(ms(9_000), Purpose::Identify, &read(1), ms(9_100)),
        Err(LinkRefusal::Void { unexpected: 3 })
    );
}

#[test]
fn a_cancelled_request_leads_to_draining_and_a_new_identification() {
    let mut guard = ready();
    guard.begin(ms(20), Purpose::Work, &read(1), ms(100)).unwrap();
    guard.handle_cancelled(ms(30));
    assert_eq!(guard.poll_timeout(), Some(ms(80)));
    guard.handle_timeout(ms(80));
    assert_eq!(guard.state(), LinkState::MustIdentify);
}

/// A guard whose read of three registers, the identity, was not answered, and whose line was quiet since.
fn owed_three() -> LinkGuard {
    let mut guard = LinkGuard::new(QUIET, 2);
    guard.begin(ms(0), Purpose::Identify, &read(3), ms(100)).unwrap();
    guard.handle_timeout(ms(100));
    guard.handle_timeout(ms(150));
    assert_eq!(guard.state(), LinkState::MustIdentify);
    guard
}

#[test]
fn what_could_be_mistaken_for_an_owed_answer_is_not_asked() {
    let mut guard = owed_three();
    assert_eq!(
        guard.begin(ms(160), Purpose::Identify, &read(3), ms(260)),
        Err(LinkRefusal::Ambiguous),
        "the answer to the first may come for the second, and then every later one is off by one"
    );
    let input = Request::ReadInput { address: 10, quantity: 3 };
    assert!(!guard.is_ambiguous(&input), "another function is told apart");
    assert_eq!(telling_quantity(&mut guard, ms(160), &read(3), 3), Ok(1));
    guard.begin(ms(160), Purpose::Identify, &read(1), ms(260)).unwrap();
    guard.handle_answer(None, ms(170));
    // An answer of one register came: that of three was before it, or never comes.
    guard.begin(ms(180), Purpose::Identify, &read(3), ms(280)).unwrap();
}

#[test]
fn a_refusal_while_answers_are_owed_proves_nothing() {
    let mut guard = owed_three();
    let refusal = GuardFault::Exception { function: 3, code: ExceptionCode::IllegalFunction };
    guard.begin(ms(160), Purpose::Identify, &read(1), ms(260)).unwrap();
    guard.handle_answer(Some(&refusal), ms(170));
    assert!(guard.is_ambiguous(&read(3)), "the refusal may have been that of the three");
    assert!(guard.is_ambiguous(&read(1)), "and then the one is still owed");
    assert_eq!(telling_quantity(&mut guard, ms(180), &read(3), 3), Ok(2));
}

#[test]
fn where_no_other_length_can_be_asked_the_owed_answer_is_given_time() {
    let mut guard = owed_three();
    guard.handle_unanswered(&read(1), ms(4_000));
    let first = ms(100) + OWED_FOR;
    assert_eq!(telling_quantity(&mut guard, ms(5_000), &read(1), 1), Err(first));
    assert_eq!(telling_quantity(&mut guard, first, &read(1), 1), Err(ms(4_000) + OWED_FOR));
    assert_eq!(telling_quantity(&mut guard, ms(4_000) + OWED_FOR, &read(1), 1), Ok(1));
    assert!(!guard.is_ambiguous(&read(3)), "what was given its time is forgotten");
}

#[test]
fn what_was_not_answered_beside_the_guard_is_owed_too() {
    let mut guard = ready();
    guard.handle_unanswered(&read(1), ms(30));
    assert_eq!(guard.begin(ms(40), Purpose::Work, &read(2), ms(100)), Err(LinkRefusal::MustIdentify));
    assert_eq!(guard.begin(ms(40), Purpose::Identify, &read(1), ms(100)), Err(LinkRefusal::Ambiguous));
    guard.begin(ms(40), Purpose::Identify, &read(2), ms(100)).unwrap();
    guard.handle_answer(None, ms(50));
    assert!(!guard.is_ambiguous(&read(1)));
}

#[test]
fn distrust_does_not_spare_the_draining() {
    let mut guard = ready();
    guard.begin(ms(20), Purpose::Work, &read(1), ms(100)).unwrap();
    guard.distrust(ms(30));
    assert_eq!(guard.state(), LinkState::MustDrain { quiet_from: ms(30) });
    guard.distrust(ms(40));
    assert_eq!(guard.state(), LinkState::MustDrain { quiet_from: ms(30) });
    assert!(guard.is_ambiguous(&read(1)));
}

#[test]
fn an_owed_answer_that_was_drained_is_owed_no_more_and_nor_are_those_before_it() {
    let mut guard = owed_three();
    guard.begin(ms(160), Purpose::Identify, &read(1), ms(260)).unwrap();
    guard.handle_timeout(ms(260));
    guard.overhear(read(3).shape().unwrap());
    assert!(
        guard.is_ambiguous(&read(3)) && guard.is_ambiguous(&read(1)),
        "it may be that of another question"
    );
    guard.overhear(read(1).shape().unwrap());
    assert!(!guard.is_ambiguous(&read(3)) && !guard.is_ambiguous(&read(1)));
}

#[test]
fn of_an_answer_that_is_owed_twice_both_must_have_come() {
    let mut guard = owed_three();
    guard.handle_unanswered_twin(&read(3), ms(160));
    guard.overhear(read(3).shape().unwrap());
    assert!(guard.is_ambiguous(&read(3)));
    guard.overhear(read(3).shape().unwrap());
    assert!(!guard.is_ambiguous(&read(3)));
}

#[test]
fn a_refusal_that_names_its_question_tells_as_much_as_an_answer_unless_a_namesake_is_owed() {
    struct Named(u16);
    impl Shaped for Named {
        fn shape(&self) -> Option<Shape> {
            Some(Shape { code: self.0, place: 0, length: 0 })
        }
    }
    for (other, is_told) in [(0x11, true), (0x110, false)] {
        let mut guard = LinkGuard::new(QUIET, 2);
        guard.begin(ms(0), Purpose::Identify, &Named(0x05), ms(100)).unwrap();
        guard.handle_timeout(ms(100));
        guard.handle_unanswered(&Named(other), ms(120));
        guard.handle_timeout(ms(200));
        guard.begin(ms(200), Purpose::Identify, &Named(0x10), ms(300)).unwrap();
        guard.handle_judged(Judgement::RefusedByName, ms(220));
        assert_eq!(!guard.is_ambiguous(&Named(0x05)), is_told, "{other:x}");
        assert_eq!(guard.is_ambiguous(&Named(0x10)), !is_told, "{other:x}");
        assert_eq!(guard.state(), LinkState::MustIdentify);
    }
}
