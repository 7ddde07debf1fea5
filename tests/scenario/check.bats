# `check` against BMCs that speak RMCP+ and PDUs that speak Modbus: what is wrong is named, all of it,
# and nothing is changed by asking.

bats_require_minimum_version 1.5.0

setup_file() {
    export build=${POWERCTL_BUILD:-$PWD/build}
    export agent_dir=$BATS_FILE_TMPDIR/agent pdus=$BATS_FILE_TMPDIR/pdus
    source tests/lib/agent.bash
    source tests/lib/pdu.bash
    mkdir -p "$agent_dir"
    "$build/peers/bmc_farm" --first 127.1.17.1 --count 4 --name b1 --port 0 --control "$agent_dir/farm" --power on \
        --truth "$agent_dir/truth" --user ops --password tinsel >"$agent_dir/farm.out" 3>&- &
    echo $! >"$agent_dir/farm.pid"
    wait_for 10 grep -q listening "$agent_dir/farm.out"
    pdus_start tcp:127.0.0.1:0 pdu-a=netio,power=on tcp:127.0.0.1:0 pdu-b=netio,power=on \
        tcp:127.0.0.1:0 pdu-c=gude
    agent_secret bmc tinsel
    {
        echo 'credentials:'
        echo "  bmc: { user: ops, password_file: $agent_dir/secrets/bmc }"
        echo 'devices:'
        echo "  b[1-4]: { driver: ipmi, host: \"127.1.17.[1-4]\", port: $(awk '{ print $4 }' "$agent_dir/farm.out"), credentials: bmc }"
        local i=0 pdu
        for pdu in pdu-a pdu-b pdu-c; do
            echo "  $pdu: { driver: modbus, profile: netio-4x-metered, host: 127.0.0.1, port: ${pdu_ports[i++]} }"
        done
        echo 'nodes:'
        echo '  n[1-3]: { power: ["b[1-3]", "pdu-a/[1-3]", "pdu-b/[1-3]"], next_boot: "b[1-3]", up: none, protect: true }'
        echo '  n4: { power: [b4, pdu-c/4], next_boot: b4, up: none }'
        echo 'limits: { confirm_above: 1000 }'
        echo 'deadlines: { command: 3, settle: 0.2 }'
        agent_part
    } >"$agent_dir/powerctl.yaml"
    agent_start
}

teardown_file() {
    source tests/lib/agent.bash
    source tests/lib/pdu.bash
    agent_stop
    pdus_stop
    kill "$(cat "$agent_dir/farm.pid")"
}

setup() {
    source tests/lib/agent.bash
    source tests/lib/pdu.bash
    farm all clear
    farm all power on
    pdu all clear >/dev/null
    local outlet
    for outlet in 1 2 3; do pdu pdu-b set $outlet on >/dev/null; done
    truth_mark
    : >"$agent_dir/truth"
}

# Whatever was found, it was only looked for.
teardown() {
    source tests/lib/pdu.bash
    local device
    for device in pdu-a pdu-b pdu-c; do is 0 "$(pdu_written "$device")"; done
    ! grep -E ' (edge|control|button|boot-flags) ' "$agent_dir/truth"
}

farm() {
    "$build/peers/bmc_farm" --send "$agent_dir/farm" "$@" >/dev/null
}

check() {
    run "$build/powerctl" check "$@" --progress none
    echo "$output"
}

@test "all is well: a line of facts for each node" {
    check 'n[1-3]'
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 4 ]
    [[ ${lines[1]} == 'n1   ok        b1: on, suite 17, '*', next boot none; pdu-a outlet 1: on, 100.0 W, modbus tcp '* ]]
    [[ ${lines[3]} == *'; pdu-b outlet 3: on, 100.0 W, modbus tcp '* ]]
}

@test "a PDU that is another than its profile says" {
    check n4
    [ "$status" -eq 1 ]
    [[ ${lines[1]} == 'n4   failed    REFUSED: pdu-c outlet 4: is not what its profile says '* ]]
}

@test "a BMC that does not answer, an outlet that is off, and both at once" {
    farm b2 dead on
    pdu pdu-b set 3 off
    check 'n[1-3]'
    [ "$status" -eq 1 ]
    [[ ${lines[1]} == 'n1   ok '* ]]
    [[ ${lines[2]} == 'n2   failed    UNREACHABLE: b2: '* ]]
    [ "${lines[3]}" = 'n3   failed    CONTRADICTION: it is fed by others, but pdu-b outlet 3 is off' ]
    pdu pdu-b set 2 off
    check n2
    [[ ${lines[1]} == *'; 1 more finding' ]]
    [ "${lines[3]}" = 'n2: CONTRADICTION: it is fed by others, but pdu-b outlet 2 is off' ]
}

@test "a BMC that does not let us in" {
    farm b1 password another
    check n1
    [ "$status" -eq 1 ]
    [[ ${lines[1]} == 'n1   failed    WRONG_PASSWORD: b1: '* ]]
    farm b1 password tinsel
}

@test "meters that say other than the BMC" {
    farm b3 power off
    : >"$agent_dir/truth"
    check n3
    [ "$status" -eq 1 ]
    [ "${lines[1]}" = 'n3   failed    CONTRADICTION: reads off, but its outlets draw 200 W' ]
    farm b3 power on
    : >"$agent_dir/truth"
    pdu pdu-a watts 3 0
    check n3
    [ "${lines[1]}" = 'n3   failed    CONTRADICTION: reads on, but pdu-a outlet 3 draws 0 W' ]
    pdu pdu-a watts 3 100
}
