#!/usr/bin/env bats
# docs/api.md is true: every call in it, in its order, against a real agent with fake devices.
# Status and content type must be as written; of JSON, every key shown must be there, with a value
# of the same type.

setup() {
    build=${POWERCTL_BUILD:-$BATS_TEST_DIRNAME/../../build}
    doc=$BATS_TEST_DIRNAME/../../docs/api.md
    socket=$BATS_TEST_TMPDIR/sock
    cat >"$BATS_TEST_TMPDIR/powerctl.yaml" <<YAML
agent: { socket: $socket, state_dir: $BATS_TEST_TMPDIR, driver_dir: $build }
devices:
  bmc-n[01-04]: { driver: fake, state: "$BATS_TEST_TMPDIR/bmc-n[01-04]" }
  pdu-a: { driver: fake, state: $BATS_TEST_TMPDIR/pdu-a, outlets: 2 }
nodes:
  n[01-04]: { power: "bmc-n[01-04]", next_boot: "bmc-n[01-04]", up: none }
  n05: { power: pdu-a/1 }
circuits: { row-1: { nodes_per_second: 4, outlets: pdu-a/1 } }
groups: { rack1: "n[01-04]" }
limits: { confirm_above: 2 }
deadlines: { settle: 0.05 }
YAML
    for n in 01 02 03 04; do echo "on none legacy" >"$BATS_TEST_TMPDIR/bmc-n$n"; done
    "$build/powerctld" --config "$BATS_TEST_TMPDIR/powerctl.yaml" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
    agent=$!
    # Ready, not only there: the agent first waits for drivers of one before it.
    curl -sf --retry 100 --retry-delay 0 --retry-max-time 20 --retry-all-errors \
        --unix-socket "$socket" http://agent/healthz >/dev/null
}

teardown() {
    kill "$agent"
    wait "$agent" || true
}

# block N: the N-th block fenced as http, without its fences.
block() {
    awk -v wanted="$1" '
        /^```http$/ { inside = ++count == wanted; next }
        /^```$/     { inside = 0 }
        inside' "$doc"
}

# shape: every path of a JSON value with the type that is there; lists count by their first.
shape() {
    jq -cS '[paths as $p | {path: ($p | map(if type == "number" then 0 else . end)),
             type: (getpath($p) | type)}] | unique'
}

# compare_json EXPECTED ACTUAL
compare_json() {
    local missing
    missing=$(jq -nc --argjson wanted "$(shape <<<"$1")" --argjson got "$(shape <<<"$2")" \
        '$wanted - $got')
    [ "$missing" = '[]' ] || {
        echo "missing or of another type: $missing"
        echo "in: $2"
        return 1
    }
}

# replay N: sends request block N and compares the answer with block N + 1.
replay() {
    local request answer method path body status type wanted got expected
    request=$(block "$1") answer=$(block $(($1 + 1)))
    read -r method path <<<"$request"
    body=$(sed '1,/^$/d' <<<"$request")
    echo "$method $path $body"
    # The answer's end tells that a stream has ended.
    got=$(curl -sS -g -i --max-time 30 --unix-socket "$socket" -X "$method" \
        ${body:+-H 'Content-Type: application/json' --data-binary "$body"} \
        "http://agent${path//\{job\}/$job}" | tr -d '\r')
    status=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' <<<"$got")
    wanted=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' <<<"$answer")
    type=$(sed -n 's/^Content-Type: //p' <<<"$answer")
    [ "$status" = "$wanted" ] || { echo "status $status, not $wanted: $got"; return 1; }
    grep -qF "Content-Type: $type" <<<"$got" || { echo "not $type: $got"; return 1; }
    expected=$(sed '1,/^$/d' <<<"$answer")
    got=$(sed '1,/^$/d' <<<"$got")
    if [ "$type" = text/event-stream ]; then
        grep -q '^id: [0-9]' <<<"$got"
        expected=$(sed -n 's/^data: //p' <<<"$expected" | head -n 1)
        got=$(sed -n 's/^data: //p' <<<"$got" | head -n 1)
    fi
    compare_json "$expected" "$got"
    case $method$status in
    POST202) job=$(jq -r .id <<<"$got") ;;
    esac
}

@test "docs/api.md: every call answers as written" {
    blocks=$(grep -c '^```http$' "$doc")
    [ "$blocks" -ge 20 ]
    [ $((blocks % 2)) -eq 0 ]
    job=
    for ((i = 1; i < blocks; i += 2)); do
        replay "$i"
    done
}
