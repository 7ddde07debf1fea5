#!/usr/bin/env bats
# What goes wrong between a master and its slaves, one thing at a time, on demand; and whether the
# driver then says what is so.  The slaves are tests/peers/pdu; its truth log is believed.

bats_require_minimum_version 1.5.0
build=$(realpath "${POWERCTL_BUILD:-build}")

setup_file() {
    export build pdus=$BATS_FILE_TMPDIR/pdus
    source tests/lib/pdu.bash
    pdus_start rtu:"$BATS_FILE_TMPDIR/tty" wave=waveshare,unit=1 elsup=r421a08,unit=2 lc=lc-hhc,unit=255 \
        button=button-board,unit=5,hold_ms=700 \
        tcp:127.0.0.1:0 netio=netio tcp:127.0.0.1:0 gude=gude,outlets=8 \
        rtu-over-tcp:127.0.0.1:0 poe=waveshare,unit=1
    # Where connections go and nothing comes back.
    ip link add hole type veth peer name bottom
    ip address add 192.0.2.2/24 dev hole
    ip link set hole up
    ip link set bottom up
    ip neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev hole
}

teardown_file() {
    pdus_stop
    ip link del hole || true
}

setup() {
    source tests/lib/pdu.bash
    pdus_ports
    pdu all clear >/dev/null
    pdu all alive >/dev/null
    for name in wave elsup netio; do
        for outlet in 1 2 3; do pdu $name set $outlet off >/dev/null; done
    done
    truth_mark
    rtu='"transport":"rtu","serial":"'$BATS_FILE_TMPDIR'/tty","baud":"9600"'
    times='"timeout_ms":"150","guard_ms":"200","settle_ms":"0"'
    coils='"read_function":"1","write_function":"5","outlets":"8"'
    actions='"read_function":"3","read_address":"1","write_function":"6","write_address":"1","write_on":"0x100","write_off":"0x200","outlets":"8"'
    netio='"transport":"tcp","host":"127.0.0.1","port":"'${pdu_ports[0]}'","read_function":"1","read_address":"101","write_function":"5","write_address":"101","probe_function":"3","probe_address":"1","probe_expect":"4","count_function":"3","count_address":"1"'
}

teardown() { driver_end; }

# The driver, with the devices of this file.
driver_start() {
    driver_begin
    device wave "$rtu,\"unit\":\"1\",$coils,\"probe_function\":\"3\",\"probe_address\":\"0x8000\""
    device elsup "$rtu,\"unit\":\"2\",$actions"
    device lc "$rtu,\"unit\":\"255\",$coils"
    device netio "$netio,\"outlets\":\"4\""
    device poe '"transport":"rtu-over-tcp","host":"127.0.0.1","port":"'"${pdu_ports[2]}\",\"unit\":\"1\",$coils"
}

device() { driver_device "$1" "$2,$times"; }

# An "ok" to on or off is true, or it was not said.
honest() { # DEVICE on|off OUTLET
    ask "$1" "$2" "$3"
    local states
    read -ra states <<<"$(pdu_field "$1" physical)"
    if [[ $answer == *'"result":"ok"'* && ${states[$3 - 1]} != "$2" ]]; then
        echo "$answer, and it is ${states[$3 - 1]}"
        return 1
    fi
    is "" "$(pdu_switched "$1" | tr ',' '\n' | grep -v "^ *$3 " || true)"
}

@test "a late echo, the same in every byte, is no success: it is read back" {
    driver_start
    ask wave status
    pdu wave fault late when=write until=write
    ask wave on 1
    says '"result":"failed"' '"sent":"maybe"'
    is "1 on" "$(pdu_switched wave)"
    pdu wave set 1 off
    pdu wave fault swallow when=write # and the echo of before comes instead
    ask wave on 1
    says '"result":"failed"'
    is "1 on, 1 off" "$(pdu_switched wave)"
    ask wave status 1
    says '"power":"off"'
}

@test "a late echo of another outlet's write is none of this one's" {
    driver_start
    ask elsup status
    pdu elsup fault late when=write until=write
    ask elsup on 1
    says '"sent":"maybe"'
    pdu elsup fault swallow when=write
    ask elsup on 2
    says '"result":"failed"' '"error":"protocol"'
    is "1 on" "$(pdu_switched elsup)"
}

@test "a reading that is late, of a state that was, is waited for and thrown away" {
    driver_start
    for name in wave elsup poe; do
        pdu $name set 2 on
        pdu $name fault late ms=250 when=read then=2:off # after the time-out, within the guard time
        pdu $name fault mute when=read                   # so that nothing comes before it
        ask $name status 2
        says '"power":"off"'
    done
}

@test "what came while nobody had asked is thrown away before the next question" {
    driver_start
    for name in wave elsup poe; do
        pdu $name set 2 on
        ask $name status 2
        pdu $name fault duplicate ms=100 when=read
        replies=$(pdu_field $name replies)
        ask $name status 2
        says '"power":"on"'
        wait_for 5 replied $name $((replies + 2))
        pdu $name set 2 off
        pdu $name fault mute when=read
        ask $name status 2
        says '"power":"off"'
    done
}
replied() { (($(pdu_field "$1" replies) >= $2)); }

