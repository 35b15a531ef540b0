#!/usr/bin/env bash
# Makes a Debian 12 machine ready: says what is missing, installs it where it may, else says the line to run.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'USAGE'
usage: scripts/setup.sh [SET...]

base     what building, `make demo` and `make install` need (default)
test     the foreign clients that the tests speak through
images   what scripts/engines.sh needs beside an engine that is already installed
engines  a Docker Engine, Podman, a registry and docker-compose for the container tests (scripts/engines.sh runs them)
bench    the servers that `make bench` measures beside Podling
USAGE
}

readonly SWIFT_MINIMUM=6.2

packages_of() {
    case "$1" in
        base) echo "binutils ca-certificates curl git jq libpq-dev libssl-dev make procps util-linux" ;;
        test) echo "ca-certificates curl fish jq netcat-openbsd openssl pgbouncer postgresql procps python3 socat zsh" ;;
        engines)
            # By name and not by recommendation: netavark and iptables give Podman its network.
            echo "docker.io podman runc netavark aardvark-dns iptables iproute2 busybox-static docker-registry"
            echo "binutils docker-compose python3"
            ;;
        images) echo "busybox-static docker-registry iproute2 util-linux" ;;
        bench) echo "redis-server beanstalkd openssl postgresql procps" ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
}

check_swift() {
    local version
    have swift || die "Swift is missing. Install Swift $SWIFT_MINIMUM or later from https://www.swift.org/install/linux/ \
and put its usr/bin on PATH."
    version="$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+(\.[0-9]+)+).*/\1/p' | head -n 1)"
    [[ -n $version ]] || die "'swift --version' does not work; reinstall Swift from https://www.swift.org/install/linux/"
    [[ $(printf '%s\n%s\n' "$SWIFT_MINIMUM" "$version" | sort -V | head -n 1) == "$SWIFT_MINIMUM" ]] ||
        die "Swift $version is too old: Podling needs $SWIFT_MINIMUM or later (https://www.swift.org/install/linux/)."
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# run_apt COMMAND...: quiet unless it fails; waits for another apt instead of failing.
run_apt() {
    local log code=0
    log="$(mktemp)"
    "${AS_ROOT[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq "$@" \
        </dev/null >"$log" 2>&1 || code=$?
    ((code == 0)) || cat "$log" >&2
    rm -f "$log"
    return "$code"
}

install_missing() {
    local line="apt-get install -y --no-install-recommends $*"
    AS_ROOT=()
    if ((EUID != 0)); then
        if have sudo && sudo -n true 2>/dev/null; then
            AS_ROOT=(sudo -n)
        else
            die "these packages are missing and this user may not install them. Run:
    sudo $line"
        fi
    fi
    say "installing by apt: $*"
    # Old package lists name files that are gone: then the lists are fetched and it is tried again.
    if ! apt-cache show "$@" >/dev/null 2>&1 || ! run_apt install -y --no-install-recommends "$@" 2>/dev/null; then
        run_apt update || die "'apt-get update' failed (see above)"
        run_apt install -y --no-install-recommends "$@" || die "apt could not install them (see above). Try: $line"
    fi
}

main() {
    local set package names missing=()
    (($# > 0)) || set -- base
    check_swift
    for set in "$@"; do
        names="$(packages_of "$set")" || { say "$names" && exit 2; }
        for package in $names; do
            if have dpkg-query; then
                [[ " ${missing[*]:-} " == *" $package "* ]] || is_installed "$package" || missing+=("$package")
            fi
        done
    done
    have dpkg-query || warn "not a Debian system: not checking for packages ($*)"
    ((${#missing[@]} == 0)) || install_missing "${missing[@]}"
}

main "$@"
