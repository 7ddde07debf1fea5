#!/usr/bin/env bats
# The promises of drivers/driver.h, asked of a driver program over its stdin and stdout.
#
#   DRIVER=fake           which one: $POWERCTL_BUILD/powerctl-driver-$DRIVER
#   GOOD='{"host":..}'    settings of a device that works and may be switched  (fake: made here)
#   DEAD='{"host":..}'    settings of one that never answers: a black hole      (fake: made here)
#   BAD='{"host":..}'     settings that the driver must refuse                  (default: unknown key)
#   SECRETS='{"credentials":..}'   lines for the secrets descriptor
#   REQUEST=',"outlet":1'          further members of every request  (devices with outlets)
#
# Order is what is tested, not speed: an hour's budget means "never", and a test that waits for
# it hangs until bats gives up.

setup() {
    driver=${DRIVER:-fake}
    program=${POWERCTL_BUILD:-build}/powerctl-driver-$driver
    dir=$BATS_TEST_TMPDIR
    bad=${BAD:-'{"no-such-option":"1"}'}
    if [ "$driver" = fake ]; then
        good=$(state good)
        dead=$(state dead ',"dead":"true"')
    else
        good=${GOOD:-} dead=${DEAD:-}
    fi
}

teardown() {
    [ -z "${DRIVER_PROCESS_PID:-}" ] || kill "$DRIVER_PROCESS_PID" 2>/dev/null || true
}

# Settings of a fake device: name, more settings.
state() { printf '{"state":"%s/%s"%s}' "$dir" "$1" "${2:-}"; }

needs_good() { [ -n "$good" ] || skip "GOOD is not set"; }
needs_dead() { [ -n "$dead" ] || skip "DEAD is not set"; }
only_fake() { [ "$driver" = fake ] || skip "only the fake driver does this on demand"; }

device() { printf '{"device":"%s","settings":%s}\n' "$1" "$2"; }
request() { printf '{"id":%s,"device":"%s","op":"%s","budget_ms":%s%s}\n' "$1" "$2" "$3" "$4" "${5:-}${REQUEST:-}"; }

# Lines on stdin, its answers in $dir/out, its complaints in $dir/err; ends when all is answered.
talk() { "$program" 3< <(printf "%s" "${SECRETS:-}") 4>&- >"$dir/out" 2>"$dir/err"; }

answer() { grep -E "^\{\"id\":$1," "$dir/out"; }
says() { # ID PATTERN...: one answer with this id, and each pattern in it
    local id=$1 pattern
    shift
    [ "$(answer "$id" | wc -l)" -eq 1 ] || { cat "$dir/out" "$dir/err"; return 1; }
    for pattern; do
        answer "$id" | grep -qE -- "$pattern" || { answer "$id"; echo "has no $pattern"; return 1; }
    done
}
place() { grep -nE "^\{\"id\":$1," "$dir/out" | cut -d: -f1; }

@test "it describes its options, names its version, knows no other argument" {
    run "$program" --describe
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == '{"driver":"'$driver'",'*'"options":['* ]]
    run "$program" --version
    [ "$status" -eq 0 ]
    run "$program" --nonsense
    [ "$status" -eq 2 ]
}

@test "it ends when its stdin ends" {
    talk </dev/null
    [ ! -s "$dir/out" ]
}

@test "an unknown device is an error of the config" {
    request 1 nobody power-on 3600000 | talk
    says 1 '"result":"failed"' '"error":"config"' '"sent":"no"' nobody
}

@test "bad settings are refused once, and each request says why" {
    { device d "$bad"; request 1 d power-on 3600000; } | talk
    [ "$(grep -c '^{"device":"d","error":' "$dir/out")" -eq 1 ]
    says 1 '"error":"config"' '"sent":"no"' '"text":"d: '
}

@test "better settings heal a refused device" {
    needs_good
    { device d "$bad"; device d "$good"; request 1 d power-status 60000; } | talk
    says 1 '"result":"ok"'
}

@test "lines that make no sense are reported and skipped" {
    {
        echo garbage
        echo '{"id":1}'
        echo '{"id":2,"device":"x","op":"explode","budget_ms":1}'
        head -c 100000 /dev/zero | tr '\0' x
        echo
        request 3 nobody power-on 1000
    } | talk
    says 3 '"error":"config"'
    [ "$(wc -l <"$dir/out")" -eq 1 ]
    [ "$(grep -c 'skipped' "$dir/err")" -eq 4 ]
}

@test "a state is on or off, and follows the commands" {
    needs_good
    { device d "$good"; request 1 d power-on 60000; } | talk
    says 1 '"result":"ok"'
    { device d "$good"; request 1 d power-status 60000; } | talk
    says 1 '"power":"on"'
    { device d "$good"; request 1 d power-off 60000; } | talk
    { device d "$good"; request 1 d power-status 60000; } | talk
    says 1 '"power":"off"'
}