@test "two answers to one question: neither is believed" {
    driver_start
    device slow "$rtu,\"unit\":\"1\",$coils,\"gap_ms\":\"100\""
    ask slow status 2
    pdu wave set 2 on
    pdu wave slow 20
    pdu wave fault late when=read then=2:off # it comes with the next question, 20 ms before its answer
    ask slow status 2
    says '"power":"off"'
}

@test "a slave that always answers the previous request is never believed" {
    driver_start
    for name in wave elsup netio poe; do
        ask $name status
        pdu $name fault previous count=all
        for outlet in 1 2; do
            honest $name on $outlet
            honest $name off $outlet
            truth_mark
        done
        pdu $name clear
    done
}

@test "Modbus TCP: an answer that is late, or has another number, is not the next one's" {
    driver_start
    ask netio status 2
    pdu netio fault late ms=250 when=read
    ask netio status 2
    pdu netio set 2 on
    ask netio status 2
    says '"power":"on"'
    pdu netio fault tid count=all when=read
    ask netio status 2
    says '"result":"failed"' '"error":"protocol"' '"sent":"no"'
    pdu netio clear
    pdu netio fault tid when=write
    honest netio off 2
    says '"result":"failed"' '"sent":"maybe"'
    ask netio status 2
    says '"power":"off"'
}

@test "frames of another unit or function, short, long, with a wrong CRC or count: never guessed" {
    driver_start
    for name in wave poe netio; do
        for kind in unit function count crc short long mute; do
            [ "$name.$kind" != netio.crc ] || continue
            pdu $name set 2 on
            pdu $name fault $kind count=all when=read
            ask $name status 2
            says '"result":"failed"' '"error":"(protocol|timeout|unreachable)"' '"sent":"no"'
            pdu $name clear
            ask $name status 2
            says '"power":"on"'
            pdu $name set 2 off
            truth_mark
            for write in on off; do
                pdu $name fault $kind when=write
                honest $name $write 2
                pdu $name clear
            done
        done
    done
}

@test "noise and doubled answers cost a question at most a repetition" {
    driver_start
    for name in wave poe; do
        pdu $name set 3 on
        for kind in noise duplicate unit crc; do
            pdu $name fault $kind when=read
            ask $name status 3
            says '"power":"on"'
        done
        pdu $name set 3 off
    done
}

@test "a write is sent once, whatever becomes of its answer" {
    driver_start
    for name in wave elsup netio poe; do
        for kind in swallow mute function; do
            ask $name status
            truth_mark
            pdu $name fault $kind when=write
            ask $name on 1
            is 1 "$(pdu_written $name)"
            says '"result":"failed"' '"sent":"maybe"'
            pdu $name clear
            pdu $name set 1 off
        done
    done
}

@test "each exception is named, and a refused write was sent" {
    driver_start
    while read -r code text; do
        pdu wave fault exception code=$code when=read count=all
        ask wave status
        says '"result":"failed"' '"sent":"no"' "$text"
        pdu wave clear
        ask wave status
        says '"result":"ok"'
        pdu wave fault exception code=$code when=write
        ask wave on 1
        says '"result":"failed"' "$text" || [ $code = 5 ]
        pdu wave clear
    done <<'END'
1 illegal function
2 illegal data address
3 illegal data value
4 (device|server) failure
5 acknowledge
6 busy
8 parity
10 gateway
11 gateway
END
    is "" "$(pdu_switched wave)"
    pdu wave fault exception code=2 when=write
    ask wave on 1
    says '"error":"device"' '"sent":"yes"'
}

@test "another product than the profile's gets no write at all" {
    driver_start
    device wave-as-netio "$rtu,\"unit\":\"1\",\"read_function\":\"1\",\"write_function\":\"5\",\"outlets\":\"4\",\"probe_function\":\"3\",\"probe_address\":\"1\",\"probe_expect\":\"4\""
    device elsup-as-wave "$rtu,\"unit\":\"2\",$coils,\"probe_function\":\"3\",\"probe_address\":\"0x8000\""
    device netio-as-8 "$netio,\"outlets\":\"8\",\"probe_expect\":\"8\""
    device gude-as-netio "${netio/${pdu_ports[0]}/${pdu_ports[1]}},\"outlets\":\"4\""
    for name in wave-as-netio elsup-as-wave netio-as-8 gude-as-netio; do
        for op in on off cycle; do
            ask $name $op 1
            says '"result":"failed"' '"sent":"no"'
        done
        is 0 "$(pdu_written "${name%%-*}")"
    done
}

@test "an outlet beyond the count, the device's or its own" {
    driver_start
    device many "$netio,\"outlets\":\"8\""
    ask netio on 5
    says '"result":"failed"' '"sent":"no"' 5
    ask netio on 0
    says '"result":"failed"' '"sent":"no"'
    ask many on 6
    says '"result":"failed"' '"sent":"no"' 4
    is 0 "$(pdu_written netio)"
}

