"""The products: what each one's manual says about its registers, and nothing else.

Addresses are those on the wire, from 0.  Where a manual is silent, what is simulated is said in
the comment.  `device.functions` are the function codes the product knows: others are exception 1.
"""
import struct

from .device import COIL, DISCRETE, HOLDING, INPUT, Cell, IllegalValue, constant, memory

PRODUCTS = {}
VOLTS = 230


def product(function):
    PRODUCTS[function.__name__.replace("_", "-")] = function
    return function


def coil_cell(outlet, on=0xFF00, off=0):
    def write(raw):
        if raw not in (on, off):
            raise IllegalValue
        outlet.switch(raw == on)
    return Cell(read=lambda: outlet.reads, write=write)


def coils(device, address, **values):
    for i, outlet in enumerate(device.outlets):
        device.cells[COIL][address + i] = coil_cell(outlet, **values)


def words_of(device, space, address, number, fetch):
    """A value of several registers: `fetch` gives their words, highest address last."""
    for i in range(number):
        device.cells[space][address + i] = Cell(read=lambda i=i: fetch()[i])


def signed_words(value):
    return struct.unpack(">HH", struct.pack(">i", round(value)))


def float_words(value):
    return struct.unpack(">HH", struct.pack(">f", value))


def gude_meter(device, base, draws):
    """Energy, active power, voltage, current, frequency, power factor, angle, apparent power:
    each signed 32 bits, high word first.  Units taken as Wh, W, V, mA, 0.01 Hz, 0.001."""
    values = (lambda: 4711, draws, lambda: VOLTS, lambda: draws() * 1000 / VOLTS,
              lambda: 5000, lambda: 1000, lambda: 0, draws)
    for offset, value in enumerate(values):
        words_of(device, INPUT, base + 2 * offset, 2, lambda value=value: signed_words(value()))


@product
def gude(device):
    """Expert Power Control family, and the OEM Lindy IPower Switch 4 DIN S Pro (32662).
    Gude manuals: manualshive "gude-0" pp. 86, 94, 98, 99, 103; manualslib 894493 p. 112; Lindy:
    manualslib.com/manual/3390860 p. 51.  The unit id is ignored."""
    device.functions = {1, 2, 3, 4, 5, 6, 15, 16}
    device.ignores_unit = True
    device.add_outlets(8)
    coils(device, 0x000)
    for i in range(4):
        device.cells[DISCRETE][0x400 + i] = constant(0)
    for i, value in enumerate((device.noutlets, device.noutlets, 0, 1, 0, 0)):
        device.cells[INPUT][i] = constant(value)
    for i in range(16):  # two ports for external sensors, nothing fitted
        device.cells[INPUT][0x100 + i] = constant(0x8000)
    gude_meter(device, 0x400, lambda: sum(o.draws for o in device.outlets))
    for i, outlet in enumerate(device.outlets):
        gude_meter(device, 0x3A00 + 0x120 * i, lambda outlet=outlet: outlet.draws)


@product
def lindy(device):
    device.noutlets = device.noutlets or 4
    gude(device)


@product
def netio(device):
    """NETIO 4/4All/4C, PowerPDU 4C/4PS/8Q, PowerDIN 4PZ, PowerCable Modbus 101x.
    manualshelf powerpdu-4ps p. 48; manualshive powercable-modbus-101 p. 61; powerdin-4pz p. 46;
    NETIO AN27."""
    device.functions = {1, 3, 4, 5, 6, 15, 16}
    device.add_outlets(4)
    coils(device, 101)
    device.whole_bank = 101  # FC15 covers all outputs or is refused
    holding, inputs = device.cells[HOLDING], device.cells[INPUT]
    for i, value in enumerate((0, device.noutlets, device.noutlets)):
        holding[i] = constant(value)
    for i, outlet in enumerate(device.outlets):
        holding[201 + i] = memory(20)  # length of a short off or on, 0.1 s

        def act(action, i=i, outlet=outlet):
            short_ms = holding[201 + i].read() * 100
            actions = {0: lambda: outlet.switch(False), 1: lambda: outlet.switch(True),
                       2: lambda: outlet.pulse(False, short_ms), 3: lambda: outlet.pulse(True, short_ms),
                       4: lambda: outlet.switch(not outlet.reads), 5: lambda: None}
            if action not in actions:
                raise IllegalValue
            actions[action]()
        holding[101 + i] = Cell(read=lambda outlet=outlet: outlet.reads, write=act)

    def total():
        return sum(o.draws for o in device.outlets)
    for i, value in enumerate((5000, VOLTS * 10, 1000)):
        inputs[i] = constant(value)
    inputs[100] = Cell(read=lambda: round(total() * 1000 / VOLTS))
    inputs[200] = Cell(read=total)
    for i, outlet in enumerate(device.outlets):
        inputs[101 + i] = Cell(read=lambda outlet=outlet: round(outlet.draws * 1000 / VOLTS))
        inputs[201 + i] = Cell(read=lambda outlet=outlet: outlet.draws)
        inputs[400 + i] = constant(1000)
    for i in range(2 * (1 + device.noutlets)):
        inputs[300 + i] = constant(0)


