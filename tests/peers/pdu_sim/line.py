"""A line and the devices on it: pymodbus frames and decodes, the devices answer, and faults spoil
what comes out.  RTU is a pty with a stable link to it; TCP is Modbus TCP or, on demand, RTU frames.

Nothing here waits: what a device does late, it does by a timer or when the next request comes.
"""
import asyncio
import os
import struct
import time
import tty

from pymodbus.bit_write_message import WriteSingleCoilRequest, WriteSingleCoilResponse
from pymodbus.factory import ServerDecoder
from pymodbus.framer.rtu_framer import ModbusRtuFramer
from pymodbus.framer.socket_framer import ModbusSocketFramer
from pymodbus.pdu import ExceptionResponse
from pymodbus.register_write_message import WriteSingleRegisterRequest, WriteSingleRegisterResponse
from pymodbus.utilities import computeCRC

from .device import WRITES, IllegalValue

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
SILENCE = 0.05  # s: what came before such a pause is no part of a frame, over RTU


class RawCoilResponse(WriteSingleCoilResponse):
    def encode(self):
        return struct.pack(">HH", self.address, self.value)


class RawCoilRequest(WriteSingleCoilRequest):
    """Function 5 with its value as it came: boards give other values than FF00 and 0000 a meaning."""

    def decode(self, data):
        self.address, self.value = struct.unpack(">HH", data)

    def encode(self):
        return struct.pack(">HH", self.address, self.value)

    def execute(self, context):
        if not context.validate(self.function_code, self.address, 1):
            return self.doException(ILLEGAL_ADDRESS)
        context.setValues(self.function_code, self.address, [self.value])
        return RawCoilResponse(self.address, self.value)


class RawRegisterRequest(WriteSingleRegisterRequest):
    """Function 6 answered by an echo, as the standard says: an action register reads differently."""

    def execute(self, context):
        if not context.validate(self.function_code, self.address, 1):
            return self.doException(ILLEGAL_ADDRESS)
        context.setValues(self.function_code, self.address, [self.value])
        return WriteSingleRegisterResponse(self.address, self.value)


class Fault:
    """Spoils the next `count` replies to requests that are of its kind."""
    KINDS = ("swallow", "mute", "late", "previous", "stale", "exception", "unit", "tid", "protocol",
             "function", "address", "count", "crc", "short", "long", "duplicate", "noise", "close")

    def __init__(self, kind, when="any", count="1", ms="0", code="4", until="any", then=""):
        if kind not in self.KINDS or when not in ("any", "read", "write") or until not in ("any", "write"):
            raise ValueError(f"no fault {kind} {when} {until}")
        self.until, self.then = until, then
        self.kind, self.when, self.ms, self.code = kind, when, float(ms), int(code)
        self.left = float("inf") if count == "all" else int(count)

    def takes(self, function):
        wanted = self.when == "any" or (self.when == "write") == (function in WRITES)
        if not self.left or not wanted:
            return False
        self.left -= 1
        return True


def with_crc(frame):
    return frame + struct.pack(">H", computeCRC(frame))


