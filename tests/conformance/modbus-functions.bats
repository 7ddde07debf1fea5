#!/usr/bin/env bats
# Every function code the Modbus driver uses, at two slaves that know nothing of it or of each
# other, pymodbus and libmodbus, on a pty and on TCP; and mbpoll reads what the driver says.

build=$(realpath "${POWERCTL_BUILD:-build}")

setup_file() {
    export build pdus=$BATS_FILE_TMPDIR/pdus
    source tests/lib/pdu.bash
    pdus_start rtu:"$BATS_FILE_TMPDIR/tty" moxa=moxa-e1214,unit=1 ryn4=ryn4,unit=2,outlets=4 rlh=rlh-smart8,unit=3 \
        button=button-board,unit=4 tcp:127.0.0.1:0 @moxa @ryn4 @rlh @button tcp:127.0.0.1:0 netio=netio \
        tcp:127.0.0.1:0 gude=gude
    libmodbus_slave rtu rtu "$BATS_FILE_TMPDIR/libmodbus" 1 8
    libmodbus_slave tcp tcp 25504 1 8
}

teardown_file() {
    source tests/lib/pdu.bash
    pdus_stop
}

setup() {
    source tests/lib/pdu.bash
    pdus_ports
    truth_mark
    driver_begin
    times='"settle_ms":"0","timeout_ms":"300"'
    serial='"transport":"rtu","baud":"9600","serial":"'$BATS_FILE_TMPDIR/tty'"'
    tcp='"transport":"tcp","host":"127.0.0.1","port":"'${pdu_ports[0]}'"'
}

teardown() { driver_end; }

# switches NAME TRUTH SETTINGS [OUTLET]: on and off, read by the driver, and as it happened
switches() {
    local name=$1 truth=$2 outlet=${4:-3} state
    truth_mark
    driver_device "$name" "$3,$times"
    for state in on off; do
        ask "$name" $state "$outlet"
        says '"result":"ok"'
        ask "$name" status "$outlet"
        says "\"power\":\"$state\""
        [ -z "${mbpoll_of:-}" ] || is "$([ $state = on ] && echo 1 || echo 0)" "$($mbpoll_of)"
    done
    is "$outlet on, $outlet off" "$(pdu_switched "$truth")"
}

coils='"read_function":"1","write_function":"5"'
several='"read_function":"1","write_function":"15"'

@test "pymodbus: functions 1 and 5, 1 and 15, on a pty and TCP" {
    seen() { mb -m tcp -p "${pdu_ports[0]}" -a 1 -t 0 -r 2 127.0.0.1; }
    mbpoll_of=seen
    for line in "$serial" "$tcp"; do
        driver_end
        driver_begin
        switches five moxa "$line,$coils,\"outlets\":\"6\",\"unit\":\"1\""
        switches fifteen moxa "$line,$several,\"outlets\":\"6\",\"unit\":\"1\""
        switches bank moxa "$line,$several,\"outlets\":\"6\",\"unit\":\"1\",\"write_bank\":\"true\""
    done
}

@test "pymodbus: functions 3 and 6, 3 and 16, registers and masks" {
    actions='"read_function":"3","read_address":"1","write_function":"6","write_address":"1","write_on":"0x100","write_off":"0x200","outlets":"4","unit":"2"'
    mask='"read_function":"3","read_address":"128","read_bits":"true","write_function":"16","write_address":"128","write_bits":"true","write_bank":"true","outlets":"4","unit":"2"'
    modes='"read_function":"1","write_function":"16","write_on":"2","write_off":"1","outlets":"8","unit":"3"'
    for line in "$serial" "$tcp"; do
        driver_end
        driver_begin
        switches actions ryn4 "$line,$actions"
        switches mask ryn4 "$line,$mask"
        switches modes rlh "$line,$modes"
    done
}

@test "pymodbus: a bank that is written whole, or not at all (function 15)" {
    switches netio netio '"transport":"tcp","host":"127.0.0.1","port":"'"${pdu_ports[1]}"'","read_function":"1","read_address":"101","write_function":"15","write_address":"101","write_bank":"true","outlets":"4"'
    driver_device one '"transport":"tcp","host":"127.0.0.1","port":"'"${pdu_ports[1]}"'","read_function":"1","read_address":"101","write_function":"15","write_address":"101","outlets":"4",'"$times"
    ask one on 1
    says '"error":"device"' '"sent":"yes"' 'illegal data address'
}

@test "pymodbus: functions 2 and 4, inputs" {
    driver_device button "$serial,$times,\"unit\":\"4\",\"kind\":\"button\",\"outlets\":\"4\",\"write_function\":\"5\",\"sense_function\":\"2\""
    pdu button machine 3 on
    ask button status 3
    says '"power":"on"'
    ask button status 4
    says '"power":"off"'
    pdu gude watts 1 1234
    pdu gude set 1 on
    driver_device gude '"transport":"tcp","host":"127.0.0.1","port":"'"${pdu_ports[2]}"'","outlets":"8",'"$coils,$times"',"meter_function":"4","meter_address":"0x3a02","meter_stride":"0x120","meter_type":"s32"'
    ask gude status 1
    says '"power":"on"' '"(milli)?watts":1234'
}

@test "libmodbus: every way to read and to write, on a pty and TCP" {
    seen() { mb "${mb_line[@]}" -a 1 -t 4 -r 2 "$place"; }
    for way in pty tcp; do
        driver_end
        driver_begin
        case $way in
        pty)
            line='"transport":"rtu","baud":"9600","serial":"'$BATS_FILE_TMPDIR/libmodbus'"'
            mb_line=(-m rtu -b 9600 -P none) place=$BATS_FILE_TMPDIR/libmodbus
            ;;
        tcp)
            line='"transport":"tcp","host":"127.0.0.1","port":"25504"'
            mb_line=(-m tcp -p 25504) place=127.0.0.1
            ;;
        esac
        mbpoll_of=seen
        for read in 1 2 3 4; do
            for write in 5 6 15 16; do
                switches "r${read}w$write" unit-1 "$line,\"outlets\":\"8\",\"read_function\":\"$read\",\"write_function\":\"$write\""
            done
        done
        for write in 15 16; do
            switches "bank$write" unit-1 "$line,\"outlets\":\"8\",\"read_function\":\"1\",\"write_function\":\"$write\",\"write_bank\":\"true\""
        done
        switches mask unit-1 "$line,\"outlets\":\"8\",\"read_function\":\"3\",\"read_address\":\"100\",\"read_bits\":\"true\",\"write_function\":\"16\",\"write_address\":\"100\",\"write_bits\":\"true\",\"write_bank\":\"true\""
    done
}