@product
def waveshare(device):
    """Modbus RTU Relay, 4/8/16/32 channels, protocol V2 (from 2021-09 on); in the POE ETH Relay
    (8/16/30 channels), too, as RTU frames over TCP.  Waveshare wiki."""
    device.functions = {1, 3, 5, 6, 15, 16}
    device.takes_broadcast = True
    device.add_outlets(8)
    for i, outlet in enumerate(device.outlets):
        def write(raw, outlet=outlet):
            if raw not in (0xFF00, 0x0000, 0x5500):
                raise IllegalValue
            outlet.switch(not outlet.commanded if raw == 0x5500 else raw == 0xFF00)
        device.cells[COIL][i] = Cell(read=lambda outlet=outlet: outlet.reads, write=write)
        # "flash": a pulse in 100 ms units, by a raw value of function 5
        device.cells[COIL][0x0200 + i] = Cell(write=lambda raw, outlet=outlet: outlet.pulse(True, raw * 100))
        device.cells[COIL][0x0400 + i] = Cell(write=lambda raw, outlet=outlet: outlet.pulse(False, raw * 100))

    def write_all(raw):
        for i in range(device.noutlets):
            device.cells[COIL][i].write(raw)
    device.cells[COIL][0x00FF] = Cell(write=write_all)
    device.cells[HOLDING][0x2000] = memory(0x0001)  # 9600 8N1
    device.cells[HOLDING][0x4000] = memory(device.unit)
    device.cells[HOLDING][0x8000] = constant(200)   # V2.00


def eletechsup(device):
    """The action registers of eletechsup's boards: n switches relay n, 0 switches all."""
    def act(outlet, action):
        if action == 0x0400:
            for other in device.outlets:
                other.switch(other is outlet)
        elif action == 0x0500:
            outlet.pulse(True, 1000)
        elif action >> 8 == 0x06:
            outlet.pulse(True, 1000 * (action & 0xFF))
        else:
            states = {0x0100: True, 0x0200: False, 0x0300: not outlet.commanded}
            if action not in states:
                raise IllegalValue
            outlet.switch(states[action])

    def act_all(action):
        if action not in (0x0700, 0x0800):
            raise IllegalValue
        for outlet in device.outlets:
            outlet.switch(action == 0x0700)
    device.cells[HOLDING][0] = Cell(read=lambda: 0, write=act_all)
    for outlet in device.outlets:
        device.cells[HOLDING][outlet.number] = Cell(
            read=lambda outlet=outlet: outlet.reads,
            write=lambda action, outlet=outlet: act(outlet, action))


@product
def r421a08(device):
    """eletechsup R421A08, R421B16, R4D8A08, N4D8B08, LaskaKit: written as actions, read as 1 or 0.
    Erriez/R421A08-rs485-8ch-relay-board; vendor documents of the family."""
    device.functions = {3, 6}
    device.add_outlets(8)
    eletechsup(device)


