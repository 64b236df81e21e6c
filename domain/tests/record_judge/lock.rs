//! The lock of a pass.

use super::doubts;
use jigline_domain::{
    evidence::Evidence,
    lease::BirthLease,
    record::{LeaseRecord, RecordDoubt},
};

#[test]
fn the_lock_was_read_back_and_never_stops_charging() {
    let lease = |spoil: fn(&mut LeaseRecord)| doubts(|r| spoil(r.lease.as_mut().unwrap()));
    let wanted = [RecordDoubt::LeaseNotProved];
    assert_eq!(doubts(|r| r.lease = None), wanted);
    assert_eq!(lease(|l| l.reported = None), wanted);
    assert_eq!(lease(|l| l.reported = Some(BirthLease::Locked)), wanted);
    assert_eq!(lease(|l| l.evidence = Evidence::Read), wanted);
    assert_eq!(lease(|l| l.charge_on = Some(false)), wanted);
    assert_eq!(lease(|l| l.charge_on = None), wanted);
    assert_eq!(lease(|l| l.discharge_on = Some(false)), wanted);
    assert_eq!(lease(|l| l.discharge_on = None), wanted);
    let locked = |discharge_on| {
        doubts(|r| {
            let lease = r.lease.as_mut().unwrap();
            (lease.set, lease.reported, lease.discharge_on) =
                (BirthLease::Locked, Some(BirthLease::Locked), discharge_on);
        })
    };
    // Another state than the procedure's is doubted as such, and not as unread.
    let differs = RecordDoubt::LeaseDiffersFromProcedure;
    assert_eq!(locked(Some(false)), std::slice::from_ref(&differs));
    assert_eq!(locked(Some(true)), [RecordDoubt::LeaseNotProved, differs]);
}
