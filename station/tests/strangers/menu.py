"""ST's download menu with lrzsz behind it. Arguments: the serial device, the folder for the file."""
import os
import signal
import subprocess
import sys
import termios
import tty

INVALID = b"Invalid Number ! ==> The number should be either 1 or 2\r"
MENU = b"\r\n=== Main Menu ===\r\n  Download Image ---- 1\r\n  Execute The New Program ---- 2\r\n"

signal.alarm(150)  # an end that cannot be missed
port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
tty.setraw(port, termios.TCSANOW)
os.write(port, MENU)
while True:
    key = os.read(port, 1)
    if key == b"1":
        os.write(port, b"Waiting for the file to be sent ... (press 'a' to abort)\n\r")
        receiver = subprocess.run(
            ["timeout", "--kill-after=1", "100", "rb", "--ymodem", "--binary"],
            cwd=sys.argv[2], stdin=port, stdout=port, stderr=subprocess.DEVNULL, check=False,
        )
        tty.setraw(port, termios.TCSANOW)
        ok = receiver.returncode == 0
        os.write(port, b"\n\n\r Programming Completed Successfully!\n\r" if ok else b"\n\rFailed to receive the file!\n\r")
        os.write(port, MENU)
    else:
        os.write(port, INVALID)