@product
def ryn4(device):
    """eletechsup RYN404E, RYN408F: as R421A08, with coils.  The vendor's document names relays
    0x0001 to 0x0008 in one place and 0x0000 to 0x0007 in another: coils=0 or coils=1."""
    device.functions = {1, 3, 5, 6, 15, 16}
    device.add_outlets(4)
    eletechsup(device)
    coils(device, int(device.options.pop("coils", 0)))

    def bitmap():
        return sum(o.reads << i for i, o in enumerate(device.outlets))

    def write_bitmap(value):
        for i, outlet in enumerate(device.outlets):
            outlet.switch(value >> i & 1)
    device.cells[HOLDING][0x0080] = Cell(read=bitmap, write=write_bitmap)
    device.cells[HOLDING][0x00FC] = memory(0)  # reply delay, 40 ms
    device.cells[HOLDING][0x00FE] = memory(2)
    device.cells[HOLDING][0x00FF] = memory(0)  # parity


@product
def lc_hhc(device):
    """"LC" and HHC boards, 1 to 8 relays, at unit 255.  csdn article; artisan discussion 634."""
    device.functions = {1, 5, 15, 16}
    device.add_outlets(8)
    coils(device, 0)
    device.cells[HOLDING][0] = Cell(write=lambda unit: setattr(device, "unit", unit))


@product
def relay4(device):
    """4-relay RTU board with LED digits: function 5 with 0x0100 for on, coils from 1.
    gist TG9541; kdudkov/mb_gate."""
    device.functions = {1, 3, 5, 6}
    device.add_outlets(4)
    coils(device, 1, on=0x0100, off=0x0000)
    device.cells[HOLDING][0x4000] = memory(device.unit)


@product
def wp8025adam(device):
    """Wellpro WP8025ADAM, 8 relays.  2SmartCloud; mbmap wellpro."""
    device.functions = {1, 3, 5, 6, 15, 16}
    device.add_outlets(8)
    coils(device, 0)
    device.cells[HOLDING][100] = memory(device.unit)
    device.cells[HOLDING][101] = memory(0x0003)


def adam(device, count, name):
    """Outputs are coils from 16 (00017 in the manual); the module's name is at 40211, 40212; the
    outputs as one word at 40303.  ADAM-4000 manual (manualsdir p. 425); mbmap advantech."""
    device.add_outlets(count)
    coils(device, 16)
    device.cells[HOLDING][210] = constant(name)
    device.cells[HOLDING][211] = constant(0)

    def write_word(value):
        for i, outlet in enumerate(device.outlets):
            outlet.switch(value >> i & 1)
    device.cells[HOLDING][302] = Cell(
        read=lambda: sum(o.reads << i for i, o in enumerate(device.outlets)), write=write_word)


@product
def adam_4068(device):
    device.functions = {1, 3, 5, 6, 15, 16}
    adam(device, 8, 0x4068)
    del device.cells[HOLDING][302]  # only the 4100 series has the word


@product
def adam_4168(device):
    device.functions = {1, 3, 5, 6, 15, 16}
    adam(device, 8, 0x4168)


@product
def adam_6060(device):
    """6 relays; its digital inputs are coils 0 to 5."""
    device.functions = {1, 2, 3, 4, 5, 6, 15, 16}
    adam(device, 6, 0x6060)
    for i in range(6):
        device.cells[COIL][i] = constant(0)


@product
def moxa_e1211(device):
    """ioLogik E1211, 16 outputs.  User's manual, appendix A; mbmap moxa."""
    device.functions = {1, 2, 3, 4, 5, 6, 15, 16}
    device.add_outlets(16)
    coils(device, 0)


@product
def moxa_e1214(device):
    """ioLogik E1214, 6 relays and 6 inputs."""
    moxa_e1211_count(device, 6)
    for i in range(6):
        device.cells[DISCRETE][i] = constant(0)


def moxa_e1211_count(device, count):
    device.noutlets = device.noutlets or count
    moxa_e1211(device)


@product
def denkovi(device):
    """smartDEN IP-16R-MT.  easymanua.ls p. 45.  A pulse is taken to be on for its width, then off."""
    device.functions = {1, 3, 5, 6, 15, 16}
    device.add_outlets(16)
    coils(device, 0)
    for i, outlet in enumerate(device.outlets):
        device.cells[HOLDING][0x6000 + i] = memory(10)  # 100 ms
        device.cells[HOLDING][i] = Cell(read=lambda: 0, write=lambda _, i=i, outlet=outlet: outlet.pulse(
            True, 100 * device.cells[HOLDING][0x6000 + i].read()))
    device.cells[HOLDING][0x6A00] = constant(0x0105)


