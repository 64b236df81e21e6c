"""BlueZ as its D-Bus interface has it (python-dbusmock, template bluez5), on a bus of its own.

Says the bus's address, then `ready`. While a client discovers, devices are near as `SCENES` has it; `next` on standard input has the next
discovery be another one, other lines change the adapters; each is answered with `done`. Ends with its standard input.
"""

import os
import select
import subprocess
import sys
import time

import dbus

ADAPTER, DEVICE, MOCK = "org.bluez.Adapter1", "org.bluez.Device1", "org.freedesktop.DBus.Mock"
HCI0 = "/org/bluez/hci0"
# What is told of whom, one after the other; a name of None: the device is new to BlueZ.
SCENES = [
    [
        ("868835400004", -70, "TB-00042"),
        ("868835400004", -52, None),
        ("868835400004", -64, None),
        ("86883540000A", None, "TB-00043"),
    ],
    [("86883540000A", -90, None)],
]

daemon = subprocess.Popen(
    ["dbus-daemon", "--session", "--nofork", "--print-address=1"], stdout=subprocess.PIPE, text=True
)
address = daemon.stdout.readline().strip()
bluez = subprocess.Popen(
    [sys.executable, "-m", "dbusmock", "--system", "--template", "bluez5"],
    env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address},
    stdout=subprocess.DEVNULL,
)
try:
    bus = dbus.bus.BusConnection(address)
    while not bus.name_has_owner("org.bluez"):
        time.sleep(0.02)

    def at(path, interface):
        return dbus.Interface(bus.get_object("org.bluez", path), interface)

    def path_of(device):
        return HCI0 + "/dev_" + "_".join(device[i : i + 2] for i in range(0, 12, 2))

    def colons(device):
        return ":".join(device[i : i + 2] for i in range(0, 12, 2))

    mock = at("/", "org.bluez.Mock")
    mock.AddAdapter("hci0", "jig")
    # Known from an earlier time; the second one is never near again.
    mock.AddDevice("hci0", colons("868835400004"), "TB-OLD")
    mock.AddDevice("hci0", colons("868835400099"), "TB-GONE")
    print(address, flush=True)
    print("ready", flush=True)

    scenes = iter(SCENES)
    is_told = False
    while True:
        if select.select([sys.stdin], [], [], 0.02)[0]:
            line = sys.stdin.readline().strip()
            if not line:
                break
            if line == "off":
                at(HCI0, MOCK).UpdateProperties(ADAPTER, {"Powered": dbus.Boolean(False)})
            elif line == "next":
                is_told = False
            elif line == "two":
                mock.AddAdapter("hci1", "more")
            print("done", flush=True)
        try:
            now = bool(at(HCI0, dbus.PROPERTIES_IFACE).Get(ADAPTER, "Discovering"))
        except dbus.exceptions.DBusException:
            continue
        if now and not is_told:
            is_told = True
            for device, rssi, name in next(scenes, []):
                if rssi is None:
                    mock.AddDevice("hci0", colons(device), name)
                    continue
                told = {"RSSI": dbus.Int16(rssi)}
                if name is not None:
                    told["Name"] = dbus.String(name)
                at(path_of(device), MOCK).UpdateProperties(DEVICE, told)
finally:
    bluez.kill()
    daemon.kill()
