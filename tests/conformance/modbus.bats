#!/usr/bin/env bats
# Every profile we ship, the whole way: powerctl, agent, driver, wire, and a device that was built
# from the product's manual (tests/peers/pdu).  What the agent says, what mbpoll reads and what
# physically happened are compared.
#
# All boards with a serial port are on one line. Each device is reached by a second way, Modbus TCP,
# which only mbpoll uses.

bats_require_minimum_version 1.5.0
build=$(realpath "${POWERCTL_BUILD:-build}")

# name=profile  what is simulated  how the device is configured more
serial_boards='
wave      waveshare-relay   waveshare,unit=1        unit: 1, pulse: { ms: 300 }
elsup     r421a08           r421a08,unit=2          unit: 2
ryn4      ryn4              ryn4,unit=3             unit: 3
lc        lc-relay          lc-hhc,unit=255
four      relay4-0100       relay4,unit=4           unit: 4
wp8025    wp8025adam        wp8025adam,unit=5       unit: 5
adam4068  adam-4068         adam-4068,unit=6        unit: 6, probe: { expect: [0x4068, 0] }
adam4168  adam-4168         adam-4168,unit=7        unit: 7, probe: { expect: [0x4168, 0] }
trycom    trycom-c28        trycom,unit=8           unit: 8
sequent   sequent-3relind   sequent,unit=9          unit: 9
yobiiq    yobiiq-rm200      yobiiq-rm200,unit=10    unit: 10
closed    r421a08           r421a08,unit=11,power=on unit: 11, invert: true, pulse: { ms: 1000 }
button    button-relay      button-board,unit=12,hold_ms=900 unit: 12, press_ms: 100, hold_ms: 1100
wrong     waveshare-relay   r421a08,unit=13         unit: 13
'
tcp_boxes='
gude      gude-epc          gude,outlets=8          outlets: 8, meter: { function: 4, address: 0x3a02, stride: 0x120, type: s32, milliwatts: 1000 }
lindy     lindy-ipower      lindy
netio     netio-4x          netio                   pulse: { ms: 300 }
metered   netio-4x-metered  netio                   pulse: { ms: 300 }
netio8    netio-powerpdu-8q netio,outlets=8         pulse: { ms: 300 }
cable     netio-powercable  netio,outlets=1         pulse: { ms: 300 }
adam6060  adam-6060         adam-6060
e1211     moxa-e1211        moxa-e1211
e1214     moxa-e1214        moxa-e1214
denkovi   denkovi-ip16r     denkovi
rlh       rlh-smart8        rlh-smart8
poe       waveshare-poe-relay waveshare             pulse: { ms: 300 }
xerus     xerus             xerus,outlets=8         outlets: 8
bluenet   bachmann-bluenet  bachmann                outlets: 8
toobig    netio-powerpdu-8q netio
'
# Whose outlet feeds a node, which may be cycled by the PDU itself.
natives='wave/8 closed/8 netio/4 metered/4 netio8/8 poe/8'

setup_file() {
    export build pdus=$BATS_FILE_TMPDIR/pdus agent_dir=$BATS_FILE_TMPDIR/agent
    source tests/lib/pdu.bash
    source tests/lib/agent.bash
    local name profile product more words=() windows=()
    words=("rtu:$BATS_FILE_TMPDIR/tty")
    while read -r name profile product more; do
        [ -z "$name" ] || words+=("$name=$product") windows+=(tcp:127.0.0.1:0 "@$name")
    done <<<"$serial_boards"
    words+=("${windows[@]}")
    while read -r name profile product more; do
        [ -z "$name" ] && continue
        case $name in poe) words+=(rtu-over-tcp:127.0.0.1:0) ;; *) words+=(tcp:127.0.0.1:0) ;; esac
        words+=("$name=$product" tcp:127.0.0.1:0 "@$name")
    done <<<"$tcp_boxes"
    pdus_start "${words[@]}"
    libmodbus_slave coil tcp 25503 1 8
    libmodbus_slave register rtu "$BATS_FILE_TMPDIR/register" 1 8
    configure
    agent_start
}

# Ports come in the order of the lines; $windows maps a name to mbpoll's.
configure() {
    local name profile product more i=0
    : >"$pdus/windows"
    mkdir -p "$agent_dir"
    {
        echo "devices:"
        while read -r name profile product more; do
            [ -z "$name" ] && continue
            echo "$name ${pdu_ports[i++]}" >>"$pdus/windows"
            echo "  $name: { driver: modbus, profile: $profile, serial: $BATS_FILE_TMPDIR/tty, $common${more:+, $more} }"
        done <<<"$serial_boards"
        while read -r name profile product more; do
            [ -z "$name" ] && continue
            echo "  $name: { driver: modbus, profile: $profile, host: 127.0.0.1, port: ${pdu_ports[i++]}, $common${more:+, $more} }"
            echo "$name ${pdu_ports[i++]}" >>"$pdus/windows"
        done <<<"$tcp_boxes"
        echo "  coil: { driver: modbus, profile: generic-coil, host: 127.0.0.1, port: 25503, outlets: 8, $common }"
        echo "  register: { driver: modbus, profile: generic-register, transport: rtu, serial: $BATS_FILE_TMPDIR/register, outlets: 8, $common }"
        echo "nodes:"
        for name in $natives; do echo "  node-${name%/*}: { power: $name, native_cycle: true }"; done
        echo "  machine: { power: button/1 }"
        echo "limits: { power_on_per_second: 1000, retries: 0 }"
        echo "deadlines: { settle: 0.1, dwell: 0, command: 10, off: 20, on: 20 }"
        agent_part
    } >"$agent_dir/powerctl.yaml"
}
common='stagger_ms: 0, settle_ms: 20'

