#!/usr/bin/env bats
# The simulated PDUs themselves, judged by mbpoll (libmodbus): what it writes is what happened, and
# what it reads is what is so.  Over a pty and TCP.

build=$(realpath "${POWERCTL_BUILD:-build}")

setup_file() {
    export build pdus=$BATS_FILE_TMPDIR/pdus
    source tests/lib/pdu.bash
    pdus_start rtu:"$BATS_FILE_TMPDIR/tty" wave=waveshare,unit=1 elsup=r421a08,unit=2 four=relay4,unit=3 \
        adam=adam-4168,unit=4 button=button-board,unit=5,hold_ms=60 \
        tcp:127.0.0.1:0 netio=netio tcp:127.0.0.1:0 gude=gude,outlets=4 tcp:127.0.0.1:0 rlh=rlh-smart8 \
        tcp:127.0.0.1:0 xerus=xerus tcp:127.0.0.1:0 @elsup @wave
    libmodbus_slave one rtu "$BATS_FILE_TMPDIR/one" 1 8
    libmodbus_slave many rtu "$BATS_FILE_TMPDIR/many" 9 8
    libmodbus_slave tcp tcp 25502 3 8
}

teardown_file() { pdus_stop; }

setup() {
    source tests/lib/pdu.bash
    pdus_ports
    tty=$BATS_FILE_TMPDIR/tty
    truth_mark
    pdu all clear >/dev/null
}

rtu() { # UNIT ARGUMENTS... [-- VALUES]
    local unit=$1 words=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do words+=("$1") && shift; done
    mb -m rtu -b 9600 -P none -a "$unit" "${words[@]}" "$tty" "${@:2}"
}

tcp() { # LINE UNIT ARGUMENTS... [-- VALUES]
    local port=${pdu_ports[$1]} unit=$2 words=()
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do words+=("$1") && shift; done
    mb -m tcp -p "$port" -a "$unit" "${words[@]}" 127.0.0.1 "${@:2}"
}

is() { # WANTED GOT
    [ "$1" = "$2" ] || { echo "wanted: $1"; echo "got:    $2"; return 1; }
}

@test "coils over a pty: written one and all, read back, and nothing else moves" {
    rtu 1 -t 0 -r 2 -- 1
    is "0 0 1 0 0 0 0 0" "$(rtu 1 -t 0 -r 0 -c 8)"
    rtu 1 -t 0 -r 0 -- 1 0 0 1 0 0 0 0
    is "1 0 0 1 0 0 0 0" "$(rtu 1 -t 0 -r 0 -c 8)"
    rtu 1 -t 0 -r 0 -- 0 0 0 0 0 0 0 0
    is "3 on, 1 on, 3 off, 4 on, 1 off, 4 off" "$(pdu_switched wave)"
    is "" "$(pdu_switched elsup)"
    is 200 "$(rtu 1 -t 4 -r 32768)"
}

@test "an action register is written 0x0100 and 0x0200, and read 1 and 0" {
    rtu 2 -t 4 -r 1 -- 256
    rtu 2 -t 4 -r 8 -- 256
    is "1 0 0 0 0 0 0 1" "$(rtu 2 -t 4 -r 1 -c 8)"
    rtu 2 -t 4 -r 1 -- 512
    is "0 0 0 0 0 0 0 1" "$(tcp 4 2 -t 4 -r 1 -c 8)"
    rtu 2 -t 4 -r 0 -- 2048 # all off
    is "1 on, 8 on, 1 off, 8 off" "$(pdu_switched elsup)"
}

@test "exceptions: no such function, no such address, no such value" {
    run rtu 2 -t 0 -r 0
    [[ $output == *"Illegal function"* ]]
    run rtu 1 -t 0 -r 7 -c 2
    [[ $output == *"Illegal data address"* ]]
    run rtu 3 -t 0 -r 1 -- 1 # 0xff00 is not its "on"
    [[ $output == *"Illegal data value"* ]]
    run tcp 3 1 -t 0 -r 0 -- 1
    [[ $output == *"Illegal function"* ]]
    run tcp 0 1 -t 0 -r 101 -- 1 1 # all of its outputs, or none
    [[ $output == *"Illegal data address"* ]]
    is "" "$(pdu_switched netio)"
}

