# The farm against clients that know nothing of it: ipmitool and FreeIPMI, cipher suites 3 and 17.
# What our own driver is tested against has to be right by somebody else's judgement.

build=${POWERCTL_BUILD:-build}

setup_file() {
    source tests/lib/wait.bash
    export farm_dir=$BATS_FILE_TMPDIR
    "$build/peers/bmc_farm" --first 127.1.9.1 --count 8 --port 0 --control "$farm_dir/control" \
        --truth "$farm_dir/truth" >"$farm_dir/out" 3>&- &
    echo $! >"$farm_dir/pid"
    wait_for 10 grep -q listening "$farm_dir/out"
    farm_port=$(awk '{ print $4 }' "$farm_dir/out")
    export farm_port
}

teardown_file() {
    kill "$(cat "$farm_dir/pid")"
}

setup() {
    source tests/lib/wait.bash
    farm all clear
    farm all power off
    : >"$farm_dir/truth"
}

farm() {
    "$build/peers/bmc_farm" --send "$farm_dir/control" "$@"
}

# tool SUITE WORDS...: ipmitool at n01
tool() {
    local suite=$1
    shift
    ipmitool -I lanplus -C "$suite" -H 127.1.9.1 -p "$farm_port" -U admin -P secret -L OPERATOR \
        -N 1 -R 2 "$@"
}

# power SUITE OPTION...: ipmipower at n01 to n04
power() {
    local suite=$1
    shift
    ipmipower -D LAN_2_0 -I "$suite" -u admin -p secret -h "127.1.9.[1-4]:$farm_port" \
        --session-timeout=5000 "$@"
}

# truth_of NAME: the truth log's words about it, joined by commas
truth_of() {
    awk -v name="$1" '$3 == name { $1 = $2 = $3 = ""; sub(/^ +/, ""); printf "%s%s", n++ ? ", " : "", $0 }' \
        "$farm_dir/truth"
}

field() {
    farm "$1" stats | jq -r ".$2"
}

power_verbs_with_ipmitool() {
    local suite=$1
    [[ $(tool "$suite" power status) == "Chassis Power is off" ]]
    tool "$suite" power on
    [[ $(tool "$suite" power status) == "Chassis Power is on" ]]
    tool "$suite" power cycle
    wait_for 5 is_on n01
    tool "$suite" power reset
    tool "$suite" power diag
    tool "$suite" power soft
    [[ $(truth_of n01) == "control on, edge on disk, control cycle, edge off, edge on disk,"*" control reset, edge reset disk, control diag, control soft, edge off" ]]
}

is_on() {
    [[ $(field "$1" power) == on ]]
}

@test "ipmitool, suite 3: every power verb" {
    power_verbs_with_ipmitool 3
}

@test "ipmitool, suite 17: every power verb" {
    power_verbs_with_ipmitool 17
}

boot_devices_with_ipmitool() {
    local device code
    while read -r device code; do
        tool "$1" chassis bootdev "$device"
        [[ $(field n01 flags) == "80 $code" ]]
    done <<'END'
pxe 04
disk 08
bios 18
none 00
END
    tool "$1" chassis bootdev pxe options=persistent,efiboot
    tool "$1" chassis bootparam get 5 | grep -q 'Boot parameter data: e004000000'
}

@test "ipmitool, suite 3: boot devices, and they read back" {
    boot_devices_with_ipmitool 3
}

@test "ipmitool, suite 17: boot devices, and they read back" {
    boot_devices_with_ipmitool 17
}

power_verbs_with_ipmipower() {
    local verb
    for verb in on cycle; do
        [[ $(power "$1" --$verb | grep -c ': ok') == 4 ]]
    done
    wait_for 5 is_on n04
    for verb in reset pulse soft; do
        [[ $(power "$1" --$verb | grep -c ': ok') == 4 ]]
    done
    [[ $(power "$1" --stat | grep -c ': off') == 4 ]]
    [[ $(power "$1" --on --wait-until-on | grep -c ': ok') == 4 ]]
    [[ $(power "$1" --off --wait-until-off | grep -c ': ok') == 4 ]]
    [[ $(truth_of n04) == *"control reset, edge reset disk, control diag, control soft, edge off, control on, edge on disk, control off, edge off" ]]
}

@test "ipmipower, suite 3: every power verb on four BMCs" {
    power_verbs_with_ipmipower 3
}

@test "ipmipower, suite 17: every power verb on four BMCs" {
    power_verbs_with_ipmipower 17
}

