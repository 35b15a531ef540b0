#!/usr/bin/env bash
# Behind `make soak`: broken, hostile and careless peers against a release master, in plain text and then over TLS, beside
# peers that behave. Fails where the master ends, grows beyond 200 MiB, or keeps a peer that behaves waiting.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() {
    cat <<'USAGE'
usage: scripts/soak.sh [--seconds N] [--connections N] [--lines N] [--seed S]

Each number is of both runs together, and each run ends once all that were given are reached. Without any:
--connections 200000 --lines 10000000. The seed is printed; a run that fails prints the command that does it again.

PODLING_PROGRAMS    a folder with podling-master and podling-fuzz; without it they are built for release
USAGE
}

seconds='' connections='' lines='' seed="$((RANDOM << 15 | RANDOM))"
while (($# > 0)); do
    [[ $1 == --* && ${2:-} =~ ^[0-9]+$ ]] || { usage >&2 && exit 2; }
    case "$1" in
        --seconds) seconds=$2 ;;
        --connections) connections=$2 ;;
        --lines) lines=$2 ;;
        --seed) seed=$2 ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift 2
done
[[ -n $seconds$connections$lines ]] || connections=200000 lines=10000000

if [[ -n ${PODLING_PROGRAMS:-} ]]; then
    programs="$PODLING_PROGRAMS"
else
    scripts/setup.sh base
    for product in podling-master podling-fuzz; do quiet_build "${RELEASE[@]}" --product "$product"; done
    programs="$(programs_folder "${RELEASE[@]}")"
fi

use_scratch 10

has_listen_line() { grep -q '^listen=' "$scratch/ports"; }

# soak NAME [MASTER'S FLAG...] -- [FUZZER'S FLAG...]: one run against a fresh master, with its default limits.
soak() {
    local name=$1 code=0 flags=() arguments=() number
    shift
    while [[ $1 != -- ]]; do flags+=("$1") && shift; done
    shift
    for number in seconds connections lines; do
        [[ -z ${!number} ]] || arguments+=("--$number" "$(((${!number} + 1) / 2))")
    done
    rm -f "$scratch/ports"
    start_process "$scratch/master.process" "$scratch/master.log" "$programs/podling-master" \
        --listen 127.0.0.1:0 --http-listen off --port-file "$scratch/ports" "${flags[@]}"
    wait_until 10 has_listen_line || { show_log_tail "$scratch/master.log" && die "the master does not listen"; }
    heading "$name, seed $seed"
    "$programs/podling-fuzz" "$(sed -n 's/^listen=//p' "$scratch/ports")" --seed "$seed" \
        --pid "$(live_process "$scratch/master.process")" "${arguments[@]}" "$@" || code=$?
    if ((code != 0)); then
        show_log_tail "$scratch/master.log"
        die "$name failed with seed $seed; again by: scripts/soak.sh --seed $seed$(given)"
    fi
    live_process "$scratch/master.process" >/dev/null || die "the master has ended"
    end_process "$scratch/master.process" 30
}

# The flags that this run was given, or has by default.
given() {
    local number
    for number in seconds connections lines; do [[ -z ${!number} ]] || printf ' --%s %s' "$number" "${!number}"; done
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$scratch/tls.key" -out "$scratch/tls.pem" \
    2>"$scratch/openssl.log" || { show_log_tail "$scratch/openssl.log" && die "openssl made no certificate"; }
chmod 0600 "$scratch/tls.key"

soak "plain text" --
soak "TLS" --tls-cert "$scratch/tls.pem" --tls-key "$scratch/tls.key" -- --tls-ca "$scratch/tls.pem"
good "the master lived, and answered its healthy peers"