teardown_file() {
    source tests/lib/pdu.bash
    source tests/lib/agent.bash
    agent_stop
    pdus_stop
}

setup() {
    export build agent_dir
    source tests/lib/pdu.bash
    source tests/lib/agent.bash
    truth_mark
}

powerctl() { "$build/powerctl" "$@"; }

is() { [ "$1" = "$2" ] || { echo "wanted: $1"; echo "got:    $2"; return 1; }; }

# What the agent says of a PDU's outlets, in their order.
said() { powerctl outlets "$1" --format jsonl | jq -rs '[.[].power] | join(" ")'; }

# What mbpoll reads of it: FIRST is bit or register of outlet 1.
read_by_mbpoll() { # PDU TABLE FIRST COUNT [STRIDE]
    local port values='' i unit=1
    port=$(awk -v name="$1" '$1 == name { print $2 }' "$pdus/windows")
    # It asks the window, where the unit is what it is on the line.
    unit=$(pdu_unit "$1")
    if [ -n "${5:-}" ]; then
        for ((i = 0; i < $4; i++)); do
            values+=" $(mb -m tcp -p "$port" -a "$unit" -t "$2" -r $(($3 + i * $5)) 127.0.0.1)"
        done
    else
        values=" $(mb -m tcp -p "$port" -a "$unit" -t "$2" -r "$3" -c "$4" 127.0.0.1)"
    fi
    values=${values// 1/ on}
    values=${values// 0/ off}
    echo "${values# }"
}

pdu_unit() {
    sed -nE "s/^$1 .*unit=([0-9]+).*/\1/p" <<<"$serial_boards" | grep . || echo 1
}

# three_agree PDU WANTED TABLE FIRST COUNT [STRIDE]
three_agree() {
    is "$2" "$(said "$1")"
    is "$2" "$(pdu_field "$1" physical)"
    is "$2" "$(read_by_mbpoll "$1" "${@:3}")"
}

states() { # COUNT OUTLET...: these are on
    local i words=()
    for ((i = 1; i <= $1; i++)); do
        case " ${*:2} " in *" $i "*) words+=(on) ;; *) words+=(off) ;; esac
    done
    echo "${words[*]}"
}

# switches PDU COUNT OTHER TABLE FIRST [STRIDE]: outlets 1 and OTHER, of COUNT
switches() {
    local pdu=$1 count=$2 other=$3 where=("$4" "$5" "$2" ${6:+"$6"})
    three_agree "$pdu" "$(states "$count")" "${where[@]}"
    powerctl outlet on "$pdu/1" --quiet
    three_agree "$pdu" "$(states "$count" 1)" "${where[@]}"
    powerctl outlet on "$pdu/$other" --quiet
    three_agree "$pdu" "$(states "$count" 1 "$other")" "${where[@]}"
    powerctl outlet off "$pdu/1" --quiet
    three_agree "$pdu" "$(states "$count" "$other")" "${where[@]}"
    powerctl outlet cycle "$pdu/$other" --quiet
    three_agree "$pdu" "$(states "$count" "$other")" "${where[@]}"
    powerctl outlet off "$pdu/$other" --quiet
    is "1 on, $other on, 1 off, $other off, $other on, $other off" "$(pdu_switched "$pdu")"
    run powerctl outlet on "$pdu/$((count + 1))"
    [ "$status" -ne 0 ]
}

# native NODE: what the PDU does by itself nobody sees begin and end, so it may stay unverified
native() {
    run powerctl cycle --native "$1" --quiet
    [ "$status" -eq 0 ] || [ "$status" -eq 7 ] || { echo "$output"; return 1; }
}

# pulses PDU OUTLET: by its own means, and it is on again
pulses() {
    powerctl on "node-$1" --quiet
    truth_mark
    native "node-$1"
    wait_for 10 switched "$1" "$2 off, $2 on"
    is 1 "$(truth_since "$1" | jq -s '[.[] | select(.event == "switch" and .power == "off" and .by != "end of pulse")] | length')"
    truth_since "$1" | grep -q '"by":"end of pulse"'
    powerctl off "node-$1" --quiet
}
switched() { [ "$(pdu_switched "$1")" = "$2" ]; }

watts() { powerctl outlets "$1" --format jsonl | jq -r "select(.outlet == \"$1/$2\").watts"; }

