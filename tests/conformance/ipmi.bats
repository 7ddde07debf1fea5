# The IPMI driver, as the agent speaks to it, against BMCs that are not ours: the farm (judged by
# ipmitool and FreeIPMI in bmc-farm.bats) and OpenIPMI's ipmi_sim.

build=$(realpath "${POWERCTL_BUILD:-build}")
bats_require_minimum_version 1.5.0

setup_file() {
    source tests/lib/wait.bash
    export dir=$BATS_FILE_TMPDIR
    "$build/peers/bmc_farm" --first 127.1.10.1 --count 64 --port 0 --power on --control "$dir/control" \
        --truth "$dir/truth" >"$dir/out" 3>&- &
    echo $! >"$dir/pids"
    wait_for 10 grep -q listening "$dir/out"
    port=$(awk '{ print $4 }' "$dir/out")
    export port
    export sim_port=$((20000 + RANDOM % 10000))
    start_ipmi_sim
}

teardown_file() {
    local pid
    while read -r pid; do kill "$pid" || true; done <"$dir/pids"
}

start_ipmi_sim() {
    mkdir -p "$dir/sim/state"
    printf '#!/bin/sh\nexit 0\n' >"$dir/sim/hook"
    chmod +x "$dir/sim/hook"
    echo $$ >"$dir/sim/pid" # the machine is on while this process lives
    cat >"$dir/sim/bmc.emu" <<'END'
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
END
    cat >"$dir/sim/lan.conf" <<END
name "sim"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 $sim_port
    priv_limit admin
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  user 1 true "" "" user 10 none md2 md5 straight
  user 2 true "admin" "secret" admin 10 none md2 md5 straight
loadlib "$build/peers/ipmi_sim_chassis.so" "$dir/sim $dir/sim/hook"
END
    chmod 600 "$dir/sim/lan.conf"
    ipmi_sim -c "$dir/sim/lan.conf" -f "$dir/sim/bmc.emu" -s "$dir/sim/state" -n \
        >"$dir/sim/out" 2>&1 </dev/null 3>&- &
    echo $! >>"$dir/pids"
    wait_for 10 sim_listens
}

sim_listens() {
    ss -Hlun "sport = :$sim_port" | grep -q .
}

setup() {
    source tests/lib/wait.bash
    farm all clear
    farm all power on
    : >"$dir/truth"
    password=secret user=admin count=1 settings='' host=127.1.10 request=''
}

farm() {
    "$build/peers/bmc_farm" --send "$dir/control" "$@"
}

# field NAME FIELD: of the farm's stats
field() {
    farm "$1" stats | jq -r ".$2"
}

truth_of() {
    awk -v name="$1" '$3 == name { $1 = $2 = $3 = ""; sub(/^ +/, ""); printf "%s%s", n++ ? ", " : "", $0 }' \
        "$dir/truth"
}

# drive PORT BUDGET OP...: each op at each of $count BMCs, $host.1 and up; replies on stdout in
# the order they came.  $settings and $request are further JSON members.
drive() {
    local at_port=$1 budget=$2 i id=0 op
    shift 2
    printf '{"credentials":"bmc","user":"%s","password":"%s"}\n' "$user" "$password" >"$dir/secrets"
    {
        for ((i = 1; i <= count; i++)); do
            printf '{"device":"b%d","settings":{"host":"%s.%d","port":"%s","credentials":"bmc"%s}}\n' \
                "$i" "$host" "$i" "$at_port" "$settings"
        done
        for op; do
            for ((i = 1; i <= count; i++)); do
                printf '{"id":%d,"device":"b%d","op":"%s","budget_ms":%d%s}\n' $((++id)) "$i" "$op" \
                    "$budget" "$request"
            done
        done
    } | "$build/powerctl-driver-ipmi" 3<"$dir/secrets"
}

# ask BUDGET OP...: at the farm
ask() {
    drive "$port" "$@"
}

sim() {
    host=127.0.0 settings=',"cipher_suites":"17,3"' drive "$sim_port" 5000 "$@"
}

# says FILTER: the replies on stdin, by jq, as one line
says() {
    jq -rs "[.[] | $1] | join(\" \")"
}

is_free() {
    [[ $(field n01 sessions) == 0 ]]
}

is_on() {
    [[ $(field n01 power) == on ]]
}

