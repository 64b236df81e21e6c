"""A Modbus RTU server by pymodbus with the registers of the test board, typed here by hand. Argument: the serial device."""
import asyncio
import signal
import sys

from pymodbus.framer import FramerType
from pymodbus.server import StartAsyncSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

identity = [
    7,  # 0: model
    0x146B, 0xC9B7,  # 1: machine code 342608311, high word first
    0x3236, 0x3534, 0x3143, 0x3938, 0x3036, 0x3845,  # 3: "26541C98068E"
    0x5631, 0x2E38, 0, 0,  # 9: "V1.8"
    0xDEAD, 0xBEEF,  # 13: CRC of the image
]
parameters = [4200, 2750, 0xFFE2] + [0] * 27  # 100: mV, mV, -30 degrees; 103: name and the rest


async def main():
    device = SimDevice(
        id=1,
        simdata=[
            SimData(0, values=identity, datatype=DataType.REGISTERS),
            SimData(100, values=parameters, datatype=DataType.REGISTERS),
        ],
    )
    await StartAsyncSerialServer(device, framer=FramerType.RTU, port=sys.argv[1], baudrate=115200)


signal.alarm(150)  # an end that cannot be missed
asyncio.run(main())
