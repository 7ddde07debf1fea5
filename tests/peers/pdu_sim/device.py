"""One simulated PDU: outlets, the registers through which they are reached, and the truth.

A register or bit is a Cell: what reading it gives, and what writing to it does.  A product
(products.py) is nothing but a function that fills in the cells.  pymodbus decodes a request and
asks the device as its data store; an address without a cell is its exception 2.
"""
import json
import subprocess
import time
from collections import deque
from typing import Callable, NamedTuple, Optional

COIL, DISCRETE, HOLDING, INPUT = "coil", "discrete", "holding", "input"
SPACE = {1: COIL, 5: COIL, 15: COIL, 2: DISCRETE, 3: HOLDING, 6: HOLDING, 16: HOLDING, 4: INPUT}
WRITES = (5, 6, 15, 16)


class IllegalValue(Exception):
    """Of a write: the device answers exception 3 and does nothing."""


class Cell(NamedTuple):
    read: Optional[Callable] = None
    write: Optional[Callable] = None


def constant(value):
    return Cell(read=lambda: value)


def memory(value):
    """A setting: holds what was written to it, and does nothing."""
    kept = [value]
    return Cell(read=lambda: kept[0], write=lambda new: kept.__setitem__(0, new))


class Truth:
    """What physically happened, a JSON object a line, flushed before the device answers."""

    def __init__(self, path, program, changes):
        self.file = open(path, "a", encoding="ascii", buffering=1) if path else None
        self.program, self.changes, self.queue, self.child = program, None, deque(), None
        if changes:
            # Read and write: opening a fifo for writing alone waits for its reader.
            self.changes = open(changes, "r+b", buffering=0)

    def tell(self, device, event, **facts):
        if self.file:
            line = {"ms": round(time.monotonic() * 1000, 3), "device": device, "event": event}
            self.file.write(json.dumps({**line, **facts}) + "\n")

    def changed(self, device, what, state):
        """Something gained or lost its power: told to whoever is to act on it, in order."""
        words = [device, str(what), state]
        if self.changes:
            self.changes.write((" ".join(words) + "\n").encode())
        if self.program:
            self.queue.append(words)
            self.run_next()

    def run_next(self):
        if self.child and self.child.poll() is None:
            return
        self.child = subprocess.Popen([self.program, *self.queue.popleft()]) if self.queue else None


def word(state):
    return "on" if state else "off"


class Outlet:
    """What was commanded, what is physically so (a relay may stick), and what is read."""

    def __init__(self, device, number, state):
        self.device, self.number, self.commanded = device, number, state
        self.stuck, self.lies, self.watts, self.timer = None, False, 100, None

    @property
    def physical(self):
        return self.commanded if self.stuck is None else self.stuck

    @property
    def reads(self):
        return self.commanded if self.lies else self.physical

    @property
    def draws(self):
        return self.watts if self.physical else 0

    def become(self, commanded, stuck, by):
        was = self.physical
        self.commanded, self.stuck = commanded, stuck
        if self.physical != was:
            self.device.outlet_changed(self, by)

    def switch(self, state, by=None):
        if self.timer:
            self.timer.cancel()
            self.timer = None
        self.become(bool(state), self.stuck, by or self.device.request)

    def pulse(self, first, milliseconds):
        """To `first` now, and back when the time is over."""
        self.switch(first)
        self.timer = self.device.loop.call_later(
            milliseconds / 1000, lambda: self.switch(not first, "end of pulse"))