class Conversation:
    """One connection, or the one serial line."""

    def __init__(self, line, send, close):
        self.line, self.send, self.close = line, send, close
        decoder = ServerDecoder()
        decoder.register(RawCoilRequest)
        decoder.register(RawRegisterRequest)
        self.framer = (ModbusSocketFramer if line.is_tcp else ModbusRtuFramer)(decoder)
        self.heard = 0.0

    def receive(self, data):
        now = time.monotonic()
        if not self.line.is_tcp and now - self.heard > SILENCE:
            self.framer.resetFrame()
        self.heard = now
        try:
            self.framer.processIncomingPacket(data, self.execute, unit=[0], single=True)
        except Exception:  # pylint: disable=broad-except # what no device could read is not answered
            self.framer.resetFrame()

    def execute(self, request):
        for device in self.line.devices:
            if request.unit_id == device.unit or device.ignores_unit:
                self.serve(device, request)
                return
        if request.unit_id == 0:
            for device in self.line.devices:
                if device.takes_broadcast:
                    device.request = "00" + bytes([request.function_code]).hex() + request.encode().hex()
                    device.truth.tell(device.name, "write", request=device.request, answer="broadcast")
                    self.perform(device, request)

    @staticmethod
    def perform(device, request):
        function = request.function_code
        if function not in device.functions:
            return ExceptionResponse(function, ILLEGAL_FUNCTION)
        try:
            return request.execute(device)
        except IllegalValue:
            return ExceptionResponse(function, ILLEGAL_VALUE)

    def serve(self, device, request):
        function = request.function_code
        device.counts["requests"] += 1
        if device.dead:
            return
        if device.held_reply and (device.held_until == "any" or function in WRITES):
            self.transmit(device, device.held_reply)
            device.held_reply = None
        device.request = (bytes([request.unit_id, function]) + request.encode()).hex()
        fault = next((f for f in device.faults if f.takes(function)), None)
        kind = fault.kind if fault else None
        if kind in ("swallow", "exception", "close"):
            response = ExceptionResponse(function, fault.code)
        else:
            response = self.perform(device, request)
        refused = isinstance(response, ExceptionResponse)
        if function in WRITES:
            device.counts["writes"] += 1
            device.truth.tell(device.name, "write", request=device.request,
                              answer=kind or (f"exception {response.exception_code}" if refused else "ok"))
        else:
            device.counts["reads"] += 1
        if kind in ("swallow", "mute"):
            return
        if kind == "close":
            self.close()
            return
        if fault and fault.then:  # "3:off": by hand, so that what is on its way is not so any more
            number, state = fault.then.split(":")
            device.outlets[int(number) - 1].switch(state == "on", "by hand")
        response.transaction_id, response.unit_id = request.transaction_id, request.unit_id
        self.answer(device, request, self.framer.buildPacket(response), fault)

    def answer(self, device, request, packet, fault):
        kind = fault.kind if fault else None
        if kind == "previous" and device.last_reply:       # as it was, with its transaction id
            packet, device.last_reply = device.last_reply, packet
        elif kind == "stale" and device.last_reply:
            packet = packet[:6] + device.last_reply[6:] if self.line.is_tcp else device.last_reply
        elif kind and kind not in ("previous", "stale", "late", "duplicate"):
            packet = self.spoil(kind, packet)
        else:
            device.last_reply = packet
        if kind == "late" and not fault.ms:
            device.held_reply, device.held_until = packet, fault.until  # comes with a later request
            return
        if kind == "duplicate":
            device.loop.call_later(fault.ms / 1000, self.transmit, device, packet)
        delay = (fault.ms if kind == "late" else 0) + device.slow_ms
        if delay:
            device.loop.call_later(delay / 1000, self.transmit, device, packet)
        else:
            self.transmit(device, packet)

    def spoil(self, kind, packet):
        """A reply as no device should send it; with a good CRC, except for `crc`."""
        if self.line.is_tcp:
            head, body = bytearray(packet[:6]), bytearray(packet[6:])
        else:
            head, body = bytearray(), bytearray(packet[:-2])
        if kind == "unit":
            body[0] = body[0] % 200 + 1
        elif kind == "tid" and head:
            head[1] ^= 1
        elif kind == "protocol" and head:
            head[3] ^= 1
        elif kind == "function":
            body[1] = 4 if body[1] == 3 else 3
        elif kind == "address" and len(body) >= 4:
            body[3] ^= 1                                   # of an echo; of a reading, its value
        elif kind == "count":
            body[2] ^= 2                                   # the byte count of a reading
        elif kind == "short":
            body = body[:-1] if len(body) > 2 else body
        elif kind == "long":
            body += b"\x00\x01"
        if head and kind != "short":                       # a short one: its length says more
            head[4:6] = struct.pack(">H", len(body))
        whole = bytes(head + body) if head else with_crc(bytes(body))
        if kind == "crc" and not head:
            whole = whole[:-1] + bytes([whole[-1] ^ 0x55])
        elif kind == "short" and not head:
            whole = packet[:-3]
        elif kind == "noise":
            whole = bytes([0x00, 0xFE, 0x13, 0x7F]) + whole
        return whole

    def transmit(self, device, packet):
        device.counts["replies"] += 1
        self.send(packet)


class Stream(asyncio.Protocol):
    def __init__(self, line):
        self.line, self.conversation, self.transport = line, None, None

    def connection_made(self, transport):
        self.transport = transport
        self.line.streams.add(self)
        self.conversation = Conversation(self.line, transport.write, transport.abort)

    def connection_lost(self, exc):
        self.line.streams.discard(self)

    def data_received(self, data):
        self.conversation.receive(data)


class Line:
    """`kind`: rtu (place is the path of the link to make), tcp, rtu-over-tcp (place is HOST:PORT)."""

    def __init__(self, kind, place, loop):
        if kind not in ("rtu", "tcp", "rtu-over-tcp"):
            raise ValueError(f"no line {kind}")
        self.kind, self.place, self.loop, self.is_tcp = kind, place, loop, kind == "tcp"
        self.devices, self.streams, self.server = [], set(), None
        self.master = self.slave = None

    async def plug(self):
        if self.kind == "rtu":
            self.plug_pty()
        elif not self.server:
            host, port = self.place.rsplit(":", 1)
            self.server = await self.loop.create_server(lambda: Stream(self), host, int(port))
            port = self.server.sockets[0].getsockname()[1]  # again the same after an unplugging
            self.place = f"{host}:{port}"

    def plug_pty(self):
        if self.master is not None:
            return
        # Its own end stays open: else a client that closes would be the end of the line.
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        link = self.place + ".new"
        os.symlink(os.ttyname(self.slave), link)
        os.replace(link, self.place)
        conversation = Conversation(self, self.write_pty, lambda: None)
        self.loop.add_reader(self.master, lambda: conversation.receive(os.read(self.master, 4096)))

    def write_pty(self, data):
        if self.master is None:
            return
        try:
            os.write(self.master, data)
        except BlockingIOError:
            pass  # nobody reads, and the line is full of what was said: lost, as on a wire

    def unplug(self):
        if self.kind == "rtu" and self.master is not None:
            self.loop.remove_reader(self.master)
            os.close(self.master)
            os.close(self.slave)
            self.master = self.slave = None
            os.unlink(self.place)
        elif self.server:
            self.server.close()
            self.server = None
            for stream in list(self.streams):
                stream.transport.abort()