every_power_verb() {
    settings=$1
    [[ $(ask 5000 power-status | says .power) == on ]]
    for op in power-off power-on power-cycle; do
        [[ $(ask 5000 $op | says .result) == ok ]]
    done
    wait_for 5 is_on
    for op in power-reset power-diag power-soft; do
        [[ $(ask 5000 $op | says .result) == ok ]]
    done
    [[ $(truth_of n01) == *"control off, edge off, control on, edge on disk, control cycle, edge off, edge on disk,"*"control reset, edge reset disk, control diag, control soft, edge off" ]]
    [[ $(ask 5000 power-status | says .power) == off ]]
    wait_for 5 is_free
}

@test "farm, suite 17: every power verb, and every session is closed" {
    farm all suite-3 off
    every_power_verb ''
}

@test "farm, suite 3: every power verb, found after 17 was refused" {
    farm all suite-17 off
    every_power_verb ''
}

@test "farm: a suite nobody named is not used" {
    farm all suite-17 off
    settings=',"cipher_suites":"17"'
    reply=$(ask 3000 power-status)
    [[ $(says .error <<<"$reply") == unsupported ]]
    [[ $reply == *cipher_suites* ]]
}

next_boot() {
    request=",\"boot_device\":\"$1\",\"firmware\":\"$2\"" "$3" next-boot-set |
        says '"\(.next_boot.device) \(.next_boot.valid) \(.next_boot.uefi) \(.next_boot.persistent)"'
}

ask_farm() {
    ask 5000 "$@"
}

@test "farm: next boot is set, read back, and taken back" {
    [[ $(next_boot network legacy ask_farm) == "network true false false" ]]
    [[ $(next_boot disk uefi ask_farm) == "disk true true false" ]]
    [[ $(next_boot bios legacy ask_farm) == "bios true false false" ]]
    [[ $(ask 5000 next-boot-get | says .next_boot.device) == bios ]]
    [[ $(next_boot none legacy ask_farm) == "none false false false" ]]
}

@test "farm: evidence, identity, the light" {
    ask 5000 power-off power-on >/dev/null
    [[ $(ask 5000 restart-evidence | says '.evidence | has("cause") and has("last_event")') == true ]]
    reply=$(ask 5000 device-info)
    [[ $(says .info.guid <<<"$reply") == *7f010a01* ]]
    [[ $(says .info.session <<<"$reply") == "suite 17, operator" ]]
    request=',"seconds":15'
    [[ $(ask 5000 identify | says .result) == ok ]]
}

@test "farm: what a BMC cannot do is unsupported, by name" {
    farm n01 no-boot-options on
    farm n01 no-restart-cause on
    reply=$(ask 5000 next-boot-get)
    [[ $(says '"\(.error) \(.sent)"' <<<"$reply") == "unsupported yes" ]]
    [[ $reply == *"System Boot Options"*CCh* ]]
    [[ $(ask 5000 restart-evidence | says '.evidence | has("cause")') == false ]]
}

@test "farm: reset, cycle, soft and diag of a host that is off" {
    farm n01 power off
    for op in power-reset power-cycle; do
        reply=$(ask 5000 $op)
        [[ $(says '"\(.error) \(.sent)"' <<<"$reply") == "device yes" ]]
        [[ $reply == *D5h*"is off"* ]]
    done
    [[ $(ask 5000 power-off | says .result) == ok ]]
}