@test "waveshare-relay" { switches wave 8 7 0 0 && pulses wave 8; }
@test "r421a08" { switches elsup 8 8 4 1; }
@test "ryn4" { switches ryn4 4 4 4 1; }
@test "lc-relay, at unit 255" { switches lc 8 8 0 0; }
@test "relay4-0100" { switches four 4 4 0 1; }
@test "wp8025adam" { switches wp8025 8 8 0 0; }
@test "adam-4068" { switches adam4068 8 8 0 16; }
@test "adam-4168" { switches adam4168 8 8 0 16; }
@test "trycom-c28" { switches trycom 4 4 0 0; }
@test "sequent-3relind" { switches sequent 3 3 0 0; }
@test "yobiiq-rm200" { switches yobiiq 2 2 4 26 16; }
@test "gude-epc" { switches gude 8 8 0 0; }
@test "lindy-ipower" { switches lindy 4 4 0 0; }
@test "netio-4x" { switches netio 4 3 0 101 && pulses netio 4; }
@test "netio-4x-metered" { switches metered 4 3 0 101 && pulses metered 4; }
@test "netio-powerpdu-8q" { switches netio8 8 7 0 101 && pulses netio8 8; }
@test "adam-6060" { switches adam6060 6 6 0 16; }
@test "moxa-e1211" { switches e1211 16 16 0 0; }
@test "moxa-e1214" { switches e1214 6 6 0 0; }
@test "denkovi-ip16r" { switches denkovi 16 16 0 0; }
@test "rlh-smart8" { switches rlh 8 8 0 0; }
@test "waveshare-poe-relay: serial frames on TCP" { switches poe 8 7 0 0 && pulses poe 8; }

@test "netio-powercable: one outlet" {
    powerctl outlet on cable/1 --quiet
    three_agree cable on 0 101 1
    powerctl outlet off cable/1 --quiet
    three_agree cable off 0 101 1
    is "1 on, 1 off" "$(pdu_switched cable)"
}

@test "r421a08, wired to the normally closed contacts: on and off change places" {
    is "$(states 8)" "$(said closed)"
    powerctl outlet on closed/2 --quiet
    is "$(states 8 2)" "$(said closed)"
    is "2 off" "$(pdu_switched closed)" # the relay; what hangs on it has power
    powerctl outlet off closed/2 --quiet
    powerctl on node-closed --quiet
    truth_mark
    native node-closed
    wait_for 10 switched closed "8 on, 8 off"
    powerctl off node-closed --quiet
}

@test "generic-coil and generic-register, at libmodbus's server" {
    for name in coil register; do
        truth_mark
        powerctl outlet on $name/3 --quiet
        is "$(states 8 3)" "$(said $name)"
        case $name in
        coil) is "0 0 1 0 0 0 0 0" "$(mb -m tcp -p 25503 -t 1 -r 0 -c 8 127.0.0.1)" ;;
        register) is "0 0 1 0 0 0 0 0" "$(mb -m rtu -b 9600 -P none -a 1 -t 3 -r 0 -c 8 "$BATS_FILE_TMPDIR/register")" ;;
        esac
        powerctl outlet off $name/3 --quiet
        is "3 on, 3 off" "$(pdu_switched unit-1)"
    done
}

@test "watts: where it is metered, what the outlet draws" {
    for name in gude metered cable; do
        pdu $name watts 1 123
        powerctl outlet on $name/1 --quiet
        is 123 "$(watts $name 1 | sed 's/\.0*$//')"
        powerctl outlet off $name/1 --quiet
        is 0 "$(watts $name 1 | sed 's/\.0*$//')"
    done
    is null "$(watts netio 1)"
    pdu gude watts 8 70000 # more than 16 bits hold
    powerctl outlet on gude/8 --quiet
    is 70000 "$(watts gude 8 | sed 's/\.0*$//')"
    powerctl outlet off gude/8 --quiet
}

@test "button-relay: a machine is started, and forced off, by its button" {
    powerctl on machine --quiet
    is "on off off off" "$(pdu_field button machines)"
    powerctl status machine --format jsonl | grep -q '"power":"on"'
    powerctl off machine --quiet
    is "off off off off" "$(pdu_field button machines)"
    is "off" "$(powerctl status machine --format jsonl | jq -r .power)"
}

@test "read only: xerus and bachmann-bluenet say so, and get no write" {
    for name in xerus bluenet; do
        is "unknown unknown unknown unknown unknown unknown unknown unknown" "$(said $name || true)"
        run powerctl outlet on $name/1
        [ "$status" -ne 0 ]
        is 0 "$(pdu_written $name)"
    done
}

@test "a wrong profile, and one with too many outlets, get no write" {
    for name in wrong toobig; do
        for verb in on off cycle; do
            run powerctl outlet $verb $name/1
            [ "$status" -ne 0 ]
        done
        is 0 "$(pdu_written $name)"
        is "" "$(pdu_switched $name)"
    done
}

@test "every profile that is shipped is one of these" {
    local profile
    for profile in config/profiles/*.yaml; do
        profile=$(basename "$profile" .yaml)
        grep -qE "^[a-z0-9]+ +$profile " <<<"$serial_boards$tcp_boxes" || [[ $profile == generic-* ]] || {
            echo "$profile is not tested"
            return 1
        }
    done
}