@test "the BIOS takes a one-shot flag once" {
    tool 3 chassis bootdev pxe
    tool 3 power on
    tool 3 power off
    tool 3 power on
    [[ $(truth_of n01) == "boot-flags 80 04, control on, edge on network, control off, edge off, control on, edge on disk" ]]
}

@test "restart cause, power-on hours, identify and a GUID of its own" {
    tool 3 power on
    tool 3 chassis restart_cause | grep -q 'chassis power control command'
    tool 3 chassis status | grep -q 'Last Power Event.*command'
    tool 3 chassis poh | grep -q 'POH Counter'
    tool 3 chassis identify
    [[ $(field n01 identify) == 1 ]]
    tool 3 mc guid | grep -qi 7f010901
}

@test "a suite that is not offered is refused" {
    farm n01 suite-3 off
    run tool 3 power status
    [[ $status != 0 ]]
    tool 17 power status
}

@test "another password is refused" {
    farm n01 password other
    run tool 3 power on
    [[ $status != 0 ]]
    [[ $(truth_of n01) != *control* ]]
}

@test "a liar says ok and does nothing" {
    farm n01 ignore on
    run tool 3 power on
    [[ $output == *"Up/On"* ]]
    [[ $(truth_of n01) == "fault ignore on, control on (says ok, ignores it)" ]]
    [[ $(tool 3 power status) == "Chassis Power is off" ]]
}

@test "a BMC that forgets its boot flags" {
    farm n01 drop-flag on
    tool 3 chassis bootdev pxe
    tool 3 power on
    [[ $(truth_of n01) == *"(says ok, forgets them), control on, edge on disk" ]]
}

@test "refused: boot options, restart cause" {
    farm n01 no-boot-options on
    farm n01 no-restart-cause on
    run tool 3 chassis bootparam get 5
    [[ $output == *"Invalid data field"* ]]
    run tool 3 raw 0x00 0x07
    [[ $output == *"Invalid command"* ]]
}

@test "a BMC that dies with its node's power" {
    tool 3 power on
    farm n01 die-after-off on
    tool 3 power off
    run tool 3 power status
    [[ $status != 0 ]]
    [[ $(truth_of n01) == *"edge off, dies" ]]
}

@test "power that follows late" {
    farm n01 power-delay 600000
    tool 3 power on
    [[ $(tool 3 power status) == "Chassis Power is off" ]]
    [[ $(truth_of n01) == "fault power-delay 600000, control on" ]]
}

@test "lossy, late and repeated answers: everything still arrives, nothing happens twice" {
    farm all loss 5
    farm all duplicate 10
    farm all latency 3
    farm all jitter 3
    run tool 3 power on
    [[ $(tool 3 power status) == "Chassis Power is on" ]]
    [[ $(field n01 power_on) -ge 1 ]]
}

@test "a busy BMC says C0h" {
    farm n01 busy 100
    run tool 3 power status
    [[ $status != 0 ]]
}

@test "all sessions taken, until a half-open one is given up" {
    farm n01 slots 1
    farm n01 half-open 600000
    farm n01 password other
    run tool 3 power status # goes away without a word, after the BMC's half of the handshake
    farm n01 password secret
    run tool 3 power status
    [[ $output == *"insufficient resources"* ]]
    farm n01 half-open 3000
    wait_for 10 tool 3 power status
    [[ $(field n01 sessions) == 0 ]]
}

@test "what a control socket does not understand is an error" {
    run farm n01 latency fast
    [[ $status == 1 && $output == error* ]]
    run farm n99 dead on
    [[ $status == 1 ]]
}

@test "a share of the BMCs, counts from zero, and a line for each" {
    farm 25% dead on
    farm zero
    run tool 3 power on
    farm dump "$farm_dir/dump"
    [[ $(awk '$3 == "dead"' "$farm_dir/dump" | wc -l) == 2 ]]
    [[ $(wc -l <"$farm_dir/dump") == 8 ]]
    farm all clear
    farm zero
    tool 3 power on
    tool 3 power reset
    [[ $(farm stats | jq -c '[.control, .activated - .closed, .pending]') == '[2,0,0]' ]]
    farm dump "$farm_dir/dump"
    [[ $(head -1 "$farm_dir/dump" | cut -d' ' -f1-4) == "127.1.9.1 on live 2" ]]
    [[ $(sed 1d "$farm_dir/dump" | awk '$4 || $8' | wc -l) == 0 ]]
}
