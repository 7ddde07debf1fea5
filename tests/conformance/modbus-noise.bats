#!/usr/bin/env bats
# The Modbus driver on bad wires: bits flipped, bytes lost, noise, answers that are late or come
# twice, at eight units of libmodbus's server, four such lines at once.  tests/peers/pdu_load says
# what is asked, and how it judges.  FRAMES= and SEED= for more of it.

build=$(realpath "${POWERCTL_BUILD:-build}")
frames=${FRAMES:-100000}

noisy() { # SEED KEY=VALUE...
    run tests/peers/pdu_load "$build" "$frames" lines=4 "seed=$1" "${@:2}"
    echo "$output"
    echo "# ${lines[-1]}" >&3
    [ "$status" -eq 0 ]
}

@test "no outlet but the named one ever changes, and no ok is untrue" {
    noisy "${SEED:-1}"
    # Enough went wrong for that to mean something, and enough went well.
    jq -e "(.frames >= $frames) and (.breaches == 0) and (.flip + .lose + .noise + .late + .duplicate > .frames / 100)
        and (.changed > .frames / 40)" <<<"${lines[-1]}"
}

@test "four requests at a time on each line" {
    frames=$((frames / 10)) noisy "$((${SEED:-1} + 1000))" outstanding=4 flip=2 lose=2 noise=2 duplicate=2 late=1
}

@test "a wire that spoils one frame in five" {
    frames=$((frames / 25)) noisy "$((${SEED:-1} + 2000))" flip=60 lose=60 noise=60 duplicate=20 late=10
}