@product
def rlh_smart8(device):
    """RLH Smart-8: 0 auto, 1 off, 2 on.  manualshive 1467156 p. 27."""
    device.functions = {1, 3, 6, 16}
    device.add_outlets(8)
    for i, outlet in enumerate(device.outlets):
        mode = memory(0)

        def act(value, mode=mode, outlet=outlet):
            if value not in (0, 1, 2):
                raise IllegalValue
            mode.write(value)
            if value:
                outlet.switch(value == 2)
        device.cells[HOLDING][i] = Cell(read=mode.read, write=act)
        device.cells[COIL][i] = Cell(read=lambda outlet=outlet: outlet.reads)


@product
def trycom(device):
    """TRP-C28, 4 relays.  manualshive p. 31."""
    device.functions = {1, 5}
    device.add_outlets(4)
    coils(device, 0)


@product
def sequent(device):
    """Sequent Microsystems 3relind, 3 relays.  Vendor's readme; mbmap sequent."""
    device.functions = {1, 5}
    device.add_outlets(3)
    coils(device, 0)


@product
def yobiiq_rm200(device):
    """RM200, 2 relays.  docs.yobiiq.com/rm200/device/registers/device-data, which does not say the
    function codes: taken to be 3 and 6."""
    device.functions = {3, 6, 16}
    device.add_outlets(2)
    for i, outlet in enumerate(device.outlets):
        def act(value, outlet=outlet):
            if value not in (0, 1):
                raise IllegalValue
            outlet.switch(value)
        base = 0x1A + 0x10 * i
        device.cells[HOLDING][base] = Cell(read=lambda outlet=outlet: outlet.reads)
        device.cells[HOLDING][base + 1] = Cell(read=lambda outlet=outlet: outlet.commanded, write=act)
        device.cells[HOLDING][base + 3] = memory(0)
        device.cells[HOLDING][base + 4] = memory(2)
        device.cells[HOLDING][base + 5] = memory(0)


@product
def xerus(device):
    """Raritan, Legrand, Server Technology PX2/3/4, PRO3X/4X: readings only.  Raritan "Xerus Modbus
    Interface".  Only outlet 1's place is known."""
    device.functions = {1, 3, 43}
    device.add_outlets(8)
    holding = device.cells[HOLDING]
    for i, value in enumerate((1, 1, 2, device.noutlets)):
        holding[i] = constant(value)

    def total():
        return sum(o.draws for o in device.outlets)
    words_of(device, HOLDING, 0x3008, 2, lambda: float_words(VOLTS))
    words_of(device, HOLDING, 0x300A, 2, lambda: float_words(total() / VOLTS))
    words_of(device, HOLDING, 0x3012, 2, lambda: float_words(total()))
    words_of(device, HOLDING, 0x8008, 2, lambda: float_words(VOLTS))
    words_of(device, HOLDING, 0x800A, 2, lambda: float_words(device.outlets[0].draws / VOLTS))
    words_of(device, HOLDING, 0x800C, 2, lambda: float_words(device.outlets[0].draws / VOLTS))


@product
def bachmann(device):
    """BlueNet: function 3 only, readings (manualslib.es p. 133); their places are not documented
    there, so that register 0 is one of ours."""
    device.functions = {3}
    device.add_outlets(8)
    device.cells[HOLDING][0] = constant(0)


@product
def button_board(device):
    """Relays at the power and reset headers of machines: the first `machines` press power
    buttons, as many after them press reset, and discrete inputs from 0 see the power LEDs.  A
    Waveshare board with inputs."""
    count = int(device.options.pop("machines", 4))
    device.noutlets = 2 * count
    waveshare(device)
    device.functions = device.functions | {2}
    for i, machine in enumerate(device.add_machines(count)):
        device.cells[DISCRETE][i] = Cell(read=lambda machine=machine: machine.on)