@test "a next boot is read back in the same reply" {
    needs_good
    { device d "$good"; request 1 d next-boot-set 60000 ',"boot_device":"network","firmware":"uefi"'; } | talk
    says 1 '"result":"ok"' '"valid":true,"persistent":false,"uefi":true,"device":"network"' ||
        says 1 '"error":"unsupported"' '"sent":"no"'
}

@test "an operation it lacks is unsupported, by name" {
    only_fake
    { device d "$good"; request 1 d power-diag 60000; } | talk
    says 1 '"error":"unsupported"' '"sent":"no"' 'd: .*power-diag'
}

@test "a black hole is answered at its budget, and has been sent nothing" {
    needs_dead
    { device d "$dead"; request 1 d power-status 300; request 2 d power-off 300; } | talk
    says 1 '"result":"failed"' '"error":"(timeout|unreachable)"' '"sent":"no"'
    says 2 '"result":"failed"' '"error":"(timeout|unreachable)"'
    if [ "$driver" = fake ]; then says 2 '"sent":"no"'; fi
}

@test "an answer at the budget does not wait for a slower device" {
    only_fake
    {
        device d "$dead"
        device slow "$(state slow ',"delay_ms":"1500"')"
        request 1 slow power-status 3600000
        request 2 d power-status 200
    } | talk
    [ "$(place 2)" -lt "$(place 1)" ]
}

@test "a command done but not acknowledged was maybe sent" {
    only_fake
    { device d "$(state d ',"lie":"ack-late"')"; request 1 d power-on 300; } | talk
    says 1 '"error":"timeout"' '"sent":"maybe"'
    { device d "$(state d)"; request 1 d power-status 60000; } | talk
    says 1 '"power":"on"'
}

@test "a question is never maybe sent" {
    only_fake
    echo 'dead none legacy' >"$dir/d"
    { device d "$(state d)"; request 1 d power-status 200; request 2 d next-boot-get 200; } | talk
    says 1 '"error":"timeout"' '"sent":"no"'
    says 2 '"error":"timeout"' '"sent":"no"'
}

@test "a refusal was sent, nonsense maybe" {
    only_fake
    {
        device refuse "$(state a ',"fail":"refuse"')"
        device garbage "$(state b ',"fail":"garbage"')"
        request 1 refuse power-on 60000
        request 2 garbage power-on 60000
        request 3 garbage power-status 60000
    } | talk
    says 1 '"error":"device"' '"sent":"yes"'
    says 2 '"error":"protocol"' '"sent":"maybe"'
    says 3 '"error":"protocol"' '"sent":"no"'
}

@test "a crash costs its own request" {
    only_fake
    {
        device crash "$(state a ',"fail":"crash"')"
        device d "$good"
        request 1 crash power-on 60000
        request 2 d power-on 60000
    } | talk
    says 1 '"error":"system"' '"sent":"maybe"' 'signal 6'
    says 2 '"result":"ok"'
}

@test "a device that dies after it accepted is seen to be dead" {
    only_fake
    { device d "$(state d ',"lie":"die-after-ack"')"; request 1 d power-on 60000; } | talk
    says 1 '"result":"ok"'
    { device d "$(state d)"; request 1 d power-status 200; } | talk
    says 1 '"error":"timeout"'
}

@test "lies: commands ignored, states invented, boot flag dropped" {
    only_fake
    for lie in ignore-commands report-on report-off drop-boot-flag flap; do
        device "$lie" "$(state "$lie" ",\"lie\":\"$lie\"")"
    done >"$dir/devices"
    {
        cat "$dir/devices"
        request 1 ignore-commands power-on 60000
        request 2 ignore-commands power-status 60000
        request 3 report-on power-status 60000
        request 4 report-off power-on 60000
        request 5 report-off power-status 60000
        request 6 drop-boot-flag next-boot-set 60000 ',"boot_device":"network","firmware":"legacy"'
        request 7 flap power-status 60000
        request 8 flap power-status 60000
    } | talk
    says 1 '"result":"ok"'
    says 2 '"power":"off"'
    says 3 '"power":"on"'
    says 5 '"power":"off"'
    says 6 '"result":"ok"' '"valid":false'
    says 7 '"power":"on"'
    says 8 '"power":"off"'
}

@test "outlets are devices of their own" {
    only_fake
    {
        device pdu "$(state pdu ',"outlets":"4"')"
        request 1 pdu power-on 60000 ',"outlet":3'
        request 2 pdu power-status 60000 ',"outlet":3'
        request 3 pdu power-status 60000 ',"outlet":2'
        request 4 pdu power-on 60000 ',"outlet":5'
        request 5 pdu power-on 60000
    } | talk
    says 2 '"power":"on"'
    says 3 '"power":"off"'
    says 4 '"error":"config"' '"sent":"no"'
    says 5 '"error":"config"' '"sent":"no"'
}

