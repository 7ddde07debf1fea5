# What ipmipower 1.6.10 does wrong at scale, each as a test that our driver, and where it fits
# powerctl, does it right; against the farm, and counted by the farm.  Where ipmipower fails the
# same way every time, that is shown too: then it is known that the test bites.

build=$(realpath "${POWERCTL_BUILD:-build}")
bats_require_minimum_version 1.5.0
bmcs=4096

setup_file() {
    source tests/lib/wait.bash
    export dir=$BATS_FILE_TMPDIR
    "$build/peers/bmc_farm" --first 127.1.32.1 --count "$bmcs" --port 623 --control "$dir/control" \
        >"$dir/out" 3>&- &
    echo $! >"$dir/pid"
    wait_for 20 grep -q listening "$dir/out"
    printf '{"credentials":"bmc","user":"admin","password":"secret"}\n' >"$dir/secrets"
}

teardown_file() {
    kill "$(cat "$dir/pid")"
}

setup() {
    source tests/lib/wait.bash
    farm all clear
    farm all power on
    farm zero
    : >"$dir/addresses"
    members=''
}

farm() {
    "$build/peers/bmc_farm" --send "$dir/control" "$@" >"$dir/answer"
}

# stat FIELD: of the whole farm's
stat() {
    farm stats
    jq ".$1" "$dir/answer"
}

none_left() {
    [[ $(stat '| [.activated - .closed, .sessions] | add') == 0 ]]
}

is_still() {
    [[ $(stat pending) == 0 ]]
}

# ask N: the first N BMCs are who is asked
ask() {
    farm dump "$dir/dump"
    head -n "$1" "$dir/dump" | awk '{ print $1 }' >"$dir/addresses"
}

devices() {
    awk '{ printf "{\"device\":\"b%d\",\"settings\":{\"host\":\"%s\",\"credentials\":\"bmc\",\"cipher_suites\":\"3\"}}\n", NR, $1 }' \
        "$dir/addresses"
}

# requests OP BUDGET [FIRST-ID]: one for each address; `members` are further ones
requests() {
    awk -v op="$1" -v budget="$2" -v id="${3:-1}" -v members="$members" \
        '{ printf "{\"id\":%d,\"device\":\"b%d\",\"op\":\"%s\",\"budget_ms\":%d%s}\n", id++, NR, op, budget, members }' \
        "$dir/addresses"
}

# drive OP BUDGET: replies in $dir/replies; the driver's exit is 0, and everybody is answered
drive() {
    { devices && requests "$@"; } | "$build/powerctl-driver-ipmi" 3<"$dir/secrets" >"$dir/replies"
    [[ $(wc -l <"$dir/replies") == $(wc -l <"$dir/addresses") ]]
    [[ $(jq .id "$dir/replies" | sort -u | wc -l) == $(wc -l <"$dir/addresses") ]]
}

# said FILTER: how many replies are so
said() {
    jq -s "map(select($1)) | length" "$dir/replies"
}

is_ipmipower_1_6_10() {
    [[ $(ipmipower --version | head -n 1) == *1.6.10 ]] || skip "another ipmipower: not known how it fails"
}

ipmipower_at() {
    local hosts=$1
    shift
    ipmipower -D LAN_2_0 -I 3 -u admin -p secret -h "$hosts" "$@"
}

@test "answers up to a second late, of every stage: the run goes on, and nobody is lost" {
    farm all latency 5
    farm all jitter 1000
    ask 512
    drive power-status 20000
    [[ $(said '.power == "on"') == 512 ]]
    wait_for 10 none_left
}

@test "450 ms an answer, more than the first resend waits: all can be controlled, once, and no session is left" {
    farm all latency 450
    ask 64
    drive power-cycle 20000
    [[ $(said '.result == "ok"') == 64 ]]
    wait_for 10 is_still
    [[ $(stat control) == 64 ]]
    wait_for 10 none_left
}

