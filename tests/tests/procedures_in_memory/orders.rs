//! What a profile leaves to the order, on a whole line: written, read back and proved like any value of the profile, within its bounds.

use super::*;
use domain::profile::OrderValues;

const LIMIT: &str = "charge_current_limit_a";

/// The shipped files; the order says the charge current's limit.
fn left_to_order() -> BundleFiles {
    let mut files = BundleFiles::shipped();
    files.profile += "\n[from_order]\ncharge_current_limit_a = { min = 60, max = 120 }\n";
    files
}

fn hall(order: &[(&str, f64)]) -> Hall {
    let hall = Hall::new(left_to_order(), 1, 0);
    hall.server.say_order(order.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect());
    hall
}

#[tokio::test(start_paused = true)]
async fn a_value_of_the_order_is_on_the_board_and_the_record_says_whose_it_is() {
    for (order, held) in [(&[][..], 100.0), (&[(LIMIT, 90.0)][..], 90.0)] {
        let mut hall = hall(order);
        hall.work().await;
        let record = hall.pass();
        let parameter = record.parameters.iter().find(|one| one.name == LIMIT).unwrap();
        assert_eq!(parameter.set, Value::Number(held));
        assert_eq!(parameter.evidence, Evidence::Verified);
        let of_order: Vec<&str> =
            record.parameters.iter().filter(|one| one.from_order).map(|one| one.name.as_str()).collect();
        assert_eq!(of_order, order.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        assert_eq!(hall.kept(1, LIMIT).await.parse::<f64>().unwrap(), held);
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_beyond_the_bounds_or_against_a_rule_is_worked_on_no_board() {
    for order in [[(LIMIT, 121.0)], [("cell_count", 11.0)], [(LIMIT, 110.0)]] {
        let mut hall = hall(&order);
        let stream = hall.jig.fixture();
        let (ends, mut wire) = fixture();
        let agent = hall.agent(hall.disk.path(), ends);
        tokio::select! {
            biased;
            _ = wire.carry(stream) => panic!("the fixture's line broke"),
            () = agent.run(sleep(Duration::from_secs(120))) => {}
        }
        assert_eq!(hall.server.records(), []);
        assert_eq!(hall.jig.jig.observe(1).await.unwrap().register_writes, 0, "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_was_worked_by_another_order_is_not_believed() {
    let mut hall = hall(&[(LIMIT, 90.0)]);
    hall.work().await;
    let record = hall.pass();
    hall.server.say_order(OrderValues::from([(LIMIT.to_owned(), 95.0)]));
    assert_ne!(judge_record(&record, &hall.server.expected()), []);
    hall.server.say_order(OrderValues::new());
    assert_ne!(judge_record(&record, &hall.server.expected()), []);
}