class Machine:
    """A computer whose power button is a relay: it starts by a press, is asked to shut down by a
    short one, and is forced off by a long one."""

    def __init__(self, device, number, options):
        self.device, self.number, self.on, self.hung = device, number, False, False
        self.hold_ms = float(options.pop("hold_ms", 4000))
        self.soft_ms = float(options.pop("soft_ms", 50))
        self.pressed, self.forcing, self.presses, self.resets = None, None, [], 0

    def become(self, state, by):
        if self.on != state:
            self.on = state
            self.device.truth.tell(self.device.name, "machine", machine=self.number, power=word(state), by=by)
            self.device.truth.changed(self.device.name, f"machine{self.number}", word(state))

    def button(self, down):
        now, loop = time.monotonic() * 1000, self.device.loop
        if down and self.pressed is None:
            self.pressed = now
            if self.on:
                self.forcing = loop.call_later(self.hold_ms / 1000, self.become, False, "button held")
            else:
                self.become(True, "button pressed")
                self.pressed_while_off = True
                return
            self.pressed_while_off = False
        elif not down and self.pressed is not None:
            held, self.pressed = now - self.pressed, None
            self.presses.append(round(held))
            self.device.truth.tell(self.device.name, "press", machine=self.number, held_ms=round(held))
            if self.forcing:
                self.forcing.cancel()
                self.forcing = None
            if self.on and not self.pressed_while_off and not self.hung and held < self.hold_ms:
                loop.call_later(self.soft_ms / 1000, self.become, False, "shut down by its button")

    def reset(self, down):
        if not down:
            self.resets += 1
            self.device.truth.tell(self.device.name, "reset", machine=self.number)


class Device:
    """Is pymodbus's data store (validate, getValues, setValues), too."""

    def __init__(self, name, truth, loop, options):
        self.name, self.truth, self.loop = name, truth, loop
        self.unit = int(options.pop("unit", 1))
        self.noutlets = int(options.pop("outlets", 0))
        self.starts = options.pop("power", "off") == "on"
        self.options = options
        self.ignores_unit = self.takes_broadcast = False
        self.functions, self.whole_bank = set(), False
        self.cells = {COIL: {}, DISCRETE: {}, HOLDING: {}, INPUT: {}}
        self.outlets, self.machines = [], []
        self.request = ""  # the one being executed, as hex: unit and PDU
        self.counts = {"requests": 0, "reads": 0, "writes": 0, "replies": 0}
        self.faults, self.dead, self.slow_ms = [], False, 0
        self.last_reply, self.held_reply, self.held_until = None, None, None

    def add_outlets(self, default):
        self.noutlets = self.noutlets or default
        self.outlets = [Outlet(self, n + 1, self.starts) for n in range(self.noutlets)]
        return self.outlets

    def add_machines(self, count):
        self.machines = [Machine(self, n + 1, dict(self.options)) for n in range(count)]
        for key in ("hold_ms", "soft_ms"):
            self.options.pop(key, None)
        return self.machines

    def outlet_changed(self, outlet, by):
        self.truth.tell(self.name, "switch", outlet=outlet.number, power=word(outlet.physical), by=by)
        self.truth.changed(self.name, outlet.number, word(outlet.physical))
        index, count = outlet.number - 1, len(self.machines)
        if index < count:
            self.machines[index].button(outlet.physical)
        elif index < 2 * count:
            self.machines[index - count].reset(outlet.physical)

    def cell(self, function, address):
        return self.cells[SPACE[function]].get(address)

    # ---- pymodbus's data store ----

    def validate(self, function, address, count=1):
        if function == 15 and self.whole_bank:
            if (address, count) != (self.whole_bank, self.noutlets):
                return False
        need = "write" if function in WRITES else "read"
        cells = [self.cell(function, address + i) for i in range(count)]
        return all(cell and getattr(cell, need) for cell in cells)

    def getValues(self, function, address, count=1):  # pylint: disable=invalid-name
        return [int(self.cell(function, address + i).read()) for i in range(count)]

    def setValues(self, function, address, values):  # pylint: disable=invalid-name
        for i, value in enumerate(values):
            if function == 15:
                value = 0xFF00 if value else 0
            self.cell(function, address + i).write(int(value))

    def report(self):
        return {
            "device": self.name,
            "outlets": [word(o.reads) for o in self.outlets],
            "physical": [word(o.physical) for o in self.outlets],
            "machines": [word(m.on) for m in self.machines],
            "presses": [m.presses for m in self.machines],
            "resets": [m.resets for m in self.machines],
            **self.counts,
        }