@test "an address that cannot be sent to fails alone" {
    ask 10
    echo 127.255.255.255 | cat - "$dir/addresses" >"$dir/all" && mv "$dir/all" "$dir/addresses"
    drive power-status 4000
    [[ $(said '.power == "on"') == 10 ]]
    [[ $(jq -r 'select(.id == 1) | "\(.error) \(.sent)"' "$dir/replies") == "unreachable no" ]]
}

@test "an address that cannot be sent to: ipmipower answers for none of the other ten" {
    is_ipmipower_1_6_10
    ask 10
    run ipmipower_at "127.255.255.255,$(paste -sd, "$dir/addresses")" --stat
    [[ $status == 1 && $output != *": on"* ]]
}

all_asked() {
    [[ $(stat closed) == "$bmcs" ]]
}

@test "4,096 results for a reader that comes late and reads slowly: all there" {
    ask "$bmcs"
    { devices && requests power-status 60000; } >"$dir/orders"
    mkfifo "$dir/pipe"
    "$build/powerctl-driver-ipmi" <"$dir/orders" 3<"$dir/secrets" >"$dir/pipe" &
    exec {pipe}<"$dir/pipe"
    wait_for 60 all_asked # twice what a pipe holds has been answered, and nothing read
    while IFS= read -r -u "$pipe" line; do # bash reads byte by byte
        printf '%s\n' "$line"
    done >"$dir/replies"
    exec {pipe}<&-
    [[ $(said '.power == "on"') == "$bmcs" ]]
    [[ $(jq .id "$dir/replies" | sort -u | wc -l) == "$bmcs" ]]
}

@test "busy BMCs (C0h): asked again; what stays busy is said to be" {
    farm all busy 10
    ask 200
    drive power-on 20000
    [[ $(said '.result == "ok"') == 200 ]]
    farm all busy 100
    ask 3
    drive power-on 1500
    [[ $(said '.result == "failed" and .error == "busy"') == 3 ]]
    grep -q "busy for all of" "$dir/replies"
}

@test "busy BMCs: ipmipower says nothing, and exits with 0" {
    is_ipmipower_1_6_10
    farm all busy 100
    ask 1
    run ipmipower_at "$(cat "$dir/addresses")" --on --session-timeout=3000
    [[ $status == 0 && $output == '' ]]
}

still_let_in() {
    ipmitool -I lanplus -C 3 -H "$(cat "$dir/addresses")" -U admin -P secret -N 1 -R 2 power status
}

@test "five resets in a row close their sessions: there is room for ipmitool on a BMC with five" {
    ask 1
    for _ in {1..5}; do
        drive power-reset 5000
        [[ $(said '.result == "ok"') == 1 ]]
    done
    wait_for 5 none_left
    [[ $(stat reset) == 5 ]]
    still_let_in
}

@test "five resets in a row: ipmipower leaves the five sessions, and ipmitool outside" {
    is_ipmipower_1_6_10
    ask 1
    for _ in {1..5}; do
        ipmipower_at "$(cat "$dir/addresses")" --reset
    done
    [[ $(stat sessions) == 5 ]]
    ! still_let_in
}