@test "NETIO: actions, counts, metering; a short off comes back by itself" {
    is "0 4 4" "$(tcp 0 1 -t 4 -r 0 -c 3)"
    tcp 0 1 -t 4 -r 103 -- 1
    is "0 0 1 0" "$(tcp 0 1 -t 0 -r 101 -c 4)"
    pdu netio watts 3 42
    is "42 0 0 42 0" "$(tcp 0 1 -t 3 -r 200 -c 5)"
    tcp 0 1 -t 4 -r 203 -- 1
    tcp 0 1 -t 4 -r 103 -- 2
    wait_for 5 switched netio "3 on, 3 off, 3 on"
    tcp 0 1 -t 0 -r 101 -- 0 0 0 0
}
switched() { [ "$(pdu_switched "$1")" = "$2" ]; }

@test "Gude: the watts of a port are 32 bits, high word first" {
    pdu gude watts 2 70000
    tcp 1 99 -t 0 -r 1 -- 1
    is "0 0" "$(tcp 1 1 -t 3 -r $((0x3a02)) -c 2)"
    is "1 4464" "$(tcp 1 1 -t 3 -r $((0x3a02 + 0x120)) -c 2)"
    tcp 1 1 -t 0 -r 1 -- 0
}

@test "RLH: 2 is on, 1 is off, and it is read as a coil" {
    tcp 2 1 -t 4 -r 5 -- 2
    is "0 0 0 0 0 1 0 0" "$(tcp 2 1 -t 0 -r 0 -c 8)"
    tcp 2 1 -t 4 -r 5 -- 1
    is "6 on, 6 off" "$(pdu_switched rlh)"
}

@test "ADAM: coils from 16, the same as a word, and its name" {
    rtu 4 -t 0 -r 19 -- 1
    is 8 "$(rtu 4 -t 4 -r 302)"
    is "$((0x4168)) 0" "$(rtu 4 -t 4 -r 210 -c 2)"
    rtu 4 -t 0 -r 19 -- 0
}

@test "a machine behind a button: a press starts it, a long one ends it, and inputs see it" {
    rtu 5 -t 0 -r 0 -- 1
    rtu 5 -t 0 -r 0 -- 0
    is "1 0 0 0" "$(rtu 5 -t 1 -r 0 -c 4)"
    rtu 5 -t 0 -r 0 -- 1 # and held
    wait_for 5 machines "off off off off"
    rtu 5 -t 0 -r 0 -- 0
    is "0 0 0 0" "$(rtu 5 -t 1 -r 0 -c 4)"
}
machines() { [ "$(pdu_field button machines)" = "$1" ]; }

@test "a welded outlet: read as it is, or lying" {
    pdu wave stick 4 on
    rtu 1 -t 0 -r 3 -- 0
    is 1 "$(rtu 1 -t 0 -r 3)"
    pdu wave stick 4 on lying
    is 0 "$(rtu 1 -t 0 -r 3)"
    is "off off off on off off off off" "$(pdu_field wave physical)"
    pdu wave clear
    is "4 on, 4 off" "$(pdu_switched wave)"
}

@test "changes are told to a program, in their order, and to a fifo" {
    export told=$BATS_TEST_TMPDIR/told
    printf '#!/bin/sh\necho "$@" >>"$told"\n' >"$BATS_TEST_TMPDIR/hook"
    chmod +x "$BATS_TEST_TMPDIR/hook"
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    cat "$BATS_TEST_TMPDIR/fifo" >"$BATS_TEST_TMPDIR/heard" 3>&- &
    pdus=$BATS_TEST_TMPDIR/more
    pdus_start --on-change "$BATS_TEST_TMPDIR/hook" --changes "$BATS_TEST_TMPDIR/fifo" \
        rtu:"$BATS_TEST_TMPDIR/line" a=trycom,unit=1 b=button-board,unit=2
    mb -m rtu -b 9600 -P none -a 1 -t 0 -r 1 "$BATS_TEST_TMPDIR/line" 1
    mb -m rtu -b 9600 -P none -a 1 -t 0 -r 1 "$BATS_TEST_TMPDIR/line" 0
    mb -m rtu -b 9600 -P none -a 2 -t 0 -r 0 "$BATS_TEST_TMPDIR/line" 1
    wait_for 5 grep -q 'b machine1 on' "$told"
    wait_for 5 grep -q 'b machine1 on' "$BATS_TEST_TMPDIR/heard"
    pdus_stop
    is "a 2 on, a 2 off, b 1 on, b machine1 on" "$(paste -sd, "$told" | sed 's/,/, /g')"
    is "$(cat "$told")" "$(cat "$BATS_TEST_TMPDIR/heard")"
}

