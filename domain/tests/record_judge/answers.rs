//! A pass under a procedure with questions holds their answers: each once, in order, right, and as the measurement that it became.

use super::{MeasureWhen, MeasurementSource, RecordDoubt, Step, StepOutcome, StepRecord, expected, sound};
use jigline_domain::{
    limit::Limit,
    model::Bilingual,
    prompt::{Answer, AnswerRecord, AnswerSource, Asks, Prompt},
    record::{BirthRecord, Expected, ExpectedLimit, ExpectedMeasurement, judge_record},
};

const LIMIT: Limit = Limit { min: Some(10.0), max: Some(20.0) };

fn prompt(name: &str, asks: Asks) -> Prompt {
    let question = Bilingual { en: name.to_owned(), zh: name.to_owned() };
    Prompt { name: name.to_owned(), question, asks, picture: None }
}

fn prompts() -> [Prompt; 3] {
    let when = MeasureWhen::AtRest;
    let force = Asks::Number { unit: "N".to_owned(), limit: LIMIT, marginal: None, when };
    [
        prompt("cable", Asks::Confirm),
        prompt("housing", Asks::Scan { pattern: Some("H###".to_owned()), length: None }),
        prompt("force", force),
    ]
}

fn answer(prompt: &str, answer: &Answer) -> AnswerRecord {
    let answer = answer.to_value();
    let source = AnswerSource::Fixture;
    AnswerRecord { prompt: prompt.to_owned(), answer, passed: true, by: None, source, after_ms: 900 }
}

/// The procedure with its three questions, and a pass under it.
fn asked() -> (Expected, BirthRecord) {
    let (mut expected, mut record) = (expected(), sound());
    expected.prompts = prompts().to_vec();
    expected.steps.splice(3..3, [Step::Prompt; 3]);
    let force = ExpectedMeasurement {
        unit: "N".to_owned(),
        limit: ExpectedLimit::Fixed(LIMIT),
        marginal: None,
        when: MeasureWhen::AtRest,
        source: MeasurementSource::Operator,
        stimulus: false,
    };
    expected.measurements.insert("force".to_owned(), force);
    let step = StepRecord { step: Step::Prompt, outcome: StepOutcome::Passed, ..record.steps[0].clone() };
    record.steps.splice(3..3, [step.clone(), step.clone(), step]);
    record.measurements.extend(prompts()[2].measurement(&Answer::Number(15.0)));
    record.answers = vec![
        answer("cable", &Answer::Confirm(true)),
        answer("housing", &Answer::Scan("H123".to_owned())),
        answer("force", &Answer::Number(15.0)),
    ];
    (expected, record)
}

fn doubts(spoil: impl FnOnce(&mut BirthRecord)) -> Vec<RecordDoubt> {
    let (expected, mut record) = asked();
    spoil(&mut record);
    judge_record(&record, &expected)
}

#[test]
fn a_pass_with_every_answer_is_believed_and_without_one_it_is_not() {
    assert_eq!(doubts(|_| {}), []);
    for (index, name) in ["cable", "housing", "force"].into_iter().enumerate() {
        let missing = RecordDoubt::AnswerNotProved { name: name.to_owned() };
        let gone = |record: &mut BirthRecord| drop(record.answers.remove(index));
        assert_eq!(doubts(gone), [missing], "{name}");
    }
    assert_eq!(doubts(|record| record.answers.clear()).len(), 3);
}

#[test]
fn an_answer_that_was_not_asked_for_there_is_doubted() {
    let unasked = |name: &str| RecordDoubt::AnswerNotProved { name: name.to_owned() };
    let stray = answer("colour", &Answer::Confirm(true));
    assert_eq!(doubts(|record| record.answers.push(stray)), [unasked("colour")]);
    let twice = |record: &mut BirthRecord| record.answers.insert(1, record.answers[0].clone());
    assert_eq!(doubts(twice), [unasked("cable")]);
    let missing = RecordDoubt::AnswerNotProved { name: "cable".to_owned() };
    assert_eq!(doubts(|record| record.answers.swap(0, 1)), [missing, unasked("cable")]);
    // And none where the procedure asks nothing.
    let mut record = sound();
    record.answers = vec![answer("cable", &Answer::Confirm(true))];
    assert_eq!(judge_record(&record, &expected()), [unasked("cable")]);
}

#[test]
fn an_answer_that_the_question_does_not_take_is_doubted_whatever_the_record_says_of_it() {
    let differs = |name: &str| [RecordDoubt::AnswerNotProved { name: name.to_owned() }];
    let with = |index: usize, given: Answer| {
        doubts(move |record: &mut BirthRecord| record.answers[index].answer = given.to_value())
    };
    assert_eq!(with(0, Answer::Confirm(false)), differs("cable"));
    assert_eq!(with(0, Answer::Number(1.0)), differs("cable"));
    assert_eq!(with(1, Answer::Scan("H12".to_owned())), differs("housing"));
    assert_eq!(with(1, Answer::Scan("H123\n".to_owned())), differs("housing"));
    assert_eq!(with(2, Answer::Number(21.0)), differs("force"));
    assert_eq!(with(2, Answer::Number(16.0)), differs("force"), "the measurement says 15");
    assert_eq!(doubts(|record| record.answers[0].passed = false), differs("cable"));
    let other_source = |record: &mut BirthRecord| {
        let force = record.measurements.iter_mut().find(|one| one.name == "force").unwrap();
        force.source = MeasurementSource::Board;
    };
    let doubt = RecordDoubt::MeasurementDiffersFromProcedure { name: "force".to_owned() };
    assert_eq!(doubts(other_source), [doubt]);
}
