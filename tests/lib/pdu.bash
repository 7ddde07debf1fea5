# pdu.bash - simulated Modbus PDUs (tests/peers/pdu) and who else speaks Modbus to them.
#
# To be sourced; everything is under $pdus (a directory): control, truth, out.  $build is where the
# programs are.
#
# shellcheck shell=bash

# shellcheck source=tests/lib/wait.bash
source "$(dirname "${BASH_SOURCE[0]}")/wait.bash"
: "${pdus:?a directory for the files of the PDUs}" "${build:?where the programs are}"
pdu_program=$(cd "$(dirname "${BASH_SOURCE[0]}")/../peers" && pwd)/pdu

# pdus_start [OPTION] LINE DEVICE... : and each TCP line's port is in ${pdu_ports[@]}, in order
pdus_start() {
    mkdir -p "$pdus"
    "$pdu_program" --control "$pdus/control" --truth "$pdus/truth" "$@" >"$pdus/out" 2>"$pdus/err" 3>&- 4>&- &
    echo $! >>"$pdus/pids"
    wait_for 20 grep -q '^ready' "$pdus/out" || {
        cat "$pdus/err"
        return 1
    }
    pdus_ports
}

pdus_ports() {
    mapfile -t pdu_ports < <(sed -nE 's/^line (rtu-over-)?tcp .*:([0-9]+)$/\2/p' "$pdus/out")
}

pdus_stop() {
    local pid
    [ ! -e "$pdus/pids" ] || while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$pdus/pids"
}

pdu() { /usr/bin/python3 -IS "$pdu_program" --send "$pdus/control" "$@"; }

# pdu_field DEVICE FIELD: of its report; lists as words
pdu_field() { pdu "$1" report | jq -r ".$2 | if type == \"array\" then join(\" \") else . end"; }

# pdu_switched DEVICE: what physically happened to its outlets, "3 on, 3 off", since truth_mark
pdu_switched() {
    truth_since "$1" | jq -rs '[.[] | select(.event == "switch") | "\(.outlet) \(.power)"] | join(", ")'
}

# pdu_written DEVICE: how many frames with a write reached it since truth_mark
pdu_written() { truth_since "$1" | jq -s '[.[] | select(.event == "write")] | length'; }

truth_mark() { wc -l <"$pdus/truth" >"$pdus/mark"; }
truth_since() {
    tail -n +$(($(cat "$pdus/mark") + 1)) "$pdus/truth" | jq -c "select(.device == \"$1\")"
}

# mb ARGUMENTS...: mbpoll, once, with addresses as on the wire; its values as words
mb() {
    mbpoll -1 -q -0 -o 2 "$@" 2>&1 | awk '
        /^\[[0-9]+\]:/ { values = values (values == "" ? "" : " ") $2; next }
        /failed|Illegal|error/ { print; failed = 1 }
        END { print values; exit failed }' | sed '/^$/d'
}

# libmodbus_slave NAME rtu|tcp PLACE UNITS OUTLETS: libmodbus's own server, its truth in the same log
libmodbus_slave() {
    local name=$1
    shift
    mkdir -p "$pdus"
    "$build/peers/modbus_server" "$@" "$pdus/truth" >"$pdus/$name.out" 2>&1 3>&- 4>&- &
    echo $! >>"$pdus/pids"
    wait_for 10 grep -q '^ready' "$pdus/$name.out"
}

# ---- a driver program, an order at a time ----

driver_begin() {
    coproc DRIVER { exec "$build/powerctl-driver-modbus" 3</dev/null 4>&- 2>"$BATS_TEST_TMPDIR/err"; }
    driver_pid=$DRIVER_PID to=${DRIVER[1]} from=${DRIVER[0]} next=1
}

driver_end() { [ -z "${driver_pid:-}" ] || kill "$driver_pid" 2>/dev/null || true; }

# driver_device NAME SETTINGS: '"host":"..."' and so on
driver_device() { printf '{"device":"%s","settings":{%s}}\n' "$1" "$2" >&"$to"; }

# ask DEVICE OP [OUTLET [BUDGET]]: its answer, in $answer
ask() {
    printf '{"id":%d,"device":"%s","op":"%s","outlet":%d,"budget_ms":%d}\n' $next "$1" "power-$2" "${3:-1}" \
        "${4:-8000}" >&"$to"
    IFS= read -r -t 20 answer <&"$from"
    # What the driver says of a device stands before.
    while [[ $answer == '{"device"'* ]]; do IFS= read -r -t 20 answer <&"$from"; done
    [[ $answer == "{\"id\":$next,"* ]] || { echo "asked $1 $2 ${3:-1}: $answer"; return 1; }
    next=$((next + 1))
}

says() { # PATTERN...: in the answer
    local pattern
    for pattern; do
        grep -qE -- "$pattern" <<<"$answer" || { echo "$answer"; echo "has no $pattern"; return 1; }
    done
}

is() { [ "$1" = "$2" ] || { echo "wanted: $1"; echo "got:    $2"; return 1; }; }