@test "what is to go wrong goes wrong, once" {
    for kind in swallow mute exception unit function count crc short; do
        pdu wave fault $kind when=read
        run rtu 1 -t 0 -r 0 -c 8
        [ "$status" -ne 0 ] || [[ $output == *failed* ]] || { echo "$kind: $output"; return 1; }
        is "0 0 0 0 0 0 0 0" "$(rtu 1 -t 0 -r 0 -c 8)"
    done
    pdu wave dead
    run rtu 1 -t 0 -r 0
    [[ $output == *failed* ]]
    pdu wave alive
    for kind in tid unit close; do
        pdu netio fault $kind when=read
        run tcp 0 1 -t 0 -r 101
        [[ $output == *failed* ]] || [ "$kind" = unit ] || { echo "$kind: $output"; return 1; }
    done
    pdu netio unplug
    run tcp 0 1 -t 0 -r 101
    [[ $output == *failed* ]]
    pdu netio plug
    is 0 "$(tcp 0 1 -t 0 -r 101)"
}

@test "libmodbus's server: outlets written and read in every way, on a pty and TCP" {
    local one=(-m rtu -b 9600 -P none -a 1) many=(-m rtu -b 9600 -P none -a 7) net=(-m tcp -p 25502 -a 3)
    for way in one many net; do
        declare -n to=$way
        case $way in net) place=127.0.0.1 ;; *) place=$BATS_FILE_TMPDIR/$way ;; esac
        truth_mark
        mb "${to[@]}" -t 0 -r 1 "$place" 1
        mb "${to[@]}" -t 4 -r 2 "$place" 1
        is "0 1 1 0" "$(mb "${to[@]}" -t 0 -r 0 -c 4 "$place")"
        is "0 1 1 0" "$(mb "${to[@]}" -t 1 -r 0 -c 4 "$place")"
        is "0 1 1 0" "$(mb "${to[@]}" -t 4 -r 0 -c 4 "$place")"
        is "0 100 100 0" "$(mb "${to[@]}" -t 3 -r 200 -c 4 "$place")"
        mb "${to[@]}" -t 4 -r 100 "$place" 4
        mb "${to[@]}" -t 4 -r 0 "$place" 1 0 0 0
        mb "${to[@]}" -t 0 -r 0 "$place" 0 0 0 0 0 0 0 0
        case $way in one) name=unit-1 ;; many) name=unit-7 ;; net) name=unit-3 ;; esac
        is "2 on, 3 on, 2 off, 1 on, 3 off, 1 off" "$(pdu_switched $name)"
        run mb "${to[@]}" -t 0 -r 8 "$place"
        [[ $output == *"Illegal data address"* ]]
    done
}

@test "a bad wire passes what it does not spoil, and spoils by its seed" {
    "$build/peers/modbus_noise" "$BATS_FILE_TMPDIR/good" "$BATS_FILE_TMPDIR/one" 1 >"$BATS_FILE_TMPDIR/noise" 3>&- &
    local pid=$!
    wait_for 5 grep -q ready "$BATS_FILE_TMPDIR/noise"
    is "0 0" "$(mb -m rtu -b 9600 -P none -a 1 -t 0 -r 0 -c 2 "$BATS_FILE_TMPDIR/good")"
    kill "$pid"
    wait "$pid"
    is '{"frames":2,"flip":0}' "$(tail -1 "$BATS_FILE_TMPDIR/noise" | jq -c '{frames, flip}')"
    "$build/peers/modbus_noise" "$BATS_FILE_TMPDIR/bad" "$BATS_FILE_TMPDIR/one" 1 flip=1000 >"$BATS_FILE_TMPDIR/noise" 3>&- &
    pid=$!
    wait_for 5 grep -q ready "$BATS_FILE_TMPDIR/noise"
    run mb -m rtu -b 9600 -P none -a 1 -t 0 -r 0 -c 2 "$BATS_FILE_TMPDIR/bad"
    [[ $output == *failed* ]]
    kill "$pid"
}
