# buses.bash - two hundred outlets on ten buses, five serial and five TCP, two units of ten outlets on
# each, simulated; and the configuration of an agent for them.  To be sourced after agent.bash.
#
#     bus B (0..9), unit U (1, 2): device pdu-BU, nodes nBU01 .. nBU10
#     circuit ups-B for B 0 2 4 6: the buses B and B + 1, five a second; phase-8: 8 and 9, 40 A
#
# shellcheck shell=bash

# shellcheck source=tests/lib/wait.bash
source "$(dirname "${BASH_SOURCE[0]}")/wait.bash"
: "${agent_dir:?a directory for the files of the agent}"

buses=(0 1 2 3 4 5 6 7 8 9)

# buses_place BUS: where the agent finds it
buses_place() {
    if (($1 % 2)); then
        echo "transport: tcp, host: 127.0.3.$1, port: 1502"
    else
        echo "serial: $agent_dir/bus$1.tty"
    fi
}

buses_up() {
    local lines=() bus unit
    for bus in "${buses[@]}"; do
        if ((bus % 2)); then
            lines+=("tcp:127.0.3.$bus:1502")
        else
            lines+=("rtu:$agent_dir/bus$bus.tty")
        fi
        for unit in 1 2; do
            lines+=("pdu-$bus$unit=waveshare,unit=$unit,outlets=10")
        done
    done
    tests/peers/pdu --control "$agent_dir/pdu.sock" --truth "$agent_dir/truth" "${lines[@]}" \
        >"$agent_dir/pdu.out" 2>&1 3>&- &
    echo $! >"$agent_dir/pdu.pid"
    wait_for 30 grep -q ready "$agent_dir/pdu.out"
}

buses_down() {
    kill "$(cat "$agent_dir/pdu.pid")"
}

buses_config() {
    local bus unit
    echo 'devices:'
    for bus in "${buses[@]}"; do
        for unit in 1 2; do
            echo "  pdu-$bus$unit: { driver: modbus, profile: waveshare-relay, $(buses_place "$bus"), \
unit: $unit, outlets: 10, dwell_ms: 100, stagger_ms: 100, timeout_ms: 400, gap_ms: 2, settle_ms: 5 }"
        done
    done
    echo 'nodes:'
    for bus in "${buses[@]}"; do
        for unit in 1 2; do
            echo "  n$bus${unit}[01-10]: { power: \"pdu-$bus$unit/[1-10]\", inrush_amps: 8 }"
        done
    done
    echo 'circuits:'
    for bus in 0 2 4 6; do
        echo "  ups-$bus: { outlets: [pdu-${bus}1, pdu-${bus}2, pdu-$((bus + 1))1, pdu-$((bus + 1))2], \
nodes_per_second: 5 }"
    done
    echo '  phase-8: { outlets: [pdu-81, pdu-82, pdu-91, pdu-92], amps: 40 }'
    echo 'limits: { power_on_per_second: 20, confirm_above: 1000 }'
    echo 'deadlines: { command: 6, off: 6, on: 6, dwell: 0.1, settle: 0.1 }'
}

# buses_pdu DEVICE COMMAND...: faults
buses_pdu() {
    tests/peers/pdu --send "$agent_dir/pdu.sock" "$@" >/dev/null
}