# None started twice; what is ok was done. An answer that was lost is not to be had again (the BMC
# drops a repeated packet, and a new one might be obeyed twice): then "maybe", and nothing else.
each_at_most_once() {
    wait_for 10 is_still
    farm dump "$dir/dump"
    [[ $(stat started_more_than_once) == 0 ]]
    [[ $(awk '$4 > 1' "$dir/dump" | wc -l) == 0 ]]
    jq -r 'select(.id > 0) | "\(.id) \(.result) \(.sent)"' "$dir/replies" | sort -n >"$dir/said"
    [[ $(awk 'NR == FNR { controls[NR] = $4; next }
        $2 == "ok" ? controls[$1] != 1 : $3 != "maybe"' "$dir/dump" "$dir/said" | wc -l) == 0 ]]
    (($(said '.result == "ok"') > $1 * 9 / 10))
}

@test "2 % loss, 4,096 cycles: none twice, and none said to be done that was not" {
    farm all loss 2
    ask "$bmcs"
    drive power-cycle 20000
    each_at_most_once "$bmcs"
}

@test "2 % loss and 50 ms, next boot and then cycle at 1,024: they boot from the network, none twice" {
    farm all latency 50
    farm all loss 2
    ask 1024
    requests power-cycle 20000 1025 >"$dir/follow"
    members=',"boot_device":"network","firmware":"legacy","keep_ms":10000'
    { devices && requests next-boot-set 20000; } >"$dir/orders"
    "$build/bench/feed" "$dir/follow" "$build/powerctl-driver-ipmi" <"$dir/orders" 3<"$dir/secrets" >"$dir/both"
    # A next boot that was not acknowledged is not followed by a cycle.
    (($(wc -l <"$dir/both") == 1024 + $(jq 'select(.id <= 1024 and .result == "ok") | .id' "$dir/both" | wc -l)))
    jq -c 'select(.id > 1024) | .id -= 1024' "$dir/both" >"$dir/replies"
    each_at_most_once 1024
    # Whoever was started has started from the network.
    [[ $(awk '$5 != $7' "$dir/dump" | wc -l) == 0 ]]
}

# work N: what N BMCs cost when 64 are asked at a time, the least of three, in microseconds of
# processor time. How busy the machine is does not matter to that, nor how fast it is to a ratio.
work() {
    local n=$1 least=
    ask "$n"
    { devices && requests power-status 60000 | head -n 64; } >"$dir/orders"
    requests power-status 60000 | tail -n +65 >"$dir/follow" # reply N orders request N + 64
    for _ in 1 2 3; do
        "$build/bench/measure" "$dir/replies" "$build/bench/feed" "$dir/follow" \
            "$build/powerctl-driver-ipmi" <"$dir/orders" 3<"$dir/secrets" >"$dir/cost"
        [[ $(grep -c '"power":"on"' "$dir/replies") == "$n" ]]
        least=$(jq --argjson least "${least:-null}" '[.cpu_s * 1e6 | floor, $least // infinite] | min' "$dir/cost")
    done
    echo "$least"
}

@test "64 at a time: sixteen times the BMCs are no more than sixteen times the work" {
    farm all jitter 10 # answers come one by one, and each wakes the driver
    few=$(work 256)
    many=$(work 4096)
    echo "256 BMCs: $few us, 4,096: $many us of processor time"
    # 12 times (a process has its price); a mere look at every BMC at every turn makes it 37.
    ((many < 20 * few))
}

configure_agent() {
    agent_secret bmc secret
    cat >"$agent_dir/powerctl.yaml" <<END
credentials: { bmc: { user: admin, password_file: $agent_dir/secrets/bmc } }
devices:
  b[01-64]: { driver: ipmi, host: "127.1.32.[1-64]", credentials: bmc }
nodes:
  n[01-64]: { power: "b[01-64]", up: none }
deadlines: { command: 2 }
$(agent_part)
END
}

@test "through the agent: 2 of 64 BMCs dead are two nodes failed and exit 1; 62 are known" {
    export agent_dir=$BATS_TEST_TMPDIR
    source tests/lib/agent.bash
    configure_agent
    farm 127.1.32.7 dead on
    farm 127.1.32.40 dead on
    agent_start
    run --separate-stderr "$build/powerctl" status 'n[01-64]' --format jsonl
    echo "$output" >"$dir/replies"
    agent_stop
    echo "$stderr"
    [[ $status == 1 ]]
    [[ $(said '.node and .power == "on"') == 62 ]]
    [[ $(jq -r 'select(.node and .power != "on") | .node' "$dir/replies" | sort | xargs) == "n07 n40" ]]
}

@test "through the agent: a busy BMC is one node failed and exit 1, and called so" {
    export agent_dir=$BATS_TEST_TMPDIR
    source tests/lib/agent.bash
    configure_agent
    farm 127.1.32.9 busy 100
    agent_start
    run --separate-stderr "$build/powerctl" status 'n[01-64]'
    agent_stop
    echo "$output" "$stderr"
    [[ $status == 1 ]]
    [[ $output == *n09:*busy* ]]
}
