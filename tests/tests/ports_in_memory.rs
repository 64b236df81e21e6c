//! Cables that somebody has changed: slots stay shut until their boards were switched off and on, and then each works its own.

#![expect(clippy::unwrap_used, reason = "a test: what fails here is the test's result")]

use domain::{
    api::setup::{PortStanding, PortsView, ProofState},
    ids::StationId,
    model::parse_model,
};
use jigline_tests::{
    memory_server::{BundleFiles, MemoryServer},
    memory_station,
};
use rand::{SeedableRng as _, rngs::StdRng};
use simulator::{JigSettings, MemoryJig, firmware::build_image, slot::Mishap};
use station::{
    agent::Agent,
    clock::Clock,
    fixture::fixture,
    ports::{Adapter, Devices, PortCommand, PortDoor, UsbPart},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use uuid::Uuid;

const STATION: StationId = StationId(Uuid::from_u128(42));

fn device(number: u16) -> String {
    format!("/dev/ttyUSB{number}")
}

/// Both behind that hub.
fn adapters(hub: &str) -> Vec<Adapter> {
    let part =
        |at: &str, kind: &str| UsbPart { at: at.to_owned(), kind: kind.to_owned(), ..UsbPart::default() };
    let one = |number: u16| Adapter {
        node: device(number),
        chain: vec![part("1", hub), part(&format!("1.{number}"), "1a86:7523")],
        ..Adapter::default()
    };
    (1..=2).map(one).collect()
}

async fn until(door: &PortDoor, what: &str, is_it: impl Fn(&PortsView) -> bool) -> PortsView {
    let mut shown = door.shown.clone();
    let seen = timeout(Duration::from_secs(120), shown.wait_for(is_it)).await;
    let last = door.shown.borrow().clone();
    seen.unwrap_or_else(|_| panic!("never {what}: {last:?}")).unwrap().clone()
}

fn standing(view: &PortsView, slot: usize) -> PortStanding {
    view.slots[slot - 1].standing
}

#[tokio::test(start_paused = true)]
async fn swapped_adapters_are_found_by_switching_boards_off_and_on_and_each_slot_works_its_own() {
    let files = BundleFiles::shipped();
    let model = Arc::new(parse_model("model", &files.model).unwrap());
    let image = build_image(&model, "V1.9", 8 * 1024, 7).unwrap();
    let server = MemoryServer::with_files(files, STATION, &image, "V1.9");
    let mut jig =
        MemoryJig::start(JigSettings { slots: 2, boards: 2, ..JigSettings::one_board(model, 7) }).unwrap();
    let stream = jig.fixture();
    let disk = tempfile::tempdir().unwrap();
    let open = |hub: &str| {
        let devices = Devices::new((1..=2).map(|slot| (slot, device(slot))).collect());
        // Somebody has crossed the cables when the hub was changed.
        let wires = BTreeMap::from([(device(1), 2u16), (device(2), 1u16)]);
        let (bound, sockets) = (devices.clone(), memory_station::ports(jig.sockets().to_vec()));
        let ports = move |slot: u16, baud: u32| sockets(wires[&bound.of(slot).unwrap()], baud);
        let (ends, wire) = fixture();
        let clock = Clock::starting_at(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap());
        let config = memory_station::config(STATION, &server, disk.path(), 2);
        let (chance, progress) = (StdRng::seed_from_u64(7), tokio::sync::mpsc::unbounded_channel().0);
        let mut agent = Agent::open(config, server.clone(), ports, ends, clock, chance, progress).unwrap();
        let (plugged, tree) = watch::channel(Some(adapters(hub)));
        let door = agent.watch_ports(tree, devices.clone());
        (agent, wire, devices, door, plugged)
    };
    let (agent, ..) = open("05e3:0608");
    agent.run(async {}).await;
    let (agent, mut wire, devices, door, _plugged) = open("2109:2817");
    let prove = |slot: u16| door.commands.send(PortCommand::Prove(Some(slot))).unwrap();
    let told = async {
        until(&door, "doubted", |view| standing(view, 1) == PortStanding::Doubted).await;
        sleep(Duration::from_secs(120)).await;
        assert_eq!(server.records().len(), 0, "no board is begun at a port that may be another's");

        prove(1);
        let answering = |view: &PortsView| matches!(&view.proof.as_ref().map(|proof| &proof.state), Some(ProofState::Waiting { answering, .. }) if answering.len() == 2);
        until(&door, "both answering", answering).await;
        jig.jig.befall(1, Mishap::PowerCut(Duration::from_secs(4)));
        let is_shown = |view: &PortsView| {
            matches!(&view.proof.as_ref().map(|proof| &proof.state), Some(ProofState::Shown { .. }))
        };
        let view = until(&door, "shown", is_shown).await;
        let shown = ProofState::Shown { device: device(2), slot: Some(2) };
        assert_eq!(view.proof.unwrap().state, shown);
        door.commands.send(PortCommand::Bind { slot: 1, device: device(2) }).unwrap();
        until(&door, "bound", |view| standing(view, 1) == PortStanding::Proved).await;
        assert_eq!((devices.of(1), devices.of(2)), (Some(device(2)), Some(device(1))));

        prove(2);
        sleep(Duration::from_secs(10)).await;
        jig.jig.befall(2, Mishap::PowerCut(Duration::from_secs(4)));
        until(&door, "proved", |view| standing(view, 2) == PortStanding::Proved).await;
        let there = async {
            while server.records().len() < 2 {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_secs(900), there).await.expect("no board is worked");
    };
    tokio::select! {
        () = agent.run(told) => {}
        _ = wire.carry(stream) => panic!("the fixture's line broke"),
    }
    // The witness: what each slot's switch saw is what its record says.
    let seen = jig.jig.witnessed().borrow().clone();
    for record in server.records() {
        let code = record.identifiers.iter().find(|one| one.kind.as_str() == "machine_code").unwrap();
        let board = seen.iter().find(|board| board.machine_code == code.value).unwrap();
        assert_eq!(Some(u32::from(record.slot)), board.slot, "{board:?}");
    }
}
