"""Commands to the simulator, by unix datagram: one command, one answer, as of the other peers."""
import asyncio
import json
import os
import socket

from .line import Fault



def outlet_of(device, text):
    return device.outlets[int(text) - 1]


def clear(device):
    device.faults, device.dead, device.slow_ms, device.held_reply = [], False, 0, None
    for outlet in device.outlets:
        outlet.lies = False
        outlet.become(outlet.commanded, None, "unstuck")
    for machine in device.machines:
        machine.hung = False


def stick(device, number, state, *lying):
    outlet = outlet_of(device, number)
    outlet.lies = lying == ("lying",)
    outlet.become(outlet.commanded, state == "on", "stuck")


def unstick(device, number):
    outlet = outlet_of(device, number)
    outlet.lies = False
    outlet.become(outlet.commanded, None, "unstuck")


def fault(device, kind, *settings):
    device.faults.append(Fault(kind, **dict(setting.split("=", 1) for setting in settings)))


COMMANDS = {
    "clear": clear,
    "stick": stick,
    "unstick": unstick,
    "fault": fault,
    "dead": lambda device: setattr(device, "dead", True),
    "alive": lambda device: setattr(device, "dead", False),
    "slow": lambda device, ms: setattr(device, "slow_ms", float(ms)),
    "set": lambda device, n, state: outlet_of(device, n).switch(state == "on", "by hand"),
    "watts": lambda device, n, watts: setattr(outlet_of(device, n), "watts", float(watts)),
    "hang": lambda device, n: setattr(device.machines[int(n) - 1], "hung", True),
    "machine": lambda device, n, state: device.machines[int(n) - 1].become(state == "on", "by hand"),
}


class Control(asyncio.DatagramProtocol):
    def __init__(self, lines):
        self.lines, self.transport = lines, None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        asyncio.ensure_future(self.serve(data.decode().split(), addr))

    async def serve(self, words, addr):
        try:
            answer = await self.obey(*words)
        except (ValueError, TypeError, LookupError) as problem:
            answer = f"error: {' '.join(words)}: {problem}"
        if addr:
            self.transport.sendto(answer.encode(), addr)

    async def obey(self, name, verb, *rest):
        chosen, seen = [], set()  # a device is on the line that names it first
        for line in self.lines:
            for device in line.devices:
                if name in (device.name, "all") and device.name not in seen:
                    seen.add(device.name)
                    chosen.append((line, device))
        if not chosen:
            raise ValueError(f"no device {name}")
        if verb == "report":
            return "\n".join(json.dumps(device.report()) for _, device in chosen)
        for line, device in chosen:
            if verb == "plug":
                await line.plug()
            elif verb == "unplug":
                line.unplug()
            else:
                COMMANDS[verb](device, *rest)
        return "ok"


async def listen(loop, path, lines):
    if os.path.exists(path):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    sock.setblocking(False)
    await loop.create_datagram_endpoint(lambda: Control(lines), sock=sock)

