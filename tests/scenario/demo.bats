# The demo is a promise in the README: it holds, or `make check` says so.

@test "the demo's rack: 15 of 16 up, one after a second try, one failed, all accounts agree" {
    KEEP=0 tests/demo/run "${POWERCTL_BUILD:-build}"
}

@test "the demo without root" {
    ((EUID == 0)) || skip "this is without root already"
    # A checkout in a place that only root can enter says nothing about the demo.
    setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$PWD/tests/demo/run" ||
        skip "nobody cannot read this folder"
    setpriv --reuid 65534 --regid 65534 --clear-groups \
        unshare --user --map-root-user --net true || skip "no user namespaces here"
    KEEP=0 setpriv --reuid 65534 --regid 65534 --clear-groups \
        tests/demo/run "${POWERCTL_BUILD:-build}"
}