@test "farm: a wrong password is tried twice, then left alone" {
    password=wrong
    replies=$(ask 3000 power-cycle power-status power-status)
    [[ $(says .error <<<"$replies") == "auth auth auth" ]]
    [[ $(says .sent <<<"$replies") == "no no no" ]]
    [[ $(grep -c "left alone for another" <<<"$replies") == 2 ]]
    [[ $replies != *wrong\"* && $replies != *secret* ]]
    [[ $(truth_of n01) != *control* ]]
}

@test "farm: an operator's session does not do what its privilege forbids" {
    settings=',"privilege":"user"'
    reply=$(ask 3000 power-off)
    [[ $(says .error <<<"$reply") == auth ]]
    [[ $reply == *D4h* ]]
}

@test "a dead BMC: unreachable, not sent, within the budget" {
    farm n01 dead on
    reply=$(ask 1500 power-cycle)
    [[ $(says '"\(.error) \(.sent)"' <<<"$reply") == "unreachable no" ]]
    [[ $reply == *"no answer from 127.1.10.1"*"1.5 s"* ]]
}

@test "a closed port is told by ICMP in less than two seconds" {
    reply=$(timeout 2 "$BASH" -c "$(declare -f drive); dir=$dir build=$build user=a password=b count=1 host=127.1.10 settings= request=; drive 1 20000 power-status")
    [[ $(says '"\(.error) \(.sent)"' <<<"$reply") == "unreachable no" ]]
}

@test "an address that cannot be sent to fails alone" {
    printf '{"credentials":"bmc","user":"admin","password":"secret"}\n' >"$dir/secrets"
    reply=$("$build/powerctl-driver-ipmi" 3<"$dir/secrets" <<END
{"device":"bad","settings":{"host":"127.255.255.255","credentials":"bmc"}}
{"device":"good","settings":{"host":"127.1.10.2","port":"$port","credentials":"bmc"}}
{"id":1,"device":"bad","op":"power-status","budget_ms":4000}
{"id":2,"device":"good","op":"power-status","budget_ms":4000}
END
    )
    [[ $(jq -r 'select(.id == 1).error' <<<"$reply") == unreachable ]]
    [[ $(jq -r 'select(.id == 2).power' <<<"$reply") == on ]]
}

# many OP BUDGET: at 64 BMCs; every one answered, every control done at most once
many() {
    count=64
    ask "$2" "$1" >"$dir/replies"
    [[ $(wc -l <"$dir/replies") == 64 ]]
    [[ -z $(awk '/ control / { print $3 }' "$dir/truth" | sort | uniq -d) ]]
    says 'select(.result == "failed") | "\(.error)/\(.sent)"' <"$dir/replies"
}

@test "450 ms a reply, longer than the first resend waits" {
    farm all latency 450
    [[ -z $(many power-cycle 10000) ]]
    [[ $(grep -c "control cycle" "$dir/truth") == 64 ]]
}

@test "2 s a reply" {
    farm all latency 2000
    [[ -z $(many power-cycle 20000) ]]
    [[ $(grep -c "control cycle" "$dir/truth") == 64 ]]
}

@test "replies up to a second late, in any order" {
    farm all jitter 1000
    [[ -z $(many power-cycle 20000) ]]
}

@test "every answer twice" {
    farm all duplicate 100
    [[ -z $(many power-cycle 10000) ]]
    [[ $(grep -c "control cycle" "$dir/truth") == 64 ]]
}

@test "10 % loss: nothing is done twice, and what is unknown is called so" {
    farm all loss 10
    failures=$(many power-cycle 20000)
    [[ -z ${failures//timeout\/maybe/} || ${failures//timeout\/maybe/} =~ ^\ +$ ]]
    : >"$dir/truth"
    [[ -z $(many power-status 20000) ]]
}

@test "a BMC that obeys repeated packets is not sent any while it is quick" {
    farm all no-window on
    farm all latency 20
    [[ -z $(many power-cycle 10000) ]]
}

@test "busy BMCs are asked again" {
    farm all busy 20
    [[ -z $(many power-on 20000) ]]
}

@test "corrupted and cut answers are dropped, and crash nothing" {
    farm all corrupt 5
    farm all truncate 5
    count=64
    ask 10000 power-status >"$dir/replies"
    [[ $(wc -l <"$dir/replies") == 64 ]]
    [[ $(grep -c '"power":"on"' "$dir/replies") -ge 60 ]]
    ! grep -q '"power":"off"' "$dir/replies"
}

# Half a handshake, as a client leaves it that dies: Open Session for suite 3, and no more.
hold_slot() {
    printf '\x06\x00\xff\x07\x06\x10\x00\x00\x00\x00\x00\x00\x00\x00\x20\x00%b%b%b%b' \
        '\x01\x04\x00\x00\x77\x66\x55\x44' '\x00\x00\x00\x08\x01\x00\x00\x00' \
        '\x01\x00\x00\x08\x01\x00\x00\x00' '\x02\x00\x00\x08\x01\x00\x00\x00' \
        >"/dev/udp/127.1.10.1/$port"
    wait_for 5 is_held
}

is_held() {
    [[ $(field n01 sessions) == 1 ]]
}

@test "every session taken: busy and not sent, within the budget" {
    farm n01 slots 1
    farm n01 half-open 60000
    hold_slot
    reply=$(ask 2000 power-cycle)
    [[ $(says '"\(.error) \(.sent)"' <<<"$reply") == "busy no" ]]
    [[ $reply == *01h*"all sessions taken"* ]]
    farm n01 half-open 1
    [[ $(ask 5000 power-cycle | says .result) == ok ]]
}

@test "one session for three drivers: each gets its turn" {
    farm n01 slots 1
    farm n01 latency 50
    : >"$dir/others"
    for _ in 1 2; do
        dir=$(mktemp -d "$dir/XXXXXX") ask 20000 power-status next-boot-get >>"$dir/others" 3>&- &
    done
    hold_slot
    replies=$(ask 20000 power-status next-boot-get)
    wait
    [[ $(cat "$dir/others" - <<<"$replies" | says .result) == "ok ok ok ok ok ok" ]]
    wait_for 5 is_free
}

@test "settings replaced while requests are in flight" {
    printf '{"credentials":"bmc","user":"admin","password":"secret"}\n' >"$dir/secrets"
    device="{\"device\":\"b1\",\"settings\":{\"host\":\"127.1.10.1\",\"port\":\"$port\",\"credentials\":\"bmc\"}}"
    replies=$("$build/powerctl-driver-ipmi" 3<"$dir/secrets" <<END
$device
{"id":1,"device":"b1","op":"power-cycle","budget_ms":5000}
{"id":2,"device":"b1","op":"power-status","budget_ms":5000}
$device
{"id":3,"device":"b1","op":"power-status","budget_ms":5000}
END
    )
    [[ $(jq -rs 'sort_by(.id)[] | "\(.id)\(.result)\(.error)\(.sent)"' <<<"$replies" | xargs) == \
        "1faileddeviceno 2faileddeviceno 3oknullnull" ]]
    wait_for 5 is_free
}

# answered N: the driver started by hand has answered so often
answered() {
    [[ $(wc -l <"$dir/replies") -ge $1 ]]
}

@test "a session is kept for the next request, and closed when its time is over" {
    local before
    before=$(field n01 opened)
    printf '{"credentials":"bmc","user":"admin","password":"secret"}\n' >"$dir/secrets"
    mkfifo "$dir/orders"
    "$build/powerctl-driver-ipmi" 3<"$dir/secrets" <"$dir/orders" >"$dir/replies" &
    exec 9>"$dir/orders"
    printf '%s\n' >&9 \
        "{\"device\":\"b1\",\"settings\":{\"host\":\"127.1.10.1\",\"port\":\"$port\",\"credentials\":\"bmc\"}}" \
        '{"id":1,"device":"b1","op":"power-off","budget_ms":5000,"keep_ms":20000}'
    wait_for 5 answered 1
    [[ $(field n01 sessions) == 1 ]]
    printf '%s\n' '{"id":2,"device":"b1","op":"power-on","budget_ms":5000,"keep_ms":20000}' >&9
    wait_for 5 answered 2
    printf '%s\n' '{"id":3,"device":"b1","op":"power-status","budget_ms":5000,"keep_ms":100}' >&9
    wait_for 5 answered 3
    wait_for 5 is_free # while the driver goes on
    exec 9>&-
    wait
    [[ $(says .result <"$dir/replies") == "ok ok ok" ]]
    [[ $(($(field n01 opened) - before)) == 1 ]]
}

@test "both codecs, all the same" {
    for suite in 3 17; do
        for codec in native freeipmi; do
            settings=",\"cipher_suites\":\"$suite\",\"codec\":\"$codec\""
            [[ $(ask 5000 power-off power-on power-status | jq -sc 'sort_by(.id)[] | del(.id)' | xargs) == \
                "{result:ok} {result:ok} {result:ok,power:on}" ]]
            wait_for 5 is_free
        done
    done
}

none_held() {
    [[ $(farm stats | jq .sessions) == 0 ]]
}

@test "a driver whose agent is gone closes what it has open" {
    farm all latency 20
    count=64
    ask 10000 power-cycle 2>/dev/null | head -n 1 >/dev/null
    wait_for 5 none_held
}

@test "ipmi_sim: status, and power verbs reach its machine" {
    : >"$dir/sim/events"
    [[ $(sim power-status | says .power) == on ]]
    for op in power-off power-on power-reset power-cycle power-soft power-diag; do
        [[ $(sim $op | says .result) == ok ]]
    done
    for word in off on reset cycle soft diag; do
        grep -q " $word" "$dir/sim/events"
    done
}

sim_boot() {
    sim "$@"
}

@test "ipmi_sim: next boot is set, read back, and taken back" {
    [[ $(next_boot network uefi sim_boot) == "network true true false" ]]
    grep -qi "a0 04" "$dir/sim/bootflags"
    [[ $(next_boot none legacy sim_boot) == "none false false false" ]]
    reply=$(sim device-info)
    [[ $(says .info.model <<<"$reply") == *product* ]]
    [[ $(says .info.session <<<"$reply") == "suite "*", operator" ]]
}

@test "ipmi_sim: a wrong password, and a hundred sessions in a row" {
    password=wrong
    [[ $(sim power-status | says .error) == auth ]]
    password=secret
    for _ in {1..100}; do
        [[ $(sim power-status | says .power) == on ]]
    done
}