@test "unit 0 is everybody, and refused" {
    driver_start
    device all "$rtu,\"unit\":\"0\",$coils"
    ask all off
    says '"error":"config"' '"sent":"no"'
    [ -z "$(jq -r 'select(.event == "write" and .answer == "broadcast")' "$pdus/truth")" ]
}

@test "one silent unit on a line costs the others nothing" {
    driver_start
    pdu elsup dead
    ask elsup status 1
    says '"result":"failed"' '"error":"(unreachable|timeout)"' '"sent":"no"'
    before=$(pdu_field wave reads)
    for id in 1 2 3 4 5 6 7 8; do
        printf '{"id":%d,"device":"elsup","op":"power-status","outlet":%d,"budget_ms":8000}\n' "9$id" $id
        printf '{"id":%d,"device":"wave","op":"power-status","outlet":%d,"budget_ms":8000}\n' "8$id" $id
        printf '{"id":%d,"device":"lc","op":"power-status","outlet":%d,"budget_ms":8000}\n' "7$id" $id
    done >&"$to"
    for _ in {1..24}; do
        IFS= read -r -t 20 answer <&"$from"
        echo "$answer" >>"$BATS_TEST_TMPDIR/answers"
    done
    is 16 "$(grep -c '"id":[78].,"result":"ok"' "$BATS_TEST_TMPDIR/answers")"
    is 8 "$(grep -cE '"id":9.,"result":"failed","error":"(unreachable|timeout)"' "$BATS_TEST_TMPDIR/answers")"
    (($(pdu_field wave reads) - before <= 4)) # a bank is one reading
}

@test "a line that went away and came back" {
    driver_start
    for name in wave netio poe; do
        ask $name status
        says '"power":"off"'
        pdu $name unplug
        ask $name on 1
        says '"result":"failed"'
        ask $name status 1
        says '"result":"failed"' '"error":"(unreachable|timeout|system)"' '"sent":"no"'
        pdu $name plug
        ask $name status 1
        says '"power":"off"'
        honest $name on 1
        says '"result":"ok"'
        pdu $name set 1 off
    done
    pdu netio fault close when=read
    ask netio status 1
    says '"power":"off"'
    pdu netio fault close when=write
    ask netio on 1
    says '"result":"failed"' '"sent":"maybe"'
}

@test "a connection that is not made is a time-out, in the budget, and says so" {
    driver_start
    device hole '"transport":"tcp","host":"192.0.2.1",'"$coils"
    ask hole status 1 500
    says '"error":"(timeout|unreachable)"' '"sent":"no"'
    [[ $answer != *"in progress"* ]]
    ask hole off 1 500
    says '"error":"(timeout|unreachable)"' '"sent":"no"'
}

@test "descriptors above 1024" {
    ulimit -n 4096
    local fds=()
    for _ in {1..1100}; do exec {fd}</dev/null && fds+=("$fd"); done
    driver_start
    for name in wave netio poe; do
        ask $name on 2
        says '"result":"ok"'
        ask $name off 2
        says '"result":"ok"'
    done
}

@test "an outlet that is welded is told, and switched back by nobody" {
    driver_start
    for name in wave elsup netio; do
        pdu $name stick 2 on
        truth_mark
        ask $name off 2
        says '"result":"failed"' '"error":"device"' '"sent":"yes"' 'outlet 2'
        is "" "$(pdu_switched $name)"
        is 1 "$(pdu_written $name)"
    done
}

@test "a machine behind a button: on, asked to end, forced off, reset" {
    driver_start
    device button "$rtu,\"unit\":\"5\",\"kind\":\"button\",\"outlets\":\"4\",\"write_function\":\"5\",\"press_ms\":\"100\",\"hold_ms\":\"1000\",\"pulse_function\":\"5\",\"pulse_address\":\"0x200\",\"pulse_unit_ms\":\"100\",\"pulse_ms\":\"100\",\"pulse_goes\":\"on-off\",\"reset_function\":\"5\",\"reset_address\":\"4\",\"sense_function\":\"2\""
    ask button status 2
    says '"power":"off"'
    ask button on 2
    says '"result":"ok"'
    ask button status 2
    says '"power":"on"'
    is "off on off off" "$(pdu_field button machines)"
    ask button on 2 # it is on: a press would end it
    is "off on off off" "$(pdu_field button machines)"
    ask button soft 2
    says '"result":"ok"'
    wait_for 5 machines "off off off off"
    ask button on 2
    pdu button hang 2
    ask button off 2
    says '"result":"ok"'
    wait_for 5 machines "off off off off"
    ask button off 2 # it is off: a press would start it
    is "off off off off" "$(pdu_field button machines)"
    ask button on 3
    ask button reset 3
    says '"result":"ok"'
    is "0 0 1 0" "$(pdu_field button resets)"
}
machines() { [ "$(pdu_field button machines)" = "$1" ]; }
