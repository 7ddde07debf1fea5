#!/usr/bin/env bats
# The promises of drivers/driver.h, kept by the Modbus driver: tests/conformance/driver.bats on a
# serial line and on TCP.

build=$(realpath "${POWERCTL_BUILD:-build}")

setup_file() {
    export build pdus=$BATS_FILE_TMPDIR/pdus
    source tests/lib/pdu.bash
    pdus_start rtu:"$BATS_FILE_TMPDIR/tty" wave=waveshare,unit=1 tcp:127.0.0.1:0 netio=netio
    ip link add hole type veth peer name bottom
    ip address add 192.0.2.2/24 dev hole
    ip link set hole up
    ip link set bottom up
    ip neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev hole
}

teardown_file() {
    source tests/lib/pdu.bash
    ip link del hole || true
    pdus_stop
}

# promises GOOD DEAD
promises() {
    # bats is not told that it runs inside of itself.
    run env -u BATS_RUN_TMPDIR -u BATS_TMPDIR -u BATS_TEST_TMPDIR DRIVER=modbus GOOD="$1" DEAD="$2" \
        REQUEST=',"outlet":2' POWERCTL_BUILD="$build" bats --formatter tap tests/conformance/driver.bats
    echo "$output"
    [ "$status" -eq 0 ]
    # What needs a good device and what needs a dead one did run.
    [[ $output == *"ok "*" a state is on or off, and follows the commands"* ]]
    [[ $output != *"is not set"* ]]
}

@test "on TCP: a device that works, and an address where nobody is" {
    source tests/lib/pdu.bash
    pdus_ports
    map='"read_function":"1","read_address":"101","write_function":"5","write_address":"101","outlets":"4"'
    promises "{\"host\":\"127.0.0.1\",\"port\":\"${pdu_ports[0]}\",$map}" "{\"host\":\"192.0.2.1\",$map}"
}

@test "on a serial line: a unit that works, and one that is not there" {
    map='"transport":"rtu","baud":"9600","read_function":"1","write_function":"5","outlets":"8"'
    promises "{\"serial\":\"$BATS_FILE_TMPDIR/tty\",$map}" "{\"serial\":\"$BATS_FILE_TMPDIR/tty\",\"unit\":\"9\",$map}"
}