@test "an outlet tells what it draws, where it is metered; a PDU tells how many it has" {
    only_fake
    {
        device pdu "$(state pdu ',"outlets":"4","watts":"84","dwell_ms":"10000"')"
        device plain "$(state plain ',"outlets":"2"')"
        request 1 pdu power-on 60000 ',"outlet":3'
        request 2 pdu power-status 60000 ',"outlet":3'
        request 3 pdu power-status 60000 ',"outlet":2'
        request 4 pdu device-info 60000
        request 5 pdu power-soft 60000 ',"outlet":3'
        request 6 plain power-status 60000 ',"outlet":2'
    } | talk
    says 2 '"power":"on","milliwatts":84000'
    says 3 '"power":"off","milliwatts":0'
    says 4 '"info":.*"outlets":4'
    says 5 '"error":"unsupported"' '"sent":"no"'
    says 6 '"power":"off"}$'
}

# The dead one has an hour: nothing behind it is answered before that is over, nor does any of the
# next bus wait. A command goes ahead of it, even one that came later.
@test "devices on a bus are asked one at a time, commands first, and other buses do not wait" {
    only_fake
    {
        device a "$(state a ',"bus":"one"')"
        device b "$(state b ',"bus":"one","dead":"true"')"
        device c "$(state c ',"bus":"two"')"
        request 1 b power-status 3600000
        request 2 a power-status 3600000
        request 3 a power-on 3600000
        for id in {11..20}; do request "$id" c power-status 3600000; done
    } >"$dir/in"
    coproc DRIVER_PROCESS { exec "$program" 3>&- 4>&-; }
    cat "$dir/in" >&"${DRIVER_PROCESS[1]}"
    for _ in {1..11}; do
        IFS= read -r line <&"${DRIVER_PROCESS[0]}"
        echo "$line" >>"$dir/out"
    done
    says 3 '"result":"ok"'
    for id in {11..20}; do says "$id" '"power":"off"'; done
    kill "$DRIVER_PROCESS_PID"
}

@test "a device on a bus that overruns its budget costs the next one its lane, and nothing else" {
    only_fake
    {
        device a "$(state a ',"bus":"one"')"
        device b "$(state b ',"bus":"one","dead":"true"')"
        request 1 b power-off 300
        request 2 a power-on 3600000
        request 3 a power-status 3600000
    } | talk
    says 1 '"error":"timeout"' '"sent":"maybe"'
    says 2 '"result":"ok"'
    says 3 '"power":"on"'
    [ "$(place 1)" -lt "$(place 2)" ]
}

# The dead ones have an hour: were a good one to wait for any of them, this would never end.
@test "1500 requests over 300 devices, 90 of them dead: the 1050 good ones wait for none" {
    only_fake
    for i in {1..300}; do
        device "d$i" "$(state "d$i" "$([ $((i % 10)) -gt 2 ] || echo ',"dead":"true"')")"
    done >"$dir/in"
    for id in {1..1500}; do
        request "$id" "d$((id % 300 + 1))" power-status 3600000
    done >>"$dir/in"
    coproc DRIVER_PROCESS { exec "$program" 3>&- 4>&-; }
    cat "$dir/in" >&"${DRIVER_PROCESS[1]}"
    for _ in {1..1050}; do
        IFS= read -r line <&"${DRIVER_PROCESS[0]}"
        echo "$line" >>"$dir/out"
    done
    [ "$(grep -c '"result":"ok","power":"off"' "$dir/out")" -eq 1050 ]
    [ "$(sort -u "$dir/out" | wc -l)" -eq 1050 ]
    kill "$DRIVER_PROCESS_PID"
}

@test "where few files may be open there are fewer lanes, and each device is answered" {
    only_fake
    for id in {1..100}; do
        device "d$id" "$(state "d$id")"
        request "$id" "d$id" power-on 3600000
    done >"$dir/in"
    (ulimit -n 64 && talk <"$dir/in")
    [ "$(grep -c '"result":"ok"' "$dir/out")" -eq 100 ]
    [ ! -s "$dir/err" ]
}

@test "a killed host leaves no lane behind" {
    only_fake
    exec 9>"$dir/lock"
    flock -n 9
    coproc DRIVER_PROCESS { exec "$program" 3>&- 4>&9 9>&-; }
    exec 9>&-
    { device d "$dead"; request 1 d power-on 3600000; device g "$good"; request 2 g power-on 60000; } \
        >&"${DRIVER_PROCESS[1]}"
    IFS= read -r line <&"${DRIVER_PROCESS[0]}" # the good one works, so the dead one's lane lives
    run flock -n "$dir/lock" true
    [ "$status" -ne 0 ]
    kill -KILL "$DRIVER_PROCESS_PID"
    flock -w 30 "$dir/lock" true # the lanes hold it, too: free when the last of them is gone
}
