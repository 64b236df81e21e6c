//! Strangers meet the bench: pymodbus its modules, plain sockets of Python its instruments, all addresses and words typed here.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

mod common;

use common::program::{python, started};
use std::{ffi::OsStr, time::Duration};

const ASK_THE_BENCH: &str = r#"
import json, socket, sys, time
from pymodbus.client import ModbusTcpClient
ports = json.loads(sys.argv[1])
place = lambda name: (lambda host, port: (host, int(port)))(*ports[name].removeprefix("tcp:").rsplit(":", 1))
host, port = place("io")
io = ModbusTcpClient(host, port=port, timeout=2, retries=0)
assert io.connect()
def inputs(address, count):
    answer = io.read_discrete_inputs(address, count=count, device_id=1)
    assert not answer.isError(), answer
    return answer.bits[:count]
def coils(address, count):
    answer = io.read_coils(address, count=count, device_id=1)
    assert not answer.isError(), answer
    return answer.bits[:count]
def ask(name, *lines):
    with socket.create_connection(place(name), timeout=2) as line:
        stream = line.makefile("rw", newline="\n")
        said = []
        for words in lines:
            stream.write(words + "\n")
            stream.flush()
            if words.endswith("?"):
                said.append(stream.readline().strip())
        return said
end = time.time() + 10
while not (inputs(10, 1)[0] and inputs(50, 1)[0]):
    assert time.time() < end, "no board was put in, or its lid stays open"
    time.sleep(0.05)
found = {"stop_chain": inputs(0, 2), "clamps": inputs(10, 2), "before": coils(10, 2)}
assert not io.write_coils(10, [True, False], device_id=1).isError()
assert not io.write_coil(50, True, device_id=1).isError()
found["after"] = coils(10, 2) + coils(50, 1)
found["beyond"] = io.read_coils(255, count=2, device_id=1).exception_code
found["function"] = io.read_holding_registers(0, count=1, device_id=1).exception_code
found["supply"] = ask("supply-1", "*IDN?", "VOLT 28.000", "CURR 5.000", "OUTP ON", "OUTP?", "MEAS:VOLT?", "SYST:ERR?")
found["load"] = ask("load-1", "*IDN?", "FUNC CURR", "CURR 2.500", "INP ON", "INP?", "SYST:ERR?")
found["meter"] = ask("meter-1", "*IDN?", "MEAS:CURR:DC?")
found["refused"] = ask("load-1", "CURR 999", "SYST:ERR?", "NONE", "SYST:ERR?", "SYST:ERR?", "INP OFF", "INP?")
print(json.dumps(found))
"#;

#[test]
fn pymodbus_and_a_socket_find_the_bench_as_it_is_wired() {
    let folder = tempfile::tempdir().unwrap();
    let model = common::path_of("topbms");
    let (data, model) = (folder.path().as_os_str(), model.as_os_str());
    let words = ["jig", "--slots", "2", "--boards", "1", "--bench", "--data"].map(OsStr::new);
    let (_jig, ready) = started(&[&words[..], &[data, OsStr::new("--model"), model]].concat());
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    let ports = ready["bench"].to_string();
    let printed = python(ASK_THE_BENCH, &[OsStr::new(&ports)], Duration::from_secs(30));
    let found: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(found["stop_chain"], serde_json::json!([true, false]), "not pressed, no reset");
    assert_eq!(found["clamps"], serde_json::json!([true, false]), "one board in two slots");
    assert_eq!(found["before"], serde_json::json!([false, false]));
    assert_eq!(found["after"], serde_json::json!([true, false, true]));
    assert_eq!((found["beyond"].as_u64(), found["function"].as_u64()), (Some(2), Some(1)));
    let said = |name: &str| -> Vec<String> { serde_json::from_value(found[name].clone()).unwrap() };
    let supply = said("supply");
    assert_eq!((supply[0].as_str(), supply[1].as_str()), ("JIGLINE,SIM-SUPPLY,SP-1,1.0", "1"));
    assert!((supply[2].parse::<f64>().unwrap() - 28.0).abs() < 0.1, "{supply:?}");
    assert_eq!(supply[3], "0,\"No error\"");
    assert_eq!(said("load"), ["JIGLINE,SIM-LOAD,SL-1,1.0", "1", "0,\"No error\""]);
    let meter = said("meter");
    // A load sinks what the board lets through: all of it, or nothing.
    let amperes = meter[1].parse::<f64>().unwrap();
    assert!(amperes.abs() < 1e-3 || (amperes - 2.5).abs() < 0.05, "{meter:?}");
    assert_eq!(
        said("refused"),
        ["-222,\"Data out of range\"", "-113,\"Undefined header\"", "0,\"No error\"", "0"]
    );
}
