"""A command to the simulator from outside; imports little, as tests do it often."""
import os
import socket
import sys

HELP = """\
DEVICE|all report            what is so and what was counted, as JSON
DEVICE|all fault KIND [when=any|read|write] [count=N|all] [ms=N] [code=N]
                             [until=any|write]; late: until ms have passed, or such a request comes
                             [then=OUTLET:on|off]  and then that changes, by hand
DEVICE|all clear             no faults, nothing stuck, alive, prompt
DEVICE|all dead | alive      answers nothing at all | again
DEVICE|all slow MS           answers so much later
DEVICE|all unplug | plug     its line is gone | there again
DEVICE stick OUTLET on|off [lying]   the relay is welded, and read so (lying: read as commanded)
DEVICE unstick OUTLET
DEVICE set OUTLET on|off     by its own button
DEVICE watts OUTLET N        what is fed draws while it is on
DEVICE hang MACHINE          takes no notice of a short press
DEVICE machine MACHINE on|off"""


def send(path, words):
    """One command; its answer on stdout. An exit code."""
    mine = f"{path}.{os.getpid()}"
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sock.bind(mine)
        sock.settimeout(5)
        sock.sendto(" ".join(words).encode(), path)
        answer = sock.recv(65536).decode()
    except OSError as problem:
        print(f"pdu: {path}: {problem}", file=sys.stderr)
        return 2
    finally:
        if os.path.exists(mine):
            os.unlink(mine)
    print(answer)
    return 1 if answer.startswith("error") else 0
