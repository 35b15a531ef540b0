#!/usr/bin/env bash
# sslyze against the master's TLS, by the rules of Mozilla's intermediate profile, with an ECDSA and an RSA certificate.
# It looks at the HTTPS port: lines have the same settings, but want podling/1 by ALPN, which sslyze does not offer.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

readonly SKIPPED=77 SSLYZE=6.3.1 PROGRAMS="${PODLING_PROGRAMS:-.build/debug}" FOLDER=.build/sslyze
readonly MASTER_SECONDS=30 INSTALL_SECONDS=180 SCAN_SECONDS=90

scratch="$(mktemp -d)"
clean_up() {
    local code=$?
    [[ ! -e $scratch/master.process ]] || end_process "$scratch/master.process" 10
    rm -rf "$scratch"
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

install_sslyze() {
    [[ $("$FOLDER/bin/python" -c 'import sslyze; print(sslyze.__version__)' 2>/dev/null) != "$SSLYZE" ]] || return 0
    rm -rf "$FOLDER"
    python3 -m venv "$FOLDER" &&
        timeout "$INSTALL_SECONDS" "$FOLDER/bin/pip" install --quiet --disable-pip-version-check "sslyze==$SSLYZE"
}

quietly() { "$@" >"$scratch/openssl.log" 2>&1 || { show_log_tail "$scratch/openssl.log" && die "openssl $2 failed"; }; }

# certificate NAME KEY_OPTION...: NAME.pem and NAME.key for localhost, of the CA.
certificate() {
    local name=$1
    shift
    quietly openssl req -newkey "$@" -nodes -subj /CN=localhost -keyout "$scratch/$name.key" -out "$scratch/$name.csr"
    chmod 0600 "$scratch/$name.key"
    printf '%s\n' subjectAltName=DNS:localhost basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
        extendedKeyUsage=serverAuth authorityKeyIdentifier=keyid subjectKeyIdentifier=hash >"$scratch/extensions"
    quietly openssl x509 -req -in "$scratch/$name.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" -days 30 \
        -set_serial "0x$(openssl rand -hex 8 | sed 's/^./1/')" -extfile "$scratch/extensions" -out "$scratch/$name.pem"
}

# scan NAME: no finding, for a master with that certificate.
scan() {
    local port
    rm -f "$scratch/ports"
    start_process "$scratch/master.process" "$scratch/master.log" "$PROGRAMS/podling-master" --listen 127.0.0.1:0 \
        --http-listen 127.0.0.1:0 --port-file "$scratch/ports" --tls-cert "$scratch/$1.pem" --tls-key "$scratch/$1.key"
    wait_until "$MASTER_SECONDS" grep -q '^http=' "$scratch/ports" || {
        show_log_tail "$scratch/master.log"
        die "the master does not listen"
    }
    port="$(sed -n 's/^http=.*://p' "$scratch/ports")"
    timeout "$SCAN_SECONDS" "$FOLDER/bin/sslyze" --mozilla_config intermediate --certinfo_ca_file "$scratch/ca.pem" \
        "localhost:$port" >"$scratch/$1.scan" 2>"$scratch/sslyze.log" || {
        sed -n '/COMPLIANCE AGAINST/,$p' "$scratch/$1.scan" >&2
        show_log_tail "$scratch/sslyze.log"
        die "sslyze has a finding with the $1 certificate"
    }
    grep -q 'OK - Compliant' "$scratch/$1.scan" || die "sslyze did not say that the $1 certificate's master is compliant"
    end_process "$scratch/master.process" 10
    good "$1: no finding"
}

install_sslyze || { warn "sslyze $SSLYZE cannot be installed from PyPI" && exit "$SKIPPED"; }
[[ -x $PROGRAMS/podling-master ]] || die "$PROGRAMS/podling-master is not built"
quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/O=Podling Tests/CN=Root' \
    -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$scratch/ca.key" -out "$scratch/ca.pem"
certificate ECDSA ec -pkeyopt ec_paramgen_curve:P-256
certificate RSA rsa:2048
scan ECDSA
scan RSA
